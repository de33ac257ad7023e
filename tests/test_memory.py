from __future__ import annotations

import operator
import sys
from pathlib import Path

import pytest

from edgeq import memory
from edgeq.errors import WorkerError
from edgeq.pool import ProcessPool

GIB = 1 << 30

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="there is a limit on Linux only")


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_the_groups_above_limit_a_container_too(tmp_path: Path) -> None:
    write(tmp_path / "self", "0::/system.slice/job.scope\n")
    write(tmp_path / "system.slice" / "job.scope" / "memory.max", "max\n")
    write(tmp_path / "system.slice" / "memory.max", f"{GIB}\n")
    write(tmp_path / "memory.max", f"{2 * GIB}\n")
    # Of somebody else.
    write(tmp_path / "user.slice" / "memory.max", "1\n")
    assert sorted(memory.container_limits(tmp_path / "self", tmp_path)) == [GIB, 2 * GIB]


def test_older_groups_have_a_tree_for_each_controller(tmp_path: Path) -> None:
    write(tmp_path / "self", "9:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n1:name=systemd:/docker/1\n")
    write(tmp_path / "memory" / "docker" / "1" / "memory.limit_in_bytes", f"{GIB}\n")
    write(tmp_path / "cpu,cpuacct" / "docker" / "1" / "memory.limit_in_bytes", "1\n")
    assert memory.container_limits(tmp_path / "self", tmp_path) == [GIB]


def test_a_system_without_groups_has_no_such_limits(tmp_path: Path) -> None:
    assert memory.container_limits(tmp_path / "self", tmp_path) == []


def test_processes_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total_memory_bytes", lambda: 10 * GIB)
    assert memory.memory_share() == 9 * GIB
    assert memory.memory_share(3) == 3 * GIB


def test_a_small_board_leaves_each_process_what_the_runtime_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total_memory_bytes", lambda: GIB // 2)
    assert memory.memory_share(4) == GIB // 4


def test_where_memory_is_unknown_there_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total_memory_bytes", lambda: None)
    assert memory.memory_share() is None


def test_this_machine_has_memory() -> None:
    total = memory.total_memory_bytes()
    assert total is not None
    assert total > 64 << 20


@on_linux
def test_processes_of_a_pool_are_limited_and_others_are_not() -> None:
    with ProcessPool(1, "the test", most_bytes=GIB) as limited, ProcessPool(1, "the test") as free:
        assert limited.submit(memory.own_limit_bytes).result() == GIB
        assert free.submit(memory.own_limit_bytes).result() == memory.own_limit_bytes()


@on_linux
def test_an_allocation_beyond_the_limit_fails_and_the_process_goes_on() -> None:
    with ProcessPool(1, "the test", most_bytes=GIB) as pool:
        with pytest.raises(WorkerError, match="MemoryError"):
            pool.submit(operator.mul, "1", 8 * GIB).result()
        assert pool.submit(len, "alive").result() == 5
