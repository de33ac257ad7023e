"""What activations do on real items, against the same items run in this very process."""

from __future__ import annotations

import functools
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import interpreter
from ai_edge_litert import schema_py_generated as schema

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import RAW
from edgeq.demo import assets
from edgeq.errors import DataError, ModelError
from edgeq.inspection.activation_tensors import activations
from edgeq.inspection.activations import ActivationStatistics, activation_statistics
from edgeq.tflite.model import read_model

ITEMS = (5, 3, *range(100, 118))
FILES = {path.name.split(".")[1]: path for path in assets.bundle_path().glob("*.tflite")}


@functools.cache
def demo_feed() -> Feed:
    return Feed(assets.calibration(), [ModelInput("image", (28, 28, 1), "float32")], RAW)


@functools.cache
def measured(scheme: str) -> dict[int, ActivationStatistics]:
    return activation_statistics(FILES[scheme], demo_feed(), ITEMS)


@functools.cache
def direct(scheme: str) -> dict[int, npt.NDArray[Any]]:
    """[n, ...] of every activation as stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = interpreter.Interpreter(str(FILES[scheme]), experimental_preserve_all_tensors=True)
    model.allocate_tensors()
    given = model.get_input_details()[0]
    scale, zero_point = given["quantization"]
    rows: dict[int, list[npt.NDArray[Any]]] = {
        tensor.index: [] for tensor in activations(read_model(FILES[scheme]))
    }
    for image in demo_feed().items(ITEMS)["image"]:
        if scale:
            limits = np.iinfo(given["dtype"])
            image = np.clip(np.rint(image / np.float32(scale)) + zero_point, limits.min, limits.max)
        model.set_tensor(given["index"], image[None].astype(given["dtype"]))
        model.invoke()
        for index, values in rows.items():
            values.append(model.get_tensor(index))
    return {index: np.stack(values) for index, values in rows.items()}


def real_values(scheme: str, index: int) -> npt.NDArray[np.float64]:
    stored = direct(scheme)[index].astype(np.float64)
    quantization = read_model(FILES[scheme]).subgraphs[0].tensors[index].quantization
    if quantization is None:
        return stored
    return (stored - quantization.zero_points[0]) * quantization.scales[0]


@pytest.mark.parametrize("scheme", ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"])
class TestEveryScheme:
    def test_moments_and_extremes_are_those_of_the_values(self, scheme: str) -> None:
        found = measured(scheme)
        assert set(found) == set(direct(scheme))
        for index, statistics in found.items():
            real = real_values(scheme, index)
            assert statistics.count == real.size
            assert statistics.not_finite == 0
            assert statistics.minimum == pytest.approx(real.min(), rel=1e-6, abs=1e-9)
            assert statistics.maximum == pytest.approx(real.max(), rel=1e-6, abs=1e-9)
            assert statistics.mean == pytest.approx(real.mean(), rel=1e-6, abs=1e-7)
            assert statistics.deviation == pytest.approx(real.std(), rel=1e-6, abs=1e-9)

    def test_each_item_has_its_range(self, scheme: str) -> None:
        for index, statistics in measured(scheme).items():
            rows = real_values(scheme, index).reshape(len(ITEMS), -1)
            expected = np.stack([rows.min(axis=1), rows.max(axis=1)], axis=1)
            assert statistics.item_ranges.dtype == np.float32
            assert np.allclose(statistics.item_ranges, expected, rtol=1e-6, atol=1e-9)

    def test_the_histogram_is_that_of_numpy_with_the_same_edges(self, scheme: str) -> None:
        for index, statistics in measured(scheme).items():
            real = real_values(scheme, index).reshape(-1)
            # Half a step of what float32 rounds aside, values lie well within the bins of integers.
            nudged = real if statistics.dtype == "float32" else real + 1e-9 * np.abs(real).max()
            places = np.searchsorted(statistics.edges, nudged, side="right") - 1
            assert np.array_equal(statistics.counts, np.bincount(places, minlength=len(statistics.counts)))

    def test_quantiles_are_within_a_bin(self, scheme: str) -> None:
        for index, statistics in measured(scheme).items():
            real = np.sort(real_values(scheme, index).reshape(-1))
            width = statistics.edges[1] - statistics.edges[0]
            for share in (0.001, 0.5, 0.999):
                exact = real[int(np.ceil(share * len(real))) - 1]
                assert abs(statistics.quantile(share) - exact) <= width * (1 + 1e-6)

    def test_clipped_values_are_those_at_the_ends_of_the_integers(self, scheme: str) -> None:
        for index, statistics in measured(scheme).items():
            stored = direct(scheme)[index]
            shares = (0.0, 0.0)
            if stored.dtype.kind == "i":
                limits = np.iinfo(stored.dtype)
                shares = float(np.mean(stored == limits.min)), float(np.mean(stored == limits.max))
            assert (statistics.clipped_low, statistics.clipped_high) == pytest.approx(shares)

    def test_weights_are_no_activations(self, scheme: str) -> None:
        tensors = read_model(FILES[scheme]).subgraphs[0].tensors
        assert not any(tensors[index].is_constant for index in measured(scheme))
        # The input, and one for each of 16 operators; two more where floats are quantized and dequantized.
        assert len(measured(scheme)) == (19 if scheme == "int8-io-float32" else 17)


def test_the_same_items_give_the_same_digits_however_they_are_divided() -> None:
    again = activation_statistics(FILES["int8"], demo_feed(), ITEMS)
    for index, statistics in measured("int8").items():
        assert np.array_equal(statistics.counts, again[index].counts)
        assert (statistics.mean, statistics.deviation) == (again[index].mean, again[index].deviation)


def test_progress_ends_with_all() -> None:
    told: list[tuple[int, int]] = []
    activation_statistics(FILES["int8"], demo_feed(), range(20), progress=lambda *step: told.append(step))
    assert told == [(16, 20), (20, 20)]


def test_without_items_there_is_nothing_to_count() -> None:
    statistics = activation_statistics(FILES["int8"], demo_feed(), ())
    assert {one.count for one in statistics.values()} == {0}
    one = next(iter(statistics.values()))
    assert (one.minimum, one.maximum, one.mean, one.quantile(0.5), one.share_outside(0, 1)) == (0, 0, 0, 0, 0)
    assert one.item_ranges.shape == (0, 2)


def test_no_tensorflow_is_loaded() -> None:
    program = "import sys, edgeq.inspection.activations; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def write(
    path: Path,
    kinds: Sequence[int],
    tensors: Sequence[tuple[str, list[int]]],
    code: int,
    options: str = "NONE",
) -> Path:
    """A file of one operator with one input, ``x``, and one output."""
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs = [], [0], [1]
    for kind, (name, shape) in zip(kinds, tensors, strict=True):
        tensor = schema.TensorT()
        tensor.name, tensor.type, tensor.shape, tensor.buffer = name, kind, shape, 0
        graph.tensors.append(tensor)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    if options != "NONE":
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        operator.builtinOptions = getattr(schema, f"{options}T")()
    graph.operators = [operator]
    made = schema.OperatorCodeT()
    made.builtinCode = made.deprecatedBuiltinCode = code
    made.version = 1
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes, model.buffers = (
        3,
        [graph],
        [made],
        [schema.BufferT()],
    )
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


FLOAT32, INT32 = schema.TensorType.FLOAT32, schema.TensorType.INT32


def logarithms(path: Path, shape: list[int]) -> Path:
    return write(path, (FLOAT32, FLOAT32), [("x", shape), ("log", shape)], schema.BuiltinOperator.LOG)


def feed(values: npt.NDArray[Any], dtype: str = "float32") -> Feed:
    return Feed(ArrayDataset({"x": values}), [ModelInput("x", values.shape[1:], dtype)], RAW)


class TestShapes:
    @pytest.mark.parametrize(("shape", "times"), [([1, 3], 1), ([4, 3], 4), ([3], 1)])
    def test_a_batch_is_filled_with_the_item_and_no_batch_is_needed(
        self, tmp_path: Path, shape: list[int], times: int
    ) -> None:
        values = np.random.default_rng(0).uniform(1, 9, (21, 3)).astype(np.float32)
        found = activation_statistics(logarithms(tmp_path / "log.tflite", shape), feed(values), range(21))
        assert found[1].count == 63 * times
        assert found[1].mean == pytest.approx(np.log(values).mean(), rel=1e-5)
        assert np.allclose(found[1].item_ranges[:, 0], np.log(values.min(axis=1)), rtol=1e-4, atol=1e-6)


class TestValues:
    def test_nan_and_infinity_are_counted_apart_and_leave_a_range(self, tmp_path: Path) -> None:
        values = np.array([[-1, 1, np.e], [0, 1, np.e], [-1, -1, -1]], np.float32)
        found = activation_statistics(logarithms(tmp_path / "log.tflite", [1, 3]), feed(values), range(3))[1]
        assert (found.count, found.not_finite) == (4, 5)
        assert (found.minimum, found.maximum) == pytest.approx((0, 1), abs=1e-5)
        assert found.item_ranges[1].tolist() == pytest.approx([-np.inf, 1])
        assert found.item_ranges[2].tolist() == [np.inf, -np.inf]

    def test_integers_without_a_scale_are_taken_as_numbers(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "cast.tflite", (INT32, FLOAT32), [("x", [1, 2]), ("y", [1, 2])],
            schema.BuiltinOperator.CAST, "CastOptions",
        )  # fmt: skip
        least = np.iinfo(np.int32).min
        found = activation_statistics(path, feed(np.array([[7, least]], np.int32), "int32"), [0])
        assert (found[0].dtype, found[0].minimum, found[0].maximum) == ("int32", least, 7)
        assert found[0].clipped_low == 0


class TestWhatFails:
    def test_a_runtime_that_crashes_is_told_and_nothing_else_ends(
        self, tmp_path: Path, crashing_model: bytes
    ) -> None:
        path = tmp_path / "loop.tflite"
        path.write_bytes(crashing_model)
        data = ArrayDataset({"condition": np.ones((12, 1), np.uint8), "x": np.ones((12, 1), np.float32)})
        inputs = [ModelInput("condition", (1,), "bool"), ModelInput("x", (1,), "float32")]
        with pytest.raises(ModelError, match=r"activations of loop\.tflite cannot be measured .*SIGSEGV"):
            activation_statistics(path, Feed(data, inputs, RAW), range(12))

    def test_a_file_that_the_runtime_refuses_is_told_with_its_reason(self, tmp_path: Path) -> None:
        path = logarithms(tmp_path / "log.tflite", [1, 3])
        model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        model.operatorCodes[0].version = 99
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        with pytest.raises(ModelError, match=r"log\.tflite cannot be measured .*LOG.* version '?99"):
            activation_statistics(path, feed(np.ones((1, 3), np.float32)), [0])

    def test_an_item_that_is_not_finite_is_named(self, tmp_path: Path) -> None:
        values = np.ones((20, 3), np.float32)
        values[17, 1] = np.nan
        with pytest.raises(DataError, match="1 of 20 items"):
            activation_statistics(logarithms(tmp_path / "log.tflite", [1, 3]), feed(values), range(20))
