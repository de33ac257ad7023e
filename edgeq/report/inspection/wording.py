"""Tensors, shares and runtimes of an inspected file as people read them; the same in every format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from edgeq.inspection.structure import Constant, FloatIsland, Inspection, Layer, OperatorUse, RuntimeSupport
from edgeq.report.wording import count, decimal, enumeration, significant, size, visible
from edgeq.tflite.io import TensorInfo

_MOST_DIMENSIONS = 8
"""TensorFlow Lite's operators take at most 8 (BroadcastTo); a hostile file may say a million."""

_MOST_NAMES = 6
"""Names in a row that a person still reads; the rest is counted."""

_LONGEST_SENTENCE = 2_000
"""Characters; a runtime's refusal has a few hundred."""

_FACTORS = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3}


def shape(dimensions: Sequence[int]) -> str:
    """``[1, 28, 28, 1]``, with a question mark for an unknown dimension."""
    shown = ["?" if size < 0 else f"{size}" for size in dimensions[:_MOST_DIMENSIONS]]
    if len(dimensions) > _MOST_DIMENSIONS:
        shown.append("…")
    return f"[{', '.join(shown)}]"


def tensor(info: TensorInfo) -> str:
    """``int8[1, 28, 28, 1]``."""
    return f"{visible(info.dtype)}{shape(info.shape_signature or info.shape)}"


def number(value: float, digits: int = 4) -> str:
    """A scale or another real number; with an exponent where it is very small or large."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    return decimal(value, 0) if value == int(value) else significant(value, digits)


def quantization(info: TensorInfo) -> str:
    """``scale 0.003922, zero point −128``; empty where it is not quantized."""
    if info.scale is None or info.zero_point is None:
        return ""
    return f"scale {number(info.scale)}, zero point {decimal(info.zero_point, 0)}"


def amount(value: int) -> str:
    """``1.23 M``, for multiply-accumulates."""
    for unit, factor in _FACTORS.items():
        if value >= factor * 0.9995:
            return f"{significant(value / factor)} {unit}"
    return f"{value}"


def macs(inspection: Inspection) -> str:
    """``1.23 M``, or ``at least 1.23 M`` where a loop may take more turns than are counted."""
    return f"{'at least ' if inspection.macs_at_least else ''}{amount(inspection.macs)}"


def percent(part: float, whole: float) -> str:
    """A share as ``12 %``; empty of nothing."""
    if whole <= 0 or part <= 0:
        return ""
    share = 100 * part / whole
    return "< 0.1 %" if share < 0.05 else f"{decimal(share, 1)} %"


def precision(inspection: Inspection) -> str:
    """``int8 weights, int8 activations``."""
    weights = "no weights" if inspection.weights == "none" else f"{visible(inspection.weights)} weights"
    return f"{weights}, {visible(inspection.activations)} activations"


def scheme(inspection: Inspection) -> str:
    """``int8``, or that the file has no scheme of edgeq's."""
    return inspection.scheme or "no known scheme"


def versions(numbers: Sequence[int]) -> str:
    """``2`` or ``1, 3``."""
    return listed([f"{one}" for one in numbers])


def precisions(use: OperatorUse | Mapping[str, int]) -> str:
    """``int8``, or ``int8 ×3, float32 ×2`` where an operator computes in several."""
    counts = use.precisions if isinstance(use, OperatorUse) else use
    if len(counts) == 1:
        return visible(next(iter(counts)))
    return ", ".join(f"{visible(name)} ×{n}" for name, n in counts.items())


def operator(layer: Layer) -> str:
    """The operator, and its kind where it is no builtin one."""
    name = visible(layer.operator)
    return name if layer.kind == "builtin" else f"{name} ({visible(layer.kind)})"


def main_weights(layer: Layer) -> Constant | None:
    """The first of its weights; None where it has none."""
    return next((constant for constant in layer.constants if constant.role == "weights"), None)


def granularity(constant: Constant) -> str:
    """``per channel``, ``per tensor``, or empty where it is not quantized."""
    if constant.scales > 1:
        return "per channel"
    return "per tensor" if constant.scales == 1 else ""


