"""Short names for devices that tell them apart: two boards of one kind get what differs between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgeq.benchmark.comparison import conditions
from edgeq.benchmark.measured_host import Environment
from edgeq.report.machine_wording import core_numbers

_SHOWN_OF_DIGEST = 8


def device_names(environments: Sequence[Environment]) -> tuple[str, ...]:
    """A name for each environment: equal for one device, different for two.

    The device's own name where that is enough; else with how it is reached, the cores in use, the power supply, the
    operating system, and at last the beginning of its identifier, as many of them as are needed.

    Args:
        environments: with printable texts; several may be of one device.
    """
    extras: tuple[Callable[[Environment], str], ...] = (
        lambda one: one.reached_by,
        lambda one: f"emulated by {one.emulator}" if one.emulator is not None else "",
        lambda one: core_numbers(one.cpus),
        lambda one: "on battery" if one.power == "battery" else "",
        lambda one: one.os,
        lambda one: one.device_id[:_SHOWN_OF_DIGEST],
    )
    names = [[one.device] for one in environments]
    for extra in extras:
        alike: dict[tuple[str, ...], list[int]] = {}
        for position, name in enumerate(names):
            alike.setdefault(tuple(name), []).append(position)
        for positions in alike.values():
            said = {position: extra(environments[position]) for position in positions}
            places = {_place(environments[position]) for position in positions}
            if len(places) > 1 and len(set(said.values())) > 1:
                for position, text in said.items():
                    names[position] += [text] * bool(text)
    return tuple(f"{name[0]} ({', '.join(name[1:])})" if len(name) > 1 else name[0] for name in names)


def _place(environment: Environment) -> tuple[object, ...]:
    return (
        environment.device_id,
        environment.reached_by,
        environment.emulator,
        *conditions(environment),
    )
