"""What is said about an analysis in words: what the variant loses, remedies, what to do next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.layers.choice import Choice, best_choice, listed
from edgeq.layers.structure import KeptFloat, LayerAnalysis, LayerCost, Remedy
from edgeq.report import wording
from edgeq.report.inspection.wording import visible_sentence
from edgeq.report.layers.columns import decibels

_SEVERE_DB = 20.0
"""SQNR below which the noise is a tenth of the signal and more."""


@dataclass(frozen=True)
class Advice:
    """A remedy in words.

    Attributes:
        layer: its name.
        sentence: what to do.
        effect: what it brings; empty where that was not measured.
        cost: what it costs.
    """

    layer: str
    sentence: str
    effect: str
    cost: str

    @property
    def text(self) -> str:
        """All in one line."""
        return "; ".join(filter(None, [self.sentence.rstrip("."), self.effect, self.cost.rstrip(".")]))


def title(analysis: LayerAnalysis) -> str:
    """What was analysed."""
    subject, variant = wording.visible(analysis.subject), wording.visible(analysis.variant)
    return subject if subject == variant else f"{subject}, {variant}"


def loss(analysis: LayerAnalysis) -> str:
    """What the whole variant loses; empty where that was not measured."""
    if not decibels(analysis.sqnr_db):
        return ""
    parts = [f"SQNR of the outputs {decibels(analysis.sqnr_db)} dB"]
    if analysis.changed is not None:
        parts.append(f"top-1 differs from float32 for {analysis.changed:,} of {analysis.n:,}")
    return ", ".join(parts)


def measured_on(analysis: LayerAnalysis) -> str:
    """Items, and how far the simulation can be trusted; empty where there was none."""
    if not analysis.n:
        return ""
    parts = [
        f"damage: {wording.visible(analysis.items_source)}, one layer quantized at a time in a simulation"
    ]
    if decibels(analysis.simulated_sqnr_db):
        parts.append(f"which with all layers quantized gives {decibels(analysis.simulated_sqnr_db)} dB")
    if decibels(analysis.simulation_error_db):
        parts.append(f"and agrees with the real file to {decibels(analysis.simulation_error_db)} dB")
    return ", ".join(parts)


def timed_with(analysis: LayerAnalysis) -> str:
    """Where the times are from; empty without a profile."""
    if analysis.latency_us is None:
        return ""
    return f"time: {wording.duration(analysis.latency_us / 1e3)}, {wording.visible(analysis.profile_source)}"


def advice(layer: LayerCost, remedy: Remedy) -> Advice:
    """A layer's remedy in words."""
    return Advice(
        wording.visible(layer.name),
        _clean(remedy.sentence),
        _effect(remedy.sqnr_db, remedy.gain_db, remedy.changed, remedy.n),
        _clean(remedy.cost),
    )


def advices(layers: Sequence[LayerCost]) -> tuple[tuple[str, tuple[Advice, ...]], ...]:
    """All remedies of some layers by the layer's name; what goes for several layers alike stands once, at the end."""
    found = [(layer, advice(layer, remedy)) for layer in layers for remedy in layer.remedies]
    times = Counter((said.sentence, said.cost) for _, said in found if not said.effect)
    common = {key for key, count in times.items() if count > 1}
    groups: dict[tuple[str, bool], tuple[str, list[Advice]]] = {}
    general: dict[tuple[str, str], Advice] = {}
    for layer, said in found:
        if (said.sentence, said.cost) in common:
            general[(said.sentence, said.cost)] = said
        else:
            # What is done to a layer as a whole is found again by each of its operators.
            group = groups.setdefault((layer.name, layer.index is None), (said.layer, []))[1]
            if said not in group:
                group.append(said)
    shown = [(name, tuple(group)) for name, group in groups.values()]
    return (*shown, ("all of these", tuple(general.values()))) if general else tuple(shown)


def kept(one: KeptFloat) -> tuple[str, str]:
    """Layers that stay in float, and what that gives."""
    names = listed(wording.visible(name) for name in one.names)
    grows = f"file {wording.size(one.extra_bytes)} larger"
    return names, "; ".join([_effect(one.sqnr_db, None, one.changed, one.n), grows])


def choice(best: Choice) -> tuple[str, str]:
    """What is best done, and what else comes of it."""
    effect = [f"+{decibels(best.gain_db)} dB", _effect(None, None, best.changed, best.n)]
    if best.extra_bytes:
        effect.append(f"file {wording.size(best.extra_bytes)} larger")
    return _clean(best.sentence), "; ".join(filter(None, effect))


def problems(analysis: LayerAnalysis) -> tuple[tuple[str, str], ...]:
    """Layers whose damage could not be measured, and why; what several operators of a layer share stands once."""
    found = [(layer.name, layer.problem) for layer in analysis.layers if layer.problem]
    return tuple((wording.visible(name), _clean(problem)) for name, problem in dict.fromkeys(found))


def next_step(analysis: LayerAnalysis, target: str) -> str:
    """What to do next, as one line.

    Args:
        analysis: what was found.
        target: the bundle or file as it was named on the command line.
    """
    if not analysis.n:
        return "next: edgeq layers BUNDLE --data DATA says what quantizing each layer costs in accuracy"
    best = best_choice(analysis)
    if best is not None:
        return f"next: {_about(best.names[0], _clean(best.sentence))}"
    untried = next((layer for layer in analysis.ranked if layer.remedies), None)
    if untried is not None:
        return f"next: {_about(untried.name, _clean(untried.remedies[0].sentence))}"
    command = f"edgeq benchmark {shlex.quote(target)} --data DATA"
    if not any(layer.index is not None for layer in analysis.ranked):
        return f"next: {command} measures the whole file, for no layer of it could be measured alone"
    if analysis.sqnr_db is not None and analysis.sqnr_db < _SEVERE_DB:
        return f"next: no single layer stands out; {command} says whether the loss matters for the task"
    return f"next: nothing need be done; {command} measures what users notice"


def _about(name: str, sentence: str) -> str:
    """A sentence with the layer that it is about, unless it names it."""
    shown = wording.visible(name)
    return sentence if shown in sentence else f"{shown}: {sentence}"


def _effect(sqnr_db: float | None, gain_db: float | None, changed: int | None, n: int) -> str:
    parts = []
    if decibels(sqnr_db):
        change = decibels(gain_db)
        gain = f" ({'' if change.startswith('−') else '+'}{change})" if change else ""
        parts.append(f"{decibels(sqnr_db)} dB{gain}")
    if changed is not None and n:
        parts.append(f"top-1 differs for {changed:,} of {n:,}")
    return ", ".join(parts)


def _clean(sentence: str) -> str:
    """A sentence with names of a file in it, on one line of printable characters."""
    return visible_sentence(sentence)
