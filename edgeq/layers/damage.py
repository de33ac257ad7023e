"""How much harm each layer does when it alone is quantized."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeq.layers.outcome import Outcome, Plan
from edgeq.layers.plans import Layer, Planner
from edgeq.layers.recipe import LayerRecipe
from edgeq.layers.simulating import Simulator

_FIRST_PASS = 16
"""Items that every layer is measured on where there are too many layers for all items."""


@dataclass(frozen=True)
class Damage:
    """What came of quantizing one layer alone.

    Attributes:
        layer: which.
        outcome: of the model; None where the variant does nothing to the layer that could do harm.
        n: items.
    """

    layer: Layer
    outcome: Outcome | None
    n: int

    @property
    def noise(self) -> float:
        """Noise over signal of the model's outputs; 0 where nothing was done."""
        return 0.0 if self.outcome is None else self.outcome.noise


def measure_damage(
    simulator: Simulator,
    planner: Planner,
    recipes: Sequence[LayerRecipe],
    *,
    max_layers: int,
    progress: Callable[[int], None],
) -> tuple[Damage, ...]:
    """Quantizes one layer after the other.

    Args:
        simulator: with the items.
        planner: of the recipes.
        recipes: of all operators; those without an edit and with a problem are left out.
        max_layers: that are measured on all items; where there are more, the most harmful on the first few items.
        progress: called with the number of layers measured so far.

    Returns:
        Inputs first, then operators, in order.
    """
    layers: list[Layer] = [*planner.inputs, *(r.operator.index for r in recipes if not r.problem)]
    idle = {recipe.operator.index for recipe in recipes if recipe.edit is None}
    active = [layer for layer in layers if layer not in idle]
    found = {layer: Damage(layer, None, simulator.n) for layer in layers}
    if len(active) > max_layers:
        for layer, outcome in _outcomes(simulator, planner, active, _FIRST_PASS, lambda done: None):
            found[layer] = Damage(layer, outcome, min(_FIRST_PASS, simulator.n))
        active = sorted(active, key=lambda layer: -harm(found[layer]))[:max_layers]
    for layer, outcome in _outcomes(simulator, planner, active, simulator.n, progress):
        found[layer] = Damage(layer, outcome, simulator.n)
    return tuple(found.values())


def harm(damage: Damage) -> float:
    """What layers are ranked by: noise, and nothing where it could not be measured."""
    return 0.0 if math.isnan(damage.noise) or (damage.outcome and damage.outcome.problem) else damage.noise


def error_shares(damages: Sequence[Damage]) -> dict[Layer, float]:
    """Each layer's part of the noise of all, each alone: noises of independent sources add.

    Infinite noise, of layers that make NaN, leaves nothing to the others.
    """
    amounts = {damage.layer: harm(damage) for damage in damages}
    infinite = [layer for layer, amount in amounts.items() if math.isinf(amount)]
    if infinite:
        return {layer: (1 / len(infinite) if layer in infinite else 0.0) for layer in amounts}
    total = math.fsum(amounts.values())
    return {layer: amount / total if total > 0 else 0.0 for layer, amount in amounts.items()}


def _outcomes(
    simulator: Simulator, planner: Planner, layers: Sequence[Layer], n: int, progress: Callable[[int], None]
) -> list[tuple[Layer, Outcome]]:
    plans: list[Plan] = [planner.alone(layer) for layer in layers]
    found = []
    for done, (layer, outcome) in enumerate(zip(layers, simulator.outcomes(plans, n=n), strict=True), 1):
        found.append((layer, outcome))
        progress(done)
    return found
