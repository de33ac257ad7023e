"""How much memory there is, and a limit for processes that run files nobody has looked at.

A file of a few hundred bytes can ask for terabytes: two inputs that broadcast, a constant shape to fill. With the limit
the runtime's allocation fails at once and it says so; without it the machine swaps, or the kernel ends some program.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "EDGEQ_MEMORY_LIMIT"
"""Of the environment of a process that limits itself: bytes; empty for no limit."""

_SHARE = 0.9
"""Of the machine's memory. Weights that are mapped from the file do not count, so that a network that needs more would
have to swap, and what it took then would be the disk's time."""

_LEAST = 256 << 20
"""A process of its own with NumPy and LiteRT 2.3.0 takes 54 MB before its model, 78 MB with four threads."""

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def total_memory_bytes() -> int | None:
    """Memory that programs here can have: the machine's, or a container's where that is less; None where unknown."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return min([machine, *container_limits(_OWN_CGROUPS, _CGROUPS)])


def container_limits(own: Path, root: Path) -> list[int]:
    """Limits in bytes that the control groups of this process and all above them set.

    Args:
        own: what the kernel says of this process: lines of ``number:controllers:path``.
        root: where control groups are mounted.
    """
    try:
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    limits: list[int] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        # Version 2 names no controllers.
        base, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        folder = base / group.lstrip("/")
        places = (folder, *(parent for parent in folder.parents if parent.is_relative_to(base)))
        limits += filter(None, (_number(place / name) for place in places))
    return limits


def _number(path: Path) -> int | None:
    """What a file holds; None where there is none, or ``max``."""
    try:
        return int(path.read_text(encoding="ascii", errors="replace"))
    except (OSError, ValueError):
        return None


def memory_share(processes: int = 1) -> int | None:
    """Bytes that each of some processes may take that run the same file at once; None where memory is unknown."""
    total = total_memory_bytes()
    return None if total is None else max(_LEAST, int(_SHARE * total / processes))


def limit_own_memory() -> None:
    """Lets this process's allocations fail beyond what `VARIABLE` says, where it says something and on Linux.

    What counts is memory of its own, which mapped files and address space that was only reserved are not.
    """
    most = os.environ.get(VARIABLE)
    if not most or not sys.platform.startswith("linux"):
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = int(most) if hard == resource.RLIM_INFINITY else min(int(most), hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def own_limit_bytes() -> int | None:
    """Bytes beyond which this process's allocations fail; None for no limit."""
    if not sys.platform.startswith("linux"):
        return None
    import resource

    most = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return None if most == resource.RLIM_INFINITY else most
