"""Numbers and foreign text as people read them; every format of the report uses these.

Sizes are decimal (1 MB is 1,000,000 bytes), shares become ``%``, differences of shares ``pp``. A minus is U+2212.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate

LONGEST_TEXT = 200
"""Characters of a name that a report shows: a file's name is at most 255 bytes, a hostile one has no end."""

LARGEST_PLAIN = 1e12
"""Numbers beyond this are written with an exponent: nothing that is measured gets there, hostile results may."""

_PLAIN_AMOUNTS = (1e-4, 1e7)
# Smaller and larger amounts are written with an exponent: 0.0000000123 hides its three digits.

_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def visible(text: str) -> str:
    """A name as one line: what steers a terminal or reverses the reading direction is shown as an escape.

    Args:
        text: a name from a file, a host or a model.

    Returns:
        At most `LONGEST_TEXT` characters, all of them printable.
    """
    # What Python calls printable is in none of the categories; files have names by the hundred thousand.
    if len(text) <= LONGEST_TEXT and text.isprintable():
        return text
    shown = "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _HIDDEN_CATEGORIES
        else char
        for char in text[: LONGEST_TEXT + 1]
    )
    return shown if len(shown) <= LONGEST_TEXT else shown[: LONGEST_TEXT - 1] + "…"


def decimal(value: float, decimals: int) -> str:
    """A number with a real minus, and never a negative zero; ``∞`` for `UNBOUNDED`."""
    if abs(value) == UNBOUNDED:
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}" if abs(value) <= LARGEST_PLAIN else f"{value:.2e}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def significant(value: float, digits: int = 3) -> str:
    """A number with that many significant digits, never in scientific notation unless out of all proportion."""
    if value == 0 or not math.isfinite(value):
        return decimal(value, 0)
    if abs(value) < 1 / LARGEST_PLAIN:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    # The exponent of the rounded number: 0.9996 has its first digit one place further left than it seems.
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return decimal(value, max(0, digits - 1 - exponent))


_UNITS = {"GB": 1e9, "MB": 1e6, "kB": 1e3, "B": 1.0}


def size_unit(count: float) -> str:
    """The unit in which a number of bytes reads best."""
    # 999,600 bytes would be written as 1000 kB.
    return next((unit for unit, factor in _UNITS.items() if count >= factor * 0.9995), "B")


def size_in(count: float, unit: str) -> str:
    """Bytes in a unit, without naming it."""
    return decimal(count, 0) if unit == "B" else significant(count / _UNITS[unit])


def size(count: float) -> str:
    """Bytes as ``612 kB`` or ``2.41 MB``."""
    unit = size_unit(count)
    return f"{size_in(count, unit)} {unit}"


def time_unit(longest_ms: float) -> tuple[str, float]:
    """The unit in which times up to that one read best, and how many of it are a millisecond."""
    return ("µs", 1e3) if longest_ms < 0.9995 else ("ms", 1.0)


def duration(milliseconds: float) -> str:
    """A time as ``77.2 µs`` or ``27.9 ms``."""
    unit, factor = time_unit(milliseconds)
    return f"{significant(milliseconds * factor)} {unit}"


def plus_minus(estimate: Estimate, scale: float = 1.0) -> str:
    """``1.77 ±0.02``: the interval's longer side sets the number of decimals.

    ``1.77 ±?`` where one round says nothing about the spread.
    """
    value = estimate.value * scale
    if estimate.high >= UNBOUNDED:
        return f"{significant(value)} ±?"
    half = scale * max(estimate.high - estimate.value, estimate.value - estimate.low)
    if half <= 0:
        return significant(value)
    # At most four significant digits: no machine repeats itself better than that.
    most = 3 - math.floor(math.log10(abs(value))) if value else 3
    decimals = min(max(0, -math.floor(math.log10(half))), max(0, most))
    # An interval that is narrower than the last decimal still is one.
    return f"{decimal(value, decimals)} ±{decimal(max(half, 10**-decimals), decimals)}"


