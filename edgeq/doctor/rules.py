"""All rules, in the order of their codes."""

from __future__ import annotations

from edgeq.doctor.data_rules import DATA_RULES
from edgeq.doctor.file_rules import FILE_RULES
from edgeq.doctor.model_rules import MODEL_RULES
from edgeq.doctor.rule import Rule

RULES: tuple[Rule, ...] = DATA_RULES + MODEL_RULES + FILE_RULES
