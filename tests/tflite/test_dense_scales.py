"""Dense layers with one scale each: what older runtimes take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeq.demo.assets import bundle_path
from edgeq.errors import ModelError
from edgeq.runtime.running import run_file
from edgeq.tflite.dense_scales import _rescaled, has_per_channel_dense, with_per_tensor_dense
from edgeq.tflite.model import read_buffer, read_model

DYNAMIC = bundle_path() / "fashion_mnist.dynamic.tflite"


def dense(model):
    graph = model.subgraphs[0]
    (operator,) = (one for one in graph.operators if one.name == "FULLY_CONNECTED")
    return operator, graph.tensors[operator.inputs[1]]


def test_the_weights_get_the_largest_of_their_scales_and_an_older_version():
    content = DYNAMIC.read_bytes()
    mended = with_per_tensor_dense(content)
    old, old_weights = dense(read_model(content))
    new, weights = dense(read_model(mended.content))
    assert (old.version, new.version) == (12, 9)
    assert len(old_weights.quantization.scales) == 10
    assert weights.quantization.scales == (max(old_weights.quantization.scales),)
    assert weights.quantization.zero_points == (0,)
    assert len(mended.layers) == 1
    assert "logits" in mended.layers[0]
    assert not has_per_channel_dense(read_model(mended.content))


def test_weights_are_off_by_half_a_step_at_most():
    content = DYNAMIC.read_bytes()
    mended = with_per_tensor_dense(content).content

    def values(file):
        model = read_model(file)
        _, weights = dense(model)
        stored = np.frombuffer(read_buffer(file, model, weights.buffer), np.int8).reshape(weights.shape)
        return stored * np.array(weights.quantization.scales)[:, None], weights.quantization.scales[0]

    (before, _), (after, step) = values(content), values(mended)
    assert np.abs(before - after).max() <= step / 2 * (1 + 1e-6)
    assert np.abs(before - after).max() > 0


def test_everything_else_stays_byte_for_byte():
    content = DYNAMIC.read_bytes()
    mended = with_per_tensor_dense(content).content
    model = read_model(content)
    _, weights = dense(model)
    buffer = model.buffers[weights.buffer]
    changed = np.flatnonzero(np.frombuffer(content, np.uint8) != np.frombuffer(mended, np.uint8))
    inside = (changed >= buffer.start) & (changed < buffer.start + buffer.size)
    # The version, two lengths and one scale.
    assert len(changed[~inside]) <= 4 * 4


def test_the_file_runs_and_its_outputs_hardly_change(tmp_path):
    path = tmp_path / "mended.tflite"
    path.write_bytes(with_per_tensor_dense(DYNAMIC.read_bytes()).content)
    with np.load(bundle_path() / "parity.npz") as parity:
        items = {"image": parity["input/image"]}
    before, after = (run_file(file, "dynamic", items).stored["class"] for file in (DYNAMIC, path))
    assert (before.argmax(-1) == after.argmax(-1)).all()
    assert not (before == after).all()
    np.testing.assert_allclose(before, after, atol=0.05)


@pytest.mark.parametrize("variant", ["float32", "float16", "int8", "int16x8"])
def test_files_without_such_layers_stay_as_they_are(variant):
    content = (bundle_path() / f"fashion_mnist.{variant}.tflite").read_bytes()
    mended = with_per_tensor_dense(content)
    assert mended.content == content
    assert mended.layers == ()


def test_a_damaged_file_is_refused():
    with pytest.raises(ModelError):
        with_per_tensor_dense(DYNAMIC.read_bytes()[:2000])


@given(
    arrays.arrays(np.int8, (4, 8), elements=st.integers(-127, 127)),
    arrays.arrays(np.float64, 4, elements=st.floats(1e-6, 1e3)),
)
def test_any_weights_are_off_by_half_a_step_of_the_largest_scale(values, scales):
    rescaled = _rescaled(values, scales)
    error = np.abs(values * scales[:, None] - rescaled * scales.max())
    assert error.max() <= scales.max() / 2 * (1 + 1e-9)
    assert (rescaled[scales.argmax()] == values[scales.argmax()]).all()