def percent_plus_minus(share: Estimate) -> str:
    """A share as ``81.7 ±0.8`` in percent, with the interval's longer side."""
    half = 100 * max(share.high - share.value, share.value - share.low)
    return f"{decimal(100 * share.value, 1)} ±{decimal(max(half, 0.1), 1)}"


def is_bounded(estimate: Estimate) -> bool:
    """Whether the interval has two ends: a single item says nothing about the spread."""
    return abs(estimate.low) != UNBOUNDED and abs(estimate.high) != UNBOUNDED


def amount_decimals(estimate: Estimate) -> int | None:
    """Decimals that show three significant digits of an amount or of its interval, whichever is larger.

    Returns:
        The decimals; None where it needs an exponent.
    """
    largest = abs(estimate.value)
    if is_bounded(estimate):
        largest = max(largest, estimate.high - estimate.value, estimate.value - estimate.low)
    if largest == 0:
        return 0
    if not _PLAIN_AMOUNTS[0] <= largest < _PLAIN_AMOUNTS[1]:
        return None
    # The exponent of the rounded number, as in `significant`.
    return max(0, 2 - int(f"{largest:.2e}".partition("e")[2]))


def amount(estimate: Estimate) -> str:
    """An amount such as ``0.412`` or ``1.32e−9``, without its interval."""
    return _amount(estimate.value, amount_decimals(estimate))


def amount_plus_minus(estimate: Estimate) -> str:
    """An amount as ``0.412 ±0.012``, with the interval's longer side; ``0.412 ±?`` of a single item."""
    if not is_bounded(estimate):
        return f"{amount(estimate)} ±?"
    decimals = amount_decimals(estimate)
    half = max(estimate.high - estimate.value, estimate.value - estimate.low)
    if half <= 0:
        return amount(estimate)
    if decimals is not None:
        half = max(half, 10**-decimals)
    return f"{_amount(estimate.value, decimals)} ±{_amount(half, decimals)}"


def amount_bracketed(estimate: Estimate) -> str:
    """``0.412 [0.400, 0.424]``."""
    decimals = amount_decimals(estimate)
    value, low, high = (_amount(number, decimals) for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def amount_interval(estimate: Estimate) -> str:
    """The interval of an amount alone in words, as `interval` writes it."""
    decimals = amount_decimals(estimate)
    if decimals is not None:
        return interval(estimate, decimals)
    return f"{_amount(estimate.low, decimals)} to {_amount(estimate.high, decimals)}"


def _amount(value: float, decimals: int | None) -> str:
    if decimals is None and abs(value) == UNBOUNDED:
        return decimal(value, 0)
    return f"{value:.2e}".replace("-", "−") if decimals is None else decimal(value, decimals)


def bracketed(estimate: Estimate, decimals: int = 2, scale: float = 1.0) -> str:
    """``0.10 [−0.47, 0.67]``."""
    value, low, high = (
        decimal(number * scale, decimals) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def interval(estimate: Estimate, decimals: int = 2, scale: float = 1.0) -> str:
    """The interval alone in words: ``±0.57`` where it is symmetric as shown, else ``−0.47 to 0.67``."""
    above = decimal((estimate.high - estimate.value) * scale, decimals)
    below = decimal((estimate.value - estimate.low) * scale, decimals)
    if above == below and is_bounded(estimate):
        return f"±{above}"
    return f"{decimal(estimate.low * scale, decimals)} to {decimal(estimate.high * scale, decimals)}"


def times(factor: float) -> str:
    """A ratio as ``2.1×``, with two decimals where one would hide it."""
    return f"{decimal(factor, 2 if factor < 1.1 else 1 if factor < 10 else 0)}×"


def size_phrase(ratio: float) -> str:
    """How a file's size compares, from baseline's size divided by its own."""
    if ratio >= 1.005:
        return f"{times(ratio)} smaller"
    if ratio <= 1 / 1.005:
        return f"{times(1 / ratio)} larger"
    return "same size"


def threads(count: int) -> str:
    """``1 thread`` or ``4 threads``."""
    return "1 thread" if count == 1 else f"{count} threads"


def count(number: int, noun: str) -> str:
    """``1 item`` or ``5,000 items``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def enumeration(parts: Sequence[str]) -> str:
    """``a``, ``a and b`` or ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
