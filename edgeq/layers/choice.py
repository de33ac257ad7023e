"""Which of all that was tried is to be done: a remedy of one layer, or several layers in float."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from edgeq.layers.structure import LayerAnalysis

NEARLY_ALL = 0.8
"""Of the largest gain in decibels that counts: what regains so much of it with fewer layers is preferred, for each of
them costs size, time and conversions. The simulation is off by 0.3 to 0.7 dB on the demo's int8 file, up to a fifth of
the 3.8 dB that its best remedy gains: a lead that is no larger says little."""

_ENOUGH_DB = 30.0
"""What is gained beyond it does not count: the demo's int8 file, at 31.5 dB, changes the top-1 of none of 64 items."""

_HALVED_DB = 3.0
"""Of a file that is as good already, halving the noise is all that counts."""


@dataclass(frozen=True)
class Choice:
    """What is to be done.

    Attributes:
        sentence: in words.
        names: of the layers that it is about, each once.
        sqnr_db: of the model's outputs with it, all other layers quantized.
        gain_db: by how much that is better than without.
        changed: items whose top-1 differs from float's; None where the model does not classify.
        n: items.
        extra_bytes: that the file grows by; None where unknown.
    """

    sentence: str
    names: tuple[str, ...]
    sqnr_db: float
    gain_db: float
    changed: int | None
    n: int
    extra_bytes: int | None


def best_choice(analysis: LayerAnalysis) -> Choice | None:
    """The best of what was tried: all remedies of all layers, and the most harmful layers in float.

    Of those with at least `NEARLY_ALL` of the largest gain, those that are about the fewest layers; of these, the one
    that gains most. Gains end at 30 dB, or 3 dB above a file that is better from the start.

    Returns:
        None where nothing that was tried helps.
    """
    base = analysis.simulated_sqnr_db
    if base is None or not math.isfinite(base):
        return None
    choices = [choice for choice in (*_remedies(analysis), *_kept(analysis, base)) if choice.gain_db > 0]
    if not choices:
        return None
    most = max(choice.gain_db for choice in choices)
    least = NEARLY_ALL * min(most, max(_ENOUGH_DB - base, _HALVED_DB))
    enough = [choice for choice in choices if choice.gain_db >= least]
    return min(enough, key=lambda choice: (len(choice.names), -choice.gain_db))


def _remedies(analysis: LayerAnalysis) -> Iterable[Choice]:
    for layer in analysis.ranked:
        for remedy in layer.remedies:
            if _is_known(remedy.sqnr_db) and _is_known(remedy.gain_db):
                yield Choice(
                    sentence=remedy.sentence,
                    names=remedy.names or (layer.name,),
                    sqnr_db=remedy.sqnr_db or 0.0,
                    gain_db=remedy.gain_db or 0.0,
                    changed=remedy.changed,
                    n=remedy.n,
                    extra_bytes=remedy.extra_bytes,
                )


def _kept(analysis: LayerAnalysis, base: float) -> Iterable[Choice]:
    for kept in analysis.kept_float:
        names = tuple(dict.fromkeys(kept.names))
        yield Choice(
            sentence=f"keep {listed(names)} in float32",
            names=names,
            sqnr_db=kept.sqnr_db,
            gain_db=kept.sqnr_db - base,
            changed=kept.changed,
            n=kept.n,
            extra_bytes=kept.extra_bytes,
        )


def listed(names: Iterable[str]) -> str:
    """Names as ``a, b and c``, each once."""
    shown = list(dict.fromkeys(names))
    return "".join(shown) if len(shown) < 2 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
