"""What the name of a file says of its scheme."""

from __future__ import annotations

import re

from edgeq.schemes import SCHEMES
from edgeq.tflite.precision import Precision

# In order: a name may hold several, and the longer one says more. The endings are those of edgeq itself, of
# onnx2tf, of Ultralytics' exports and of TensorFlow's own model pages.
_ENDINGS = (
    ("int16x8", r"integer_quant_with_int16_act|int16x8|16x8|int8w_int16a"),
    ("dynamic", r"dynamic_range_quant|dynamic_range|dynamic|drq"),
    ("int8", r"full_integer_quant|integer_quant|int8|full_int8|w8a8"),
    ("float16", r"float16|fp16|f16"),
    ("float32", r"float32|fp32|f32"),
)
_IO = re.compile(r"[-_.]io[-_.](?:u?int8|int16|float32)$")

_UINT8 = re.compile(r"(?:^|[-_. ])uint8$")


def claimed_scheme(name: str) -> str | None:
    """The scheme that a file's name claims, such as ``int8`` of ``photos.int8-io-uint8.tflite``; None for none.

    Only words of their own count, and of several the last: ``int8_detector.float16.tflite`` claims float16. Beside
    another word, ``uint8`` is the type of the interface; alone, it says that the file computes in 8-bit integers.
    """
    stem = _IO.sub("", re.sub(r"\.(?:tflite|lite)$", "", name.lower()))
    exact = stem.rpartition(".")[2]
    if any(scheme.name == exact for scheme in SCHEMES):
        return exact
    found = [
        (match.end(), len(match[1]), scheme)
        for scheme, words in _ENDINGS
        for match in re.finditer(rf"(?:^|[-_. ])({words})(?=$|[-_. ])", stem)
    ]
    if found:
        return max(found)[2]
    return "int8" if _UINT8.search(stem) else None


def is_claim_kept(claimed: str, scheme: str | None, precision: Precision) -> bool:
    """Whether a file is what its name claims.

    Args:
        claimed: as `claimed_scheme` returns it.
        scheme: what the file really is; None where it is no known scheme.
        precision: of the file.
    """
    if scheme == claimed:
        return True
    # Other makers call uint8 int8, as both are 8-bit integers throughout.
    return claimed == "int8" and precision.activations == "uint8" and precision.weights in ("uint8", "none")
