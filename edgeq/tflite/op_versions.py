"""Which version of a runtime is the first that has an operator in a version.

A converter gives an operator a higher version when it uses something that older runtimes do not have; a runtime
refuses a file with a version above its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edgeq.tflite.model import OperatorCode

# The facts of ``FindMinimumRuntimeVersionForOp`` in
# tensorflow/compiler/mlir/lite/tools/versioning/runtime_version.cc of TensorFlow, at 2.23: the TensorFlow that has
# version 1, 2, 3 … of an operator; a dash for a version that no release has. On tflite-runtime 2.14.0 every entry
# up to 2.14.0 was found to be there, and none above.
_TENSORFLOW_TEXT = """
    ABS 1.13 2.4 2.5 2.6 2.12; ADD 1.5 1.14 2.4 2.6 2.13 2.23; ADD_N 1.14; ARG_MAX 1.9 1.14 2.9;
    ARG_MIN 1.9 1.14 2.9; ASSIGN_VARIABLE 2.6; ATAN2 2.10; AVERAGE_POOL_2D 1.5 1.14 2.3;
    BATCH_MATMUL 2.3 2.3 2.4 2.5; BATCH_TO_SPACE_ND 1.6 1.14 2.3 2.12;
    BIDIRECTIONAL_SEQUENCE_LSTM 1.14 1.14 1.14; BIDIRECTIONAL_SEQUENCE_RNN 1.14 1.14 2.3; BITCAST 2.13;
    BITWISE_XOR 2.13; BROADCAST_ARGS 2.6; BROADCAST_TO - 2.5 2.5; BUCKETIZE 2.8; CALL_ONCE 2.5;
    CAST 1.5 2.7 2.8 2.9 2.12 2.15 2.17 2.21; CEIL 1.14; COMPLEX_ABS 2.5; CONCATENATION 1.5 1.14 2.3 2.14 2.21;
    CONV_2D 1.5 1.14 1.14 2.3 2.4 2.9 2.11 2.15; CONV_3D 2.5; CONV_3D_TRANSPOSE 2.6; COS 1.14; CUMSUM 2.4;
    DENSIFY 2.2; DEPTHWISE_CONV_2D 1.5 1.12 1.14 2.2 2.3 2.3 2.11; DEPTH_TO_SPACE 2.1 2.5;
    DEQUANTIZE 1.13.1 1.14 1.15 2.2 2.7 2.18 2.21 2.22; DILATE 2.15; DIV 1.6 2.3;
    DYNAMIC_UPDATE_SLICE 2.9 2.17 2.19 2.20 2.21 2.22; ELU 1.14; EMBEDDING_LOOKUP 1.13 1.14 1.14 2.18 2.21;
    EMBEDDING_LOOKUP_SPARSE 1.5; EQUAL 1.14 1.14 2.3 2.13 2.21; EXP 1.7 2.12; EXPAND_DIMS 1.10;
    FAKE_QUANT 1.5 1.10; FILL 1.13 2.3 2.5 2.12; FLOOR 1.9; FLOOR_DIV 1.14 1.14 2.13; FLOOR_MOD 1.13 2.13;
    FULLY_CONNECTED 1.5 1.10 1.14 1.14 2.0 2.1 2.3 2.3 2.3 2.11 2.15 2.17 2.18 2.21;
    GATHER 1.6 1.14 1.15 2.4 2.5 2.13 2.15; GATHER_ND 1.14 2.3 2.5 2.13 2.16; GELU 2.9 2.9; GREATER 1.14 1.14;
    GREATER_EQUAL 1.14 1.14 2.13; HARD_SWISH 1.15; HASHTABLE 2.5; HASHTABLE_FIND 2.5; HASHTABLE_IMPORT 2.5;
    HASHTABLE_LOOKUP 1.5; HASHTABLE_SIZE 2.5; IF 1.15; IMAG 2.5; L2_NORMALIZATION 1.5 1.14; L2_POOL_2D 1.5;
    LEAKY_RELU 1.13.1 2.3; LESS 1.14 1.14 2.13; LESS_EQUAL 1.14 1.14; LOCAL_RESPONSE_NORMALIZATION 1.5;
    LOG 1.14 2.15; LOGICAL_AND 1.11; LOGICAL_NOT 1.11; LOGICAL_OR 1.11; LOGISTIC 1.14 1.14 2.3;
    LOG_SOFTMAX 1.14 1.14; LSH_PROJECTION 1.5; LSTM 1.7 1.10 1.14 2.3; MATRIX_DIAG 1.14; MATRIX_SET_DIAG 1.14;
    MAXIMUM 1.14 1.14 2.3 2.3; MAX_POOL_2D 1.5 1.14 2.3; MEAN 1.6 1.14 2.4; MINIMUM 1.14 1.14 2.3 2.3;
    MIRROR_PAD 1.13.1 2.3 2.12; MUL 1.5 1.14 1.15 2.3 2.6 2.11 2.13 2.23; MULTINOMIAL 2.8; NEG 1.9;
    NON_MAX_SUPPRESSION_V4 2.1; NON_MAX_SUPPRESSION_V5 2.1; NOT_EQUAL 1.14 1.14 2.3 2.21; ONE_HOT 1.11;
    PACK 1.11 1.14 2.3 2.13; PAD 1.5 1.14 2.4 2.6 2.20; PADV2 1.9 1.14 2.4 2.6 2.20; POW 1.10; PRELU 1.8;
    QUANTIZE 1.14 1.15 2.7 2.21 2.21 2.21; RANDOM_STANDARD_NORMAL 2.8; RANDOM_UNIFORM 2.8; RANGE 1.13 2.14;
    RANK 1.14; READ_VARIABLE 2.6; REAL 2.5; REDUCE_ALL 2.6; REDUCE_ANY 1.11; REDUCE_MAX 1.11 1.14 2.5;
    REDUCE_MIN 1.11 1.14 2.5; REDUCE_PROD 1.11 2.6; REDUCE_WINDOW 2.15; RELU 1.5 2.1 2.5; RELU6 1.5 1.14 2.5;
    RELU_0_TO_1 2.10; RELU_N1_TO_1 1.5; RESHAPE 1.5; RESIZE_BILINEAR 1.7 1.14 2.2 2.5;
    RESIZE_NEAREST_NEIGHBOR 1.13.1 1.14 2.3 2.4; REVERSE_SEQUENCE 1.14; REVERSE_V2 1.14 2.2 2.5; RFFT2D 2.5;
    RIGHT_SHIFT 2.13; RNN 1.5 1.14 2.3; ROUND 1.14; RSQRT 1.10 2.5 2.15; SCATTER_ND 2.1; SEGMENT_SUM 2.2;
    SELECT 1.14 1.14 2.12 2.12; SELECT_V2 2.2 2.12; SHAPE 1.10; SIGN 2.11 2.12; SIN 1.9; SKIP_GRAM 1.5;
    SLICE 1.14 1.14 1.14 2.4 2.5 2.14 2.21; SOFTMAX 1.5 1.14 2.3; SPACE_TO_BATCH_ND 1.6 1.14 2.3 2.12;
    SPACE_TO_DEPTH 1.5 1.14; SPARSE_TO_DENSE 1.9 1.14 1.15; SPLIT 1.5 1.14 1.14 2.3; SPLIT_V 1.13.1 2.3;
    SQRT 1.10 2.21; SQUARE 1.12; SQUARED_DIFFERENCE 1.13.1 2.5; SQUEEZE 1.6 2.5; STABLEHLO_ADD 2.16;
    STABLEHLO_AND 2.17; STABLEHLO_CASE 2.17; STABLEHLO_CBRT 2.17; STABLEHLO_COMPOSITE 2.17;
    STABLEHLO_GATHER 2.16; STABLEHLO_MAXIMUM 2.16; STABLEHLO_MINIMUM 2.16; STABLEHLO_MULTIPLY 2.16;
    STABLEHLO_PAD 2.16; STABLEHLO_REDUCE_WINDOW 2.16; STABLEHLO_RNG_BIT_GENERATOR 2.15; STABLEHLO_SCATTER 2.15;
    STABLEHLO_SHIFT_LEFT 2.17; STRIDED_SLICE 1.6 1.14 2.1 2.2 2.5 2.6 2.14 2.14; SUB 1.6 1.14 2.3 2.4 2.4;
    SUM 1.10 1.15; SVDF 1.5 1.14 2.2 2.3; TANH 1.14 1.14 2.3; TILE 1.10.1 2.2 2.8; TOPK_V2 1.7 1.14 2.13;
    TRANSPOSE 1.6 1.14 1.15 2.3 2.4 2.12 2.14.4 2.22; TRANSPOSE_CONV 1.9 2.2 2.3 2.13 2.15;
    UNIDIRECTIONAL_SEQUENCE_LSTM 1.13.1 1.14 2.3 2.12; UNIDIRECTIONAL_SEQUENCE_RNN 1.14 1.14 2.3; UNIQUE 1.14;
    UNPACK 1.11 1.14 2.2 2.3 2.22; UNSORTED_SEGMENT_MAX 2.10; UNSORTED_SEGMENT_MIN 2.11;
    UNSORTED_SEGMENT_PROD 2.10; UNSORTED_SEGMENT_SUM 2.10; VAR_HANDLE 2.6; WHERE 1.14 2.8; WHILE 1.15;
    ZEROS_LIKE 1.12
