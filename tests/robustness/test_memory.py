"""Small files that ask for more memory than any machine has: the runtime is told no, and the command says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bombs import BOMBS, broadcast

from edgeq.errors import WorkerError
from edgeq.runtime.process import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is a limit on Linux only")

_LONGEST_S = 120
_MOST_KB = 512 << 10

# The process between, so that its figure is not this process's own, which a child inherits.
_MEASURED = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "edgeq", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
raise SystemExit(done.returncode)
"""

# `inspect` shows what it can all the same; for `doctor` it is an error that a rule found.
EXIT_CODES = {"inspect": 0, "doctor": 1, "benchmark": 2, "layers": 2}


@pytest.mark.parametrize("command", sorted(EXIT_CODES))
@pytest.mark.parametrize("bomb", sorted(BOMBS))
def test_a_command_says_that_a_file_does_not_run_and_takes_little_memory(
    tmp_path: Path, bomb: str, command: str
) -> None:
    path = tmp_path / f"{bomb}.tflite"
    path.write_bytes(BOMBS[bomb]())
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, command, str(path)],
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        cwd=tmp_path,
    )
    *messages, peak_kb = done.stderr.splitlines()
    assert done.returncode == EXIT_CODES[command], messages
    assert int(peak_kb) < _MOST_KB
    said = " ".join((done.stdout + "\n".join(messages)).split())
    assert "Traceback" not in said
    assert "memory" in said or "its activations need" in said
    if done.returncode == 2:
        assert len(messages) == 1
        assert messages[0].startswith("edgeq: ")


def test_running_a_bomb_on_an_input_is_an_error_of_one_line(tmp_path: Path) -> None:
    path, given = tmp_path / "model.tflite", tmp_path / "input.npy"
    path.write_bytes(BOMBS["computed_shape"]())
    np.save(given, np.zeros(4, np.int32))
    done = subprocess.run(
        [sys.executable, "-m", "edgeq", "run", str(path), str(given)],
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    (message,) = done.stderr.splitlines()
    assert message.startswith("edgeq: ")


def test_the_same_file_runs_where_it_may_take_what_it_needs(tmp_path: Path) -> None:
    # A sum of 256 MiB.
    path = tmp_path / "sum.tflite"
    path.write_bytes(broadcast(1 << 13))
    with Worker("enough", most_bytes=512 << 20) as worker:
        assert worker.load(path, threads=1, runtime=None).outputs[0].shape == (1 << 13, 1 << 13)
    with (
        Worker("little", most_bytes=200 << 20) as worker,
        pytest.raises(WorkerError, match=r"little: sum.tflite is refused .* more memory than the 0\.2 GB"),
    ):
        worker.load(path, threads=1, runtime=None)
