"""The rules on data, as data."""

from __future__ import annotations

from edgeq.doctor.rule import Rule

DATA_RULES: tuple[Rule, ...] = ()
