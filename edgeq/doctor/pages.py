"""The page of each rule: symptom, cause, fix. They are installed, so that ``--explain`` has them everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

from edgeq.doctor.rule import Rule


def page(rule: Rule) -> str:
    """The rule's documentation as Markdown."""
    return resources.files("edgeq.doctor").joinpath("pages", f"{rule.code}.md").read_text(encoding="utf-8")


def rule_table(rules: Iterable[Rule]) -> str:
    """The table of rules in the documentation, without a line break at its end."""
    rows = [("code", "name", "severity", "what is wrong", "needs", "`--fix`"), ("---",) * 6]
    for rule in rules:
        rows.append(
            (
                f"[{rule.code}](../edgeq/doctor/pages/{rule.code}.md)",
                rule.name,
                rule.severity,
                rule.summary,
                ", ".join(rule.needs) or "–",
                "yes" if rule.fix else "–",
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def rule_list(rules: Iterable[Rule]) -> str:
    """One line a rule, for the terminal."""
    rules = tuple(rules)
    width = max((len(rule.name) for rule in rules), default=0)
    return "\n".join(
        f"{rule.code}  {rule.severity:<7}  {rule.name:<{width}}  {rule.summary}" for rule in rules
    )
