from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.bundle import read_bundle
from edgeq.demo import assets
from edgeq.errors import DataError, ModelError
from edgeq.runtime.available import InstalledRuntime, find_runtime
from edgeq.runtime.interpreter import LoadedModel, TensorInfo, reason_of
from edgeq.runtime.quantization import Quantization

SAMPLES = Path(__file__).parents[1] / "tflite" / "data"
VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8")


@pytest.fixture(scope="module")
def runtime() -> InstalledRuntime:
    return find_runtime()


def demo(variant: str) -> Path:
    return assets.bundle_path() / f"{assets.NAME}.{variant}.tflite"


@pytest.mark.parametrize("variant", VARIANTS)
def test_inputs_and_outputs_are_those_of_the_bundle(variant: str, runtime: InstalledRuntime) -> None:
    model = LoadedModel(demo(variant), runtime)
    (stated,) = (v for v in read_bundle(assets.bundle_path()).manifest.variants if v.name == variant)
    for infos, tensors in ((model.inputs, stated.inputs), (model.outputs, stated.outputs)):
        for info, tensor in zip(infos, tensors, strict=True):
            assert (info.name, info.shape, info.dtype) == (tensor.name, tensor.shape, tensor.dtype)
            quantization = info.quantization
            assert tensor.scale == (None if quantization is None else quantization.scale)
            assert tensor.zero_point == (None if quantization is None else quantization.zero_point)


@pytest.mark.parametrize("variant", VARIANTS)
def test_outputs_are_those_that_the_bundle_was_checked_with(variant: str, runtime: InstalledRuntime) -> None:
    model = LoadedModel(demo(variant), runtime)
    parity = read_bundle(assets.bundle_path()).parity()
    (info,) = model.inputs
    (output,) = model.outputs
    for item, expected in zip(parity.inputs["image"], parity.stored[variant]["class"], strict=True):
        model.set_inputs({"image": info.encode(item)})
        model.invoke()
        found = output.decode(model.outputs_stored()["class"])
        # Another CPU may be another kernel path: a few steps of the scale are within its rights.
        assert np.abs(found - output.decode(expected)).max() < 0.05


def test_two_inputs_of_one_shape_are_fed_by_name(runtime: InstalledRuntime) -> None:
    path = SAMPLES / "two_inputs.int8.tflite"
    model = LoadedModel(path, runtime)
    assert [info.name for info in model.inputs] == ["left", "right"]
    assert model.inputs[0].shape == model.inputs[1].shape
    random = np.random.default_rng(0)
    left, right = random.integers(-128, 128, (2, 1, 32), dtype=np.int8)

    def run(**inputs: np.ndarray) -> dict[str, np.ndarray]:
        model.set_inputs(inputs)
        model.invoke()
        return model.outputs_stored()

    # The runtime's own way of feeding by name is the reference.
    interpreter = runtime.module().Interpreter(model_path=str(path))
    expected = interpreter.get_signature_runner()(left=left, right=right)
    found = run(right=right, left=left)
    assert set(found) == {"hidden", "total"}
    for name, array in found.items():
        assert np.array_equal(array, expected[name])
    assert not np.array_equal(run(left=right, right=left)["total"], expected["total"])


def test_a_file_without_signature_is_known_by_its_tensors_names(runtime: InstalledRuntime) -> None:
    model = LoadedModel(SAMPLES / "frozen.int8.tflite", runtime)
    assert [info.name for info in model.inputs] == ["left", "right"]
    assert [info.name for info in model.outputs] == ["Identity", "Identity_1"]


def test_several_threads_give_the_same_bits(runtime: InstalledRuntime) -> None:
    outputs = []
    for threads in (1, 2):
        model = LoadedModel(demo("int8"), runtime, threads)
        assert model.threads == threads
        model.set_inputs({"image": np.arange(784, dtype=np.int64).astype(np.int8).reshape(1, 28, 28, 1)})
        model.invoke()
        outputs.append(model.outputs_stored()["class"])
    assert np.array_equal(*outputs)


def test_stored_outputs_are_copies_that_the_next_inference_leaves_alone(runtime: InstalledRuntime) -> None:
    model = LoadedModel(demo("float32"), runtime)
    model.set_inputs({"image": np.zeros((1, 28, 28, 1), np.float32)})
    model.invoke()
    first = model.outputs_stored()["class"]
    kept = first.copy()
    model.set_inputs({"image": np.full((1, 28, 28, 1), 200, np.float32)})
    model.invoke()
    assert np.array_equal(first, kept)
    assert not np.array_equal(model.outputs_stored()["class"], kept)


def test_as_many_times_are_taken_as_were_asked_for(runtime: InstalledRuntime) -> None:
    model = LoadedModel(demo("int8"), runtime)
    samples = model.time_invocations(discard=2, runs=7)
    assert len(samples) == 7
    assert all(sample > 0 for sample in samples)


def test_a_file_that_the_runtime_refuses_is_named_with_its_reason(
    tmp_path: Path, runtime: InstalledRuntime
) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"\x00" * 64)
    with pytest.raises(ModelError, match=r"broken.tflite is refused by ai-edge-litert .*: \S"):
        LoadedModel(path, runtime)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "failed to reshape runtimeNode number 2 (Any) failed.",
            "failed to reshape runtime Node number 2 (Any) failed.",
        ),
        ("in XNNPACK delegateunsupported datatype", "in XNNPACK delegate unsupported datatype"),
        ("the delegates\nof a delegated node", "the delegates of a delegated node"),
    ],
)
def test_messages_that_the_runtime_joins_are_parted(said: str, told: str) -> None:
    assert reason_of(RuntimeError(said)) == told


class TestEncoding:
    float32 = TensorInfo("x", 0, (2, 2), "float32", None)
    int32 = TensorInfo("x", 0, (2, 2), "int32", None)
    int8 = TensorInfo("x", 0, (2, 2), "int8", Quantization(0.5, -10))
    int16 = TensorInfo("x", 0, (2, 2), "int16", Quantization(0.01, 0))
    values = np.array([[0.0, 1.0], [-1.25, 100.0]])

    def test_a_float_tensor_takes_values_in_its_dtype(self) -> None:
        stored = self.float32.encode(self.values)
        assert stored.dtype == np.float32
        assert stored.tolist() == self.values.tolist()
        assert self.float32.decode(stored) is stored

    def test_an_integer_tensor_without_scale_takes_values_as_they_are(self) -> None:
        stored = self.int32.encode(np.array([[1, 2], [3, 4]], np.uint8))
        assert (stored.dtype, stored.tolist()) == (np.int32, [[1, 2], [3, 4]])

    def test_a_quantized_tensor_is_scaled_shifted_and_clipped_to_its_own_dtype(self) -> None:
        assert self.int8.encode(self.values).tolist() == [[-10, -8], [-12, 127]]
        # Clipping int16 to the range of int8 would be wrong without any error.
        assert self.int16.encode(self.values).tolist() == [[0, 100], [-125, 10000]]

    def test_decoding_gives_the_real_values_back(self) -> None:
        stored = self.int16.encode(self.values)
        assert np.allclose(self.int16.decode(stored), self.values, atol=0.005)

    def test_another_shape_is_refused_by_name(self) -> None:
        with pytest.raises(DataError, match=r"input 'x': expected shape \[2, 2\], found \[4\]"):
            self.int8.encode(self.values.ravel())


def test_importing_the_adapter_loads_no_runtime() -> None:
    code = "import edgeq.runtime.interpreter, sys; sys.exit('ai_edge_litert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
