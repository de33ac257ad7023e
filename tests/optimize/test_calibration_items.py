from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgeq.demo.assets import calibration
from edgeq.errors import DataError
from edgeq.optimize.calibration_items import choose_items

sys.path.insert(0, str(Path(__file__).parent))

from workshop_parts import few


def test_too_few_items_are_told_with_whence_they_come() -> None:
    data = few(calibration(), 5)
    with pytest.raises(DataError, match="they are drawn from --data: give more, or items of their own"):
        choose_items(data, (), count=200, seed=0, apart=False)
    with pytest.raises(DataError, match="calibration items, expected at least") as raised:
        choose_items(data, (), count=200, seed=0, apart=True)
    assert "--data" not in str(raised.value)
