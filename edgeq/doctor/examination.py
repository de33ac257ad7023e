"""Examines a case: every rule that was selected and has what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgeq.doctor.case import Case
from edgeq.doctor.rule import CALIBRATION, DATA, ERROR, FILES, FLOAT32, TRIALS, Finding, Rule
from edgeq.doctor.rules import RULES
from edgeq.errors import EdgeqError, UsageError

NEEDS = {
    DATA: "data (--data)",
    CALIBRATION: "data (--data), or a bundle's parity inputs",
    FLOAT32: "the model in float32",
    FILES: "a .tflite",
    TRIALS: "the Keras model",
}
"""What a rule may need, for messages."""


@dataclass(frozen=True)
class Diagnosis:
    """What a rule found.

    Attributes:
        rule: the rule.
        finding: what it found.
    """

    rule: Rule
    finding: Finding

    @property
    def severity(self) -> str:
        """``error`` or ``warning``."""
        return self.finding.severity or self.rule.severity


@dataclass(frozen=True)
class Unchecked:
    """A rule that was selected and says nothing.

    Attributes:
        rule: the rule.
        reason: what it lacks, or why it failed.
    """

    rule: Rule
    reason: str


@dataclass(frozen=True)
class Examination:
    """What came of examining a case.

    Attributes:
        target: what was examined, as the user named it.
        diagnoses: in the order of the rules.
        checked: the rules that looked.
        lacking: rules that need what this case has not.
        failed: rules that could not finish.
    """

    target: str
    diagnoses: tuple[Diagnosis, ...]
    checked: tuple[Rule, ...]
    lacking: tuple[Unchecked, ...]
    failed: tuple[Unchecked, ...]

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(diagnosis.severity == ERROR for diagnosis in self.diagnoses)

    @property
    def warnings(self) -> int:
        """Number of findings that are warnings."""
        return len(self.diagnoses) - self.errors


def selected_rules(
    select: Sequence[str] = (), ignore: Sequence[str] = (), *, rules: Iterable[Rule] = RULES
) -> tuple[Rule, ...]:
    """The rules that a user wants.

    Args:
        select: codes, beginnings of codes such as ``F`` or ``D1``, or names, also several with commas; none selects
            all.
        ignore: likewise; wins over `select`.
        rules: to choose from.

    Raises:
        UsageError: one of them names no rule.
    """
    rules = tuple(rules)
    select, ignore = _words(select), _words(ignore)
    for word in (*select, *ignore):
        if not any(_names(word, rule) for rule in rules):
            groups = ", ".join(sorted({rule.code[0] for rule in rules}))
            raise UsageError(
                f"unknown rule {word!r}: expected a code such as {rules[0].code}, the beginning of codes ({groups}), "
                "or a name; edgeq doctor --explain all lists them"
            )
    return tuple(
        rule
        for rule in rules
        if (not select or any(_names(word, rule) for word in select))
        and not any(_names(word, rule) for word in ignore)
    )


def _words(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.strip() for one in given for word in one.split(","))


def _names(word: str, rule: Rule) -> bool:
    return bool(word) and (rule.code.startswith(word.upper()) or rule.name == word.lower())


def examine(
    case: Case,
    rules: Sequence[Rule] = RULES,
    progress: Callable[[str, int, int], None] | None = None,
) -> Examination:
    """Runs rules on a case.

    Args:
        case: what to look at.
        rules: which; see `selected_rules`.
        progress: called with the rule at work, how many are done, and how many there are.

    Returns:
        What they found. A rule that fails spoils none of the others.

    Raises:
        UsageError: the case was opened with an option that makes no sense.
    """
    diagnoses: list[Diagnosis] = []
    checked: list[Rule] = []
    lacking: list[Unchecked] = []
    failed: list[Unchecked] = []
    for done, rule in enumerate(rules):
        if progress is not None:
            progress(f"{rule.code} {rule.name}", done, len(rules))
        lacks = [need for need in rule.needs if not case.has(need)]
        if lacks:
            lacking.append(Unchecked(rule, f"needs {NEEDS[lacks[0]]}"))
            continue
        try:
            diagnoses += [Diagnosis(rule, finding) for finding in rule.check(case)]
        except UsageError:
            raise
        except EdgeqError as error:
            failed.append(Unchecked(rule, str(error)))
            continue
        checked.append(rule)
    return Examination(str(case.target), tuple(diagnoses), tuple(checked), tuple(lacking), tuple(failed))
