"""Which of what was tried is named first."""

from __future__ import annotations

import dataclasses
import math

import pytest

from edgeq.layers.choice import best_choice, listed
from edgeq.layers.structure import FINE_TUNE, KEEP_FLOAT, KeptFloat, LayerAnalysis, LayerCost, Remedy

BASE = 5.0


def remedy(sqnr_db: float | None, *names: str, base: float = BASE) -> Remedy:
    gain = None if sqnr_db is None else sqnr_db - base
    kind = FINE_TUNE if sqnr_db is None else KEEP_FLOAT
    return Remedy(kind, f"keep {listed(names)} in float32", sqnr_db, gain, 1, 64, "", 100, names)


def analysis(
    remedies: dict[str, list[Remedy]], *kept: tuple[float, tuple[str, ...]], base: float | None = BASE
) -> LayerAnalysis:
    layers = tuple(
        LayerCost(rank - 1, rank - 1, name, "CONV_2D", "out", (1,), "int8", 10, 40, 1, rank=rank,
                  remedies=tuple(tried))
        for rank, (name, tried) in enumerate(remedies.items(), 1)
    )  # fmt: skip
    steps = tuple(KeptFloat(names, sqnr_db, 1, 64, 100) for sqnr_db, names in kept)
    return LayerAnalysis("model", "int8", 64, "", BASE, 1, base, 40.0, layers, kept_float=steps)


def chosen(found: LayerAnalysis) -> tuple[str, ...]:
    best = best_choice(found)
    assert best is not None
    return best.names


def test_the_remedy_of_the_second_layer_is_chosen_where_it_gains_more_than_that_of_the_first() -> None:
    # Measured: a residual network whose layer k2 was made 100 times as large in one channel, which k3 undoes.
    remedies = {"k3": [remedy(10.2, "k3"), remedy(None)], "k2": [remedy(27.5, "k2", "k3"), remedy(8.0, "k2")]}
    best = best_choice(analysis(remedies, (27.5, ("k2", "k3"))))
    assert best is not None
    assert (best.names, best.sqnr_db, best.gain_db) == (("k2", "k3"), 27.5, 22.5)


def test_layers_in_float_are_chosen_where_no_single_remedy_gains_as_much() -> None:
    found = analysis({"a": [remedy(9.0, "a")], "b": [remedy(8.0, "b")]}, (9.0, ("a",)), (25.0, ("a", "b")))
    best = best_choice(found)
    assert best is not None
    assert best.sentence == "keep a and b in float32"


@pytest.mark.parametrize(("alone", "expected"), [(21.1, ("a",)), (20.9, ("a", "b"))])
def test_fewer_layers_are_preferred_from_four_fifths_of_the_gain_on(
    alone: float, expected: tuple[str, ...]
) -> None:
    assert chosen(analysis({"a": [remedy(alone, "a")]}, (25.0, ("a", "b")))) == expected


def test_what_is_gained_beyond_30_db_is_not_worth_another_layer() -> None:
    found = analysis({}, (29.0, ("a", "b")), (60.0, ("a", "b", "c")))
    assert chosen(found) == ("a", "b")


def test_of_a_good_file_halving_the_noise_is_enough() -> None:
    remedies = {"a": [remedy(33.0, "a", base=32.5), remedy(36.3, "a", "b", base=32.5)]}
    found = analysis(remedies, (36.3, ("a", "b")), (41.2, ("a", "b", "c", "d")), base=32.5)
    assert chosen(found) == ("a", "b")


def test_of_as_many_layers_the_larger_gain_counts() -> None:
    assert chosen(analysis({"a": [remedy(24.0, "a")], "b": [remedy(25.0, "b")]})) == ("b",)


def test_a_layer_of_several_operators_counts_once() -> None:
    found = analysis({}, (20.0, ("o", "k")), (24.9, ("o", "k", "o")))
    best = best_choice(found)
    assert best is not None
    assert (best.names, best.sqnr_db) == (("o", "k"), 24.9)


def test_nothing_is_chosen_where_nothing_helps_or_was_tried() -> None:
    assert best_choice(analysis({"a": [remedy(None)]})) is None
    assert best_choice(analysis({"a": [remedy(4.0, "a")]}, (BASE, ("a",)))) is None
    assert best_choice(analysis({"a": [remedy(9.0, "a")]}, base=None)) is None
    broken = dataclasses.replace(remedy(9.0, "a"), gain_db=math.nan)
    assert best_choice(analysis({"a": [broken]})) is None


def test_names_are_listed_once_each() -> None:
    assert [listed(names) for names in ((), "a", "ab", "abca")] == ["", "a", "a and b", "a, b and c"]
