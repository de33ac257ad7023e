"""The search for the precision of layers: which few layers to move, and how few of them are enough.

A layer's harm is measured as what the output error of the whole file loses when that layer alone is moved: its own
signal-to-noise ratio says little about the outputs. Layers are ranked by it, and the number of the first ones that are
moved is found on the validation set, as in the accuracy-aware ranking of NNCF (Kozlov et al., "Neural Network
Compression Framework for fast model inference", 2020, and its accuracy control), with an interval that is halved where
that moves one layer after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgeq.optimize.candidate import Candidate, variant_candidate
from edgeq.optimize.choosing import keeps
from edgeq.optimize.fewest import fewest
from edgeq.optimize.keeping import with_layers
from edgeq.optimize.ledger import Ledger
from edgeq.optimize.method_search import four_bits, least_loss
from edgeq.optimize.result import SIZE
from edgeq.optimize.tried import Tried
from edgeq.optimize.workshop import LayerFacts
from edgeq.quantize.recipe import FLOAT32, INT8, INT8X4, INT16X8, Recipe
from edgeq.report.wording import decimal

Counting = Callable[..., int | None]
"""`fewest`, or `first_of_all` for the full grid."""

_BITS = {INT8X4: 4, INT8: 8, INT16X8: 8, FLOAT32: 32}
"""Of a weight."""

RESCUES_FOR_SIZE = (INT16X8, FLOAT32)
"""What int8's harmful layers are moved to: 16-bit activations leave the weights small."""

RESCUES_FOR_LATENCY = (FLOAT32, INT16X8)
"""One layer in float cost a third of the latency of a ResNet, one with 16-bit activations twenty times (FACTS.md)."""

STEPS_BACK = 3
"""Moved layers that are each taken back at the end, the largest first: the ranking counts layers one by one, and
together some of them are not needed."""


@dataclass(frozen=True)
class Move:
    """What is searched: which layers of a recipe to move up.

    Attributes:
        base: with no layer moved.
        to: the precision that layers are moved to.
        layers: that can be moved.
    """

    base: Recipe
    to: str
    layers: tuple[LayerFacts, ...]

    def cost_bytes(self, layer: LayerFacts) -> float:
        """What moving a layer adds to the file."""
        return layer.weights * (_BITS[self.to] - _BITS[self.base.scheme]) / 8

    def candidate(self, names: Sequence[str], origin: str) -> Candidate:
        """The recipe with layers moved."""
        return Candidate(with_layers(self.base, dict.fromkeys(names, self.to)), None, origin)


def search_layers(ledger: Ledger, counting: Counting = fewest) -> None:
    """Looks for mixed precisions where those of one precision leave something to gain.

    Under the objective ``size``: where 4-bit weights in all layers lose too much, the layers that harm most are moved
    up to int8. Under both: where int8 loses too much, they are moved to 16-bit activations or to float.

    Args:
        ledger: with recipes of `edgeq.optimize.method_search` in it.
        counting: how the number of layers is found.

    Raises:
        BudgetEndedError: the budget ended first.
    """
    best = least_loss(ledger, INT8)
    if best is None or best.recipe is None:
        return
    rescued: Mapping[str, str] | None = {}
    if not any(ledger.meets(one) for one in _judged(ledger, INT8)):
        stock = variant_candidate(INT8)
        fine = ledger.meets(stock) and keeps(ledger.of(stock), ledger.goal)
        rescued = None if fine else _rescue(ledger, best.recipe, counting)
    if ledger.goal.objective == SIZE and rescued is not None:
        _narrow(ledger, rescued, counting)


def _judged(ledger: Ledger, scheme: str) -> list[Candidate]:
    return [
        one.candidate
        for one in ledger.tried
        if one.candidate.recipe is not None
        and one.candidate.recipe.scheme == scheme
        and one.quality is not None
    ]


def _rescue(ledger: Ledger, recipe: Recipe, counting: Counting) -> Mapping[str, str] | None:
    """Moves layers of int8 up until the budget is met; what was moved, None where nothing helped."""
    if not _movable(ledger, recipe):
        return None
    for_size = ledger.goal.objective == SIZE
    for precision in RESCUES_FOR_SIZE if for_size else RESCUES_FOR_LATENCY:
        move = Move(recipe, precision, _movable(ledger, recipe))
        if for_size and not _can_be_smaller(ledger, move):
            ledger.say(
                f"Moving int8 layers to {precision} was not tried: a file within the budget is smaller already."
            )
            continue
        helps = _all_moved_meets(ledger, move)
        if helps is False:
            ledger.say(
                f"With all layers in {precision} instead of {recipe.scheme} the budget is not met either."
            )
            continue
        moved = _fewest_moved(ledger, move, counting, all_work=bool(helps))
        if moved:
            return dict.fromkeys(moved, precision)
    return None


def _all_moved_meets(ledger: Ledger, move: Move) -> bool | None:
    """Whether the budget is met with every layer moved, before they are ranked; None where that cannot be measured."""
    everything = move.candidate([layer.name for layer in move.layers], f"all layers in {move.to}")
    ledger.in_layer_grid += ledger.of(everything).built is None
    meets = _measured_within(ledger, everything)
    return meets if ledger.of(everything).quality is not None else None


def _narrow(ledger: Ledger, rescued: Mapping[str, str], counting: Counting) -> None:
    """Moves layers of 4-bit weights up to int8 until the budget is met, int8 being known to meet it."""
    if any(ledger.meets(one) for one in _judged(ledger, INT8X4)):
        return
    best = least_loss(ledger, INT8X4)
    if best is None or best.recipe is None:
        return
    base = with_layers(four_bits(ledger, best.recipe), {**rescued, **ledger.goal.kept})
    move = Move(base, INT8, _movable(ledger, base))
    if not _fewest_moved(ledger, move, counting, all_work=True, some_stay=True):
        ledger.say(f"With {INT8X4} in any layer and {INT8} in the others the budget was not met.")


