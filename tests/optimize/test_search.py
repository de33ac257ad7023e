"""The search on landscapes of formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import DataError, DeviceError
from edgeq.optimize.budget import Budget
from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import BuiltFile, Speed
from edgeq.optimize.grid import grid
from edgeq.optimize.result import (
    CHOSEN,
    FAILED,
    LATENCY,
    NOT_KEPT,
    NOT_TRIED,
    OUTDONE,
    SIZE,
    STATUSES,
    Goal,
    SearchResult,
)
from edgeq.optimize.search import search
from edgeq.optimize.space import Space
from edgeq.optimize.workshop import Workshop
from tests.optimize.landscape import Landscape, harms, layers, lines

SMALL = Space(rounding=("nearest", "error-feedback"))
"""A grid of 768 recipes."""


def found(workshop: Workshop, goal: Goal, **limits: float) -> SearchResult:
    return search(workshop, goal, Budget(**limits), lambda line: None)


def size_of(result: SearchResult) -> int:
    assert result.winner is not None
    assert result.winner.built is not None
    return result.winner.built.size_bytes


def drop_of(result: SearchResult) -> float:
    assert result.winner is not None
    assert result.winner.quality is not None
    return result.winner.quality.drop_pp


@pytest.mark.parametrize("max_drop", [0.1, 1.0, 2.0])
@pytest.mark.parametrize("objective", [SIZE, LATENCY])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_winner_is_the_grids_or_within_noise_with_a_fifth_of_the_evaluations(max_drop, objective, seed):
    goal = Goal(max_drop, objective)
    workshop = Landscape(noise_pp=0.05, seed=seed)

    searched = search(workshop, goal, Budget(), lambda line: None, SMALL)
    whole = grid(Landscape(noise_pp=0.05, seed=seed), goal, SMALL)

    assert searched.meets == whole.meets
    assert whole.evaluations == whole.grid
    # Where noise sends only one of them to look at layers, that one has their combinations too.
    assert abs(searched.grid - whole.grid) <= 3 * 12
    assert searched.evaluations <= 0.2 * whole.evaluations
    if objective == SIZE:
        # A layer more or less in int8 is what noise of the drop is worth.
        assert size_of(searched) <= size_of(whole) + 0.5 * 6000
    assert drop_of(searched) <= max(drop_of(whole) + 2 * workshop.noise_pp, max_drop)


def test_two_searches_are_equal():
    one, other = (found(Landscape(noise_pp=0.1), Goal(1.0)) for _ in range(2))
    assert one == other


def test_nothing_is_built_twice():
    workshop = Landscape()
    found(workshop, Goal(0.5))
    assert len(workshop.built) == len(set(workshop.built))


class SlowWithoutRewrite(Landscape):
    """Hard-swish takes long where it is one operator, and loses a little less there."""

    def error(self, candidate: Candidate) -> float:
        rewritten = candidate.recipe is not None and "hard-swish" in candidate.recipe.rewrites
        return super().error(candidate) * (1.05 if rewritten else 1.0)

    def _speed(self, candidate: Candidate) -> Speed:
        rewritten = candidate.recipe is not None and "hard-swish" in candidate.recipe.rewrites
        return (
            super()._speed(candidate)
            if rewritten
            else Speed(8.0, 4.0, 3.9, 4.1, "this machine", 1, "litert 2.1")
        )


def test_a_rewrite_that_makes_a_file_fast_is_found_though_others_lose_less():
    winner = found(SlowWithoutRewrite(), Goal(1.0, LATENCY)).winner
    assert winner is not None
    assert winner.candidate.recipe is not None
    assert "hard-swish" in winner.candidate.recipe.rewrites


def test_methods_that_help_only_together_are_found():
    """Channel scaling is worse than nothing with plain ranges."""
    winner = found(Landscape(), Goal(0.3)).winner
    assert winner is not None
    assert winner.candidate.recipe is not None
    assert {"pool-to-mean", "equalize"} <= set(winner.candidate.recipe.rewrites)
    assert winner.candidate.recipe.range_method == "chosen"


def test_four_bits_everywhere_win_where_the_budget_allows():
    result = found(Landscape(), Goal(8.0))
    assert result.winner is not None
    assert result.winner.candidate.recipe is not None
    assert result.winner.candidate.recipe.scheme == "int8x4"
    assert result.winner.candidate.recipe.layers == {}


def test_only_the_harmful_layers_are_moved_up():
    result = found(Landscape(), Goal(1.2))
    assert result.winner is not None
    assert result.winner.candidate.recipe is not None
    moved = result.winner.candidate.recipe.layers
    assert result.meets
    assert set(moved.values()) == {"int8"}
    assert "tensor_0" in moved
    assert 0 < len(moved) < 12
    assert any("in int8 instead of int8x4" in sentence for sentence in result.sentences)


def test_layers_that_int8_harms_are_moved_to_float_under_latency():
    # int8 itself loses 1.4 pp in each of two layers.
    workshop = Landscape(harms=dict.fromkeys(harms(), 0.0) | {"tensor_3": 20.0, "tensor_7": 20.0})
    result = found(workshop, Goal(0.5, LATENCY))
    assert result.meets
    assert result.winner is not None
    assert result.winner.candidate.recipe is not None
    assert result.winner.candidate.recipe.layers == {"tensor_3": "float32", "tensor_7": "float32"}


def test_under_latency_only_what_was_measured_faster_wins():
    workshop = Landscape()
    workshop.slow = {"float32": 1, "float16": 1.2, "dynamic": 2, "int8": 1.3, "int8x4": 3}
    result = found(workshop, Goal(1.0, LATENCY))
    assert result.meets
    assert result.winner is not None
    assert result.winner.candidate.variant == "float32"
    assert any("measured faster than float32" in sentence for sentence in result.sentences)


def test_nothing_within_the_budget_says_how_near_it_came_and_what_would_help():
    workshop = Landscape(drop_per_error=10_000, half_width_pp=0.3)
    result = found(workshop, Goal(0.2))
    assert not result.meets
    assert result.winner is not None
    assert result.winner.quality is not None
    assert result.winner.candidate.variant == "float16"
    told = " ".join(result.sentences)
    assert "nearest is float16 of the converter" in told
    assert "uantization-aware training" in told
    assert "calibration data" in told
    assert f"--max-drop {math.ceil(100 * drop_of(result)) / 100:g}pp" in told


def test_float16_alone_within_the_budget_is_said():
    result = found(Landscape(drop_per_error=1000), Goal(0.6))
    assert result.meets
    assert result.winner is not None
    assert result.winner.candidate.variant == "float16"
    assert any(sentence.startswith("Only files that compute in float") for sentence in result.sentences)


def test_confident_wants_the_upper_end_within_the_budget():
    sure = found(Landscape(half_width_pp=0.5), Goal(1.0, confident=True))
    assert sure.meets
    assert sure.winner is not None
    assert sure.winner.quality is not None
    assert sure.winner.quality.high_pp <= 1.0
    assert size_of(sure) > size_of(found(Landscape(half_width_pp=0.5), Goal(1.0)))


def test_confident_on_too_few_items_is_refused_with_the_number_needed():
    with pytest.raises(DataError, match=r"give about 390 items or a larger --max-drop"):
        found(Landscape(half_width_pp=2.0), Goal(1.0, confident=True))


def test_few_items_without_confident_are_a_sentence():
    result = found(Landscape(half_width_pp=2.0), Goal(1.0))
    assert result.meets
    assert any("validation items are few" in sentence for sentence in result.sentences)


def test_holdout_reports_the_front_on_the_other_half():
    result = found(Landscape(split_pp=0.4), Goal(1.0, holdout=True))
    assert result.winner is not None
    assert result.winner.report is not None
    assert result.winner.report.drop_pp == pytest.approx(drop_of(result) + 0.4)
    assert all(result.outcome(key).report is not None for key in result.front)
    assert any("nothing was chosen on" in sentence for sentence in result.sentences)


def test_builds_that_fail_are_told_and_passed_by():
    def fails(candidate):
        recipe = candidate.recipe
        return "the file does not run" if recipe and "equalize" in recipe.rewrites else ""

    result = found(Landscape(fails=fails), Goal(1.5))
    failed = [one for one in result.outcomes if one.status == FAILED]
    assert failed
    assert all(one.reason == "Not built: the file does not run." for one in failed)
    assert result.meets
    assert result.winner is not None
    assert result.winner.candidate.recipe is not None
    assert "equalize" not in result.winner.candidate.recipe.rewrites


def test_a_workshop_that_makes_no_recipe_leaves_the_converters_variants():
    result = found(Landscape(fails=lambda one: "no space" if one.recipe else ""), Goal(1.0))
    assert result.meets
    assert result.winner is not None
    assert result.winner.candidate.variant == "dynamic"
    assert any("No int8 recipe could be made: not built: no space" in one for one in result.sentences)


def test_a_workshop_that_makes_nothing_chooses_nothing():
    result = found(Landscape(fails=lambda one: "the runtime is gone"), Goal(1.0))
    assert result.winner is None
    assert not result.meets
    assert result.front == ()
    assert {one.status for one in result.outcomes} == {FAILED}


@pytest.mark.parametrize("when", [1, 3, 5, 8, 15, 30, 45])
@pytest.mark.parametrize("objective", [SIZE, LATENCY])
def test_ctrl_c_at_any_call_keeps_what_was_found(when, objective):
    calls = []

    def interrupts(what, candidates):
        calls.append(what)
        if len(calls) == when:
            raise KeyboardInterrupt

    result = found(Landscape(at_call=interrupts), Goal(1.0, objective))
    if len(calls) < when:
        assert result.cut_short is None
        return
    assert result.cut_short == "it was interrupted"
    assert len(calls) == when
    assert (result.winner is None) == (when < 3)
    assert any("ended early: it was interrupted" in sentence for sentence in result.sentences)


@pytest.mark.parametrize("most", [1, 2, 5, 17, 30])
def test_max_candidates_is_not_passed_and_the_best_is_measured(most):
    result = found(Landscape(), Goal(1.0), candidates=most)
    assert sum(one.candidate.recipe is not None and one.built is not None for one in result.outcomes) <= most
    assert result.cut_short == f"--max-candidates {most} was reached"
    recipes = [one for one in result.outcomes if one.candidate.recipe is not None and one.built is not None]
    assert min(recipes, key=lambda one: one.built.error if one.built else math.inf).quality is not None
    assert {one.status for one in result.outcomes if one.built is None} == {NOT_TRIED}


def test_the_clock_ends_the_search_and_the_best_is_still_measured():
    now = [0.0]

    def takes_time(what, candidates):
        now[0] += (5 if what == "build" else 2) * len(candidates)

    workshop = Landscape(at_call=takes_time)
    budget = Budget(seconds=120, clock=lambda: now[0])
    told, progress = lines()
    result = search(workshop, Goal(1.0), budget, progress)
    assert result.cut_short == "the budget of 2m ended"
    # What is kept back is for judging; the last timing comes on top.
    assert now[0] <= 120 + 2 * 10
    assert result.winner is not None
    assert result.meets
    assert told
    assert told[-1].startswith("best so far: ")
    assert told[-1].endswith("left")


@pytest.mark.parametrize("objective", [SIZE, LATENCY])
@pytest.mark.parametrize("seconds", [1, 60, 100])
def test_the_search_ends_soon_after_its_time_and_has_a_winner(seconds, objective):
    now, calls = [0.0], []

    def takes_time(what, candidates):
        # Two are built side by side, in 20 s each; one is measured in 5 s; nobody can know that at the first call.
        took = {"build": 20 * math.ceil(len(candidates) / 2), "judge": 5 * len(candidates), "time": 0}[what]
        if what == "build" and candidates[0].variant:
            took = 0
        calls.append((what, now[0], took))
        now[0] += took

    workshop = Landscape(at_call=takes_time)
    budget = Budget(seconds=seconds, clock=lambda: now[0])
    result = search(workshop, Goal(1.0, objective), budget, lambda line: None)
    assert result.winner is not None
    assert result.cut_short is not None
    # What was begun in time: a pair of builds; and what leaves a winner: two of the converter's, one recipe.
    assert now[0] <= seconds + 20 + 3 * 5
    late = [what for what, start, took in calls if start >= seconds and took]
    assert late.count("build") == 0
    assert late.count("judge") <= 2


def test_a_budget_of_candidates_alone_builds_all_of_an_axis_at_once():
    sizes = []
    search(
        Landscape(at_call=lambda what, some: sizes.append(len(some))), Goal(1.0), Budget(), lambda line: None
    )
    assert max(sizes) > Landscape.workers


def test_the_last_sentence_of_the_search_names_the_winner_what_it_loses_and_what_it_beat():
    result = found(Landscape(noise_pp=0.05), Goal(1.2))
    assert result.winner is not None
    (told,) = [one for one in result.sentences if " files measured on 10,000 items " in one]
    assert (
        f"{result.winner.candidate.title} is the smallest of these and loses {drop_of(result):.2f} pp" in told
    )
    assert "the int8x4 recipe of least output error, loses" in told
    assert not any("this one" in one for one in result.sentences)
    assert any(
        "has the least output error on held-back calibration items of the" in one for one in result.sentences
    )


def test_recipes_the_converters_variants_and_what_was_measured_are_counted_apart():
    result = found(Landscape(), Goal(1.0), candidates=6)
    assert (result.recipes_built, result.variants_built) == (6, 4)
    assert result.evaluations == 10
    assert 4 < result.measured < 10


def test_under_latency_the_progress_shows_least_drop_and_that_nothing_is_timed():
    told, progress = lines()
    search(Landscape(), Goal(1.0, LATENCY), Budget(), progress)
    assert told[0].startswith("no quantized file measured on the validation set yet; 4 built, 0 measured")
    assert all(line.startswith("least drop so far: ") for line in told[1:])
    assert ", not timed yet; " in told[-1]


class FruitlessRewrite(Landscape):
    """One of the rewrites finds nothing to do."""

    def _file(self, candidate: Candidate) -> BuiltFile:
        built = super()._file(candidate)
        if candidate.recipe is None:
            return built
        names = tuple(name for name in candidate.recipe.rewrites if name != "hard-swish")
        same = Candidate(replace(candidate.recipe, rewrites=names), None, "")
        return replace(built, sha256=same.key)


def test_a_rewrite_that_does_nothing_is_not_in_the_winner_and_equal_files_are_measured_once():
    workshop = FruitlessRewrite()
    result = found(workshop, Goal(1.0))
    assert result.meets
    assert result.winner is not None
    assert result.winner.candidate.recipe is not None
    twins = [one for one in result.outcomes if "Gives the same file as" in one.reason]
    assert twins
    assert "hard-swish" not in result.winner.candidate.recipe.rewrites
    digests = [one.built.sha256 for one in result.outcomes if one.quality and one.built and one.built.sha256]
    assert len(digests) == len(set(digests))


def test_the_clock_does_not_end_a_search_that_is_quick():
    assert found(Landscape(), Goal(1.0), seconds=3600).cut_short is None


def test_layers_whose_precision_is_given_keep_it():
    kept = {"tensor_0": "float32", "tensor_5": "int8"}
    result = found(Landscape(), Goal(3.0, kept=kept))
    for one in result.outcomes:
        recipe = one.candidate.recipe
        if recipe is not None:
            assert recipe.layers.get("tensor_0", recipe.scheme) == "float32"
            assert recipe.layers.get("tensor_5", recipe.scheme) == "int8"
    stock = {one.candidate.variant: one.status for one in result.outcomes if one.candidate.variant}
    assert stock["int8"] == stock["float16"] == NOT_KEPT
    assert result.meets


def test_where_all_layers_are_given_a_precision_no_other_is_tried_and_none_is_spoken_of():
    landscape = Landscape()
    kept = {layer.name: "int8" for layer in landscape.layers}
    result = found(landscape, Goal(0.0001, LATENCY, kept=kept))
    assert not result.meets
    assert {one.candidate.recipe.scheme for one in result.outcomes if one.candidate.recipe} == {"int8"}
    assert not any("instead of" in sentence for sentence in result.sentences)


def test_a_lost_device_costs_the_timing_and_not_the_search():
    def lost(what, candidates):
        if what == "time":
            raise DeviceError("ssh:pi@host: connection lost")

    result = found(Landscape(at_call=lost), Goal(1.0, LATENCY))
    assert result.meets
    assert result.winner is not None
    assert any(one == "Nothing could be timed: ssh:pi@host: connection lost." for one in result.sentences)
    assert any("the choice is by size" in one for one in result.sentences)


@settings(max_examples=60, deadline=None)
@given(
    max_drop=st.floats(0, 20),
    objective=st.sampled_from([SIZE, LATENCY]),
    confident=st.booleans(),
    seed=st.integers(0, 1000),
    noise=st.floats(0, 2),
    per_error=st.floats(0.1, 1000),
    count=st.integers(0, 9),
    broken=st.integers(0, 10),
    most=st.none() | st.integers(1, 60),
)
def test_every_search_ends_in_a_choice_that_holds(
    max_drop, objective, confident, seed, noise, per_error, count, broken, most
):
    def fails(candidate):
        return "it failed" if candidate.recipe and int(candidate.key, 16) % 10 < broken else ""

    workshop = Landscape(
        layers=layers(count),
        harms=harms(count),
        noise_pp=noise,
        seed=seed,
        drop_per_error=per_error,
        fails=fails,
        half_width_pp=0.0,
    )
    goal = Goal(max_drop, objective, confident=confident)
    result = found(workshop, goal, candidates=most)

    assert len({one.key for one in result.outcomes}) == len(result.outcomes)
    assert all(one.status in STATUSES and one.reason.endswith(".") for one in result.outcomes)
    assert [one.key for one in result.outcomes if one.status == CHOSEN] == [result.chosen]
    within = [
        one
        for one in result.outcomes
        if one.quality and one.quality.drop_pp <= max_drop and one.candidate.variant != "float32"
    ]
    assert result.meets == bool(within)
    if result.meets:
        assert drop_of(result) <= max_drop + 1e-9
    if within and objective == SIZE:
        smallest = min(one.built.size_bytes for one in within if one.built)
        assert size_of(result) <= 1.01 * smallest
    if within and objective == LATENCY:
        fastest = min(one.speed.high for one in within if one.speed)
        assert result.winner is not None
        assert result.winner.speed is not None
        assert result.winner.speed.low <= fastest
    assert all(one.quality is None for one in result.outcomes if one.status == OUTDONE)
    assert result.evaluations == len(set(workshop.built))
