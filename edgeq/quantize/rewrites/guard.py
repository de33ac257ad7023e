"""Refuses a rewrite of the float graph that changes what it computes."""

from __future__ import annotations

import numpy as np

from edgeq.errors import ConversionError
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.local_run import Floats, LocalModel
from edgeq.quantize.output_error import watched_tensors

TOLERANCE = 1e-4
"""Largest difference, in parts of what the values of an output span.

Float32 keeps 24 bits: other orders of summation move outputs by about 1e-6 of their span, more in deep networks, for
errors grow with the square root of the number of terms and layers. One step of eight bits is 4e-3 of the span.
"""

_ITEMS = 16
"""A wrong rewrite is wrong for nearly every item; this many take a moment."""


def require_equal(before: bytes, after: bytes, items: CalibrationItems) -> float:
    """Runs two float32 files on some calibration items and compares outputs, logits in place of probabilities.

    Args:
        before: the file as it was.
        after: the rewritten one; outputs and logits have the names that they had.
        items: of which the first 16 are run.

    Returns:
        The largest difference, in parts of the span of its output.

    Raises:
        ConversionError: outputs differ by more than float rounding, or are no finite numbers.
        ModelError: the runtime refuses a file.
    """
    inputs = items.first(_ITEMS).inputs()
    watched = [tensor.name for tensor in watched_tensors(before)]
    old, new = LocalModel(before), LocalModel(after)
    lost = [name for name in watched if not new.has(name)]
    if lost:
        raise ConversionError(f"output {lost[0]!r} is gone: expected the outputs of the float model")
    wanted, found = old.activations(watched, inputs), new.activations(watched, inputs)
    return max(_difference(name, wanted[name], found[name]) for name in watched)


def _difference(name: str, wanted: Floats, found: Floats) -> float:
    if wanted.shape != found.shape:
        raise ConversionError(f"output {name!r}: expected {wanted.shape}, found {found.shape}")
    if not (np.isfinite(wanted).all() and np.isfinite(found).all()):
        raise ConversionError(
            f"output {name!r} is not finite on calibration items: equality cannot be checked"
        )
    if not wanted.size:
        return 0.0
    # A constant output spans nothing: its size is the measure then.
    span = float(np.ptp(wanted.astype(np.float64))) or float(np.abs(wanted).max()) or 1.0
    difference = float(np.abs(wanted.astype(np.float64) - found).max()) / span
    if difference > TOLERANCE:
        raise ConversionError(
            f"output {name!r} moved by {difference:.1e} of its span: expected at most {TOLERANCE:.0e}, float rounding"
        )
    return difference