def _movable(ledger: Ledger, recipe: Recipe) -> tuple[LayerFacts, ...]:
    """Layers at the scheme's precision whose precision is not given."""
    return tuple(
        layer
        for layer in ledger.layers
        if layer.name not in recipe.layers and layer.name not in ledger.goal.kept
    )


def _can_be_smaller(ledger: Ledger, move: Move) -> bool:
    """Whether moving the smallest layer can give a smaller file than what meets the budget already.

    16-bit activations are tried all the same: 4-bit weights in the other layers make that file smaller.
    """
    base = ledger.of(Candidate(move.base, None, "")).built
    if base is None or not move.layers or move.to == INT16X8:
        return bool(move.layers)
    return base.size_bytes + min(map(move.cost_bytes, move.layers)) < _smallest_within(ledger)


def _smallest_within(ledger: Ledger) -> float:
    sizes = [
        one.built.size_bytes for one in ledger.tried if one.built is not None and ledger.meets(one.candidate)
    ]
    return min(sizes, default=math.inf)


def _fewest_moved(
    ledger: Ledger, move: Move, counting: Counting, *, all_work: bool, some_stay: bool = False
) -> list[str]:
    """The layers that are moved in the end, all but one at most with `some_stay`; none where that helps nothing."""
    is_new = ledger.of(Candidate(move.base, None, "")).built is None
    ranking = rank(ledger, move)
    all_work = all_work and len(ranking) == len(move.layers)
    # The first layer alone was built to rank it.
    ledger.in_layer_grid += is_new + len(move.layers) + max(0, len(ranking) - 1 - all_work)
    if not ranking:
        return []

    def works(count: int) -> bool:
        origin = (
            f"the {count} layer{'s' if count > 1 else ''} that {move.base.scheme} harms most in {move.to}"
        )
        return _measured_within(ledger, move.candidate(ranking[:count], origin))

    count = counting(len(ranking), works, all_work=all_work)
    if count is None or (some_stay and count == len(ranking)):
        return []
    moved = _step_back(ledger, move, ranking[:count])
    _say_moved(ledger, move, moved)
    return moved


def rank(ledger: Ledger, move: Move) -> list[str]:
    """Names of layers, from the one on whose move the most error goes away for what it costs.

    Layers whose move could not be built are left out.

    Raises:
        BudgetEndedError: the budget ended first.
    """
    base = Candidate(move.base, None, f"{move.base.scheme} before layers are moved")
    singles = {
        layer.name: move.candidate([layer.name], f"how much {move.base.scheme} harms {layer.title}")
        for layer in move.layers
    }
    ledger.build([base, *singles.values()])
    before = ledger.error(base)
    if not math.isfinite(before):
        return []
    gains = {name: before - ledger.error(single) for name, single in singles.items()}
    for_size = ledger.goal.objective == SIZE
    costs = {
        # A layer that costs nothing is weighed as one weight: it goes first among equals.
        layer.name: max(1.0, move.cost_bytes(layer)) if for_size else 1.0
        for layer in move.layers
    }
    able = [name for name, gain in gains.items() if math.isfinite(gain)]
    # A loss is not made smaller by being spread over many weights.
    return sorted(able, key=lambda name: -gains[name] / (costs[name] if gains[name] > 0 else 1.0))


def _step_back(ledger: Ledger, move: Move, moved: list[str]) -> list[str]:
    """The moved layers without one that is not needed, where there is such a one."""
    by_name = {layer.name: layer for layer in move.layers}
    # Without the last one they were measured already, and were over the budget.
    large_first = sorted(moved[:-1], key=lambda name: -move.cost_bytes(by_name[name]))[:STEPS_BACK]
    fewer = {name: [other for other in moved if other != name] for name in large_first}
    candidates = {
        name: move.candidate(names, f"{by_name[name].title} back in {move.base.scheme}")
        for name, names in fewer.items()
    }
    ledger.in_layer_grid += sum(ledger.of(one).built is None for one in candidates.values())
    ledger.build(list(candidates.values()))
    ledger.judge(list(candidates.values()))
    within = [ledger.of(one) for one in candidates.values() if ledger.meets(one)]
    if not within:
        return moved
    best = min(within, key=_size_and_error)
    return next(fewer[name] for name, one in candidates.items() if one.key == best.key)


def _size_and_error(one: Tried) -> tuple[float, float]:
    return (math.inf if one.built is None else one.built.size_bytes, one.error)


def _measured_within(ledger: Ledger, candidate: Candidate) -> bool:
    ledger.build([candidate])
    ledger.judge([candidate])
    return ledger.meets(candidate)


def _say_moved(ledger: Ledger, move: Move, moved: Sequence[str]) -> None:
    titles = [layer.title for layer in move.layers if layer.name in moved]
    shown = ", ".join(titles[:5]) + (", …" if len(titles) > 5 else "")
    before = ledger.of(Candidate(move.base, None, "")).quality
    after = ledger.of(move.candidate(moved, "")).quality
    if after is None:
        return
    was = "" if before is None else f" from {decimal(before.drop_pp, 2)}"
    ledger.say(
        f"{len(moved)} of {len(ledger.layers)} layers in {move.to} instead of {move.base.scheme} bring the drop{was} "
        f"to {decimal(after.drop_pp, 2)} pp: {shown}."
    )
