"""Modules beside the tests, and a guard against tests that never end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def within() -> Callable[[float], Any]:
    """A context that raises where its body takes longer than so many seconds: far more than any should."""

    @contextmanager
    def guard(seconds: float) -> Iterator[None]:
        def end(number: int, frame: FrameType | None) -> None:
            raise TimeoutError(f"no end after {seconds} s")

        before = signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    return guard
