"""The ranges of all tensors by the name of a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgeq.errors import UsageError
from edgeq.quantize.ranges import averaged, entropy, minmax, mse, percentile
from edgeq.quantize.ranges.squared_error import STEPS
from edgeq.quantize.recipe import CHOSEN, INT8, RANGE_METHODS, Range
from edgeq.quantize.statistics import TensorStatistics

METHODS = tuple(method for method in RANGE_METHODS if method != CHOSEN)
"""Each a module of this package."""


def ranges_by(
    method: str, statistics: Mapping[str, TensorStatistics], precision: str = INT8
) -> dict[str, Range]:
    """Ranges of tensors, by name, in the order of `statistics`.

    Args:
        method: one of `METHODS`; ``percentile`` may be followed by a number, as in ``percentile:99.9``.
        statistics: of the tensors, by name.
        precision: of the layers that write them: ``int8``, ``int8x4`` or ``int16x8``.

    Raises:
        UsageError: there is no such method or precision.
        ModelError: a tensor has no finite value.
    """
    range_of = method_named(method, precision)
    return {name: range_of(found) for name, found in statistics.items()}


def method_named(method: str, precision: str = INT8) -> Callable[[TensorStatistics], Range]:
    """What chooses the range of a tensor.

    Args:
        method: as `ranges_by` takes it.
        precision: likewise.

    Raises:
        UsageError: there is no such method or precision.
    """
    if precision not in STEPS:
        raise UsageError(
            f"activations of precision {precision!r} have no range: expected {', '.join(sorted(STEPS))}"
        )
    name, colon, number = method.partition(":")
    if name not in METHODS or (colon and name != "percentile"):
        raise UsageError(
            f"unknown method for ranges {method!r}: expected {', '.join(RANGE_METHODS)}; percentile can take a "
            "number, as in percentile:99.99"
        )
    if name == "percentile":
        return _percentile(number if colon else str(percentile.DEFAULT))
    if name == "mse":
        return lambda statistics: mse.range_of(statistics, precision)
    if name == "entropy":
        return lambda statistics: entropy.range_of(statistics, precision)
    return averaged.range_of if name == "averaged" else minmax.range_of


def _percentile(number: str) -> Callable[[TensorStatistics], Range]:
    try:
        wanted = float(number)
    except ValueError as error:
        raise UsageError(f"expected a number behind percentile:, found {number!r}") from error
    percentile.check(wanted)
    return lambda statistics: percentile.range_of(statistics, wanted)
