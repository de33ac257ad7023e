"""The app's golden images are what edgeq makes of the same pixels now.

Where a change of edgeq moves them on purpose, ``EDGEQ_UPDATE_GOLDEN=1`` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tools.android.golden import image


@pytest.fixture(scope="module")
def folders(golden: Callable[[ModuleType], tuple[Path, Path]]) -> tuple[Path, Path]:
    return golden(image)


@pytest.fixture(scope="module")
def now(folders: tuple[Path, Path]) -> Any:
    return image.read(folders[0] / image.FILE)


@pytest.fixture(scope="module")
def committed(folders: tuple[Path, Path]) -> Any:
    return image.read(folders[1] / image.FILE)


def test_committed_photos_and_cases_are_those_of_the_script(now: Any, committed: Any) -> None:
    assert len(committed.photos) == 20
    for one, other in zip(committed.photos, now.photos, strict=True):
        np.testing.assert_array_equal(one, other)
    for key in ("photos", "prepared", "values"):
        assert committed.index[key] == now.index[key]


def test_committed_pixels_are_what_edgeq_makes_of_the_photos(now: Any, committed: Any) -> None:
    cases = zip(committed.index["prepared"], committed.prepared, now.prepared, strict=True)
    assert [case for case, one, other in cases if not np.array_equal(one, other)] == []


def test_committed_pixels_of_the_large_photo_are_what_edgeq_makes_of_it(now: Any, committed: Any) -> None:
    cases = zip(committed.index["formula"], now.index["formula"], strict=True)
    assert [one for one, other in cases if one != other] == []


def test_committed_values_are_bit_for_bit_what_edgeq_makes_of_the_photos(now: Any, committed: Any) -> None:
    for case, one, other in zip(committed.index["values"], committed.values, now.values, strict=True):
        assert one.tobytes() == other.tobytes(), case
