"""Variants of a float .tflite: what ``TFLiteConverter`` does after its own first step, on a file made elsewhere.

float32 is the file itself. int8 and int16x8 go through TensorFlow's calibrator and quantizers, as in the
converter. float16 and dynamic, for which TensorFlow has no entry that begins with a .tflite, go through
litert-quantizer, with its recipe that follows TensorFlow's (only layers of 1024 weights and more).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgeq.convert.refusals import refusal
from edgeq.convert.shared_calibration import SharedCalibration
from edgeq.errors import ConversionError, MissingExtraError
from edgeq.sources.graph import first_line, import_tensorflow

if TYPE_CHECKING:
    from edgeq.convert.converter import CalibrationItems, Recipe


def make(
    content: bytes, recipe: Recipe, calibration: CalibrationItems | None, shared: SharedCalibration
) -> bytes:
    """Makes one variant; signature and names of the file stay.

    Args:
        content: the float .tflite.
        recipe: what to make.
        calibration: the items; None where the scheme needs none.
        shared: calibrators that variants have in common.

    Raises:
        ConversionError: a quantizer refuses.
        MissingExtraError: litert-quantizer is needed and not installed.
    """
    if recipe.needs_calibration:
        return _integers(content, recipe, calibration, shared)
    if "float16" in recipe.options.supported_types:
        return _with_litert_quantizer(content, lambda recipes: _FLOAT16)
    if recipe.options.optimize:
        return _with_litert_quantizer(content, lambda recipes: recipes.dynamic_legacy_wi8_afp32())
    return content


def _integers(
    content: bytes, recipe: Recipe, calibration: CalibrationItems | None, shared: SharedCalibration
) -> bytes:
    tf = import_tensorflow()
    if calibration is None:
        raise ConversionError("full-integer schemes need calibration data")
    if not shared.is_possible():
        raise ConversionError(
            f"TensorFlow {tf.__version__} is newer than what edgeq quantizes a .tflite with: convert the model "
            "that the file was made from, or update edgeq"
        )
    sixteen = any("INT16" in name for name in recipe.options.op_sets)
    io = tf.as_dtype(recipe.io)
    try:
        calibrator = shared.calibrated(content, calibration)
        return shared.quantize(
            calibrator,
            input_type=io,
            output_type=io,
            activations_type=tf.int16 if sixteen else tf.int8,
            bias_type=tf.int64 if sixteen else tf.int32,
        )
    except (ValueError, RuntimeError, TypeError) as error:
        raise ConversionError(refusal("the quantizer", error)) from error


_FLOAT16 = [
    {
        "regex": ".*",
        "operation": "*",
        "algorithm_key": "float_casting",
        "op_config": {
            "weight_tensor_config": {
                "num_bits": 16,
                "symmetric": True,
                "granularity": "TENSORWISE",
                "dtype": "FLOAT",
            },
            "compute_precision": "FLOAT",
            "explicit_dequantize": True,
            "skip_checks": False,
        },
    }
]
"""Weights in float16 with a DEQUANTIZE each, as TensorFlow's converter writes them."""


def _with_litert_quantizer(content: bytes, choose: Callable[[Any], Any]) -> bytes:
    try:
        from litert_quantizer import quantizer, recipe
    except ImportError as error:
        raise MissingExtraError(
            "float16 and dynamic of a .tflite need litert-quantizer, which", "optimize"
        ) from error
    tool = quantizer.Quantizer(content)
    try:
        tool.load_quantization_recipe(choose(recipe))
        return bytes(tool.quantize().quantized_model)
    except (ValueError, RuntimeError, KeyError, TypeError, NotImplementedError) as error:
        raise ConversionError(f"litert-quantizer refuses: {first_line(error)}") from error
