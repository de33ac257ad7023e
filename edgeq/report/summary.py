"""All that a report says, before it has a form: tables, a verdict for each variant, and what to ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.benchmark.measurement import Measurement
from edgeq.report.machine_wording import core_numbers
from edgeq.report.recommend import Budget, Recommendation, recommend
from edgeq.report.side_by_side import SideBySide, side_by_side
from edgeq.report.sustained import ranking_changes, sustained_lines
from edgeq.report.tables import Table, build_tables
from edgeq.report.verdicts import Verdict, verdicts


@dataclass(frozen=True)
class Section:
    """One table and what follows from it.

    Attributes:
        table: of what may be compared.
        verdicts: one for each variant.
        recommendations: what to ship by it.
        sustained: label and text of each row that was run for minutes without a pause.
        rankings: sentences about rankings that changed in those minutes.
    """

    table: Table
    verdicts: tuple[Verdict, ...]
    recommendations: tuple[Recommendation, ...]
    sustained: tuple[tuple[str, str], ...] = ()
    rankings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """A report before it has a form.

    Attributes:
        sections: one for each table.
        devices: one for each model that was measured on two or more devices.
    """

    sections: tuple[Section, ...]
    devices: tuple[SideBySide, ...] = ()

    @property
    def recommendations(self) -> tuple[Recommendation, ...]:
        """Of all sections, in order."""
        return tuple(entry for section in self.sections for entry in section.recommendations)

    @property
    def lines(self) -> tuple[str, ...]:
        """The recommendations as sentences, what holds across devices last."""
        return (*self.own_lines, *self.device_lines)

    @property
    def device_lines(self) -> tuple[str, ...]:
        """What to ship across devices, one sentence for each model that was measured on several."""
        several = len(self.devices) > 1
        return tuple(f"{one.model}: {one.sentence}" if several else one.sentence for one in self.devices)

    @property
    def own_lines(self) -> tuple[str, ...]:
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
    sections = tuple(
        Section(
            table, verdicts(table), recommend(table, budget), sustained_lines(table), ranking_changes(table)
        )
        for table in build_tables(measurements)
    )
    devices = side_by_side([(section.table, section.recommendations) for section in sections])
    return Summary(sections, devices)


def title(table: Table) -> str:
    """What a table is about: ``fashion on Cortex-A72, 4 cores``."""
    return f"{table.model or _lone_name(table)} on {table.device}"


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
    cores = core_numbers(environment.cpus)
    parts = [
        f"{runtime.name} {runtime.version}".strip(),
        environment.architecture,
        environment.os,
        f"Python {environment.python}" if environment.python else "",
        environment.reached_by if environment.reached_by != "local" else "",
        f"emulated by {environment.emulator}" if environment.emulator is not None else "",
        f"on {cores}" if cores else "",
        "on battery" if environment.power == "battery" else "",
        f"input {shapes}" if shapes else "",
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
