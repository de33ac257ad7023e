from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import UsageError
from edgeq.runtime.cpu_affinity import as_ranges, check_cpus, tie_to, usable_cpus

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system has no affinity"
)


@needs_affinity
def test_a_process_is_tied_with_every_thread_that_it_starts() -> None:
    core = max(os.sched_getaffinity(0))
    code = (
        "import os, sys, threading\nfrom edgeq.runtime.cpu_affinity import tie_to\n"
        f"tie_to([{core}])\n"
        "thread = threading.Thread(target=lambda: print(os.sched_getaffinity(0)))\nthread.start(); thread.join()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{{{core}}}\n"


@needs_affinity
def test_cores_come_once_and_in_order_and_none_is_no_tie() -> None:
    usable = sorted(os.sched_getaffinity(0))
    assert check_cpus([*reversed(usable), usable[0]]) == tuple(usable)
    assert check_cpus([]) == ()


@needs_affinity
@pytest.mark.parametrize("cpus", [[4095], [-1], [0, 9998, 9999]])
def test_a_core_that_is_not_there_is_refused_with_those_that_are(cpus: list[int]) -> None:
    here = as_ranges(usable_cpus() or ())
    with pytest.raises(UsageError, match=rf"cannot be used here: choose of {here}$"):
        check_cpus(cpus)
    with pytest.raises(UsageError, match="cannot be used here"):
        tie_to(cpus)


def test_a_system_without_affinity_refuses_cores_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert check_cpus([]) == ()
    with pytest.raises(UsageError, match="this system cannot tie a process to cores"):
        check_cpus([0])


@given(st.sets(st.integers(0, 50)))
def test_ranges_name_every_core_once(cores: set[int]) -> None:
    text = as_ranges(sorted(cores))
    named = [part.split("-") for part in text.split(", ") if part]
    assert [core for ends in named for core in range(int(ends[0]), int(ends[-1]) + 1)] == sorted(cores)
