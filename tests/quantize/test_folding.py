from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeq.demo import assets
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.lowering import lower
from edgeq.quantize.precision_plan import plan_of
from edgeq.quantize.recipe import Range, Recipe
from edgeq.tflite.model import read_model
from edgeq.tflite.precision import compute_types

pytest.importorskip("litert_quantizer")

FLOAT32 = (assets.bundle_path() / f"{assets.NAME}.float32.tflite").read_bytes()
SHAPE = (1, 4, 4, 8)
RANGE: Range = (-3.0, 4.0)


def network(*kinds: str, constants: dict[str, Any] | None = None) -> bytes:
    """ADD of the input to itself, then one operator after the other, then another ADD; all of one shape."""
    model = EditableModel(FLOAT32)
    schema = model.schema
    model.graph.tensors, model.graph.operators = [], []
    model.model.signatureDefs = []
    model.model.buffers = model.model.buffers[:1]
    model.model.metadata = model.model.metadataBuffer = None

    def activation(name: str) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), np.array(SHAPE, np.int32), 0, 0
        model.graph.tensors.append(tensor)
        return len(model.graph.tensors) - 1

    def operator(kind: str, inputs: list[int], output: int) -> None:
        made = schema.OperatorT()
        made.opcodeIndex = model.operator_code(kind, 1)
        made.inputs, made.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        options = {"ADD": "AddOptions", "LEAKY_RELU": "LeakyReluOptions"}.get(kind)
        if options is not None:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, f"{options}T")()
            if kind == "LEAKY_RELU":
                made.builtinOptions.alpha = 0.3
        model.graph.operators.append(made)

    last = activation("x")
    model.graph.inputs = np.array([last], np.int32)
    for place, kind in enumerate(("ADD", *kinds, "ADD")):
        inputs = [last, last] if kind == "ADD" else [last]
        if kind in (constants or {}):
            inputs.append(model.add_constant(f"c{place}", np.float32((constants or {})[kind]), "FLOAT32"))
        last = activation(f"y{place}")
        operator(kind, inputs, last)
    model.graph.outputs = np.array([last], np.int32)
    return model.content()


def lowered(float32: bytes) -> bytes:
    names = [tensor.name for tensor in read_model(float32).subgraphs[0].tensors if not tensor.is_constant]
    ranges = dict.fromkeys(names, RANGE) | {names[-1]: (-8.0, 8.0)}
    return lower(float32, ranges, plan_of(float32, Recipe()))


CASES = {
    "ABS": ("ABS",),
    "LEAKY_RELU": ("LEAKY_RELU",),
    "RELU6": ("RELU6",),
    "RELU_N1_TO_1": ("RELU_N1_TO_1",),
    "two in a row": ("LEAKY_RELU", "ABS"),
    "PRELU": ("PRELU",),
    "MINIMUM": ("MINIMUM",),
}
CONSTANTS = {"PRELU": np.linspace(-0.5, 0.5, 8).reshape(1, 1, 8), "MINIMUM": np.full(SHAPE, 0.5)}


@pytest.mark.parametrize("kinds", CASES.values(), ids=CASES)
def test_operators_between_integers_compute_in_integers_and_as_in_float(kinds: tuple[str, ...]) -> None:
    float32 = network(*kinds, constants=CONSTANTS)
    content = lowered(float32)
    assert set(compute_types(read_model(content))) == {"int8"}
    assert not {"DEQUANTIZE", "QUANTIZE"} & {op.name for op in read_model(content).subgraphs[0].operators}
    values = np.random.default_rng(0).uniform(-1.4, 1.9, (8, *SHAPE[1:])).astype(np.float32)
    output = read_model(float32).subgraphs[0].tensors[read_model(float32).subgraphs[0].outputs[0]].name
    exact, found = (
        LocalModel(file).activations([output], {"x": values})[output] for file in (float32, content)
    )
    # A few steps: 7/255 of the activations, 16/255 of the output.
    assert np.abs(exact - found).max() < 0.3
    assert np.abs(exact - found).mean() < 0.06
