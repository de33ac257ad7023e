"""Durations as people type them."""

from __future__ import annotations

import itertools
import re

from edgeq.errors import UsageError

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}

_LONGEST_S = 24 * 3600
"""A longer run is a slip of the keyboard."""


def parse_duration(text: str) -> float:
    """Seconds of ``45``, ``90s``, ``10m``, ``1.5h`` or ``1h30m``.

    Raises:
        UsageError: it is no duration, or more than a day.
    """
    part = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(s|min|m|h|)"
    compact = text.strip().lower()
    pieces = re.findall(part, compact) if re.fullmatch(rf"(?:{part}\s*)+", compact) else []
    units = [_UNITS[unit] for _, unit in pieces]
    # 10m1h and 1h5 are slips, not durations; a number without a unit stands alone.
    falling = all(first > second for first, second in itertools.pairwise(units))
    if not pieces or not falling or (len(pieces) > 1 and any(not unit for _, unit in pieces)):
        raise UsageError(f"duration {text[:40]!r}: expected such as 90s, 10m or 1h30m")
    seconds = sum(float(number) * unit for (number, _), unit in zip(pieces, units, strict=True))
    if seconds > _LONGEST_S:
        raise UsageError(f"duration {text[:40]!r}: expected 24h at most")
    return seconds
