"""Names of TensorFlow Lite's schema: tensor types and operators.

The numbers come from the `tflite` package, which is generated from the schema of TensorFlow 2.18; what
later schemas added stands here. What is unknown still gets a name, so that a file of a newer converter
can be read.
"""

from __future__ import annotations

from typing import Final

from tflite.BuiltinOperator import BuiltinOperator
from tflite.TensorType import TensorType

IDENTIFIER: Final = b"TFL3"
"""Bytes 4 to 7 of every file."""

CUSTOM: Final = BuiltinOperator.CUSTOM

_NEWER_TYPES = {19: "int2", 20: "uint4", 21: "float8_e4m3fn", 22: "float8_e5m2"}
_NEWER_OPERATORS = {209: "STABLEHLO_CASE"}

_TYPES: dict[int, str] = _NEWER_TYPES | {
    number: name.lower() for name, number in vars(TensorType).items() if not name.startswith("_")
}
_OPERATORS: dict[int, str] = _NEWER_OPERATORS | {
    number: name for name, number in vars(BuiltinOperator).items() if not name.startswith("_")
}

BITS: Final = {
    "int2": 2, "int4": 4, "uint4": 4,
    "int8": 8, "uint8": 8, "bool": 8, "float8_e4m3fn": 8, "float8_e5m2": 8,
    "int16": 16, "uint16": 16, "float16": 16, "bfloat16": 16,
    "int32": 32, "uint32": 32, "float32": 32,
    "int64": 64, "uint64": 64, "float64": 64, "complex64": 64,
    "complex128": 128,
}  # fmt: skip
"""Bits of one element in a buffer, for the types whose elements have a fixed size."""


def dtype_name(number: int) -> str:
    """Name of a tensor type as in numpy where numpy has it, such as ``int8``, ``int4`` or ``string``."""
    return _TYPES.get(number, f"type_{number}")


def operator_name(number: int) -> str:
    """Name of a builtin operator, such as ``CONV_2D``; ``OP_<number>`` where it is unknown."""
    return _OPERATORS.get(number, f"OP_{number}")
