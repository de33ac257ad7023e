"""Tying a process to cores: phones and some boards have fast and slow ones."""

from __future__ import annotations

import os
from collections.abc import Sequence

from edgeq.errors import UsageError


def usable_cpus() -> tuple[int, ...] | None:
    """Cores that this process may use; None where the system knows no affinity, as macOS and Windows."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return tuple(sorted(os.sched_getaffinity(0)))


def check_cpus(cpus: Sequence[int]) -> tuple[int, ...]:
    """Cores that a process can be tied to.

    Args:
        cpus: their numbers; none for no tie.

    Returns:
        Each once, in rising order.

    Raises:
        UsageError: a core does not exist or must not be used, or the system knows no affinity.
    """
    if not cpus:
        return ()
    usable = usable_cpus()
    if usable is None:
        raise UsageError("this system cannot tie a process to cores: leave the choice of cores out")
    missing = sorted(set(cpus) - set(usable))
    if missing:
        raise UsageError(
            f"core{'s' * (len(missing) > 1)} {as_ranges(missing)} cannot be used here: "
            f"choose of {as_ranges(usable)}"
        )
    return tuple(sorted(set(cpus)))


def tie_to(cpus: Sequence[int]) -> None:
    """Ties this process to cores, and with it every thread that it starts from now on.

    Raises:
        UsageError: the system does not let it.
    """
    checked = check_cpus(cpus)
    try:
        os.sched_setaffinity(0, checked)
    except OSError as error:
        raise UsageError(f"cores {as_ranges(checked)} cannot be used here: {error.strerror}") from error
    if usable_cpus() != checked:
        raise UsageError(f"cores {as_ranges(checked)} were asked for, the system gave {usable_cpus()}")


def as_ranges(cores: Sequence[int]) -> str:
    """Cores in rising order as people write them: ``0, 4-7``."""
    runs: list[list[int]] = []
    for core in cores:
        if runs and core == runs[-1][-1] + 1:
            runs[-1].append(core)
        else:
            runs.append([core])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
