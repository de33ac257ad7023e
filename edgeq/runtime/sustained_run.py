"""Inferences without a pause for a given time, as a device runs them that works all day."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

_BATCH_S = 0.25
"""Between two looks at the clock for the end: the last batch is this much too long at most, or one inference."""

_PROGRESS_S = 1.0

_MOST_KEPT = 1 << 22
"""Samples of 8 bytes: 32 MB. A minute has as many where an inference takes 14 microseconds."""


def run_without_pause(
    time_batch: Callable[[int], Sequence[int]],
    seconds: float,
    on_progress: Callable[[float], None],
    *,
    most_kept: int = _MOST_KEPT,
) -> tuple[float, int]:
    """Runs batch after batch until the time is over.

    Args:
        time_batch: runs so many inferences and gives the nanoseconds of each.
        seconds: how long.
        on_progress: called about once a second with the seconds that are done.
        most_kept: samples that are kept for the median; beyond, every second of them is dropped, again and again.

    Returns:
        Median in nanoseconds, and how many inferences there were.
    """
    kept: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    count, stride, batch = 0, 1, 1
    start = told = time.monotonic()
    while True:
        samples = time_batch(batch)
        count += len(samples)
        kept.append(np.array(samples[::stride], np.int64))
        if sum(map(len, kept)) > most_kept:
            kept = [np.concatenate(kept)[::2]]
            stride *= 2
        now = time.monotonic()
        left = seconds - (now - start)
        if left <= 0:
            return float(np.median(np.concatenate(kept))), count
        if now - told >= _PROGRESS_S:
            told = now
            on_progress(now - start)
        per_run = max(sum(samples) / len(samples) / 1e9, 1e-7)
        batch = max(1, min(int(min(_BATCH_S, left) / per_run), 4 * batch))
