"""What LiteRT's profiler tells of, as times of the file's own operators."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeq.errors import ModelError
from edgeq.layers.profile_alignment import align

_CUT_OFF_US = 0.5
"""XNNPACK counts whole microseconds and cuts off what is left: half a microsecond an operator on average."""


@dataclass(frozen=True)
class OperatorTime:
    """What an operator takes, or some together.

    Attributes:
        operators: indices in the first subgraph, ascending; more than one where the delegate runs them in one piece.
        latency_us: mean over the runs.
        kernels: what the runtime calls it; empty where it says nothing, or where nothing was to be done.
        is_delegated: whether a delegate ran it.
    """

    operators: tuple[int, ...]
    latency_us: float
    kernels: tuple[str, ...] = ()
    is_delegated: bool = False


@dataclass(frozen=True)
class TimedEvent:
    """An operator that ran, as the profiler names it, and its mean time in microseconds."""

    name: str
    index: int
    is_delegated: bool
    latency_us: float


def read_events(found: Mapping[str, Any]) -> list[TimedEvent]:
    """Events of the answer of `edgeq.layers.profile_worker.profile`."""
    return [
        TimedEvent(name, index, delegated, latency_us)
        for (name, index, delegated), latency_us in zip(found["events"], found["mean_us"], strict=True)
    ]


def restored(events: Sequence[TimedEvent], whole_us: float) -> list[TimedEvent]:
    """Gives the delegate's operators back what its clock cut off, as far as the time of an inference leaves room."""
    delegated = sum(event.is_delegated for event in events)
    missing = whole_us - sum(event.latency_us for event in events)
    if not delegated or missing <= 0:
        return list(events)
    each = min(missing / delegated, _CUT_OFF_US)
    return [
        TimedEvent(event.name, event.index, True, event.latency_us + each) if event.is_delegated else event
        for event in events
    ]


def attributed(
    events: Sequence[TimedEvent], partitions: Sequence[Sequence[int]], names: Sequence[str]
) -> tuple[list[OperatorTime], list[str]]:
    """Events as times of the file's operators.

    Raises:
        ModelError: they tell of other operators than the file has.
    """
    groups = _groups(events)
    if len(groups) != len(partitions):
        raise ModelError(
            f"it tells of {len(groups)} delegated parts, and the file was cut into {len(partitions)}"
        )
    times: list[OperatorTime] = []
    notes: list[str] = []
    for number, (group, members) in enumerate(zip(groups, partitions, strict=True), 1):
        attributed = _aligned(group, members, names)
        if attributed is None:
            kernels = tuple(event.name for event in group)
            attributed = [
                OperatorTime(tuple(members), sum(event.latency_us for event in group), kernels, True)
            ]
            notes.append(
                f"which of the {len(members)} operators of XNNPACK's part {number} take its time cannot be told: "
                "it is shared out by multiply-accumulates"
            )
        times += attributed
    totals: dict[int, float] = {}
    for event in events:
        if not event.is_delegated:
            totals[event.index] = totals.get(event.index, 0.0) + event.latency_us
    taken = {index for members in partitions for index in members}
    if not totals.keys() <= set(range(len(names))) - taken:
        raise ModelError("it tells of operators that the file does not have, or that a delegate took")
    times += [OperatorTime((index,), latency, (names[index],)) for index, latency in totals.items()]
    return times, notes


def _groups(events: Sequence[TimedEvent]) -> list[list[TimedEvent]]:
    """The delegate's events by partition: each counts from 0."""
    groups: list[list[TimedEvent]] = []
    for delegated, run in itertools.groupby(events, key=lambda event: event.is_delegated):
        for position, event in enumerate(run):
            if delegated and (position == 0 or event.index == 0):
                groups.append([])
            if delegated:
                groups[-1].append(event)
    return groups


def _aligned(
    group: Sequence[TimedEvent], members: Sequence[int], names: Sequence[str]
) -> list[OperatorTime] | None:
    if not members or max(members) >= len(names):
        return None
    matches = align([names[index] for index in members], [event.name for event in group])
    if matches is None:
        return None
    return [
        OperatorTime(
            operators=tuple(members[position] for position in match.operators),
            latency_us=sum(group[position].latency_us for position in match.kernels),
            kernels=tuple(group[position].name for position in match.kernels),
            is_delegated=True,
        )
        for match in matches
    ]