"""

# Measured with the wheels of ai-edge-litert on x86_64 (all releases from 1.0.1 to 2.3.0 but 2.1.2), of which each was
# given files that use one operator in one version: 1.0.1 has all of TensorFlow up to 2.18 but what is listed here
# under later releases; nothing is ever taken away.
_LITERT_BASE: Final = ("1.0.1", "2.18.0")
_LITERT_TEXT = {
    "1.1.0": "CAST 7; DYNAMIC_UPDATE_SLICE 3; STABLEHLO_AND 1; STABLEHLO_CASE 1; STABLEHLO_SHIFT_LEFT 1",
    "1.2.0": "TRANSPOSE 7",
    "1.3.0": "DYNAMIC_UPDATE_SLICE 4",
    "2.0.2": "PAD 5; PADV2 5; SQRT 2",
    "2.1.0": "CAST 8; DEQUANTIZE 7; EQUAL 5; FULLY_CONNECTED 14; NOT_EQUAL 4; QUANTIZE 4; SLICE 7",
    "2.1.3": "CONCATENATION 5; DEQUANTIZE 8; DYNAMIC_UPDATE_SLICE 5; EMBEDDING_LOOKUP 5; QUANTIZE 5; QUANTIZE 6; "
    "UNPACK 5",
    "2.1.6": "ADD 6; CONCATENATION 6; COS 2; DYNAMIC_UPDATE_SLICE 6; GELU 3; MUL 8; SIN 2; SLICE 8; SOFTMAX 4; "
    "TRANSPOSE 8; TRANSPOSE 9",
    "2.2.0": "BROADCAST_TO 4; CAST 9; CONCATENATION 7; DEQUANTIZE 9; FILL 5; GATHER 8; GATHER_ND 6; PACK 5; PAD 6; "
    "PADV2 6; REVERSE_V2 4; SPLIT 5; SPLIT_V 3; UNPACK 6",
}
_LITERT_LACKS = frozenset({("STABLEHLO_CBRT", 1)})
LITERT_MEASURED: Final = "2.3.0"
"""The last release of LiteRT that was measured."""

REGISTERED_CUSTOM: Final = frozenset({"TFLite_Detection_PostProcess", "Mfcc", "AudioSpectrogram"})
"""Custom operators that every runtime brings along (``BuiltinOpResolver`` of tensorflow/lite/core/kernels)."""


def version_key(version: str) -> tuple[int, ...]:
    """A version to compare by; what is no number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


