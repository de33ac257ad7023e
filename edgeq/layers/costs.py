"""Measures every layer of a variant: damage, ranking, remedies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgeq.benchmark.accuracy_statistics import SQNR_LIMIT_DB
from edgeq.benchmark.fidelity import fidelity_sums, noise_ratio_db
from edgeq.errors import DataError
from edgeq.inspection.structure import Layer as FileLayer
from edgeq.layers.damage import Damage, error_shares, harm, measure_damage
from edgeq.layers.items import Items
from edgeq.layers.outcome import Outcome, decibels, sqnr_interval
from edgeq.layers.plans import Layer, Planner
from edgeq.layers.remedies import Advisor
from edgeq.layers.simulating import Simulator
from edgeq.layers.simulation_worker import on_grid
from edgeq.layers.structure import KeptFloat, LayerAnalysis, LayerCost
from edgeq.layers.subject import Latencies, Progress, Subject, file_layers, share
from edgeq.layers.trials import Trials
from edgeq.tflite.io import model_io

_LEAST_SHARE = 0.01
"""Of the error: layers below it are no suspects."""

_FEW_ITEMS = 32


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        max_layers: that are measured on all items.
        suspects: layers whose remedies are tried.
    """

    max_layers: int
    suspects: int


def measure_layers(
    subject: Subject,
    simulator: Simulator,
    items: Items,
    latencies: Latencies,
    extent: Extent,
    report: Progress,
) -> LayerAnalysis:
    """Measures what each layer costs, and what can be done about the most harmful.

    Args:
        subject: the files.
        simulator: of these files, with the items.
        items: the same.
        latencies: of the operators; may be empty.
        extent: how much is measured.
        report: called as it goes on.

    Raises:
        DataError: the float32 file answers nothing but zeros.
        WorkerError: the simulation with all layers quantized does not run.
    """
    real = simulator.real()
    if math.isnan(real.noise):
        raise DataError(f"the float32 file answers nothing but zeros on {items.source}: give other data")
    planner = Planner(subject.float_model, subject.recipes, subject.grids)
    base = simulator.outcome(planner.everything(), apart=True)
    total = len(subject.recipes) + len(planner.inputs)
    damages = measure_damage(
        simulator,
        planner,
        subject.recipes,
        max_layers=extent.max_layers,
        progress=lambda done: report("layers", done, total),
    )
    report("layers", total, total)
    costs = _ranked(_costs(subject, planner, items, latencies), damages, simulator)
    suspects = _suspects(damages, extent.suspects) if not base.problem else ()
    trials = Trials(subject, planner, costs, latencies.floats_us)
    advisor = Advisor(simulator, planner, costs, trials)
    remedies = advisor.remedies(suspects, base, lambda done: report("remedies", done, len(suspects)))
    kept = advisor.kept_float(suspects, base)
    layers = tuple(replace(cost, remedies=remedies.get(layer, ())) for layer, cost in costs.items())
    return _analysis(subject, items, latencies, (real, base), layers, kept)


def _costs(subject: Subject, planner: Planner, items: Items, latencies: Latencies) -> dict[Layer, LayerCost]:
    """All layers, inputs first, with what is known before their damage is measured."""
    floats = file_layers(subject.floats, subject.float_model)
    ours = file_layers(subject.variant, subject.model)
    whole = sum(latencies.variant_us.values())
    found: dict[Layer, LayerCost] = {}
    for info in model_io(subject.float_model)[0]:
        if info.name in planner.inputs:
            found[info.name] = _input_cost(subject, items, info.name, info.shape)
    for recipe in subject.recipes:
        index, counterpart = recipe.operator.index, recipe.counterpart
        own = floats[index]
        theirs: FileLayer | None = None if counterpart is None else ours[counterpart]
        latency_us = None if counterpart is None else latencies.variant_us.get(counterpart)
        found[index] = LayerCost(
            index=index,
            quantized_index=counterpart,
            name=own.name,
            operator=own.operator,
            output=own.output,
            output_shape=own.output_shape,
            dtype=own.output_dtype if theirs is None else theirs.output_dtype,
            size_bytes=0 if theirs is None else theirs.size_bytes,
            float_bytes=own.size_bytes,
            macs=own.macs,
            latency_us=latency_us,
            latency_share=share(latency_us, whole),
            problem=recipe.problem,
        )
    return found


def _input_cost(subject: Subject, items: Items, name: str, shape: tuple[int, ...]) -> LayerCost:
    grid = subject.grids[name]
    assert grid is not None  # noqa: S101 - the planner names only inputs that are quantized
    values = items.values[name]
    real, beyond = on_grid(values, grid)
    return LayerCost(
        index=None,
        quantized_index=None,
        name=name,
        operator="INPUT",
        output=name,
        output_shape=shape,
        dtype=grid.dtype,
        size_bytes=0,
        float_bytes=0,
        macs=0,
        own_sqnr_db=noise_ratio_db(fidelity_sums({name: values}, {name: real})),
        saturation=beyond / values.size if values.size else None,
    )


