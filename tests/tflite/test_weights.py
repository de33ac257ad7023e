from __future__ import annotations

import numpy as np
import pytest
from hand_made import Graph, tflite
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.tflite.model import read_model
from edgeq.tflite.weights import (
    BIAS,
    CONSTANT,
    MOST_ELEMENTS,
    WEIGHTS,
    elements,
    producers_of,
    read_values,
    role_of,
    stored_constant,
)


def _values(graph: Graph) -> np.ndarray:
    content = tflite(graph)
    model = read_model(content)
    return read_values(content, model, model.subgraphs[0].tensors[-1])


def _constant(shape, dtype, content, **options) -> np.ndarray:
    graph = Graph()
    graph.tensor("constant", shape, dtype, content=content, **options)
    return _values(graph)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "int8", "uint8", "int16", "int32", "int64"]
)
def test_numbers_without_a_scale_are_read_as_they_are(dtype):
    values = np.array([[0, 1, 2], [3, 100, 127]], dtype)
    read = _constant((2, 3), dtype, values.tobytes())
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values.astype(np.float32))


def test_bfloat16_is_the_upper_half_of_float32():
    values = np.array([1.0, -2.5, 3.140625], np.float32)
    upper = (values.view(np.uint32) >> 16).astype(np.uint16)
    np.testing.assert_array_equal(_constant((3,), "bfloat16", upper.tobytes()), values)


def test_integers_per_tensor_are_real_numbers():
    stored = np.array([-128, 0, 127], np.int8)
    read = _constant((3,), "int8", stored.tobytes(), scales=[0.5], zero_points=[-128])
    np.testing.assert_array_equal(read, [0.0, 64.0, 127.5])


def test_integers_per_channel_take_the_scale_of_their_channel():
    stored = np.arange(6, dtype=np.int8)
    read = _constant((2, 3), "int8", stored.tobytes(), scales=[1.0, 10.0, 100.0], dimension=1)
    np.testing.assert_array_equal(read, [[0, 10, 200], [3, 40, 500]])


def test_a_bias_of_large_integers_keeps_its_last_digits():
    stored = np.array([2**30 + 1, -(2**30) - 1], np.int32)
    read = _constant((2,), "int32", stored.tobytes(), scales=[2.0**-30])
    np.testing.assert_array_equal(read, (stored * 2.0**-30).astype(np.float32))


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.integers(-8, 7), min_size=1, max_size=9), bits=st.sampled_from([2, 4]))
def test_packed_integers_are_unpacked_from_the_lowest_bits(values, bits):
    values = [value % 4 - 2 for value in values] if bits == 2 else values
    mask, per_byte = (1 << bits) - 1, 8 // bits
    packed = bytearray(-(-len(values) // per_byte))
    for index, value in enumerate(values):
        packed[index // per_byte] |= (value & mask) << (index % per_byte * bits)
    # The schema in use knows int2 only by its number, which is 19.
    graph = Graph()
    graph.tensor("constant", (len(values),), "int4", content=bytes(packed), scales=[0.5])
    graph.tensors[-1].type = 19 if bits == 2 else graph.tensors[-1].type
    np.testing.assert_array_equal(_values(graph), np.array(values, np.float32) * 0.5)


def test_int4_weights_are_what_the_runtime_computes_with(tmp_path):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    random = np.random.default_rng(0)
    stored = random.integers(-7, 8, (4, 8))
    packed = ((stored[:, 0::2] & 15) | ((stored[:, 1::2] & 15) << 4)).astype(np.uint8)
    graph = Graph()
    x = graph.tensor("x", (1, 8))
    w = graph.tensor("w", (4, 8), "int4", content=packed.tobytes(), scales=[0.5, 1.0, 2.0, 4.0])
    y = graph.tensor("y", (1, 4))
    graph.operator("FULLY_CONNECTED", (x, w, -1), y, version=8)
    graph.inputs, graph.outputs = [x], [y]
    content = tflite(graph)
    model = read_model(content)
    weights = read_values(content, model, model.subgraphs[0].tensors[w])
    runtime = interpreter.Interpreter(model_content=content)
    runtime.allocate_tensors()
    values = random.normal(size=(1, 8)).astype(np.float32)
    runtime.set_tensor(x, values)
    runtime.invoke()
    # The kernel quantizes its input to 8 bits.
    np.testing.assert_allclose(runtime.get_tensor(y), values @ weights.T, atol=0.05 * np.abs(weights).max())


@pytest.mark.parametrize(
    ("shape", "dtype", "content", "options", "message"),
    [
        ((4,), "float32", b"\0" * 12, {}, "expected 16 bytes"),
        ((-1,), "float32", b"\0" * 4, {}, "expected 0 bytes for the shape"),
        ((2**31 - 1, 2**31 - 1, 2**31 - 1), "int8", b"\0", {}, "fits no memory"),
        ((4,), "float32", b"\0" * 16, {"sparse": True}, "sparse"),
        ((2,), "string", b"\0" * 16, {}, "type string"),
        ((2, 3), "int8", b"\0" * 6, {"scales": [1.0, 2.0], "dimension": 1}, "2 channels on axis 1"),
        ((2, 3), "int8", b"\0" * 6, {"scales": [1.0, 2.0], "dimension": 7}, "2 channels on axis 7"),
        ((2,), "int4", b"\0", {}, "no scale"),
    ],
)
def test_what_does_not_fit_its_shape_or_scales_is_refused(shape, dtype, content, options, message):
    with pytest.raises(ModelError, match=message):
        _constant(shape, dtype, content, **options)


def test_a_weight_behind_its_expansion_is_found():
    graph = Graph()
    x = graph.tensor("x", (1, 4))
    half = graph.constant("half", np.ones((2, 4), np.float16))
    bias = graph.constant("bias", np.ones(2, np.float32))
    whole, y = graph.tensor("whole", (2, 4)), graph.tensor("y", (1, 2))
    graph.operator("DEQUANTIZE", (half,), whole)
    graph.operator("FULLY_CONNECTED", (x, whole, bias), y)
    subgraph = read_model(tflite(graph)).subgraphs[0]
    producers = producers_of(subgraph)
    stored = stored_constant(subgraph.tensors[whole], subgraph, producers)
    assert stored is not None
    assert stored.index == half
    assert stored_constant(subgraph.tensors[x], subgraph, producers) is None
    assert role_of(subgraph.operators[1], 1, "float16") == WEIGHTS
    assert role_of(subgraph.operators[1], 2, "float32") == BIAS
    assert role_of(subgraph.operators[0], 0, "float16") == CONSTANT


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=200))
def test_elements_of_any_shape_are_counted_without_overflow(shape):
    count = elements(tuple(shape))
    assert 0 <= count <= MOST_ELEMENTS
    assert (count == 0) == any(size <= 0 for size in shape)
