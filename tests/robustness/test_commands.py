"""Commands on mutants that the runtime is started with: it may refuse them, fail or crash, and edgeq says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mutants import mutant

from edgeq.demo import assets

SMALL = (Path(__file__).parents[1] / "tflite" / "data" / "two_inputs.int8.tflite").read_bytes()
INT8 = (assets.bundle_path() / f"{assets.NAME}.int8.tflite").read_bytes()
FLOAT32 = (assets.bundle_path() / f"{assets.NAME}.float32.tflite").read_bytes()

INSPECT, DOCTOR, BENCHMARK = ("inspect", "--histograms"), ("doctor",), ("benchmark", "--quick")
LAYERS, RUN = ("layers",), ("run",)
_LONGEST_S = 300

# What the runtime gets to see, and each command in turn: what is refused before is tested without processes.
CASES = [
    (("reads_its_own_result",), SMALL, 0, INSPECT),
    (("cycle",), SMALL, 1, DOCTOR),
    (("cycle",), INT8, 2, BENCHMARK),
    (("one_result_of_two",), SMALL, 3, BENCHMARK),
    (("doubled_results",), SMALL, 1, INSPECT),
    (("overwritten_weights",), INT8, 4, DOCTOR),
    (("no_inputs",), SMALL, 0, BENCHMARK),
    (("no_results",), SMALL, 0, INSPECT),
    (("shuffled_operators",), INT8, 0, BENCHMARK),
    (("no_operators",), SMALL, 0, DOCTOR),
    (("thousands_of_operators",), SMALL, 0, INSPECT),
    (("another_operator",), SMALL, 11, BENCHMARK),
    (("another_operator",), INT8, 12, INSPECT),
    (("custom_operator",), SMALL, 3, DOCTOR),
    (("absurd_version",), SMALL, 1, BENCHMARK),
    (("no_options",), INT8, 3, INSPECT),
    (("endless_loop",), SMALL, 0, INSPECT),
    (("endless_loop",), SMALL, 5, BENCHMARK),
    (("endless_loop",), INT8, 2, DOCTOR),
    (("absurd_size",), INT8, 1, INSPECT),
    (("absurd_size",), SMALL, 5, BENCHMARK),
    (("absurd_size",), SMALL, 9, DOCTOR),
    (("absurd_scale",), INT8, 3, BENCHMARK),
    (("absurd_scale",), SMALL, 4, DOCTOR),
    (("absurd_zero_point",), INT8, 1, INSPECT),
    (("another_type",), SMALL, 6, BENCHMARK),
    (("absurd_names_of_all",), SMALL, 2, BENCHMARK),
    (("absurd_names_of_all",), SMALL, 4, DOCTOR),
    (("absurd_names_of_all",), SMALL, 19, INSPECT),
    (("absurd_inputs",), SMALL, 0, BENCHMARK),
    (("absurd_outputs",), SMALL, 1, INSPECT),
    (("cut_buffer",), INT8, 8, BENCHMARK),
    (("one_buffer_for_all",), SMALL, 3, INSPECT),
    (("buffer_elsewhere",), SMALL, 2, DOCTOR),
    (("sparse",), INT8, 5, INSPECT),
    (("damaged_metadata",), SMALL, 1, BENCHMARK),
    (("many_subgraphs", "endless_loop"), SMALL, 3, INSPECT),
    (("variable", "absurd_size"), INT8, 4, BENCHMARK),
    (("absurd_size",), FLOAT32, 3, LAYERS),
    (("cycle",), FLOAT32, 36, LAYERS),
    (("reads_its_own_result",), SMALL, 31, LAYERS),
    (("shuffled_operators",), INT8, 2, LAYERS),
    (("doubled_results",), SMALL, 6, LAYERS),
    (("absurd_names_of_all",), SMALL, 6, LAYERS),
    (("absurd_names_of_all",), INT8, 19, LAYERS),
    (("absurd_scale",), FLOAT32, 2, LAYERS),
    (("absurd_zero_point",), INT8, 7, LAYERS),
    (("endless_loop",), FLOAT32, 84, LAYERS),
    (("sparse",), FLOAT32, 1, LAYERS),
    (("many_subgraphs",), SMALL, 1, LAYERS),
    (("no_operators",), SMALL, 3, LAYERS),
    (("buffer_elsewhere",), FLOAT32, 4, LAYERS),
    (("custom_operator",), INT8, 2072, BENCHMARK),
    (("cycle",), SMALL, 1034, RUN),
    (("no_operators",), SMALL, 1058, RUN),
    (("absurd_size",), SMALL, 2, RUN),
    (("absurd_inputs",), SMALL, 1112, RUN),
    (("one_buffer_for_all",), SMALL, 4, RUN),
    (("absurd_names_of_all",), SMALL, 9, RUN),
]


def name(case: tuple[tuple[str, ...], bytes, int, tuple[str, ...]]) -> str:
    mutations, content, seed, command = case
    file = {SMALL: "small", INT8: "int8", FLOAT32: "float32"}[content]
    return f"{command[0]}-{'+'.join(mutations)}-{file}-{seed}"


def two_inputs(folder: Path) -> Path:
    """An item for the small file."""
    path = folder / "item.npz"
    np.savez(path, left=np.zeros((1, 32), np.float32), right=np.zeros((1, 32), np.float32))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("mutations", "content", "seed", "command"), CASES, ids=map(name, CASES))
def test_a_command_on_a_mutant_ends_with_its_exit_code_and_without_a_traceback(
    tmp_path: Path, mutations: tuple[str, ...], content: bytes, seed: int, command: tuple[str, ...]
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(mutant(content, mutations, seed))
    inputs = [str(two_inputs(tmp_path))] if command == RUN else []
    done = subprocess.run(
        [sys.executable, "-m", "edgeq", *command, str(path), *inputs],
        capture_output=True,
        timeout=_LONGEST_S,
        cwd=tmp_path,
    )
    messages = done.stderr.decode("utf-8")
    assert done.returncode in (0, 1, 2, 3), messages
    assert "Traceback" not in messages
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"\0" not in done.stdout + done.stderr
    if done.returncode == 2:
        assert messages.strip().splitlines()[-1].startswith("edgeq: ")
