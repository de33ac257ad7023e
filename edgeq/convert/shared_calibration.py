"""Runs the calibration once for all integer variants of a float model, and quantizes from it.

``TFLiteConverter`` runs the representative dataset anew for each variant, and twice for int16x8. That is
nearly all the time that a full-integer conversion takes, and the results are equal: the calibrator sees the
same float model each time. Here its quantization step is replaced by one that keeps the calibrator of each
float model that it has seen. The files are the same to the byte (there is a test for it).

This relies on TensorFlow's private interface. Where that is not what it was in the versions that this was
written for, nothing is replaced and the converter calibrates as often as it likes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

_KNOWN_VERSIONS = ("2.19", "2.20", "2.21", "2.22")


def is_known_version() -> bool:
    """Whether this is a version of TensorFlow whose private interface is known here."""
    import tensorflow as tf

    return ".".join(tf.__version__.split(".")[:2]) in _KNOWN_VERSIONS


class SharedCalibration:
    """Calibrators by the digest of the float model that they ran."""

    def __init__(self) -> None:
        self._calibrators: dict[str, Any] = {}

    def is_possible(self) -> bool:
        """Whether this version of TensorFlow has the private interface that is needed."""
        if not is_known_version():
            return False
        try:
            from tensorflow.lite.python import convert
            from tensorflow.lite.python.optimize import calibrator

            required = (
                convert.mlir_quantize,
                calibrator.add_intermediate_tensors,
                calibrator.Calibrator._feed_tensors,
            )
        except (ImportError, AttributeError):
            return False
        return all(callable(function) for function in required)

    def install(self, converter: Any) -> bool:
        """Makes a converter use what is kept here.

        Args:
            converter: a ``TFLiteConverter`` with its representative dataset set.

        Returns:
            Whether it was possible with this version of TensorFlow.
        """
        if not self.is_possible() or not callable(getattr(converter, "_quantize", None)):
            return False
        converter._quantize = _Quantize(converter, self)
        return True

    def calibrated(self, float_model: bytes, items: Callable[[], Iterator[list[Any]]]) -> Any:
        """The native calibrator that has seen all items for this float model.

        Args:
            float_model: a .tflite.
            items: returns an iterator over lists of arrays in the order of the model's inputs.
        """
        from tensorflow.lite.python.optimize import calibrator

        model = calibrator.add_intermediate_tensors(float_model)
        key = hashlib.sha256(model).hexdigest()
        if key not in self._calibrators:
            wrapper = calibrator.Calibrator(model)
            wrapper._feed_tensors(items, True)
            # The wrapper is kept whole: it owns the model's memory.
            self._calibrators[key] = wrapper
        return self._calibrators[key]._calibrator

    def quantize(
        self,
        calibrator: Any,
        *,
        input_type: Any,
        output_type: Any,
        activations_type: Any,
        bias_type: Any,
        allow_float: bool = False,
        variables: bool = False,
        per_tensor: bool = False,
        per_tensor_dense: bool = False,
        debug_options: bytes = b"",
    ) -> bytes:
        """What TensorFlow does after calibration; arguments as its converter has them, types as ``tf`` dtypes.

        Args:
            calibrator: from `calibrated`.
            input_type: of the file's inputs.
            output_type: of the file's outputs.
            activations_type: int8 or int16.
            bias_type: int32 or int64.
            allow_float: whether operators may stay in float; int16 only, int8 always lets them.
            variables: whether resource variables are quantized.
            per_tensor: one scale for a layer's weights instead of one a channel.
            per_tensor_dense: likewise for dense layers only.
            debug_options: a serialised message of the converter.
        """
        import numpy as np
        import tensorflow as tf
        from tensorflow.lite.python.convert import mlir_quantize

        def number(dtype: Any) -> int:
            return int(np.dtype(dtype.as_numpy_dtype()).num)

        quantized: bytes
        if activations_type != tf.int16:
            quantized = mlir_quantize(
                calibrator.Calibrate(),
                per_tensor,
                input_data_type=input_type,
                output_data_type=output_type,
                enable_variable_quantization=variables,
                disable_per_channel_for_dense_layers=per_tensor_dense,
                debug_options_str=debug_options,
            )
        else:
            # 16-bit activations go through the older quantizer, as in TensorFlow itself.
            quantized = calibrator.QuantizeModel(
                number(input_type),
                number(output_type),
                allow_float,
                number(activations_type),
                number(bias_type),
                per_tensor,
                per_tensor_dense,
            )
        return quantized


class _Quantize:
    """Stands in for ``TFLiteConverter._quantize``, of which it has the arguments."""

    def __init__(self, converter: Any, shared: SharedCalibration) -> None:
        self._converter = converter
        self._shared = shared

    def __call__(
        self,
        result: bytes,
        input_type: Any,
        output_type: Any,
        activations_type: Any,
        bias_type: Any,
        allow_float: bool,
        enable_variable_quantization: bool,
        debug_options: Any,
    ) -> bytes:
        converter = self._converter
        return self._shared.quantize(
            self._shared.calibrated(result, converter.representative_dataset),
            input_type=input_type,
            output_type=output_type,
            activations_type=activations_type,
            bias_type=bias_type,
            allow_float=allow_float,
            variables=enable_variable_quantization,
            per_tensor=converter._experimental_disable_per_channel,
            per_tensor_dense=converter._experimental_disable_per_channel_quantization_for_dense_layers,
            debug_options=debug_options.SerializeToString(),
        )
