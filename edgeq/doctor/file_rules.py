"""The rules on files after conversion, as data."""

from __future__ import annotations

from edgeq.doctor.rule import Rule

FILE_RULES: tuple[Rule, ...] = ()
