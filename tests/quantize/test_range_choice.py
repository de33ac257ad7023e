"""The choice of ranges, with errors whose least is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import ModelError
from edgeq.quantize import range_choice
from edgeq.quantize.range_choice import START, ChosenRanges
from edgeq.quantize.recipe import Range
from edgeq.quantize.statistics import TensorStatistics

NAMES = tuple("abcdefgh")
WIDE, MIDDLE, NARROW = (-8.0, 8.0), (-4.0, 4.0), (-2.0, 2.0)


def statistics(names: tuple[str, ...] = NAMES) -> dict[str, TensorStatistics]:
    """Normally distributed tensors."""
    values = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    counts, edges = np.histogram(values, 1024)
    extremes = np.array([values.min()]), np.array([values.max()])
    return {name: TensorStatistics(name, *extremes, counts.astype(np.int64), edges) for name in names}


def everywhere(found: Range) -> dict[str, Range]:
    return dict.fromkeys(NAMES, found)


CANDIDATES = {"minmax": everywhere(WIDE), "mse": everywhere(MIDDLE), "entropy": everywhere(NARROW)}


def distance_to(best: Mapping[str, Range]) -> Callable[[Mapping[str, Range]], float]:
    """An error that is least for some ranges, and to which every tensor adds."""

    def error_of(ranges: Mapping[str, Range]) -> float:
        return 0.1 + sum(abs(ranges[name][end] - best[name][end]) for name in best for end in (0, 1))

    return error_of


def choose_ranges(
    error_of: Callable[[Mapping[str, Range]], float], *args: object, **options: object
) -> ChosenRanges:
    """With the same error for each of three items, whose mean then has no doubt."""
    return range_choice.choose_ranges(
        lambda ranges: np.full(3, error_of(ranges)),
        *args,
        **options,  # type: ignore[arg-type]
    )


def chosen(error_of: Callable[[Mapping[str, Range]], float], **options: object) -> ChosenRanges:
    return choose_ranges(error_of, statistics(), CANDIDATES, everywhere(WIDE), **options)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from((WIDE, MIDDLE, NARROW)), min_size=len(NAMES), max_size=len(NAMES)))
def test_each_tensor_gets_its_best_range_where_they_do_not_depend_on_each_other(best: list[Range]) -> None:
    wanted = dict(zip(NAMES, best, strict=True))
    found = chosen(distance_to(wanted), most_evaluations=100)
    assert found.ranges == wanted
    assert found.error == pytest.approx(0.1)
    named = {"minmax": WIDE, "mse": MIDDLE, "entropy": NARROW}
    assert {name: named[method] for name, method in found.method_by_tensor.items()} == wanted


def test_the_best_method_for_all_tensors_is_where_it_begins() -> None:
    seen: list[dict[str, Range]] = []

    def error_of(ranges: Mapping[str, Range]) -> float:
        seen.append(dict(ranges))
        return distance_to(everywhere(MIDDLE))(ranges)

    assert chosen(error_of).ranges == everywhere(MIDDLE)
    assert seen[:3] == [everywhere(WIDE), everywhere(MIDDLE), everywhere(NARROW)]
    assert all(sum(ranges[name] != MIDDLE for name in NAMES) == 1 for ranges in seen[3:])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_it_is_never_worse_than_the_start_and_measures_no_more_often_than_it_may(
    seed: int, most: int
) -> None:
    generator = np.random.default_rng(seed)
    measured: dict[tuple[Range, ...], float] = {}

    def error_of(ranges: Mapping[str, Range]) -> float:
        key = tuple(ranges.values())
        assert key not in measured
        measured[key] = float(generator.uniform(0, 1))
        return measured[key]

    found = chosen(error_of, most_evaluations=most)
    assert found.evaluations == len(measured) <= most
    assert found.error == pytest.approx(measured[tuple(found.ranges.values())])
    assert found.error <= measured[tuple(everywhere(WIDE).values())] * (1 + 1e-12)


def test_the_cap_grows_with_the_number_of_tensors() -> None:
    calls = 0

    def error_of(_: Mapping[str, Range]) -> float:
        nonlocal calls
        calls += 1
        return 1.0 / calls

    assert chosen(error_of).evaluations <= 1 + len(CANDIDATES) + 2 * len(NAMES)


def test_ranges_that_are_nearly_the_same_are_not_measured() -> None:
    near = {"minmax": everywhere(WIDE), "averaged": everywhere((-7.95, 8.0)) | {"a": MIDDLE}}
    seen: list[float] = []

    def error_of(ranges: Mapping[str, Range]) -> float:
        seen.append(ranges["a"][0])
        return 1.0

    found = choose_ranges(error_of, statistics(), near, everywhere(WIDE))
    assert found.evaluations == 3
    assert seen == [-8.0, -4.0, -4.0]
    assert found.ranges == everywhere(WIDE)


def test_a_gain_that_is_as_good_as_none_changes_nothing() -> None:
    found = chosen(lambda ranges: 1.0 - 1e-5 * sum(found == NARROW for found in ranges.values()))
    assert found.ranges == everywhere(WIDE)
    assert set(found.method_by_tensor.values()) == {"minmax"}


def test_logits_may_lose_what_is_far_below_their_largest_value() -> None:
    logits = statistics(("logits",))
    start = {"logits": (-60.0, 20.0)}

    def error_of(ranges: Mapping[str, Range]) -> float:
        low, high = ranges["logits"]
        return (high - low) + 1000 * (low > -12) + 1000 * (high < 20)

    found = choose_ranges(error_of, logits, {}, start, logits=("logits",), most_evaluations=10)
    assert found.ranges == {"logits": (-20.0, 20.0)}
    assert found.method_by_tensor == {"logits": "logits:0.5"}
    assert choose_ranges(error_of, logits, {}, start).method_by_tensor == {"logits": START}


def test_logits_that_are_all_positive_keep_zero() -> None:
    start = {"logits": (0.0, 20.0)}
    found = choose_ranges(lambda _: 1.0, statistics(("logits",)), {}, start, logits=("logits",))
    assert found.ranges == start
    assert found.evaluations == 1


def test_tensors_without_a_candidate_or_statistics_keep_their_range() -> None:
    start = {**everywhere(WIDE), "z": (0.0, 1.0)}
    found = choose_ranges(distance_to(everywhere(NARROW)), {}, CANDIDATES, start)
    assert found.ranges == {**everywhere(NARROW), "z": (0.0, 1.0)}
    assert found.method_by_tensor["z"] == START


def test_neighbours_of_what_changed_are_tried_again() -> None:
    """`b` is better narrow only beside a narrow `a`, which is tried later."""

    def error_of(ranges: Mapping[str, Range]) -> float:
        both = ranges["a"] == MIDDLE and ranges["b"] == NARROW
        rest = sum(ranges[name] != WIDE for name in NAMES if name not in "ab")
        return 10.0 + 5 * rest - (ranges["a"] == MIDDLE) + (ranges["b"] != WIDE) - 4 * both

    found = choose_ranges(
        error_of,
        statistics(),
        {"mse": {"a": MIDDLE}, "entropy": {"b": NARROW}},
        everywhere(WIDE),
        most_evaluations=50,
    )
    assert found.ranges == everywhere(WIDE) | {"a": MIDDLE, "b": NARROW}


def test_ranges_that_cannot_be_made_are_passed_over() -> None:
    def error_of(ranges: Mapping[str, Range]) -> float:
        return math.nan if WIDE in ranges.values() else distance_to(everywhere(MIDDLE))(ranges)

    assert chosen(error_of).ranges == everywhere(MIDDLE)
    with pytest.raises(ModelError, match="none of 4 sets of ranges gives a file with a finite output error"):
        chosen(lambda _: math.nan)


def test_a_gain_that_may_be_chance_is_not_taken() -> None:
    def errors_of(ranges: Mapping[str, Range]) -> np.ndarray:
        """Of `a` one item of eight gains much, of `b` each gains a little; of `c` all lose."""
        errors = np.full(8, 2.0)
        errors[0] -= 0.5 * (ranges["a"] != WIDE)
        errors -= (0.05 + 1e-4 * np.arange(8)) * (ranges["b"] != WIDE)
        return errors + (ranges["c"] != WIDE)

    candidates = {"mse": {"a": MIDDLE, "b": MIDDLE, "c": MIDDLE}}
    found = range_choice.choose_ranges(errors_of, statistics(), candidates, everywhere(WIDE))
    assert found.ranges == everywhere(WIDE) | {"b": MIDDLE}
