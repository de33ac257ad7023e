"""Mistakes in files, after conversion."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spoiling
from patient import Mistake, Patient, copied, in_bundle, keras_model, lone
from projects import Project

from edgeq.convert.options import Options
from edgeq.convert.pipeline import convert


def first_weighted(model: Any, position: float = 0.0) -> Any:
    """A convolution or dense layer: the first, or one further on."""
    found = [
        operator
        for operator in model.subgraphs[0].operators
        for kind in ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D")
        if operator in spoiling.operators(model, kind)
    ]
    return found[min(len(found) - 1, int(position * len(found)))]


def too_new(project: Project, folder: Path) -> Patient:
    return lone(
        project,
        folder,
        "int8",
        lambda model: spoiling.with_new_code(model, first_weighted(model), version=99),
    )


def weights_of_another_shape(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        weights = spoiling.tensor(model, first_weighted(model, 0.9).inputs[1])
        weights.shape = [*weights.shape[:-1], weights.shape[-1] + 1]

    return lone(project, folder, "int8", spoil)


def not_finite_weights(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        spoiling.with_constant(
            model, first_weighted(model).inputs[1], lambda weights: weights * np.nan, "float32"
        )

    return lone(project, folder, "float32", spoil, with_data=True)


def float32_called_int8(project: Project, folder: Path) -> Patient:
    return copied(project, folder, "float32", f"{project.name}.int8.tflite")


def float_inputs_called_int8(project: Project, folder: Path) -> Patient:
    return copied(project, folder, "int8-io-float32", f"{project.name}.int8.tflite")


def narrow_range(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        spoiling.scaled(model, first_weighted(model, 0.5).outputs[0], 0.05)

    return in_bundle(project, folder, "int8", spoil)


def blind(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        spoiling.with_constant(model, first_weighted(model, 0.5).inputs[1], np.zeros_like, "int8")

    return in_bundle(project, folder, "int8", spoil)


def unlike_scales(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        quantization = spoiling.tensor(model, first_weighted(model, 0.5).inputs[1]).quantization
        scales = np.array(quantization.scale, np.float32)
        scales[0] *= 3000
        quantization.scale = scales

    return lone(project, folder, "int8", spoil)


def inserted(model: Any, steps: Sequence[tuple[str, str, str]]) -> None:
    """Puts a chain of operators without options behind the layer in the middle.

    Args:
        model: to change.
        steps: kind of each operator, name of its result, and the result's dtype; those of float32 have no scale.
    """
    graph = model.subgraphs[0]
    before = first_weighted(model, 0.5)
    (start,) = before.outputs
    position, last, chain = graph.operators.index(before) + 1, start, []
    for kind, name, dtype in steps:
        result = copy.deepcopy(graph.tensors[start])
        result.name, result.type = name.encode(), getattr(spoiling.schema.TensorType, dtype.upper())
        result.quantization = None if dtype == "float32" else result.quantization
        graph.tensors.append(result)
        made = copy.deepcopy(before)
        made.inputs, made.outputs = [last], [len(graph.tensors) - 1]
        made.builtinOptionsType, made.builtinOptions = 0, None
        code = getattr(spoiling.schema.BuiltinOperator, kind)
        spoiling.with_new_code(model, made, builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=1)
        (last,) = made.outputs
        chain.append(made)
    for operator in graph.operators[position:]:
        operator.inputs = [last if one == start else one for one in operator.inputs]
    graph.operators[position:position] = chain


def cut_in_two(project: Project, folder: Path) -> Patient:
    """An operator without a kernel in XNNPACK stands in the middle."""
    return lone(project, folder, "float32", lambda model: inserted(model, [("SIGN", "between", "float32")]))


def island(project: Project, folder: Path) -> Patient:
    """One operator in the middle of an int8 file computes in float."""
    steps = [("DEQUANTIZE", "real", "float32"), ("ELU", "bent", "float32"), ("QUANTIZE", "stored", "int8")]
    return lone(project, folder, "int8", lambda model: inserted(model, steps))


def unsigned(project: Project, folder: Path) -> Patient:
    return lone(project, folder, "int8", spoiling.without_signatures)


def custom(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        code = spoiling.schema.BuiltinOperator.CUSTOM
        spoiling.with_new_code(
            model,
            first_weighted(model),
            builtinCode=code,
            deprecatedBuiltinCode=code,
            customCode=b"Mine",
            version=1,
        )

    return lone(project, folder, "float32", spoil)


def of_tensorflow(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        code = spoiling.schema.BuiltinOperator.CUSTOM
        spoiling.with_new_code(
            model,
            first_weighted(model, 0.9),
            builtinCode=code,
            deprecatedBuiltinCode=code,
            customCode=b"FlexConv2D",
            version=1,
        )

    return lone(project, folder, "float32", spoil)


def in_dynamic_range(project: Project, folder: Path, model: Path) -> Path:
    """A bundle of float32 and dynamic range."""
    options = Options(name=project.name, schemes=("dynamic",), preprocess="raw")
    conversion = convert(model, data=project.data, output=folder / "bundle", options=options)
    assert not conversion.failures
    return folder / "bundle"


def for_an_old_runtime(project: Project, folder: Path) -> Patient:
    """Dense layers with a scale for each output, for a runtime that takes one a layer."""
    bundle = in_dynamic_range(project, folder, project.model)
    return Patient(bundle, project.data, target_runtime="tflite-runtime 2.14")


def depthwise_layers_in_dynamic_range(project: Project, folder: Path) -> Patient:
    """Layers of which XNNPACK has no kernels in dynamic range: 3.6 times as slow as float32 by themselves here.

    Of fewer than 1,024 weights a layer stays in float32, hence 128 channels.
    """

    def deepened(model: Any) -> Any:
        import keras

        image = keras.Input(model.inputs[0].shape[1:], name=model.inputs[0].name)
        x = keras.layers.Conv2D(128, 1, name="wider")(image)
        for number in range(6):
            x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6", name=f"deep_{number}")(x)
        return keras.Model(image, model(keras.layers.Conv2D(image.shape[-1], 1, name="back")(x)))

    deep = keras_model(project, folder, deepened)
    return Patient(in_dynamic_range(project, folder, deep.target), project.data)


def scale_of_zero(project: Project, folder: Path) -> Patient:
    return lone(
        project,
        folder,
        "int8",
        lambda model: spoiling.scaled(model, first_weighted(model, 0.5).outputs[0], 0.0),
    )


def zero_point_beyond_int8(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        spoiling.tensor(model, first_weighted(model, 0.5).outputs[0]).quantization.zeroPoint = [300]

    return lone(project, folder, "int8", spoil)


def one_bit_flipped(project: Project, folder: Path) -> Patient:
    """The highest bit of one weight of the last layer."""

    def flip(weights: np.ndarray) -> np.ndarray:
        flipped = weights.copy()
        flipped[int(np.abs(weights.astype(np.int16)).argmax())] ^= -128
        return flipped

    def spoil(model: Any) -> None:
        spoiling.with_constant(model, first_weighted(model, 0.99).inputs[1], flip, "int8")

    return in_bundle(project, folder, "int8", spoil)


def no_scale(project: Project, folder: Path) -> Patient:
    return lone(
        project,
        folder,
        "int8",
        lambda model: spoiling.scaled(model, first_weighted(model).outputs[0], float("nan")),
    )


def other_weights(project: Project, folder: Path) -> Patient:
    def spoil(model: Any) -> None:
        index = first_weighted(model, 0.9).inputs[1]
        spoiling.with_constant(model, index, lambda weights: -np.maximum(weights, -127), "int8")

    return in_bundle(project, folder, "int8", spoil)


FILE = (
    Mistake("weights of another shape", "F301", weights_of_another_shape),
    Mistake("weights that are no numbers", "F302", not_finite_weights, usual=3),
    Mistake("float32 called int8", "F303", float32_called_int8),
    Mistake("float inputs called int8", "F304", float_inputs_called_int8),
    Mistake(
        "a range too narrow",
        "F305",
        narrow_range,
        ("pair", "detection", "fashion", "keywords", "segmentation"),
        usual=2,
    ),
    Mistake("weights all 0", "F306", blind, usual=2),
    Mistake("scales unlike each other", "F307", unlike_scales),
    Mistake("an operator of version 99", "F308", too_new),
    Mistake("dense layers for an old runtime", "F308", for_an_old_runtime, ("pair", "gestures"), usual=1),
    Mistake("an operator that XNNPACK has not", "F309", cut_in_two, ("fashion", "keywords", "segmentation")),
    Mistake(
        "depthwise layers in dynamic range",
        "F310",
        depthwise_layers_in_dynamic_range,
        ("fashion", "segmentation", "detection"),
        usual=1,
    ),
    Mistake("no signature", "F311", unsigned),
    Mistake("an operator in float", "F312", island),
    Mistake("an operator of one's own", "F313", custom),
    Mistake("an operator of TensorFlow", "F313", of_tensorflow),
    Mistake("a scale that is no number", "F314", no_scale),
    Mistake("a scale of 0", "F314", scale_of_zero),
    Mistake("a zero point beyond int8", "F314", zero_point_beyond_int8),
    Mistake("weights negated", "F315", other_weights, usual=2),
    Mistake("one bit flipped", "F315", one_bit_flipped, usual=2),
)
