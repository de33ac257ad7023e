"""Rewrites a float32 file so that it quantizes better and computes the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgeq.errors import ConversionError, ModelError, UsageError
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.recipe import REWRITES
from edgeq.quantize.rewrites.equalization import equalize
from edgeq.quantize.rewrites.gate_scales import count_gates, scale_gates
from edgeq.quantize.rewrites.gates import hard_swish_to_product
from edgeq.quantize.rewrites.guard import require_equal
from edgeq.quantize.rewrites.pooling import pool_to_depthwise, pool_to_mean


@dataclass(frozen=True, eq=False)
class Rewritten:
    """A float32 file after its rewrites.

    Attributes:
        content: the file.
        notes: a sentence for each rewrite that was asked for.
    """

    content: bytes
    notes: tuple[str, ...]


def rewrite(float32: bytes, names: Sequence[str], items: CalibrationItems) -> Rewritten:
    """Makes rewrites in the order of `REWRITES`, each of them only if the outputs stay equal.

    One that finds nothing to do leaves the bytes as they are, one that changes outputs is left out; the notes say so.

    Args:
        float32: the float file.
        names: of `REWRITES`.
        items: that rewrites learn from and are checked with.

    Raises:
        UsageError: a name that does not exist.
        ModelError: the runtime refuses the file as it is.
    """
    unknown = [name for name in names if name not in REWRITES]
    if unknown:
        raise UsageError(f"unknown rewrite {unknown[0]!r}: expected one of {', '.join(REWRITES)}")
    notes = []
    for name in REWRITES:
        if name in names:
            float32, note = _guarded(float32, name, items)
            notes.append(f"{name}: {note}")
    return Rewritten(float32, tuple(notes))


def applicable_rewrites(float32: bytes) -> tuple[str, ...]:
    """Names of the rewrites that can find something to do; of ``equalize`` only items tell.

    Args:
        float32: the float file.

    Raises:
        ModelError: the file is damaged.
    """
    product, hard_swishes = hard_swish_to_product(float32)
    found = {
        "pool-to-mean": pool_to_mean(float32)[1] + pool_to_depthwise(float32)[1] > 0,
        "hard-swish": hard_swishes > 0,
        "scale-gates": count_gates(product) > 0,
        "equalize": True,
    }
    return tuple(name for name in REWRITES if found[name])


def _guarded(float32: bytes, name: str, items: CalibrationItems) -> tuple[bytes, str]:
    content, note = _MAKERS[name](float32, items)
    if content == float32:
        return float32, note
    try:
        require_equal(float32, content, items)
    except (ConversionError, ModelError) as error:
        return float32, f"left out, {error}"
    return content, note


def _pool_to_mean(float32: bytes, items: CalibrationItems) -> tuple[bytes, str]:
    content, means = pool_to_mean(float32)
    content, depthwise = pool_to_depthwise(content)
    if not means + depthwise:
        return content, "no average pooling without padding."
    return content, f"{means} average poolings became means, {depthwise} became depthwise convolutions."


def _hard_swish(float32: bytes, items: CalibrationItems) -> tuple[bytes, str]:
    content, count = hard_swish_to_product(float32)
    if not count:
        return content, "no hard-swish whose readers can divide by 6."
    return content, f"{count} operators became sums with ReLU6 and products."


def _scale_gates(float32: bytes, items: CalibrationItems) -> tuple[bytes, str]:
    made = scale_gates(float32, items)
    if not made.gates:
        found = (
            f"none of {made.found} gates would gain"
            if made.found
            else "no SiLU and no hard-swish as a product"
        )
        return made.content, f"{found}."
    return made.content, f"{made.gates} of {made.found} gates got a scale for each channel."


def _equalize(float32: bytes, items: CalibrationItems) -> tuple[bytes, str]:
    found = equalize(float32, items)
    if not found.channels:
        return found.content, "no channel could be scaled."
    return found.content, (
        f"{found.channels} channels of {found.tensors} activations were scaled by factors up to {found.largest:.3g}."
    )


_MAKERS: Mapping[str, Callable[[bytes, CalibrationItems], tuple[bytes, str]]] = {
    "pool-to-mean": _pool_to_mean,
    "hard-swish": _hard_swish,
    "scale-gates": _scale_gates,
    "equalize": _equalize,
}
