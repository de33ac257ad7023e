from __future__ import annotations

import pytest

from edgeq.tflite.io import model_io
from edgeq.tflite.model import read_model
from edgeq.tflite.signature import add_signature


def test_names_come_from_the_signature(signed):
    inputs, outputs = model_io(read_model(signed))
    assert [info.name for info in inputs] == ["left", "right"]
    assert {info.name: info.shape for info in outputs} == {"hidden": (1, 64), "total": (1, 3)}


def test_without_a_signature_the_tensor_names_stand_in(unsigned):
    inputs, outputs = model_io(read_model(unsigned))
    assert [info.name for info in inputs] == ["left", "right"]
    assert [info.name for info in outputs] == ["Identity", "Identity_1"]


def test_quantized_inputs_carry_scale_and_zero_point(signed):
    inputs, _ = model_io(read_model(signed))
    for info in inputs:
        assert info.dtype == "int8"
        # Calibrated on a standard normal: 256 steps span some 4 to 6 units.
        assert 3 < 256 * info.scale < 8
        assert -128 <= info.zero_point <= 127


def test_inputs_keep_the_order_of_the_subgraph_whatever_the_order_of_the_names(unsigned):
    graph = read_model(unsigned).subgraphs[0]
    left, right = graph.inputs
    content = add_signature(unsigned, {"z": right, "a": left}, {"o": graph.outputs[0], "p": graph.outputs[1]})
    inputs, _ = model_io(read_model(content))
    assert [(info.name, info.index) for info in inputs] == [("a", left), ("z", right)]


@pytest.mark.tensorflow
def test_float_inputs_have_no_scale_and_an_unknown_batch_is_minus_one(convert):
    ((image,), (scores,)) = model_io(read_model(convert("convolutions", "float32")))
    assert (image.dtype, image.scale, image.zero_point) == ("float32", None, None)
    assert (image.shape, image.shape_signature) == ((1, 16, 16, 3), (-1, 16, 16, 3))
    assert scores.shape_signature == (-1, 10)
