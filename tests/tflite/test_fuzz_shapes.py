"""Shapes that fit no memory are refused where a file is read; odd ones that do are kept."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeq.errors import ModelError
from edgeq.tflite.model import read_model

PLAIN = (Path(__file__).parent / "data" / "two_inputs.int8.tflite").read_bytes()


def shaped(shape: list[int]) -> bytes:
    """A model whose first tensor has the shape."""
    model = schema.ModelT.InitFromPackedBuf(PLAIN, 0)
    model.subgraphs[0].tensors[0].shape = shape
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    "shape", [[2**31 - 1] * 3, [2**31 - 1, -1, 2**31 - 1, 0, 4], [1] * 65, [2] * 3000, [2**31 - 1] * 100_000]
)
def test_more_elements_than_any_runtime_counts_are_refused(shape: list[int]) -> None:
    with pytest.raises(ModelError, match="which fits no memory") as caught:
        read_model(shaped(shape))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("shape", [[], [0], [-1, 4], [2**31 - 1, 2], [1] * 64])
def test_odd_shapes_are_told_as_they_are(shape: list[int]) -> None:
    assert read_model(shaped(shape)).subgraphs[0].tensors[0].shape == tuple(shape)
