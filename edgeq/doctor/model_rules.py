"""The rules on models before conversion, as data."""

from __future__ import annotations

from edgeq.doctor.rule import Rule

MODEL_RULES: tuple[Rule, ...] = ()
