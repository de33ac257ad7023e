"""Small files that never end: the process that runs them is ended and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from bombs import endless

from edgeq.errors import WorkerError
from edgeq.runtime.process import Worker
from edgeq.tflite.model import read_model


def test_a_file_that_runs_for_ever_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "endless.tflite"
    path.write_bytes(endless())
    with (
        Worker("endless", timeout_s=3) as worker,
        pytest.raises(WorkerError, match=r"endless: the runtime gave no answer to 'load' within 3 s"),
    ):
        worker.load(path, threads=1, runtime=None)


def test_it_is_a_sound_file_to_whoever_only_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "endless.tflite"
    path.write_bytes(endless())
    assert [operator.name for operator in read_model(path).subgraphs[0].operators] == ["WHILE"]
