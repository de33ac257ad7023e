"""The golden vectors of the app's measurements are what edgeq computes and reads now.

Where a change of edgeq moves them on purpose, ``EDGEQ_UPDATE_GOLDEN=1`` writes them anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.android.golden import measure


def test_committed_vectors_are_what_edgeq_computes(
    golden: Callable[[ModuleType], tuple[Path, Path]],
) -> None:
    now, committed = golden(measure)
    assert {path.name for path in committed.iterdir()} == {path.name for path in now.iterdir()}
    for path in committed.iterdir():
        computed = json.loads((now / path.name).read_text("utf-8"))
        assert _alike(json.loads(path.read_text("utf-8")), computed), f"{path.name} changed"


def _alike(one: Any, other: Any) -> bool:
    """Equal, but for the last bits of logarithms, which differ between processors."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-11, abs_tol=1e-300)
    return bool(one == other)
