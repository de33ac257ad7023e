"""Histograms of weights, against the values that are read at once."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.demo import assets
from edgeq.errors import ModelError
from edgeq.inspection import histograms
from edgeq.inspection.histograms import WeightHistogram, WeightHistograms, weight_histograms
from edgeq.tflite.model import read_model
from edgeq.tflite.weights import read_values

FILES = {path.name.split(".")[1]: path for path in assets.bundle_path().glob("*.tflite")}


def check(found: WeightHistogram, values: npt.NDArray[Any]) -> None:
    real = values.astype(np.float64)
    assert found.count == real.size
    assert found.counts.sum() == real.size
    assert (found.minimum, found.maximum) == pytest.approx((real.min(), real.max()), rel=1e-6, abs=1e-9)
    assert found.mean == pytest.approx(real.mean(), rel=1e-5, abs=1e-7)
    assert found.deviation == pytest.approx(real.std(), rel=1e-5, abs=1e-9)
    assert found.zeros == pytest.approx(np.mean(real == 0))


@pytest.mark.parametrize("scheme", FILES)
def test_every_weight_of_the_demo_is_described(scheme: str) -> None:
    model = read_model(FILES[scheme])
    found = weight_histograms(FILES[scheme], model)
    assert found.unreadable == ()
    assert len(found.histograms) == 12
    for one in found.histograms:
        check(one, read_values(FILES[scheme], model, model.subgraphs[one.subgraph].tensors[one.index]))


def test_ranges_of_channels_are_alike_in_every_scheme() -> None:
    ratios = {
        scheme: [one.ranges_ratio for one in weight_histograms(path, read_model(path)).histograms]
        for scheme, path in FILES.items()
    }
    assert max(ratios["float32"]) > 10
    for scheme in ("float16", "int8", "int16x8"):
        assert ratios[scheme] == pytest.approx(ratios["float32"], rel=1e-2)


def dense(
    path: Path,
    content: bytes,
    kind: int,
    shape: list[int],
    scales: tuple[float, ...] = (),
    *,
    code: int = schema.BuiltinOperator.FULLY_CONNECTED,
    dimension: int = 0,
) -> Path:
    """A file of one layer with these weights."""
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors, graph.inputs, graph.outputs = [], [0], [2]
    model.buffers = [schema.BufferT(), schema.BufferT()]
    model.buffers[1].data = np.frombuffer(content, np.uint8)
    tensors = (("x", 0, [1, 1], 0), ("weights", kind, shape, 1), ("y", 0, [1, 1], 0))
    for name, dtype, sizes, buffer in tensors:
        tensor = schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.buffer = name, dtype, sizes, buffer
        graph.tensors.append(tensor)
    if scales:
        quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = list(scales), [0] * len(scales)
        quantization.quantizedDimension = dimension
        graph.tensors[1].quantization = quantization
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1], [2]
    graph.operators = [operator]
    made = schema.OperatorCodeT()
    made.builtinCode = made.deprecatedBuiltinCode = code
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [made]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def described(path: Path) -> WeightHistograms:
    return weight_histograms(path, read_model(path))


@settings(max_examples=150, deadline=None)
@given(
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    block=st.integers(2, 40).map(lambda half: 2 * half),
    kind=st.sampled_from(["float32", "int8", "int4"]),
    data=st.data(),
)
def test_blocks_of_any_size_give_what_the_whole_tensor_gives(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], block: int, kind: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "layer.tflite"
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    count = int(np.prod(shape))
    axis = data.draw(st.integers(0, len(shape) - 1))
    stored = generator.integers(-7, 8, count).astype(np.int8)
    scales: tuple[float, ...] = tuple(generator.uniform(0.5, 2, shape[axis]).astype(np.float32).tolist())
    if kind == "float32":
        content, scales = stored.astype(np.float32).tobytes(), ()
    elif kind == "int4":
        padded = np.append(stored, np.zeros(count % 2, np.int8)).view(np.uint8) & 15
        content = (padded[::2] | padded[1::2] << 4).tobytes()
    else:
        content = stored.tobytes()
    dense(path, content, getattr(schema.TensorType, kind.upper()), shape, scales, dimension=axis)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histograms, "_BLOCK", block)
        (found,) = described(path).histograms
    real = stored.astype(np.float64).reshape(shape)
    along = 0 if len(scales) <= 1 else axis
    if scales:
        real = real * np.reshape(scales, [-1 if place == axis else 1 for place in range(len(shape))])
    check(found, real)
    assert found.channels == shape[along]
    ranges = np.abs(np.moveaxis(real, along, 0)).reshape(shape[along], -1).max(axis=1)
    ranges = ranges[ranges > 0]
    assert found.ranges_ratio == pytest.approx(ranges.max() / ranges.min() if len(ranges) else 1)


def test_a_large_tensor_takes_a_few_megabytes(tmp_path: Path) -> None:
    path = dense(
        tmp_path / "large.tflite", bytes(range(1, 129)) * (1 << 18), schema.TensorType.INT8, [64, 1 << 19]
    )
    model = read_model(path)
    tracemalloc.start()
    (found,) = weight_histograms(path, model).histograms
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.count == 1 << 25
    assert peak < 16 << 20


def test_nan_and_infinity_are_counted_and_do_not_spoil_the_rest(tmp_path: Path) -> None:
    weights = np.array([[1, np.nan], [np.inf, -4]], np.float32)
    (found,) = described(dense(tmp_path / "a.tflite", weights.tobytes(), 0, [2, 2])).histograms
    assert (found.count, found.not_finite, found.minimum, found.maximum) == (2, 2, -4, 1)
    assert found.ranges_ratio == 4


@pytest.mark.parametrize(
    ("content", "kind", "shape", "scales", "why"),
    [
        (bytes(7), schema.TensorType.FLOAT32, [2, 1], (), "expected 8 bytes"),
        (bytes(8), schema.TensorType.FLOAT32, [-1, 2], (), "expected 0 bytes"),
        (bytes(8), schema.TensorType.INT8, [2, 4], (0.1, 0.2, 0.3), "expected 3 channels on axis 0"),
        (bytes(8), schema.TensorType.FLOAT8E4M3FN if hasattr(schema.TensorType, "FLOAT8E4M3FN") else 21, [2, 4], (),
         "holds no numbers"),
    ],
)  # fmt: skip
def test_weights_that_cannot_be_read_are_named_with_the_reason(
    tmp_path: Path, content: bytes, kind: int, shape: list[int], scales: tuple[float, ...], why: str
) -> None:
    found = described(dense(tmp_path / "a.tflite", content, kind, shape, scales))
    assert found.histograms == ()
    assert len(found.unreadable) == 1
    assert "'weights'" in found.unreadable[0]
    assert why in found.unreadable[0]


def test_a_claim_of_billions_of_channels_without_a_value_costs_nothing(tmp_path: Path) -> None:
    path = dense(tmp_path / "a.tflite", b"\0", schema.TensorType.INT8, [2**31 - 1, 0])
    (found,) = described(path).histograms
    assert (found.count, found.channels, found.ranges_ratio) == (0, 0, 1)


def test_a_file_that_changed_since_is_noticed(tmp_path: Path) -> None:
    path = dense(tmp_path / "a.tflite", bytes(8), 0, [2, 1])
    model = read_model(path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="has changed since it was read"):
        weight_histograms(path, model)