def _ranked(
    costs: Mapping[Layer, LayerCost], damages: Sequence[Damage], simulator: Simulator
) -> dict[Layer, LayerCost]:
    """The layers with their damage and rank."""
    shares = error_shares(damages)
    measured = [damage for damage in damages if damage.outcome is None or not damage.outcome.problem]
    ranks = {damage.layer: rank for rank, damage in enumerate(sorted(measured, key=harm, reverse=True), 1)}
    ranked = dict(costs)
    for damage in damages:
        cost = costs[damage.layer]
        if damage.outcome is not None and damage.outcome.problem:
            ranked[damage.layer] = replace(cost, problem=damage.outcome.problem)
        else:
            ranked[damage.layer] = replace(
                _damaged(cost, damage, simulator.classifies),
                error_share=shares[damage.layer],
                rank=ranks[damage.layer],
            )
    return ranked


def _damaged(cost: LayerCost, damage: Damage, classifies: bool) -> LayerCost:
    outcome = damage.outcome
    if outcome is None:
        # Nothing was run: what the variant does to the layer changes no value.
        return replace(
            cost, n=damage.n, sqnr_db=SQNR_LIMIT_DB, relative_error=0.0, changed=0 if classifies else None
        )
    return replace(
        cost,
        n=damage.n,
        sqnr_db=decibels(outcome.noise),
        sqnr_interval_db=None if outcome.sums is None else sqnr_interval(outcome.sums),
        relative_error=math.sqrt(outcome.noise) if math.isfinite(outcome.noise) else None,
        changed=outcome.changed,
        own_sqnr_db=cost.own_sqnr_db if outcome.own_noise is None else decibels(outcome.own_noise),
        saturation=cost.saturation if outcome.saturation is None else outcome.saturation,
    )


def _suspects(damages: Sequence[Damage], count: int) -> tuple[Layer, ...]:
    """The most harmful layers, the worst first."""
    shares = error_shares(damages)
    worst = sorted(damages, key=harm, reverse=True)
    return tuple(damage.layer for damage in worst[:count] if shares[damage.layer] >= _LEAST_SHARE)


def _analysis(
    subject: Subject,
    items: Items,
    latencies: Latencies,
    outcomes: tuple[Outcome, Outcome],
    layers: tuple[LayerCost, ...],
    kept: tuple[KeptFloat, ...],
) -> LayerAnalysis:
    real, base = outcomes
    n = len(next(iter(items.values.values())))
    simulated = not base.problem
    analysis = LayerAnalysis(
        subject=subject.name,
        variant=subject.variant_name,
        n=n,
        items_source=items.source,
        sqnr_db=None if real.problem else decibels(real.noise),
        changed=real.changed,
        simulated_sqnr_db=decibels(base.noise) if simulated else None,
        simulation_error_db=decibels(base.apart) if simulated and base.apart is not None else None,
        layers=layers,
        kept_float=kept,
        latency_us=sum(latencies.variant_us.values()) if latencies.profile is not None else None,
        profile_source="" if latencies.profile is None else latencies.profile.source,
    )
    return replace(analysis, notes=_notes(analysis, subject, latencies, real, base))


def _notes(
    analysis: LayerAnalysis, subject: Subject, latencies: Latencies, real: Outcome, base: Outcome
) -> tuple[str, ...]:
    """What a reader should know."""
    notes = []
    if real.problem:
        notes.append(
            f"the variant's own file does not run here, so all figures are simulated: {real.problem}"
        )
    if base.problem:
        notes.append(
            f"no remedy was tried, for the simulation with all layers quantized fails: {base.problem}"
        )
    elif (analysis.simulation_error_db or 0.0) < (analysis.sqnr_db or 0.0):
        notes.append(
            f"the simulation of all layers together is only {analysis.simulation_error_db:.1f} dB from the real file, "
            f"which is {analysis.sqnr_db:.1f} dB from float: take its figures as rough"
        )
    found = {layer.sqnr_db for layer in analysis.layers if layer.rank is not None and layer.index is not None}
    if found and found <= {None, SQNR_LIMIT_DB}:
        notes.append(
            "no layer that was measured adds an error: the variant computes as the float32 file does"
        )
    if analysis.n < _FEW_ITEMS:
        notes.append(
            f"{_counted(analysis.n, 'item')} can hardly tell layers of similar damage apart: give data of "
            f"{_FEW_ITEMS} or more"
        )
    partly = {layer.name for layer in analysis.layers if layer.rank is not None and layer.n < analysis.n}
    if partly:
        notes.append(
            f"{_counted(len(partly), 'layer')} of little damage: measured on fewer items than the others"
        )
    unmeasured = [layer for layer in analysis.layers if layer.rank is None]
    if unmeasured:
        reason = f"{unmeasured[0].name}: {unmeasured[0].problem}"
        names = {layer.name for layer in unmeasured}
        notes.append(f"the damage of {_counted(len(names), 'layer')} could not be measured: {reason}")
    inside = [recipe for recipe in subject.recipes if recipe.inside]
    if inside:
        notes.append(f"{_counted(len(inside), 'layer')} measured in part: {inside[0].inside}")
    conversions = _conversions_us(subject, latencies)
    if conversions:
        notes.append(f"conversions between types, which are no layers, take {conversions:.3g} µs")
    if latencies.note:
        notes.append(latencies.note)
    return (*notes, *(() if latencies.profile is None else latencies.profile.notes))


def _conversions_us(subject: Subject, latencies: Latencies) -> float:
    paired = {recipe.counterpart for recipe in subject.recipes}
    return sum(us for index, us in latencies.variant_us.items() if index not in paired)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
