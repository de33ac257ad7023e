"""The golden vectors of the app's measurements are what edgeq computes and reads now.

Where a change of edgeq moves them on purpose, run ``tools/android/golden/measure.py`` again.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tools.android.golden import measure

_ROOT = Path(__file__).resolve().parents[2]
_COMMITTED = _ROOT / "android_demo" / "core" / "src" / "test" / "resources" / "golden" / "measure"


def test_committed_vectors_are_what_edgeq_computes(tmp_path: Path) -> None:
    measure.write(tmp_path)
    assert {path.name for path in _COMMITTED.iterdir()} == {path.name for path in tmp_path.iterdir()}
    for committed in _COMMITTED.iterdir():
        now = json.loads((tmp_path / committed.name).read_text("utf-8"))
        assert _alike(json.loads(committed.read_text("utf-8")), now), f"{committed.name} changed"


def _alike(one: Any, other: Any) -> bool:
    """Equal, but for the last bits of logarithms, which differ between processors."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-11, abs_tol=1e-300)
    return bool(one == other)
