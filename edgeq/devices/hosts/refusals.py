"""Why a device does not take a job, or lost it, in one line with a next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeq.devices.specs import DeviceSpec
from edgeq.errors import DeviceError

_LEAST_FREE = 1 << 20
"""Bytes: a disk with less than this was what ended the measuring process."""


def refusal(spec: DeviceSpec, answer: Mapping[str, Any], needed: int) -> DeviceError:
    """Why it does not take the packed bundle.

    Args:
        spec: of the device.
        answer: of `edgeq.devices.hosts.remote_folder`.
        needed: bytes of the packed bundle and of what it unpacks.
    """
    error = answer.get("error")
    if error == "no room":
        room = answer.get("room")
        places = room.items() if isinstance(room, dict) else ()
        found = ", ".join(f"{place}: {_megabytes(free)}" for place, free in places)
        text = f"its storage is full: {_megabytes(needed)} are needed, found {found[:300]}; free some space there"
    elif error == "full":
        text = f"its storage is full, or a quota is reached: {_megabytes(needed)} are needed; free some space there"
    elif error == "altered":
        text = "what arrived there is not what was sent (SHA-256 differs): is its storage sound? Try again"
    else:
        text = f"the packed bundle cannot be written there: {str(answer.get('text'))[:300]}"
    return DeviceError(f"{spec}: {text}")


def cause_of_death(answer: Mapping[str, Any]) -> str:
    """Why the measuring process died, as far as anything tells."""
    free, last = answer.get("free"), str(answer.get("last") or "")[:300]
    if type(free) is int and free < _LEAST_FREE:
        return "its storage is full: free some space there"
    return f"the measuring process there died: {last or 'without a word, as for want of memory'}"


def _megabytes(size: object) -> str:
    return f"{size / 1e6:.0f} MB" if isinstance(size, int) else str(size)[:100]
