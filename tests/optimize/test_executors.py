"""Candidates made on a cluster: a real scheduler and two real workers that share no folder with this process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgeq.errors import DeviceError, UsageError
from edgeq.optimize.candidate_cache import ITEMS, Store
from edgeq.optimize.executors import check_executor, open_farm
from edgeq.optimize.findings import BuiltFile

sys.path.insert(0, str(Path(__file__).parent))

from workshop_parts import demo_workshop, recipe

ROOT = Path(__file__).parents[2]
CANDIDATES = [recipe(range_method=f"percentile:{percent}") for percent in (90, 99, 99.9, 100)]


class Cluster:
    """A scheduler and workers, each with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        folder = self.folder
        described = folder / "scheduler.json"
        self._start("dask_scheduler", "--port=0", "--host=127.0.0.1", f"--scheduler-file={described}")
        while not described.exists() or not described.read_text().rstrip().endswith("}"):
            assert self.processes[0].poll() is None, (folder / "log-0").read_text()
            time.sleep(0.02)
        self.address = str(json.loads(described.read_text())["address"])
        how = ("--no-nanny", "--nthreads=1", f"--local-directory={folder / 'dask'}")
        self.workers = [self._start("dask_worker", self.address, *how) for _ in range(2)]
        distributed = pytest.importorskip("distributed")
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)

    def cache(self, number: int) -> Store:
        return Store(self.folder / f"cache-{number}" / "edgeq" / "optimize")

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        number = len(self.processes)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(self.folder / f"cache-{number}"),
        }
        with (self.folder / f"log-{number}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *arguments, "--no-dashboard"],
                env=environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


def contents(answers: dict[str, BuiltFile | str]) -> dict[str, bytes]:
    assert [answer for answer in answers.values() if isinstance(answer, str)] == []
    return {key: answer.path.read_bytes() for key, answer in answers.items() if isinstance(answer, BuiltFile)}


def test_a_cluster_that_loses_a_worker_midway_makes_the_same_files(cluster: Cluster, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    waited = []

    def kill_one(what: str, done: int, total: int) -> None:
        if what == "building" and done == 1:
            cluster.workers[0].send_signal(signal.SIGKILL)
            waited.append(cluster.workers[0].wait())

    with demo_workshop(store, tmp_path / "a", executor=f"dask:{cluster.address}") as workshop:
        workshop._progress = kill_one
        found = contents(workshop.build(CANDIDATES))
        assert workshop.made == len(CANDIDATES)
    assert waited == [-signal.SIGKILL]
    with demo_workshop(Store(tmp_path / "other"), tmp_path / "b") as workshop:
        assert found == contents(workshop.build(CANDIDATES))
    # Items came to the workers as bytes, into caches of their own.
    assert all(list((cluster.cache(number).root / ITEMS).iterdir()) for number in (1, 2))


def test_any_executor_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    with (
        ThreadPoolExecutor(1) as executor,
        demo_workshop(Store(tmp_path / "store"), tmp_path / "a", executor=executor) as workshop,
    ):
        assert len(contents(workshop.build(CANDIDATES[:1]))) == 1
    assert (tmp_path / "elsewhere" / "edgeq" / "optimize" / ITEMS).is_dir()


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeq.optimize.executors._CONNECT_S", 1)
    with (
        pytest.raises(DeviceError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        open_farm("dask:tcp://127.0.0.1:9", tmp_path),
    ):
        pass


@pytest.mark.parametrize("text", ["", "dask", "dask:", "dask:host:80", "dask:tcp://host", "dask:tcp://a b:1"])
def test_what_is_no_executor_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected local or dask:tcp://HOST:PORT"):
        check_executor(text)
