from __future__ import annotations

import math

import numpy as np
import pytest

from edgeq.benchmark.accuracy_statistics import SQNR_LIMIT_DB
from edgeq.layers.damage import Damage, error_shares
from edgeq.layers.outcome import Outcome, as_sums, decibels, relative_noise, sqnr_interval


def test_decibels_of_powers_of_ten() -> None:
    assert [decibels(noise) for noise in (1, 0.1, 0.001)] == pytest.approx([0, 10, 30])
    assert (decibels(0), decibels(math.inf)) == (SQNR_LIMIT_DB, -SQNR_LIMIT_DB)


def test_outputs_of_unlike_size_count_alike_and_silent_ones_not_at_all() -> None:
    sums = np.array([[[1e6, 1e4], [1e-6, 1e-7], [0.0, 5.0]]])
    assert relative_noise(sums) == pytest.approx((0.01 + 0.1) / 2)
    assert math.isnan(relative_noise(np.zeros((2, 1, 2))))


def test_infinite_noise_survives_json() -> None:
    assert decibels(relative_noise(as_sums([[[1.0, None]], [[1.0, 0.1]]]))) == -SQNR_LIMIT_DB


def test_an_interval_narrows_with_the_items() -> None:
    random = np.random.default_rng(0)

    def width(n: int) -> float:
        sums = np.stack([np.ones((n, 1)), random.exponential(0.01, (n, 1))], axis=2)
        found = sqnr_interval(sums)
        assert found is not None
        assert found[0] < decibels(relative_noise(sums)) < found[1]
        return found[1] - found[0]

    assert width(400) < width(20) / 2


def test_a_lone_item_and_no_noise_have_no_interval() -> None:
    assert sqnr_interval(np.array([[[1.0, 0.1]]])) is None
    assert sqnr_interval(np.array([[[1.0, 0.0]], [[1.0, 0.0]]])) is None


def test_shares_are_of_the_noise_and_an_infinite_one_takes_all() -> None:
    def shares(*noises: float) -> list[float]:
        damages = [Damage(index, Outcome(noise=noise), 4) for index, noise in enumerate(noises)]
        return list(error_shares(damages).values())

    assert shares(0.3, 0.1) == pytest.approx([0.75, 0.25])
    assert shares(0.3, math.inf) == [0, 1]
    assert shares(0.0, 0.0) == [0, 0]
