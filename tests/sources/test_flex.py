from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tensorflow as tf
from keras import layers

from edgeq.convert.examine import examine_target
from edgeq.data.dataset import ArrayDataset
from edgeq.doctor.rule import WARNING
from edgeq.errors import ConversionError
from edgeq.tflite.model import read_model

pytestmark = pytest.mark.tensorflow


class Inverse(layers.Layer):
    """Has no operator in TensorFlow Lite."""

    def call(self, matrices: Any) -> Any:
        return tf.linalg.inv(matrices + 10.0 * tf.eye(3))


class Unknown(layers.Layer):
    """Has none among the Flex operators either."""

    def call(self, x: Any) -> Any:
        return tf.math.betainc(tf.abs(x) + 1.0, tf.abs(x) + 2.0, tf.sigmoid(x))


def model_with(*own: layers.Layer) -> Any:
    keras.utils.set_random_seed(0)
    matrices = keras.Input((3, 3), name="matrices")
    hidden = matrices
    for layer in own:
        hidden = layer(layers.Dense(3, name=f"before_{layer.name}")(hidden))
    return keras.Model(matrices, layers.Dense(400, name="scores")(hidden), name="flexible")


def test_without_the_flag_the_operator_and_the_flag_are_named(convert: Callable[..., Any]) -> None:
    with pytest.raises(ConversionError, match=r"\(MatrixInverse\): --allow-flex keeps them"):
        convert(model_with(Inverse()))


def test_an_operator_that_no_flag_helps_is_named(convert: Callable[..., Any]) -> None:
    with pytest.raises(ConversionError, match="operators that TensorFlow Lite does not know: Betainc"):
        convert(model_with(Unknown()), allow_flex=True)


def test_with_the_flag_files_are_made_run_in_parts_and_said_to_need_the_delegate(
    convert: Callable[..., Any],
) -> None:
    model = model_with(Inverse(), Inverse())
    matrices = np.random.default_rng(0).uniform(-1, 1, (120, 3, 3)).astype(np.float32)
    conversion = convert(
        model, ArrayDataset({"matrices": matrices}), allow_flex=True, schemes=("float16", "dynamic", "int8")
    )
    variants = {variant.name: variant for variant in conversion.bundle.manifest.variants}
    assert set(variants) == {"float32", "float16", "dynamic"}
    for variant in variants.values():
        flex = [op for op in read_model(conversion.bundle.path(variant)).subgraphs[0].operators if op.is_flex]
        assert [op.name for op in flex] == ["FlexMatrixInverse"] * 2
        assert variant.needs_flex
        assert "litert" in variant.check.kernel_path
        assert "tensorflow" in variant.check.kernel_path
    assert variants["float32"].check.sqnr_db > 100
    assert variants["float16"].check.sqnr_db > 40

    (warning,) = [text for text in conversion.warnings if "Flex" in text]
    assert "(MatrixInverse)" in warning
    assert "the app must link the Flex delegate" in warning

    (failure,) = conversion.failures
    assert failure.name == "int8"
    assert "this TensorFlow has no Flex delegate" in failure.reason

    # Who asked for them is reminded and not told of an error.
    examination = examine_target(conversion.bundle.folder, select=["M202", "F301", "F302", "F313"])
    assert [(one.rule.code, one.severity) for one in examination.diagnoses] == [("F313", WARNING)] * 3
    assert examination.failed == ()


def test_the_check_in_parts_notices_other_weights(
    convert: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeq.convert import flex

    original = flex._in_tensorflow

    def wrong(*arguments: Any) -> Any:
        return {index: 1.1 * value for index, value in original(*arguments).items()}

    monkeypatch.setattr(flex, "_in_tensorflow", wrong)
    with pytest.raises(ConversionError, match=r"dB from the source model's"):
        convert(model_with(Inverse()), allow_flex=True, schemes=("float32",))


def test_a_file_without_flex_operators_is_not_said_to_need_them(convert: Callable[..., Any]) -> None:
    conversion = convert(model_with(), allow_flex=True, schemes=("float32",))
    assert not conversion.bundle.manifest.variants[0].needs_flex
    assert conversion.warnings == ()


def test_a_constant_that_is_stored_in_float16_reaches_its_flex_operator(convert: Callable[..., Any]) -> None:
    class Contrast(layers.Layer):
        def call(self, images: Any) -> Any:
            return tf.image.adjust_contrast(images, 2.0)

    image = keras.Input((4, 4, 3), name="image")
    model = keras.Model(image, layers.Dense(3)(layers.Flatten()(Contrast()(image))))
    conversion = convert(model, allow_flex=True, schemes=("float16",))
    assert conversion.failures == ()
    assert all(variant.needs_flex for variant in conversion.bundle.manifest.variants)
