"""Which measurements of two nights are of the same: variant, device, cores, power supply, runtime and threads."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.benchmark.comparison import conditions
from edgeq.benchmark.measurement import Measurement
from edgeq.report import wording
from edgeq.report.machine_wording import core_numbers

Key = tuple[object, ...]
"""What is equal of two measurements that are of the same."""


def matched(
    new: Sequence[Measurement], old: Sequence[Measurement], *, by_model: bool
) -> tuple[dict[Key, Measurement], dict[Key, Measurement]]:
    """Both sides by what has to be equal, each the newest of its kind.

    Args:
        new: of now.
        old: of then.
        by_model: whether models are told apart by their names.
    """
    several = _reached_several_ways(new) | _reached_several_ways(old)
    return _by_key(new, by_model, several), _by_key(old, by_model, several)


def why_nothing_matches(new: Sequence[Measurement], old: Sequence[Measurement]) -> str:
    """The first thing in which the two sets have nothing in common."""
    for what, found in (
        ("device", lambda one: (one.environment.device_id, one.environment.device)),
        ("runtime", lambda one: (one.runtime.name, one.runtime.name)),
        ("variant", lambda one: (one.variant.name, one.variant.name)),
        ("model", lambda one: (one.variant.model, one.variant.model)),
        ("cores in use and power supply", lambda one: (conditions(one.environment), _conditions(one))),
        ("thread count", lambda one: (one.threads, wording.threads(one.threads))),
    ):
        now, then = dict(map(found, new)), dict(map(found, old))
        if not now.keys() & then.keys():
            names = [
                wording.enumeration(sorted({wording.visible(str(name)) for name in side.values()}))
                for side in (now, then)
            ]
            hint = " (its system or core count changed)" if names[0] == names[1] else ""
            return f"not the same {what}: {names[0]} now, {names[1]} before{hint}"
    return "no variant was measured on the same device with the same runtime and threads in both"


def _conditions(measurement: Measurement) -> str:
    environment = measurement.environment
    power = "on battery" if environment.power == "battery" else "on mains"
    return f"{core_numbers(environment.cpus) or 'all cores'} {power}"


def _by_key(side: Sequence[Measurement], by_model: bool, several: set[str]) -> dict[Key, Measurement]:
    """What is matched, each the newest of its kind."""
    found: dict[Key, Measurement] = {}
    for one in sorted(side, key=lambda one: one.environment.started_at):
        environment = one.environment
        model = one.variant.model if by_model else None
        # Two boards of one kind have one identifier; elsewhere a host may be reached in another way tonight.
        reached = environment.reached_by if environment.device_id in several else None
        place = (environment.device_id, reached, *conditions(environment))
        found[(model, one.variant.name, place, one.runtime.name, one.threads)] = one
    return found


def _reached_several_ways(side: Sequence[Measurement]) -> set[str]:
    """Identifiers of devices of which one side has several."""
    ways: dict[str, set[str]] = {}
    for one in side:
        ways.setdefault(one.environment.device_id, set()).add(one.environment.reached_by)
    return {device for device, found in ways.items() if len(found) > 1}
