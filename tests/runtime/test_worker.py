from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeq.demo import assets
from edgeq.errors import WorkerError
from edgeq.memory import memory_share
from edgeq.runtime.available import find_runtime
from edgeq.runtime.host import cpu_family
from edgeq.runtime.interpreter import LoadedModel
from edgeq.runtime.process import Worker

SAMPLES = Path(__file__).parents[1] / "tflite" / "data"
TWO_INPUTS = SAMPLES / "two_inputs.int8.tflite"


def demo(variant: str) -> Path:
    return assets.bundle_path() / f"{assets.NAME}.{variant}.tflite"


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker("int8") as started:
        yield started


def pid(worker: Worker) -> int:
    return worker._process.pid


def test_loading_tells_what_the_file_is_and_what_runs_it(worker: Worker) -> None:
    loaded = worker.load(demo("int8"), threads=1, runtime=None)
    here = LoadedModel(demo("int8"), find_runtime())
    assert (loaded.inputs, loaded.outputs) == (here.inputs, here.outputs)
    assert (loaded.runtime, loaded.version) == ("litert", find_runtime().version)
    assert (loaded.delegate, loaded.delegated, loaded.nodes) == ("XNNPACK", 15, 16)
    assert loaded.kernel_path == f"litert {loaded.version}, XNNPACK, {cpu_family()}"
    assert loaded.load_ms > 0
    assert loaded.first_ms > 0


def test_predictions_are_those_of_a_plain_loop(worker: Worker, tmp_path: Path) -> None:
    worker.load(TWO_INPUTS, threads=1, runtime=None)
    random = np.random.default_rng(0)
    inputs = {name: random.normal(size=(5, 1, 32)).astype(np.float32) for name in ("right", "left")}
    np.savez(tmp_path / "in.npz", **inputs)
    worker.predict(tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as archive:
        found = {name: archive[name] for name in archive.files}
    model = LoadedModel(TWO_INPUTS, find_runtime())
    assert {name: array.dtype for name, array in found.items()} == {"hidden": np.int8, "total": np.int8}
    for position in range(5):
        model.set_inputs({info.name: info.encode(inputs[info.name][position]) for info in model.inputs})
        model.invoke()
        for name, expected in model.outputs_stored().items():
            assert np.array_equal(found[name][position], expected)


def test_real_inputs_can_be_set_for_timing(worker: Worker, tmp_path: Path) -> None:
    worker.load(TWO_INPUTS, threads=1, runtime=None)
    np.savez(tmp_path / "in.npz", left=np.ones((1, 32)), right=np.zeros((1, 32)))
    worker.set_inputs(tmp_path / "in.npz")
    samples = worker.time(discard=1, runs=4)
    assert len(samples) == 4
    assert all(isinstance(sample, int) and sample > 0 for sample in samples)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_it_is_tied_to_cores_with_every_thread_of_the_runtime(worker: Worker) -> None:
    core = min(os.sched_getaffinity(0))
    worker.tie_to([core])
    worker.load(demo("int8"), threads=2, runtime=None)
    worker.time(0, 5)
    threads = [int(task.name) for task in Path(f"/proc/{pid(worker)}/task").iterdir()]
    assert len(threads) >= 2
    assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {frozenset({core})}
    with pytest.raises(WorkerError, match=r"int8: core 4000 cannot be used here: choose of"):
        worker.tie_to([4000])


def test_it_runs_without_a_pause_and_tells_the_median_and_how_far_it_is(worker: Worker) -> None:
    worker.load(demo("int8"), threads=1, runtime=None)
    told: list[tuple[int, int]] = []
    median, count = worker.sustain(2.2, lambda done, total: told.append((done, total)))
    assert count > 20
    assert 0 < median * count < 60e9
    assert told
    assert all(0 < done <= total == 2 for done, total in told)


def test_its_peak_memory_holds_the_model_and_not_the_harness(worker: Worker) -> None:
    worker.load(demo("float32"), threads=1, runtime=None)
    peak = worker.peak_memory_bytes()
    assert peak is not None
    # TensorFlow alone would take 500 MB, and NumPy with the runtime some 60 MB.
    assert 10e6 < peak < 250e6


def test_it_imports_neither_the_console_nor_images_nor_reports() -> None:
    code = (
        "import sys, edgeq.runtime.worker\n"
        "heavy = {'tensorflow', 'keras', 'PIL', 'rich', 'click', 'plotly', 'jinja2', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_errors_begin_with_the_variants_name(worker: Worker, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(demo("int8").read_bytes()[:1000])
    with pytest.raises(WorkerError, match=r"^int8: broken.tflite is refused by ai-edge-litert "):
        worker.load(broken, threads=1, runtime=None)
    # It lives on and takes another file.
    assert worker.load(demo("int8"), threads=1, runtime=None).nodes == 16


def test_a_file_that_gives_its_name_to_the_worker_is_named_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(demo("int8").read_bytes()[:1000])
    with (
        Worker(broken.name) as worker,
        pytest.raises(WorkerError, match=r"^broken.tflite is refused by ai-edge-litert "),
    ):
        worker.load(broken, threads=1, runtime=None)


def test_commands_before_a_file_is_loaded_are_refused(worker: Worker) -> None:
    with pytest.raises(WorkerError, match=r"^int8: the worker has no model yet: send 'load' first$"):
        worker.time(discard=0, runs=1)


def test_a_runtime_that_is_not_there_is_the_workers_error(worker: Worker) -> None:
    with pytest.raises(WorkerError, match="int8: unknown runtime 'onnx'"):
        worker.load(demo("int8"), threads=1, runtime="onnx")


def test_a_worker_that_is_killed_at_work_is_told_with_the_signal(worker: Worker) -> None:
    worker.load(demo("int8"), threads=1, runtime=None)
    threading.Timer(0.3, os.kill, (pid(worker), signal.SIGKILL)).start()
    with pytest.raises(WorkerError, match=r"^int8: the runtime crashed at 'time' \(SIGKILL\)$"):
        worker.time(discard=0, runs=10_000_000)
    with pytest.raises(WorkerError, match=r"^int8: the runtime crashed at 'memory' \(SIGKILL\)$"):
        worker.peak_memory_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="there is a limit on Linux only")
def test_it_may_take_nearly_all_memory_and_no_more(worker: Worker) -> None:
    worker.peak_memory_bytes()
    limits = Path(f"/proc/{pid(worker)}/limits").read_text()
    (allowed,) = re.findall(r"Max data size +(\d+)", limits)
    assert int(allowed) == memory_share()
