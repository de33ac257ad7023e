"""``edgeq devices``: what can be measured on from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edgeq.cli.options import json_flag
from edgeq.cli.terminal import print_result, say, stdout_console
from edgeq.errors import EXIT_FINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeq.devices.discovery import FoundDevice


@click.command(
    name="devices",
    epilog="\b\nExamples:\n  edgeq devices --json\n  edgeq benchmark model-edgeq --on local --on ssh:pi@raspberrypi",
)
@json_flag
def command(as_json: bool) -> int:
    """Lists this machine, the hosts of ~/.ssh/config and the phones that adb sees, with what would measure there.

    Hosts are asked all at once, with keys alone: a host that wants a password is listed as one that refuses the login,
    and can be measured on all the same. What cannot be measured on is dimmed, with the reason.
    """
    import dataclasses
    import json

    from edgeq.devices.discovery import find_devices

    found = find_devices()
    if as_json:
        print_result(json.dumps({"devices": [dataclasses.asdict(one) for one in found.devices]}, indent=2))
    else:
        _print(found.devices)
    for note in found.notes:
        say(note)
    return EXIT_FINE


def _print(devices: Sequence[FoundDevice]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from edgeq.report.literal_text import literal

    console = stdout_console()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for title in ("--on", "model", "CPU", "would run"):
        table.add_column(title, overflow="fold")
    for one in devices:
        style = "" if one.would_run else "dim"
        cells = (one.name, one.model, one.architecture, one.would_run or one.reason)
        table.add_row(*(literal(console, cell, style) for cell in cells))
    console.print(table)
