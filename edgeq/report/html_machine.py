"""The HTML report's tables and plots of the machine: its state while it measured, and minutes without a pause."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any, TypeVar

from edgeq.report import wording
from edgeq.report.doubts import EMULATED
from edgeq.report.html_tables import Cell, Grid
from edgeq.report.machine_wording import clocks, temperature, throttled_now, throttled_text
from edgeq.report.sustained import minutes, row_label
from edgeq.report.tables import Row, Table
from edgeq.runtime.host_state import HostState

MOST_STATES = 60
"""Rows of the table of states: of more, evenly chosen ones."""

MOST_POINTS = 300
"""Points of a line in a plot."""

MOST_SERIES = 12
"""Columns of the table of minutes, and lines of its plot."""

_FEWEST_IN_A_PLOT = 4
"""Before, after and two in between: fewer are no course."""

_Any = TypeVar("_Any")


def machine_states(table: Table) -> tuple[HostState, ...]:
    """The states of the newest session, each once, in the order of time."""
    found = {
        state: None
        for row in table.rows
        if row.source.environment.started_at == table.environment.started_at
        for state in row.source.environment.states
    }
    return tuple(sorted(found, key=lambda state: state.elapsed_s))


def states_grid(table: Table) -> Grid | None:
    """Clock, temperature, load and memory before, during and after; None where nothing is known."""
    states = machine_states(table)
    if not states:
        return None
    shown = _thinned(states, MOST_STATES)
    headings = (
        ("moment", "", False), ("at", "s", True), ("clocks and governors", "", False), ("temperature", "°C", True),
        ("throttled", "", False), ("load", "", True), ("free memory", "", True),
    )  # fmt: skip
    rows = tuple(map(_state_cells, shown))
    # The first names the row; of the others only those that have something to show.
    kept = [place for place in range(len(headings)) if place < 2 or any(row[place].text for row in rows)]
    note = f"{len(shown)} of {len(states):,} states, evenly chosen" if len(shown) < len(states) else ""
    title = "State of the machine before, during and after measuring"
    return Grid(
        title,
        _remark(states),
        tuple(headings[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in rows),
        note,
    )


def sustained_grid(table: Table) -> Grid | None:
    """The median of each minute by variant, with the temperature at its end; None where none were asked for."""
    rows = _sustained_rows(table)
    if not rows:
        return None
    longest = max(len(minutes(row)) for row in rows)
    headings: list[tuple[str, str, bool]] = [("minute", "", False)]
    for row in rows:
        headings += [(row_label(table, row), "ms", True), ("at its end", "°C", True)]
    lines = []
    for place in _thinned(range(longest), MOST_STATES):
        cells = [Cell(str(place + 1), place + 1)]
        for row in rows:
            told = minutes(row)[place] if place < len(minutes(row)) else None
            cells.append(
                Cell("", None) if told is None else Cell(wording.significant(told.median_ms), told.median_ms)
            )
            degrees = told.temperature_c if told is not None else None
            cells.append(_number(degrees, 0))
        lines.append(tuple(cells))
    kept = [place for place in range(len(headings)) if any(line[place].text for line in lines)]
    return Grid(
        "Minutes without a pause",
        "",
        tuple(headings[place] for place in kept),
        tuple(tuple(line[place] for place in kept) for line in lines),
        "",
    )


def machine_plots(table: Table) -> dict[str, Any]:
    """What the two plots draw, each None where there is no course to draw.

    Returns:
        ``states`` with ``seconds``, ``temperature`` and ``mhz``; ``sustained``, a list of lines with ``label``,
        ``index`` of the variant's colour, ``minutes``, ``ms`` and ``temperature``.
    """
    return {"states": _states_plot(machine_states(table)), "sustained": _sustained_plot(table)}


def _states_plot(states: Sequence[HostState]) -> dict[str, Any] | None:
    shown = _thinned(states, MOST_POINTS)
    degrees = [state.temperature_c for state in shown]
    clock = [state.fastest_mhz for state in shown]
    known = [state for state in states if state.temperature_c is not None or state.fastest_mhz is not None]
    if len(known) < _FEWEST_IN_A_PLOT:
        return None
    return {"seconds": [state.elapsed_s for state in shown], "temperature": degrees, "mhz": clock}


def _sustained_plot(table: Table) -> list[dict[str, Any]] | None:
    lines: list[dict[str, Any]] = []
    rows = _sustained_rows(table)
    for row in rows:
        told = _thinned(minutes(row), MOST_POINTS)
        lines.append(
            {
                "label": row_label(table, row),
                "index": table.variants.index(row.variant),
                "minutes": [one.minute for one in told],
                "ms": [one.median_ms for one in told],
                "temperature": [one.temperature_c for one in told],
            }
        )
    return lines if any(len(minutes(row)) > 1 for row in rows) else None


def _sustained_rows(table: Table) -> list[Row]:
    """Those that can be drawn beside one another: an emulated CPU neither heats up nor slows down."""
    return [row for row in table.rows if minutes(row) and row.mark != EMULATED][:MOST_SERIES]


def _state_cells(state: HostState) -> tuple[Cell, ...]:
    memory = state.available_memory_bytes
    throttled = throttled_text(state.throttled)
    return (
        Cell(wording.visible(state.moment), wording.visible(state.moment)),
        _number(state.elapsed_s, 0),
        Cell(clocks(state.cores), state.fastest_mhz),
        _number(state.temperature_c, 0),
        Cell(throttled, throttled, "bad" if throttled not in ("", "no") else ""),
        _number(state.load_1m, 2),
        Cell("", None) if memory is None else Cell(wording.size(memory), memory),
    )


def _remark(states: Sequence[HostState]) -> str:
    """``48 to 82 °C, under-voltage at some moment``: the range, and what held the clock down."""
    parts = []
    degrees = [state.temperature_c for state in states if state.temperature_c is not None]
    if degrees:
        least, most = temperature(min(degrees)), temperature(max(degrees))
        parts.append(most if least == most else f"{least.removesuffix(' °C')} to {most}")
    said = functools.reduce(operator.or_, (state.throttled or 0 for state in states), 0)
    if held_down := throttled_now(said):
        parts.append(f"{held_down} at some moment")
    elif said:
        parts.append(throttled_text(said))
    return ", ".join(parts)


def _number(value: float | None, decimals: int) -> Cell:
    return Cell("", None) if value is None else Cell(wording.decimal(value, decimals), value)


def _thinned(items: Sequence[_Any], most: int) -> list[_Any]:
    """At most that many, evenly chosen, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[math.floor(place * (len(items) - 1) / (most - 1))] for place in range(most)]
