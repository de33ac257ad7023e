from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.demo import assets
from edgeq.errors import ModelError, WorkerError
from edgeq.runtime.arena import arena_bytes
from edgeq.runtime.available import find_runtime
from edgeq.runtime.process import Worker

FILE = assets.bundle_path() / f"{assets.NAME}.int8.tflite"


def test_only_the_tensors_asked_for_and_the_kernels_scratch_count() -> None:
    # The input: 28 × 28 bytes, in steps of 64.
    assert arena_bytes(FILE, find_runtime(), [0], 10**6) == 832
    assert arena_bytes(FILE, find_runtime(), [0, 0], 10**6) == 832
    assert arena_bytes(FILE, find_runtime(), [], 10**6) == 0


def test_a_file_that_is_refused_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(FILE.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"cut\.tflite is refused"):
        arena_bytes(path, find_runtime(), [0], 1)


def test_a_worker_with_little_memory_fails_instead_of_taking_more() -> None:
    with Worker("small", most_bytes=1 << 20) as worker, pytest.raises(WorkerError, match="small"):
        worker.load(FILE, threads=1, runtime=None)