def least_tensorflow(operator: str, version: int) -> str | None:
    """The first TensorFlow whose TensorFlow Lite has a builtin operator; None where the table does not know.

    Args:
        operator: its name, such as ``CONV_2D``.
        version: of the operator.
    """
    versions = _TENSORFLOW.get(operator, ())
    found = versions[version - 1] if 0 < version <= len(versions) else "-"
    return None if found == "-" else found


def least_litert(operator: str, version: int) -> str | None:
    """The first LiteRT that has a builtin operator, of the measured ones; None where none is known to."""
    key = (operator, version)
    if key in _LITERT:
        return _LITERT[key]
    tensorflow = least_tensorflow(operator, version)
    if tensorflow is None or key in _LITERT_LACKS:
        return None
    first, has = _LITERT_BASE
    return first if version_key(tensorflow) <= version_key(has) else None


@dataclass(frozen=True)
class Requirement:
    """What all operators of a file need of a runtime.

    Attributes:
        version: the least that has all of them; None where there is an unknown one or none has them all.
        because: the operator that needs it, such as ``FULLY_CONNECTED version 12``; empty without operators.
        unknown: operators that no release is known to have, in the order of the file.
    """

    version: str | None
    because: str
    unknown: tuple[str, ...]


def tensorflow_requirement(codes: Iterable[OperatorCode]) -> Requirement:
    """What builtin operators need of TensorFlow Lite; custom ones are passed over."""
    return _requirement((code, least_tensorflow(code.name, code.version)) for code in codes)


def litert_requirement(codes: Iterable[OperatorCode]) -> Requirement:
    """What builtin operators need of LiteRT; custom ones are passed over."""
    return _requirement((code, least_litert(code.name, code.version)) for code in codes)


def _requirement(found: Iterable[tuple[OperatorCode, str | None]]) -> Requirement:
    version, because, unknown = None, "", []
    for code, least in found:
        if code.custom_code is not None:
            continue
        label = f"{code.name} version {code.version}"
        if least is None:
            unknown.append(label)
        elif version is None or version_key(least) > version_key(version):
            version, because = least, label
    return Requirement(None if unknown else version, because, tuple(dict.fromkeys(unknown)))


def _tensorflow_table(text: str) -> dict[str, tuple[str, ...]]:
    entries = (entry.split() for entry in text.replace("\n", " ").split(";"))
    return {
        entry[0]: tuple(
            version if version == "-" or version.count(".") == 2 else f"{version}.0" for version in entry[1:]
        )
        for entry in entries
    }


def _litert_table(texts: Mapping[str, str]) -> dict[tuple[str, int], str]:
    return {
        (entry.split()[0], int(entry.split()[1])): release
        for release, text in texts.items()
        for entry in text.split(";")
    }


_TENSORFLOW: Final = _tensorflow_table(_TENSORFLOW_TEXT)
_LITERT: Final = _litert_table(_LITERT_TEXT)
