"""What can be done about the layers that harm most, each tried with all other layers quantized."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError, WorkerError
from edgeq.layers.choice import NEARLY_ALL
from edgeq.layers.outcome import Outcome, decibels
from edgeq.layers.plans import Layer, Planner, Treatment
from edgeq.layers.simulating import Simulator
from edgeq.layers.structure import FINE_TUNE, KEEP_FLOAT, KeptFloat, LayerCost, Remedy
from edgeq.layers.trials import Trial, Trials, in_order

_LEAST_GAIN_DB = 0.5
"""Of a remedy that is worth a line: the simulation is off by as much (0.3 to 0.7 dB on the demo's int8 file)."""

_LEAST_ITEMS = 16
"""For another range of an activation: of fewer items it would say little of others."""


class Advisor:
    """Tries remedies on one variant."""

    def __init__(
        self, simulator: Simulator, planner: Planner, costs: Mapping[Layer, LayerCost], trials: Trials
    ) -> None:
        """Keeps what it needs.

        Args:
            simulator: with the items.
            planner: of the variant's recipes.
            costs: of all layers.
            trials: makes what is tried.
        """
        self._simulator = simulator
        self._planner = planner
        self._costs = costs
        self._trials = trials
        self._kept: dict[Layer, frozenset[Layer]] = {}

    def remedies(
        self, layers: Sequence[Layer], base: Outcome, progress: Callable[[int], None]
    ) -> dict[Layer, tuple[Remedy, ...]]:
        """Tries all remedies of some layers.

        Args:
            layers: which, the most harmful first.
            base: all layers quantized.
            progress: called with the number of layers that are done.

        Returns:
            Remedies by layer, the best first.
        """
        samples = self._samples(layers)
        found = {}
        for done, layer in enumerate(layers, 1):
            trials = self._trials.of(layer, samples.get(layer))
            plans = [self._planner.everything(trial.treatment) for trial in trials]
            outcomes = list(self._simulator.outcomes(plans))
            tried = [(trial, outcome) for trial, outcome in zip(trials, outcomes, strict=True)]
            found[layer] = self._chosen(layer, tried, base)
            progress(done)
        return found

    def kept_float(self, layers: Sequence[Layer], base: Outcome) -> tuple[KeptFloat, ...]:
        """What keeping one, two, … of some layers in float would give; each time the one more that helps most.

        Args:
            layers: to choose from; `remedies` has found what to keep in float together with each.
            base: all layers quantized.

        Returns:
            One choice a step, as long as a step gains something.
        """
        steps: list[KeptFloat] = []
        kept: tuple[Layer, ...] = ()
        least, left = base.noise, list(layers)
        while left:
            sets = [
                kept + tuple(other for other in self._members(layer) if other not in kept) for layer in left
            ]
            plans = [self._planner.everything(Treatment(floats=frozenset(members))) for members in sets]
            tried = zip(sets, self._simulator.outcomes(plans), strict=True)
            chosen, outcome = min(tried, key=lambda one: (bool(one[1].problem), one[1].noise))
            if outcome.problem or decibels(outcome.noise) < decibels(least) + _LEAST_GAIN_DB:
                break
            kept, least = chosen, outcome.noise
            left = [other for other in left if not set(self._members(other)) <= set(kept)]
            steps.append(self._step(kept, outcome))
        return tuple(steps)

    def _step(self, members: tuple[Layer, ...], outcome: Outcome) -> KeptFloat:
        return KeptFloat(
            names=tuple(dict.fromkeys(self._costs[member].name for member in members)),
            sqnr_db=decibels(outcome.noise),
            changed=outcome.changed,
            n=self._simulator.n,
            extra_bytes=self._trials.extra_bytes(members),
        )

    def _members(self, layer: Layer) -> list[Layer]:
        """A layer, and what is kept in float with it, in order."""
        others = self._kept.get(layer, frozenset([layer])) - {layer}
        return [layer, *sorted(others, key=in_order)]

    def _samples(self, layers: Sequence[Layer]) -> dict[Layer, npt.NDArray[np.float32]]:
        """Samples of the outputs whose range can be chosen."""
        chosen = [layer for layer in layers if isinstance(layer, int) and self._trials.has_free_range(layer)]
        if not chosen or self._simulator.n < _LEAST_ITEMS:
            return {}
        tensors = [self._planner.tensors(layer)[0] for layer in chosen]
        try:
            samples = self._simulator.samples(tensors)
        except (ModelError, WorkerError):
            # A runtime that cannot show these tensors leaves this remedy untried, and the others as they are.
            return {}
        # Every other item: a range that is chosen on items fits these better than others.
        return {layer: values[::2] for layer, values in zip(chosen, samples, strict=True)}

    def _chosen(
        self, layer: Layer, tried: Sequence[tuple[Trial, Outcome]], base: Outcome
    ) -> tuple[Remedy, ...]:
        """The best remedy of each kind, if it helps at all; fine-tuning, which cannot be tried here, is the last."""
        ran = [(trial, outcome) for trial, outcome in tried if not outcome.problem]
        best: dict[str, tuple[Trial, Outcome]] = {}
        for trial, outcome in ran:
            known = best.get(trial.kind)
            if known is None or self._is_better(trial, outcome, known[1], base):
                best[trial.kind] = (trial, outcome)
        if KEEP_FLOAT in best:
            self._kept[layer] = best[KEEP_FLOAT][0].treatment.floats
        remedies = [self._remedy(trial, outcome, base) for trial, outcome in best.values()]
        useful = [remedy for remedy in remedies if (remedy.gain_db or 0.0) >= _LEAST_GAIN_DB]
        useful.sort(key=lambda remedy: -(remedy.sqnr_db or 0.0))
        return (*useful, _FINE_TUNE)

    def _is_better(self, trial: Trial, outcome: Outcome, known: Outcome, base: Outcome) -> bool:
        if trial.kind != KEEP_FLOAT:
            return outcome.noise < known.noise
        gain, gain_alone = (decibels(o.noise) - decibels(base.noise) for o in (outcome, known))
        return gain_alone < max(_LEAST_GAIN_DB, NEARLY_ALL * gain)

    def _remedy(self, trial: Trial, outcome: Outcome, base: Outcome) -> Remedy:
        return Remedy(
            kind=trial.kind,
            sentence=trial.sentence,
            sqnr_db=decibels(outcome.noise),
            gain_db=decibels(outcome.noise) - decibels(base.noise),
            changed=outcome.changed,
            n=self._simulator.n,
            cost=trial.cost,
            extra_bytes=trial.extra_bytes,
            names=trial.names,
        )


_FINE_TUNE = Remedy(
    kind=FINE_TUNE,
    sentence="train on with quantization simulated (quantization-aware training)",
    sqnr_db=None,
    gain_db=None,
    changed=None,
    n=0,
    cost="a training run with the data; none in size or latency",
    extra_bytes=0,
)
