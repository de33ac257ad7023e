"""Edited forms of the demo's float32 file, run for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.bundle import Bundle
from edgeq.layers.editing import edited
from edgeq.layers.edits import Grid, NewConstant, OperatorEdit
from edgeq.layers.front import Front
from edgeq.runtime.running import run_file
from edgeq.tflite.model import TfliteModel, read_model


@pytest.fixture(scope="module")
def floats(demo: Bundle) -> bytes:
    return (demo.folder / "fashion_mnist.float32.tflite").read_bytes()


@pytest.fixture(scope="module")
def model(floats: bytes) -> TfliteModel:
    return read_model(floats)


def run(content: bytes, demo: Bundle, folder: Path) -> dict[str, Any]:
    path = folder / "edited.tflite"
    path.write_bytes(content)
    items = {name: values[:3] for name, values in demo.parity().inputs.items()}
    return dict(run_file(path, "edited", items).stored)


def test_a_file_without_edits_computes_the_same_bits_and_keeps_its_signature(
    floats: bytes, model: TfliteModel, demo: Bundle, tmp_path: Path
) -> None:
    same = edited(floats, model, ())
    assert read_model(same).signatures == model.signatures
    assert np.array_equal(run(same, demo, tmp_path)["class"], run(floats, demo, tmp_path)["class"])


def test_the_old_file_stays_whole_behind_the_front(floats: bytes, model: TfliteModel) -> None:
    content = edited(floats, model, [OperatorEdit(2, grids={0: Grid("int8", 0.1, 0)})])
    assert content.endswith(floats)
    assert (len(content) - len(floats)) % 64 == 0


@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", -3), ("uint8", 7), ("int16", 0)])
def test_a_quantized_output_lies_on_its_grid(
    floats: bytes, model: TfliteModel, demo: Bundle, tmp_path: Path, dtype: str, zero_point: int
) -> None:
    tensor = model.subgraphs[0].operators[4].outputs[0]
    grid = Grid(dtype, 0.25, zero_point)
    content = edited(floats, model, [OperatorEdit(4, grids={0: grid})], watched=[tensor])
    stored = run(content, demo, tmp_path)
    values = stored[model.subgraphs[0].tensors[tensor].name]
    steps = values / 0.25
    assert len(np.unique(values)) > 3
    assert np.array_equal(steps, np.rint(steps))
    assert values.min() >= grid.low
    assert values.max() <= grid.high


def test_a_probe_shows_what_the_layer_should_be_and_what_it_is(
    floats: bytes, model: TfliteModel, demo: Bundle, tmp_path: Path
) -> None:
    operator = model.subgraphs[0].operators[4]
    shape = model.subgraphs[0].tensors[operator.inputs[1]].shape
    nothing = NewConstant("float32", np.zeros(shape, "<f4").tobytes())
    edit = OperatorEdit(4, {1: nothing}, {0: Grid("int8", 0.05, -128)}).probed()
    content = edited(floats, model, [edit])
    stored = run(content, demo, tmp_path)
    watched = edited(floats, model, (), watched=[operator.outputs[0]])
    expected = run(watched, demo, tmp_path)[model.subgraphs[0].tensors[operator.outputs[0]].name]
    # The model's own output first, then the float twin, then the changed operator: its bias alone.
    own, twin, changed = stored.values()
    assert own.shape == (3, 1, 10)
    assert np.array_equal(twin, expected)
    assert np.ptp(changed, axis=(0, 1, 2, 3)).max() == 0


def test_two_operators_that_share_weights_are_edited_apart(floats: bytes, model: TfliteModel) -> None:
    operator = model.subgraphs[0].operators[2]
    count = np.prod(model.subgraphs[0].tensors[operator.inputs[1]].shape)
    constant = NewConstant("float32", bytes(4 * int(count)))
    after = read_model(edited(floats, model, [OperatorEdit(2, {1: constant})])).subgraphs[0]
    assert after.operators[2].inputs[1] >= len(model.subgraphs[0].tensors)
    assert after.tensors[operator.inputs[1]] == model.subgraphs[0].tensors[operator.inputs[1]]


def test_vectors_of_the_front_are_aligned_as_the_schema_wants() -> None:
    front = Front()
    front.string("odd")
    for dtype, alignment in (("int64", 8), ("float32", 4), ("int32", 4)):
        assert (front.numbers([1, 2, 3], dtype).position + 4) % alignment == 0
    assert (front.content(b"weights").position + 4) % 16 == 0
