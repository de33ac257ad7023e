"""What the activations of a file span, item by item."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeq.bundle import read_bundle
from edgeq.convert.activation_ranges import ActivationRanges, activation_ranges, float_activations
from edgeq.data.dataset import ArrayDataset, Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import RAW
from edgeq.data.reading import read_dataset
from edgeq.demo import assets
from edgeq.errors import DataError, ModelError
from edgeq.tflite.model import read_model

FLOAT32 = assets.bundle_path() / "fashion_mnist.float32.tflite"
INT8 = assets.bundle_path() / "fashion_mnist.int8.tflite"


def images(dataset: Dataset) -> Feed:
    return Feed(dataset, [ModelInput("image", (28, 28, 1), "float32")], RAW)


def tensor(name: str, shape: list[int], buffer: int = 0, *, variable: bool = False) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.type, made.shape, made.buffer = name, schema.TensorType.FLOAT32, shape, buffer
    made.isVariable = variable
    return made


def operator(code: int, inputs: list[int], outputs: list[int], options: str) -> schema.OperatorT:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
    made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
    made.builtinOptions = getattr(schema, f"{options}T")() if options != "NONE" else None
    return made


def write(
    path: Path,
    codes: list[int],
    tensors: list[schema.TensorT],
    operators: list[schema.OperatorT],
    contents: tuple[float, ...] = (),
) -> Path:
    """A file whose first tensor is the input and whose last is the output; contents are buffers of one number."""
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, operators
    graph.inputs, graph.outputs = [0], [len(tensors) - 1]
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes, model.buffers = [], [schema.BufferT()]
    for number in codes:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.version = 1
        model.operatorCodes.append(code)
    for value in contents:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.float32(value).tobytes(), np.uint8)
        model.buffers.append(buffer)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def logarithm(path: Path, batch: int) -> Path:
    """A file that takes the logarithm of ``x``, float32[batch, 3], and adds its result to itself."""
    return write(
        path,
        [schema.BuiltinOperator.LOG, schema.BuiltinOperator.ADD],
        [tensor(name, [batch, 3]) for name in ("x", "log", "twice")],
        [operator(0, [0], [1], "NONE"), operator(1, [1, 1], [2], "AddOptions")],
    )


def running_sum(path: Path) -> Path:
    """A recurrent cell that adds ``x``, float32[1, 1], to what it remembers."""
    return write(
        path,
        [schema.BuiltinOperator.RNN],
        [
            tensor("x", [1, 1]),
            tensor("weight", [1, 1], 1),
            tensor("recurrent", [1, 1], 1),
            tensor("bias", [1], 2),
            tensor("state", [1, 1], variable=True),
            tensor("sum", [1, 1]),
        ],
        [operator(0, [0, 1, 2, 3, 4], [5], "RNNOptions")],
        contents=(1.0, 0.0),
    )


def measured(path: Path, values: npt.NDArray[np.float32], batch: int = 1) -> ActivationRanges:
    feed = Feed(ArrayDataset({"x": values}), [ModelInput("x", (3,), "float32")], RAW)
    return activation_ranges(logarithm(path / "log.tflite", batch), feed, range(len(values)))


class TestTheDemo:
    def test_the_extremes_over_all_items_are_those_that_tensorflow_calibrated_with(self) -> None:
        dataset = assets.calibration()
        digests = dataset.digests()
        used = [digests.index(digest) for digest in read_bundle(assets.bundle_path()).manifest.calibration]
        ranges = activation_ranges(FLOAT32, images(dataset), used)
        # LiteRT's specification wants 0 in every range.
        low = np.minimum(ranges.values[..., 0].min(axis=0), 0)
        high = np.maximum(ranges.values[..., 1].max(axis=0), 0)
        scales = {
            tensor.name: tensor.quantization.scales[0]
            for tensor in read_model(INT8).subgraphs[0].tensors
            if tensor.quantization is not None
        }
        found = dict(zip(ranges.names, (high - low) / 255, strict=True))
        # Two scales are not the calibration's: the softmax's is fixed by the specification, and the converter gives
        # the product in the rescaling layer, 0 to 2, a range that also holds the -1 that is added to it.
        assert scales["Identity"] == 1 / 256
        for name in ("Identity", "model/fashion_mnist_1/rescale_1/mul"):
            del found[name]
        assert len(found) == 15
        assert found == pytest.approx({name: scales[name] for name in found}, rel=1e-5)

    def test_rows_are_in_the_order_that_was_asked_for_and_progress_ends_with_all(self) -> None:
        told: list[tuple[int, int]] = []
        order = [40, 3, 17, *range(100, 130)]
        some = activation_ranges(
            FLOAT32, images(assets.calibration()), order, lambda *step: told.append(step)
        )
        assert some.values.shape == (33, 17, 2)
        assert some.values.dtype == np.float32
        raw = assets.calibration().raw("image", order).reshape(33, -1)
        assert np.array_equal(some.values[:, 0, 0], raw.min(axis=1))
        assert np.array_equal(some.values[:, 0, 1], raw.max(axis=1))
        assert told[-1] == (33, 33)
        alone = activation_ranges(FLOAT32, images(assets.calibration()), [17])
        assert np.array_equal(alone.values[0], some.values[2])

    def test_weights_are_no_activations(self) -> None:
        tensors = float_activations(read_model(FLOAT32))
        assert not any(tensor.is_constant for tensor in tensors)
        assert len(tensors) == 17  # the input, and one for each of 16 operators

    def test_an_integer_file_has_none_that_float_stands_for(self) -> None:
        assert float_activations(read_model(INT8)) == ()
        assert activation_ranges(INT8, images(assets.calibration()), range(5)).values.shape == (5, 0, 2)

    def test_no_tensorflow_is_loaded(self) -> None:
        program = "import sys, edgeq.convert.activation_ranges; print('tensorflow' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"


class TestValues:
    def test_an_item_has_its_own_extremes_in_every_tensor(self, tmp_path: Path) -> None:
        values = np.array([[1, np.e, 1], [np.e, np.e**2, np.e**3]], np.float32)
        ranges = measured(tmp_path, values)
        assert ranges.names == ("x", "log", "twice")
        expected = [[[1, np.e], [0, 1], [0, 2]], [[np.e, np.e**3], [1, 3], [2, 6]]]
        assert np.allclose(ranges.values, expected, atol=1e-6)

    def test_a_batch_is_filled_with_one_item_so_that_others_do_not_count(self, tmp_path: Path) -> None:
        values = np.random.default_rng(0).uniform(1, 9, (21, 3)).astype(np.float32)
        assert np.allclose(
            measured(tmp_path, values, batch=4).values, measured(tmp_path, values).values, rtol=1e-6
        )

    def test_what_a_recurrent_cell_remembers_is_forgotten_before_the_next_item(self, tmp_path: Path) -> None:
        feed = Feed(
            ArrayDataset({"x": np.array([[1], [2], [4]], np.float32)}),
            [ModelInput("x", (1,), "float32")],
            RAW,
        )
        ranges = activation_ranges(running_sum(tmp_path / "sum.tflite"), feed, range(3))
        assert ranges.names == ("x", "sum")
        assert ranges.values[:, 1].tolist() == [[1, 1], [2, 2], [4, 4]]

    def test_nan_does_not_count_as_in_the_calibrator(self, tmp_path: Path) -> None:
        values = np.array([[-1, 1, np.e], [-1, -1, -1]], np.float32)
        ranges = measured(tmp_path, values).values
        assert np.allclose(ranges[0, 1], [0, 1], atol=1e-6)
        # Where nothing is a number the range is none.
        assert ranges[1, 1].tolist() == [np.inf, -np.inf]

    def test_infinity_is_told(self, tmp_path: Path) -> None:
        assert measured(tmp_path, np.array([[0, 1, 1]], np.float32)).values[0, 1].tolist() == [-np.inf, 0]


class TestWhatFails:
    def test_unreadable_items_are_named_by_their_files(self, tmp_path: Path) -> None:
        from PIL import Image

        for number in range(20):
            Image.new("L", (28, 28), number).save(tmp_path / f"{number:02}.png")
        for number in (3, 18):
            path = tmp_path / f"{number:02}.png"
            path.write_bytes(path.read_bytes()[:-30])
        feed = images(read_dataset(tmp_path))
        with pytest.raises(DataError, match=r"2 of 19 items are bad .*03\.png.*18\.png") as caught:
            activation_ranges(FLOAT32, feed, range(1, 20))
        assert "00.png" not in str(caught.value)

    def test_a_runtime_that_crashes_says_what_to_do_instead(
        self, tmp_path: Path, crashing_model: bytes
    ) -> None:
        path = tmp_path / "loop.tflite"
        path.write_bytes(crashing_model)
        data = ArrayDataset({"condition": np.ones((12, 1), np.uint8), "x": np.ones((12, 1), np.float32)})
        feed = Feed(data, [ModelInput("condition", (1,), "bool"), ModelInput("x", (1,), "float32")], RAW)
        with pytest.raises(ModelError, match=r"loop\.tflite .*SIGSEGV.*--calibration-draw random"):
            activation_ranges(path, feed, range(12))
