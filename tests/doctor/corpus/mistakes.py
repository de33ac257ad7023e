"""Mistakes, each a function that makes a patient of a good project: a new one is one function and one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import spoiling
from patient import Mistake, Patient, changed, chosen, copied, in_bundle, keras_model, lone, with_arrays
from PIL import Image
from projects import Project

# Data.


def another_name(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    arrays["something"] = arrays.pop(project.inputs[0])
    return with_arrays(project, folder, arrays)


def empty(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, slice(0)))


def one_item_again_and_again(project: Project, folder: Path) -> Patient:
    return with_arrays(
        project, folder, changed(project, lambda values: np.repeat(values[:1], len(values), 0))
    )


def black(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, np.zeros_like))


def not_a_number(project: Project, folder: Path) -> Patient:
    def spoil(values: np.ndarray) -> np.ndarray:
        values.reshape(len(values), -1)[7, 1] = np.nan
        return values

    return with_arrays(project, folder, changed(project, spoil))


def infinite(project: Project, folder: Path) -> Patient:
    def spoil(values: np.ndarray) -> np.ndarray:
        values.reshape(len(values), -1)[:20, 0] = np.inf
        return values

    return with_arrays(project, folder, changed(project, spoil))


def divided_by_255(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, lambda values: values / 255))


def times_255(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, lambda values: values * 255))


def minus_one_to_one(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, lambda values: values / 127.5 - 1))


def a_file_cut_short(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    for number, (pixels, label) in enumerate(zip(arrays["image"], arrays["labels"], strict=True)):
        path = folder / "photos" / f"{label:02d}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.squeeze()).save(path)
    path.write_bytes(path.read_bytes()[:60])
    return Patient(project.bundle, folder / "photos")


def thirty_items(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, slice(None, None, 8)))


def every_fourth_item_twice(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    rows = np.concatenate(
        [np.arange(len(arrays[project.inputs[0]])), np.arange(0, len(arrays[project.inputs[0]]), 4)]
    )
    return with_arrays(project, folder, chosen(project, rows))


def a_single_class(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, project.arrays()["labels"] == 1))


def exchanged_inputs(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    one, other = project.inputs
    arrays[one], arrays[other] = arrays[other], arrays[one]
    return with_arrays(project, folder, arrays)


def validation_among_calibration(project: Project, folder: Path) -> Patient:
    np.savez(folder / "calibration.npz", **chosen(project, slice(None, None, 2)))
    return Patient(project.bundle, project.data, folder / "calibration.npz")


def another_order_each_time(project: Project, folder: Path) -> Patient:
    (name,) = project.inputs
    (folder / "data.py").write_text(
        "import numpy as np\n\n\n"
        "def data():\n"
        f"    with np.load({str(project.data)!r}) as archive:\n"
        f"        images = archive[{name!r}].astype('float32')\n"
        "    noise = np.random.default_rng().normal(0, 1e-3, images.shape)\n"
        f"    return {{{name!r}: (images + noise).astype('float32')}}\n"
    )
    return Patient(project.bundle, folder / "data.py")


DATA = (
    Mistake("the array has another name", "D100", another_name),
    Mistake("no items", "D101", empty),
    Mistake("one item again and again", "D102", one_item_again_and_again),
    Mistake("black images", "D102", black, ("fashion", "segmentation", "detection")),
    Mistake("a NaN", "D103", not_a_number),
    Mistake("infinite values", "D103", infinite),
    Mistake("pixels divided by 255", "D104", divided_by_255, ("fashion", "segmentation", "detection")),
    Mistake("pixels in -1..1", "D104", minus_one_to_one, ("fashion", "segmentation", "detection")),
    Mistake("values times 255", "D104", times_255, ("keywords", "pair", "gestures")),
    Mistake("an image cut short", "D105", a_file_cut_short, ("fashion",)),
    Mistake("few items", "D106", thirty_items),
    Mistake("items twice", "D107", every_fourth_item_twice),
    Mistake("a single class", "D108", a_single_class, ("fashion", "keywords", "pair", "gestures")),
    Mistake("inputs exchanged", "D109", exchanged_inputs, ("pair",)),
    Mistake("validation among calibration", "D110", validation_among_calibration),
    Mistake(
        "random noise at every reading", "D111", another_order_each_time, ("fashion", "detection", "gestures")
    ),
)

# Models before conversion.


def ending(change: Any) -> Any:
    """Puts something behind the model's output."""

    def make(project: Project, folder: Path) -> Patient:
        import keras

        def extended(model: Any) -> Any:
            return keras.Model(model.inputs, change(keras, model.outputs[0]))

        return keras_model(project, folder, extended)

    return make


def normalized(keras: Any, x: Any) -> Any:
    return keras.layers.LayerNormalization(name="norm")(x)


def inverted(keras: Any, x: Any) -> Any:
    flat = keras.layers.Dense(9, name="flat")(keras.layers.Flatten()(x))
    square = keras.layers.Reshape((3, 3))(flat)
    return keras.ops.linalg.inv(keras.ops.matmul(square, keras.ops.transpose(square, (0, 2, 1))) + np.eye(3))


