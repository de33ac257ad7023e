"""Whatever a .tflite holds, `edgeq inspect` ends in a result that prints or in one line that says what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import MUTATIONS, mutant, with_labels, without_weights

from edgeq.demo import assets
from edgeq.errors import ModelError
from edgeq.inspection.inspecting import inspect_file
from edgeq.report.inspection.document import Document
from edgeq.report.inspection.gathering import view_file, with_weights
from edgeq.report.inspection.render import render

SMALL = (Path(__file__).parents[1] / "tflite" / "data" / "two_inputs.int8.tflite").read_bytes()
SHORTENED = tuple(
    without_weights(path.read_bytes(), 6) for path in sorted(assets.bundle_path().glob("*.tflite"))
)
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that move the cursor, end a line or turn the direction of text; a line's own end aside."""

MEGABYTE = b"\n" * (1 << 20)

_LONGEST_S = 60.0

fuzz = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
Guard = Callable[[float], Any]


def shown(path: Path, content: bytes, formats: tuple[str, ...]) -> dict[str, str]:
    """What is printed of a file by format; only the error where it is refused."""
    # The file of the example before may still be mapped.
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    try:
        view = with_weights(view_file(path, path.name, run=False), path)
    except ModelError as error:
        return {"error": str(error)}
    return {form: render(Document((view,)), form) for form in formats}


def check(texts: dict[str, str]) -> None:
    assert "\n" not in texts.get("error", "")
    for form in ("txt", "error"):
        assert STEERING.search(texts.get(form, "")) is None
    if "json" in texts:
        json.loads(texts["json"], parse_constant=pytest.fail)
    if "html" in texts:
        assert "<script>alert" not in texts["html"]


@fuzz
@given(
    base=st.sampled_from((SMALL, *SHORTENED)),
    mutations=st.lists(st.sampled_from(sorted(MUTATIONS)), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 2**16),
)
def test_absurd_fields_end_in_a_result_that_prints_or_in_one_line(
    tmp_path: Path, within: Guard, base: bytes, mutations: list[str], seed: int
) -> None:
    with within(_LONGEST_S):
        check(shown(tmp_path / "model.tflite", mutant(base, mutations, seed), ("txt", "json")))


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
def test_each_absurd_field_alone_prints_in_every_format(tmp_path: Path, within: Guard, mutation: str) -> None:
    with within(_LONGEST_S):
        for seed in range(3):
            check(shown(tmp_path / "model.tflite", mutant(SMALL, [mutation], seed), ("txt", "json", "html")))


@fuzz
@given(st.sampled_from((SMALL, *SHORTENED)), st.data())
def test_flipped_bytes_end_in_a_result_that_prints_or_in_one_line(
    tmp_path: Path, within: Guard, base: bytes, data: st.DataObject
) -> None:
    content = bytearray(base)
    places = st.tuples(st.integers(8, len(content) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(places, min_size=1, max_size=8)):
        content[position] = value
    with within(_LONGEST_S):
        check(shown(tmp_path / "model.tflite", bytes(content), ("txt", "json")))


def test_most_mutants_are_sound_enough_to_be_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    refused = 0
    for mutation in MUTATIONS:
        path.unlink(missing_ok=True)
        path.write_bytes(mutant(SMALL, [mutation], 1))
        try:
            inspect_file(path, run=False)
        except ModelError:
            refused += 1
    assert refused < len(MUTATIONS) / 2


def test_a_zip_bomb_of_labels_is_not_unpacked(tmp_path: Path, within: Guard) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(with_labels(SMALL, MEGABYTE, 200))
    assert path.stat().st_size < 1 << 20
    with within(_LONGEST_S):
        inspection = inspect_file(path, run=False)
    assert inspection.metadata.labels == ()
    assert any("labels.txt" in warning and "MiB" in warning for warning in inspection.warnings)


def test_all_mutants_together_take_little_memory(tmp_path: Path) -> None:
    for mutation in MUTATIONS:
        for seed in range(2):
            (tmp_path / f"{mutation}-{seed}.tflite").write_bytes(mutant(SMALL, [mutation], seed))
    (tmp_path / "bomb.tflite").write_bytes(with_labels(SMALL, MEGABYTE, 50))
    program = (
        "import contextlib, pathlib, sys\n"
        "from edgeq.errors import ModelError\n"
        "from edgeq.inspection.inspecting import inspect_file\n"
        "from edgeq.runtime.host import peak_memory_bytes\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.tflite')):\n"
        "    with contextlib.suppress(ModelError):\n"
        "        repr(inspect_file(path, run=False))\n"
        "print(peak_memory_bytes())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert int(done.stdout) < 512 << 20
