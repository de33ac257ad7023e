"""All that a report says, before it has a form: tables, a verdict for each variant, and what to ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.benchmark.measurement import Measurement
from edgeq.report.recommend import Budget, Recommendation, recommend
from edgeq.report.tables import Table, build_tables
from edgeq.report.verdicts import Verdict, verdicts


@dataclass(frozen=True)
class Section:
    """One table and what follows from it."""

    table: Table
    verdicts: tuple[Verdict, ...]
    recommendations: tuple[Recommendation, ...]


@dataclass(frozen=True)
class Summary:
    """A report before it has a form.

    Attributes:
        sections: one for each table.
    """

    sections: tuple[Section, ...]

    @property
    def recommendations(self) -> tuple[Recommendation, ...]:
        """Of all sections, in order."""
        return tuple(entry for section in self.sections for entry in section.recommendations)

    @property
    def lines(self) -> tuple[str, ...]:
        """The recommendations as sentences, each with its table's name where there are several tables."""
        return tuple(
            entry.text if len(self.sections) == 1 else f"{title(section.table)}: {entry.text}"
            for section in self.sections
            for entry in section.recommendations
        )


def summarise(measurements: Sequence[Measurement], *, budget: Budget | None = None) -> Summary:
    """Tables, verdicts and recommendations of any measurements.

    Args:
        measurements: of any number of sessions, devices and models.
        budget: what a variant to ship may lose; 1 pp of a rate or 1 % of an amount when None.

    Raises:
        ResultsError: there is no measurement.
    """
    return Summary(
        tuple(
            Section(table, verdicts(table), recommend(table, budget)) for table in build_tables(measurements)
        )
    )


def title(table: Table) -> str:
    """What a table is about: ``fashion on Cortex-A72, 4 cores``."""
    return f"{table.model or _lone_name(table)} on {table.environment.device}"


def _lone_name(table: Table) -> str:
    """What files without a baseline are called: a lone file by its name, one variant of a bundle by both names."""
    if len(table.variants) > 1:
        return "files"
    row = table.rows[0]
    return row.variant if row.model == row.variant else f"{row.model} {row.variant}"


def environment_line(table: Table) -> str:
    """Where and when, in one line."""
    environment, runtime = table.environment, table.runtime
    shapes = ", ".join(table.inputs.values())
    parts = [
        f"{runtime.name} {runtime.version}",
        environment.architecture,
        environment.os,
        f"Python {environment.python}",
        f"input {shapes}",
        started(environment.started_at),
    ]
    return " · ".join(part for part in parts if part)


def started(moment: str) -> str:
    """``2026-11-21T03:11:07+00:00`` as ``2026-11-21 03:11 UTC``; unchanged where it is something else."""
    date, separator, clock = moment.partition("T")
    is_utc = clock.endswith(("Z", "+00:00"))
    if not separator or not is_utc or clock[2:3] != ":":
        return moment
    return f"{date} {clock[:5]} UTC"