def batch_norm_behind_relu(keras: Any, x: Any) -> Any:
    x = keras.layers.Dense(24, activation="relu", name="more")(keras.layers.Flatten()(x))
    late = keras.layers.BatchNormalization(name="late_bn")
    x = late(x)
    random = np.random.default_rng(0)
    late.set_weights([random.uniform(low, 1.5, 24) for low in (0.5, 0.1, 0.1, 0.5)])
    return keras.layers.Dense(4, name="end")(x)


def exponential(keras: Any, x: Any) -> Any:
    wide = keras.layers.Dense(
        64, kernel_initializer=keras.initializers.RandomNormal(stddev=3.0, seed=0), name="wide"
    )
    return keras.layers.Dense(4)(
        keras.layers.Activation("exponential", name="tails")(wide(keras.layers.Flatten()(x)))
    )


def pixels_beside_scores(keras: Any, x: Any) -> Any:
    x = keras.layers.Flatten()(x)
    scores = keras.layers.Dense(4, activation="sigmoid", name="score")(x)
    pixels = keras.layers.Rescaling(640.0, name="pixels")(
        keras.layers.Dense(4, activation="sigmoid", name="place")(x)
    )
    return keras.layers.Concatenate(name="joined")([pixels, scores])


def of_free_size(project: Project, folder: Path) -> Patient:
    def freed(model: Any) -> Any:
        import keras

        free = keras.Input((None, None, 3), name="image")
        fresh = keras.models.clone_model(model, input_tensors=free)
        fresh.set_weights(model.get_weights())
        return fresh

    return keras_model(project, folder, freed)


def kernel_changed(change: Any) -> Any:
    """Changes the largest kernel of the model."""

    def make(project: Project, folder: Path) -> Patient:
        def spoil(model: Any) -> None:
            variables = [
                one
                for one in model.trainable_weights
                if one.path.endswith("kernel") and len(one.shape) in (2, 4)
            ]
            variable = max(variables, key=lambda one: int(np.prod(one.shape)))
            variable.assign(change(variable.numpy().copy()))

        return keras_model(project, folder, spoil)

    return make


def one_large_channel(kernel: np.ndarray) -> np.ndarray:
    kernel[..., 1] *= 200
    return kernel


def beyond_float16(kernel: np.ndarray) -> np.ndarray:
    kernel.flat[0] = 3e5
    return kernel


MODEL = (
    Mistake("layer normalization", "M201", ending(normalized), ("fashion", "keywords", "pair")),
    Mistake("a matrix inverse", "M202", ending(inverted), ("fashion", "pair", "gestures")),
    Mistake("free height and width", "M203", of_free_size, ("segmentation",)),
    Mistake(
        "batch normalization behind ReLU",
        "M204",
        ending(batch_norm_behind_relu),
        ("fashion", "keywords", "pair"),
    ),
    Mistake("an exponential", "M205", ending(exponential), ("fashion", "keywords", "gestures")),
    Mistake("pixels beside scores", "M206", ending(pixels_beside_scores), ("fashion", "pair", "detection")),
    Mistake(
        "one large channel", "M207", kernel_changed(one_large_channel), ("fashion", "segmentation", "pair")
    ),
    Mistake(
        "weights beyond float16",
        "M208",
        kernel_changed(beyond_float16),
        ("keywords", "detection", "gestures"),
    ),
    Mistake("layer normalization, 16 bits", "M209", ending(normalized), ("fashion", "pair")),
)

# Files after conversion.


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


def cut_in_two(project: Project, folder: Path) -> Patient:
    """An operator without a kernel in XNNPACK stands in the middle."""

    def spoil(model: Any) -> None:
        graph = model.subgraphs[0]
        before = first_weighted(model, 0.5)
        (index,) = before.outputs
        import copy

        result = copy.deepcopy(graph.tensors[index])
        result.name = b"between"
        graph.tensors.append(result)
        between = copy.deepcopy(before)
        between.inputs, between.outputs = [index], [len(graph.tensors) - 1]
        between.builtinOptionsType, between.builtinOptions = 0, None
        spoiling.with_new_code(
            model,
            between,
            builtinCode=spoiling.schema.BuiltinOperator.SIGN,
            deprecatedBuiltinCode=127,
            version=1,
        )
        position = graph.operators.index(before) + 1
        for operator in graph.operators[position:]:
            operator.inputs = [between.outputs[0] if one == index else one for one in operator.inputs]
        graph.operators.insert(position, between)

    return lone(project, folder, "float32", spoil)


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
    Mistake("weights that are no numbers", "F302", not_finite_weights),
    Mistake("float32 called int8", "F303", float32_called_int8),
    Mistake("float inputs called int8", "F304", float_inputs_called_int8),
    Mistake(
        "a range too narrow",
        "F305",
        narrow_range,
        ("fashion", "keywords", "segmentation", "detection", "pair"),
    ),
    Mistake("weights all 0", "F306", blind),
    Mistake("scales unlike each other", "F307", unlike_scales),
    Mistake("an operator of version 99", "F308", too_new),
    Mistake(
        "an operator without kernel in the middle",
        "F309",
        cut_in_two,
        ("fashion", "keywords", "segmentation"),
    ),
    Mistake("no signature", "F311", unsigned),
    Mistake("an operator of one's own", "F313", custom),
    Mistake("a scale that is no number", "F314", no_scale),
    Mistake("weights negated", "F315", other_weights),
)

MISTAKES = DATA + MODEL + FILE
