"""Bundles of small networks, converted in this process: of these, TensorFlow is loaded once a session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.bundle import Bundle, Check, Manifest, Parity, Tensor, Variant, read_bundle, write_bundle
from edgeq.data.dataset import ArrayDataset
from edgeq.data.preprocessing import RAW
from edgeq.files import sha256_bytes
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import read_model

sys.path.insert(0, str(Path(__file__).parent))

DEMO = Path(__file__).parents[2] / "edgeq" / "demo"


@pytest.fixture(scope="session")
def demo() -> Bundle:
    return read_bundle(DEMO / "bundle")


@pytest.fixture(scope="session")
def convert_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bundle]:
    """Makes a bundle of a Keras model: float32 and another scheme, calibrated on all items."""
    pytest.importorskip("tensorflow")

    def convert(model: Any, items: Mapping[str, Any], scheme: str = "int8") -> Bundle:
        files = {"float32": _converted(model, items, "float32"), scheme: _converted(model, items, scheme)}
        inputs, outputs = model_io(read_model(files["float32"]))
        source = tuple(_tensor(info) for info in inputs)
        manifest = Manifest(
            name=model.name,
            inputs=source,
            outputs=tuple(info.name for info in outputs),
            batched=dict.fromkeys(items, True),
            preprocessing=RAW,
            labels=(),
            calibration=ArrayDataset(items, source="items").digests(),
            variants=tuple(_variant(model.name, name, content) for name, content in files.items()),
            failures=(),
            provenance={},
        )
        parity = {name: values[:16, None] for name, values in items.items()}
        models = {f"{model.name}.{name}.tflite": content for name, content in files.items()}
        folder = tmp_path_factory.mktemp(model.name) / "bundle"
        return write_bundle(folder, manifest, models, Parity(parity, {}, {}))

    return convert


def _variant(model: str, name: str, content: bytes) -> Variant:
    inputs, outputs = model_io(read_model(content))
    return Variant(
        name=name,
        file=f"{model}.{name}.tflite",
        scheme=name,
        io=inputs[0].dtype,
        sha256=sha256_bytes(content),
        size_bytes=len(content),
        inputs=tuple(_tensor(info) for info in inputs),
        outputs=tuple(_tensor(info) for info in outputs),
        check=Check(1, 30.0, None, ""),
    )


def _tensor(info: TensorInfo) -> Tensor:
    return Tensor(info.name, info.shape, info.dtype, info.scale, info.zero_point)


def _converted(model: Any, items: Mapping[str, Any], scheme: str) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if scheme != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme in ("int8", "int16x8"):
        ops = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            ops.TFLITE_BUILTINS_INT8
            if scheme == "int8"
            else ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            ops.TFLITE_BUILTINS,
        ]
        order = [tensor.name for tensor in model.inputs]
        count = len(next(iter(items.values())))
        converter.representative_dataset = lambda: (
            [np.asarray(items[name][index][None]) for name in order] for index in range(count)
        )
        io = tf.int8 if scheme == "int8" else tf.float32
        if all(tensor.dtype == "float32" for tensor in model.inputs):
            converter.inference_input_type = converter.inference_output_type = io
    return bytes(converter.convert())
