"""What a remedy is said to give, against real files that were made with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.bundle import Bundle
from edgeq.data.dataset import ArrayDataset
from edgeq.layers.analysis import analyse_layers
from edgeq.layers.recipe import input_grids
from edgeq.layers.simulation_worker import on_grid
from edgeq.layers.structure import KEEP_FLOAT
from edgeq.runtime.running import run_file
from edgeq.tflite.model import read_model

pytestmark = pytest.mark.tensorflow


def kept_in_float(model: Any, items: Mapping[str, Any], floats: Path, layers: tuple[str, ...]) -> bytes:
    """int8 but for some layers, as TensorFlow's own converter makes it."""
    import tensorflow as tf

    graph = read_model(floats).subgraphs[0]
    results = [graph.tensors[operator.outputs[0]].name for operator in graph.operators]
    nodes = [
        name for name in results if any(f"/{layer}_1/" in name or f"/{layer}/" in name for layer in layers)
    ]
    assert len(nodes) == len(layers)
    (values,) = items.values()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: ([value[None]] for value in values)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=nodes),
    )
    return bytes(debugger.get_nondebug_quantized_model())


@pytest.mark.parametrize(
    ("architecture", "layer", "reader"),
    [
        ("plain", "conv_1", "conv_2"),
        ("dense", "hidden_2", "hidden_3"),
        ("residual", "depthwise_2", "project_2"),
    ],
)
def test_keeping_layers_in_float_gives_what_it_is_said_to(
    convert_model: Callable[..., Bundle], tmp_path: Path, architecture: str, layer: str, reader: str
) -> None:
    import damaged_models

    model, values = damaged_models.build(architecture), damaged_models.items(architecture)
    damaged_models.damage(model, layer, reader)
    items = {model.inputs[0].name: values}
    bundle = convert_model(model, items)
    found = analyse_layers(
        bundle, data=ArrayDataset(items, source="items"), items=len(values), profile=False, suspects=1
    )
    (told,) = (remedy for remedy in found.ranked[0].remedies if remedy.kind == KEEP_FLOAT)
    assert f"{layer} and {reader}" in told.sentence

    floats = bundle.folder / f"{model.name}.float32.tflite"
    mixed = tmp_path / "mixed.tflite"
    mixed.write_bytes(kept_in_float(model, items, floats, (layer, reader)))
    # The debugger's file takes floats, and a first layer in float would see them as no int8 input can hold them.
    (grid,) = input_grids(read_model(bundle.folder / f"{model.name}.int8.tflite")).values()
    assert grid is not None
    answers = []
    for path, given in ((floats, values), (mixed, on_grid(values, grid)[0])):
        ran = run_file(path, path.name, dict.fromkeys(items, given[:, None]))
        answers.append(np.asarray(ran.outputs[0].decode(ran.stored[ran.outputs[0].name])))
    # The same to 0.001 dB when this was written; other kernels may round otherwise.
    assert told.sqnr_db == pytest.approx(sqnr_db(*answers), abs=0.5)
