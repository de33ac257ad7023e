"""How gates are written: ``METRIC OPERATOR LIMIT``, which states what is *not* allowed.

The operators are ``>``, ``>=``, ``<`` and ``<=``; the limit depends on the metric:

* ``drop``: of the primary metric, in percentage points where that is a rate, ``drop>1pp``, and in percent where it
  is an amount, ``drop>2%``
* ``size``, ``memory``: a change with its sign, ``size>-60%``, or bytes, ``memory>64MB`` or, in 2²⁰, ``64MiB``
* ``latency``: a change with its sign, ``latency>+5%``, or a time, ``latency>=5ms``, ``latency>800us``
* ``agreement``: a share, ``agreement<99%``
* ``sqnr``, ``cosine``: how close the outputs are, ``sqnr<20dB``, ``cosine<0.99``
* any metric of the task by its key: a rate in percent, ``top1<90%``, ``miou<70%``, or an amount, ``mae>0.5``
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from edgeq.benchmark.comparison import CLOSENESS
from edgeq.errors import UsageError

_BYTES = {"B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
ABSOLUTE_UNITS = {"size": _BYTES, "latency": _MILLISECONDS, "memory": _BYTES}
METRICS = ("drop", *ABSOLUTE_UNITS, *CLOSENESS)
"""What there is for every task; any other name is the key of one of the task's metrics."""

_UNITS = {"drop": ("pp", "%"), "agreement": ("%",), "sqnr": ("dB",), "cosine": ("",)}
_OF_A_TASK = ("%", "")
_ALIASES = {"top-1": "top1", "top-5": "top5"}
OTHER_NAMES = {"accuracy": "top1"}
"""Names that stand for another metric unless the task has one that is called so."""

_EXAMPLES = {
    "drop": "drop>1pp, or drop>2% where the metric is an amount",
    "size": "size>+5% or size>2MB",
    "memory": "memory>+10% or memory>64MB",
    "latency": "latency>+5% or latency>5ms",
    "agreement": "agreement<99%",
    "sqnr": "sqnr<20dB",
    "cosine": "cosine<0.99",
}
_GATE = re.compile(
    r"\s*(?P<metric>[A-Za-z][A-Za-z0-9_.@-]*)\s*(?P<operator>[<>]=?)"
    r"\s*(?P<sign>[+-]?)(?P<number>[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?P<unit>[A-Za-zµμ%]*)\s*",
)


@dataclass(frozen=True)
class Gate:
    """A condition under which a build fails.

    Attributes:
        metric: one of `METRICS`, or the key of a metric of the task.
        operator: ``>``, ``>=``, ``<`` or ``<=``.
        number: the limit in its unit; signed for a change.
        unit: ``pp``, ``%``, ``dB``, a unit of bytes or a unit of time; empty for a plain number.
    """

    metric: str
    operator: str
    number: Decimal
    unit: str

    @property
    def is_change(self) -> bool:
        """Whether the limit is a change against a reference in percent."""
        return self.unit == "%" and self.metric in ABSOLUTE_UNITS

    @property
    def is_of_task(self) -> bool:
        """Whether it limits a metric that only some tasks have."""
        return self.metric not in METRICS

    @property
    def needs_data(self) -> bool:
        """Whether there is nothing to judge without data."""
        return self.metric not in ABSOLUTE_UNITS

    @property
    def needs_labels(self) -> bool:
        """Whether there is nothing to judge on data without labels."""
        return self.metric == "drop" or self.is_of_task

    @property
    def needs_reference(self) -> bool:
        """Whether the metric only exists against FP32 or an earlier result."""
        return self.is_change or self.metric in ("drop", *CLOSENESS)

    @property
    def limit(self) -> float:
        """The limit in its unit; bytes and milliseconds for those of bytes and time."""
        return float(self.number) * ABSOLUTE_UNITS.get(self.metric, {}).get(self.unit, 1.0)

    def __str__(self) -> str:
        sign = "+" if self.is_change else ""
        return f"{self.metric}{self.operator}{self.number:{sign}f}{self.unit}"


def parse_gate(text: str) -> Gate:
    """Reads a gate such as ``latency>+5%``.

    Args:
        text: the expression.

    Returns:
        The gate. A metric that is none of `METRICS` is known only to the results, see `edgeq.benchmark.gates`.

    Raises:
        UsageError: it is none; the message says what is wrong and shows an example.
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is no gate: expected METRIC OPERATOR LIMIT such as drop>1pp, size>2MB or latency>+5%"
        )
    written = match["metric"].lower()
    metric = _ALIASES.get(written, written)
    gate = Gate(
        metric,
        match["operator"],
        Decimal(match["sign"] + match["number"]),
        _unit(metric, match["unit"], text),
    )
    _check_sign(gate, match["sign"], text)
    return gate


def _unit(metric: str, written: str, text: str) -> str:
    """The unit in its usual spelling, whatever its case, if the metric has it."""
    allowed = ("%", *ABSOLUTE_UNITS[metric]) if metric in ABSOLUTE_UNITS else _UNITS.get(metric, _OF_A_TASK)
    folded = written.lower().replace("µ", "u").replace("μ", "u")
    for unit in allowed:
        if unit.lower() == folded:
            return unit
    found = repr(written) if written else "none"
    if metric not in METRICS:
        raise UsageError(
            f"{text!r}: {metric} is none of {', '.join(METRICS)}; if it is a metric of your task, expected a limit "
            f"in % or a plain number, found {found}; write {metric}<90% or {metric}>0.5"
        )
    expected = ", ".join(unit or "no unit" for unit in allowed)
    raise UsageError(f"{text!r}: expected {metric} in {expected}, found {found}; write {_EXAMPLES[metric]}")


def _check_sign(gate: Gate, sign: str, text: str) -> None:
    """A change has a sign, so that ``size>5%`` is not taken for a share; shares, bytes and times have none."""
    if gate.is_change:
        if not sign:
            raise UsageError(
                f"{text!r}: a change needs its sign; write {gate.metric}{gate.operator}+{gate.number}% for "
                f"{gate.number}% more than the reference, or -{gate.number}% for less"
            )
        return
    is_share = gate.unit == "%" and gate.metric != "drop"
    example = _EXAMPLES.get(gate.metric, f"{gate.metric}<90%")
    if sign and (is_share or gate.metric in ABSOLUTE_UNITS):
        raise UsageError(f"{text!r}: {gate.metric} has no sign; write {example}")
    if is_share and gate.number > 100:
        raise UsageError(f"{text!r}: a share is at most 100%; write {example}")