def weights(layer: Layer) -> str:
    """``int8 per channel``; empty where a layer has no weights."""
    found = main_weights(layer)
    return "" if found is None else f"{visible(found.dtype)} {granularity(found)}".rstrip()


def constant(one: Constant) -> str:
    """A constant in one line: ``weights int8[32, 3, 3, 3], 32 scales on axis 0, 0.0012 to 0.034, 864 B``."""
    parts = [f"{visible(one.role)} {visible(one.dtype)}{shape(one.shape)}"]
    if one.scales > 1:
        axis = "" if one.dimension is None else f" on axis {one.dimension}"
        parts.append(f"{one.scales:,} scales{axis}, {_scales(one)}")
    elif one.scales == 1:
        parts.append(f"scale {_scales(one)}")
    parts.append(size(one.size_bytes))
    return ", ".join(parts)


def _scales(one: Constant) -> str:
    if one.least_scale is None or one.largest_scale is None:
        return "unknown"
    if one.least_scale == one.largest_scale:
        return number(one.least_scale)
    return f"{number(one.least_scale)} to {number(one.largest_scale)}"


def delegated(layer: Layer) -> str:
    """``✓`` for what a delegate took, ``✗`` for what it left, empty where that is unknown."""
    return "" if layer.delegated is None else "✓" if layer.delegated else "✗"


def listed(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """``a, b, c`` with at most so many names, and how many more there are."""
    shown = ", ".join(map(visible, names[:most]))
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def support(one: RuntimeSupport) -> str:
    """``LiteRT 1.0.1 or newer``, or why a runtime cannot or may not run the file."""
    name, reason = visible(one.runtime), visible(one.reason)
    if one.runs:
        return f"{name} {visible(one.least_version)} or newer" if one.least_version else name
    if one.runs is None:
        return f"{name}: unknown{f': {reason}' if reason else ''}"
    return f"not {name}{f': {reason}' if reason else ''}"


def run(inspection: Inspection) -> str:
    """How the file ran here: ``litert 2.3.0, XNNPACK takes 15 of 16 operators in 2 parts``."""
    ran = inspection.run
    if ran is None:
        return "not run"
    where = " ".join(filter(None, [visible(ran.runtime), visible(ran.version)]))
    if ran.error is not None:
        return f"{where}: refused" if where else "refused"
    if ran.delegated is None or ran.operators is None:
        return where
    if not ran.delegated:
        return f"{where}, no delegate takes any of {count(ran.operators, 'operator')}"
    pieces = "" if ran.partitions is None else f" in {count(ran.partitions, 'part')}"
    return f"{where}, {visible(ran.delegate)} takes {ran.delegated:,} of {ran.operators:,} operators{pieces}"


def delegation(inspection: Inspection) -> str:
    """``15/16``, empty where the file was not run or the runtime does not say."""
    ran = inspection.run
    if ran is None or ran.delegated is None or ran.operators is None:
        return ""
    return f"{ran.delegated}/{ran.operators}"


def arena(inspection: Inspection) -> str:
    """Memory of activations: as planned, and as allocated where the file was run."""
    planned = f"{size(inspection.arena_bytes)} arena of activations"
    ran = inspection.run
    if ran is None or ran.arena_bytes is None:
        return planned
    return f"{planned} as planned, {size(ran.arena_bytes)} as allocated here without a delegate"


def island(one: FloatIsland, layers: Mapping[tuple[int, int], Layer]) -> str:
    """A float island in one line: its layers, and the tensors that lead into it and out of it."""
    members = [
        f"{visible(layers[place].name)} ({visible(layers[place].operator)})"
        for place in one.layers
        if place in layers
    ]
    text = f"{count(len(one.layers), 'operator')}: {listed(members)}"
    if one.entries:
        text += f"; from {listed(one.entries, 3)}"
    if one.exits:
        text += f"; to {listed(one.exits, 3)}"
    return f"{text}. {visible(one.cause)}".rstrip()


def visible_sentence(text: str) -> str:
    """A sentence in one line, however long, with what steers a terminal as an escape; see `visible`."""
    return "".join(char if char.isprintable() else visible(char) for char in text[:_LONGEST_SENTENCE])


__all__ = ["count", "decimal", "enumeration", "significant", "size", "visible"]
