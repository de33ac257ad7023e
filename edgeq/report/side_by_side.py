"""The variants of one model on several devices, side by side.

Each device's numbers are its own: a ratio is to the baseline measured on the same device, and two devices are never
divided by one another. What is asked across devices is which variant to ship: the same everywhere, or not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.report import wording
from edgeq.report.choice import fastest, same_speed
from edgeq.report.grouping import input_shapes
from edgeq.report.recommend import Recommendation
from edgeq.report.tables import Row, Table


@dataclass(frozen=True)
class Entry:
    """One variant on one device at one thread count.

    Attributes:
        row: of the device's own table.
        is_fastest: whether no other variant is faster there at this thread count; several where they are equal.
    """

    row: Row
    is_fastest: bool


@dataclass(frozen=True)
class Line:
    """One variant at one thread count on every device.

    Attributes:
        variant: its name.
        threads: of the interpreter; None where each device has one count, which its name then says if they differ.
        entries: in the order of the devices; None where it was not measured.
    """

    variant: str
    threads: int | None
    entries: tuple[Entry | None, ...]


@dataclass(frozen=True)
class SideBySide:
    """One model on several devices.

    Attributes:
        model: its name.
        devices: their names, with the runtime where one device has several.
        lines: by thread count, variants in the order of the first device that has them.
        sentence: which variant to ship on all devices, or how the choice differs, with a full stop.
        notes: what to know when reading it, one sentence each.
    """

    model: str
    devices: tuple[str, ...]
    lines: tuple[Line, ...]
    sentence: str
    notes: tuple[str, ...]


MOST_DEVICES = 24
"""Columns of a table that a person still reads; each device has its own table anyway."""

_CORES = re.compile(r", \d+ cores?$")

Advised = tuple[Table, tuple[Recommendation, ...]]
"""A table and what to ship by it."""


def side_by_side(advised: Sequence[Advised]) -> tuple[SideBySide, ...]:
    """One entry for each model whose variants were measured on two or more devices with the same input shapes."""
    groups: dict[tuple[object, ...], dict[str, Advised]] = {}
    for table, advice in advised:
        if table.model is None:
            continue
        key = (table.model, input_shapes(table.rows[0].source))
        place = f"{table.device}\n{table.runtime.name} {table.runtime.version}"
        rival = groups.setdefault(key, {}).get(place)
        if rival is None or rival[0].environment.started_at <= table.environment.started_at:
            groups[key][place] = table, advice
    several = len({table.model for table, _ in advised}) > 1
    return tuple(
        _side_by_side(tuple(group.values()), several)
        for group in groups.values()
        if len({table.device for table, _ in group.values()}) > 1
    )


def _side_by_side(every: Sequence[Advised], is_one_of_several: bool) -> SideBySide:
    advised = every[:MOST_DEVICES]
    tables = [table for table, _ in advised]
    names = _names(tables)
    notes = list(_notes(names, tables))
    if len(every) > MOST_DEVICES:
        notes.append(f"{wording.count(len(every) - MOST_DEVICES, 'further device')} not shown side by side")
    model = tables[0].model or ""
    return SideBySide(
        model=model,
        devices=names,
        lines=_lines(tables),
        sentence=f"{model}: " * is_one_of_several + _sentence(names, advised),
        notes=tuple(notes),
    )


def _names(tables: Sequence[Table]) -> tuple[str, ...]:
    """As short as tells them apart: without the number of cores, with the runtime where one device has several."""
    devices = [table.device for table in tables]
    short = [_CORES.sub("", name) for name in devices]
    if len(set(short)) == len(set(devices)):
        short_of = dict(zip(devices, short, strict=True))
    else:
        short_of = {name: name for name in devices}
    several = {name for name, count in Counter(devices).items() if count > 1}
    counts = {table.thread_counts for table in tables}
    tell_threads = len(counts) > 1 and _one_count_each(tables)
    return tuple(
        short_of[table.device]
        + f", {table.runtime.name} {table.runtime.version}" * (table.device in several)
        + f", {wording.threads(table.thread_counts[0])}" * tell_threads
        for table in tables
    )


def _one_count_each(tables: Sequence[Table]) -> bool:
    return all(len(table.thread_counts) == 1 for table in tables)


def _lines(tables: Sequence[Table]) -> tuple[Line, ...]:
    # One line a variant where each device has one thread count: else a phone's would never stand beside a board's.
    is_plain = _one_count_each(tables)
    rows = [{(0 if is_plain else row.threads, row.variant): row for row in table.rows} for table in tables]
    leading = [_fastest(table) for table in tables]
    every = dict.fromkeys(key for own in rows for key in own)
    order = {variant: place for place, variant in enumerate(dict.fromkeys(variant for _, variant in every))}
    return tuple(
        Line(
            variant,
            threads or None,
            tuple(
                None if (row := own.get((threads, variant))) is None else Entry(row, id(row) in best)
                for own, best in zip(rows, leading, strict=True)
            ),
        )
        for threads, variant in sorted(every, key=lambda key: (key[0], order[key[1]]))
    )


def _fastest(table: Table) -> set[int]:
    """Identities of the rows that none is faster than, where there is a choice at all."""
    found: set[int] = set()
    for count in table.thread_counts:
        timed = [row for row in table.rows if row.threads == count and row.latency is not None]
        if len(timed) > 1:
            best = fastest(timed)
            leading = [id(row) for row in timed if same_speed(row, best)]
            # Where all are as fast, none is the fastest.
            found.update(leading if len(leading) < len(timed) else ())
    return found


def _sentence(names: Sequence[str], advised: Sequence[Advised]) -> str:
    by_choice: dict[str, list[str]] = {}
    silent: list[str] = []
    by_size: list[str] = []
    for name, (table, advice) in zip(names, advised, strict=True):
        choice = _choice(advice)
        if choice is None:
            silent.append(f"on {name} nothing is recommended{_fastest_there(table)}")
            continue
        by_choice.setdefault(choice, []).append(name)
        if not any(row.verdict is not None for row in table.rows):
            by_size.append(name)
    if not by_choice:
        return f"Nothing is recommended on any of the {len(names)} devices{_fastest_everywhere(advised)}."
    if len(by_choice) == 1:
        ((choice, where),) = by_choice.items()
        there = _everywhere(len(names)) if len(where) == len(names) else wording.enumeration(where)
        text = f"{choice} is the best choice on {there}"
    else:
        parts = [f"{choice} on {wording.enumeration(where)}" for choice, where in by_choice.items()]
        text = f"The best choice differs by device: {'; '.join(parts)}"
    if by_size:
        text += (
            f" (by size and accuracy alone on {wording.enumeration(by_size)}, where no times were compared)"
        )
    return f"{'; '.join([text, *silent])}."


def _everywhere(count: int) -> str:
    return "both devices" if count == 2 else f"all {count} devices"


def _choice(advice: Sequence[Recommendation]) -> str | None:
    """What to ship on one device in a few words; None where that is not said."""
    chosen = [one for one in advice if one.variant is not None]
    if not chosen:
        return None
    if len(chosen) == 1:
        return chosen[0].variant
    return wording.enumeration(
        [
            f"{one.variant} with {wording.enumeration([wording.threads(count) for count in one.threads])}"
            for one in chosen
        ]
    )


def _fastest_there(table: Table) -> str:
    found = _fastest_variants(table)
    return f" (fastest there: {wording.enumeration(found)})" if found else ""


def _fastest_everywhere(advised: Sequence[Advised]) -> str:
    """The one variant that no other is faster than on any device, if there is one."""
    found = [_fastest_variants(table) for table, _ in advised]
    common = [name for name in found[0] if all(name in other for other in found)]
    return (
        f"; {wording.enumeration(common)} {'is' if len(common) == 1 else 'are'} the fastest on each"
        if common
        else ""
    )


def _fastest_variants(table: Table) -> list[str]:
    """Those that none is faster than at every thread count of the table."""
    best = _fastest(table)
    timed = {row.threads for row in table.rows if id(row) in best}
    return [
        variant
        for variant in table.variants
        if timed
        and timed == {row.threads for row in table.rows if row.variant == variant and id(row) in best}
    ]


def _notes(names: Sequence[str], tables: Sequence[Table]) -> tuple[str, ...]:
    notes = []
    digests: dict[str, set[str]] = {}
    for table in tables:
        for row in table.rows:
            digests.setdefault(row.variant, set()).add(row.source.variant.sha256)
    other = [variant for variant, found in digests.items() if len(found) > 1]
    if other:
        notes.append(f"not the same file on every device: {wording.enumeration(other)}")
    items = {
        name: next((row.n for row in table.rows if row.n), None)
        for name, table in zip(names, tables, strict=True)
    }
    measured = {name: n for name, n in items.items() if n is not None}
    if measured and (
        len(set(measured.values())) > 1 or len({table.data_digest for table in tables} - {None}) > 1
    ):
        told = [f"{wording.count(n, 'item')} on {name}" for name, n in measured.items()]
        notes.append(f"accuracy is each device's own: {wording.enumeration(told)}")
    return tuple(notes)
