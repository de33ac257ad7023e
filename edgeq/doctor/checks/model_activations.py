"""Rules on activations of the float32 model on data: heavy tails, and concatenations of unlike ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from edgeq.doctor.case import Case
from edgeq.doctor.checks.model_graph import MOVING, Graph, activations_of, graph_of
from edgeq.doctor.rule import Finding
from edgeq.inspection.activations import ActivationStatistics
from edgeq.tflite.model import Operator

_TAIL, _LEAST_LEVELS = 0.001, 32.0
"""Of the 256 int8 levels that the range from the smallest to the largest value gets, the middle 99.9 % of the values
must reach so many. In six trained networks (see M205's page) the worst activation of each has 93 to 166."""

_WIDER_TAIL, _LEAST_LEVELS_OF_99 = 0.01, 16.0
"""Likewise of the middle 99 %: 51 to 111 in those networks."""

_FEWEST_VALUES = 2000
"""Below, a tail of 0.1 % is less than two values."""

_LEVELS = 255
_BOUNDED = frozenset(
    {"SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION", "ONE_HOT", "RELU_N1_TO_1", "RELU_0_TO_1"}
)
"""Their results lie between -1 and 1, with a fixed scale, and may be nearly all 0 by design: probabilities of 1,000
classes, a heat map."""

_CONCATENATION = "CONCATENATION"
_RANGE_RATIO = 16.0
"""Largest range over the smallest among the inputs of a concatenation, which share one int8 scale: the smallest keeps
256 / 16 = 16 levels. It is at most 1.04 in the six networks, of which two concatenate."""

_MOST_STEPS = 32


@dataclass(frozen=True)
class Tail:
    """An activation whose range is far larger than where its values are.

    Attributes:
        layer: that gives it.
        operator: likewise.
        share: of the values, the middle ones, that are meant: 0.999 or 0.99.
        levels: that these have in int8.
        low: smallest value.
        high: largest value.
        usual: largest absolute value of these.
    """

    layer: str
    operator: str
    share: float
    levels: float
    low: float
    high: float
    usual: float


def heavy_tails(case: Case) -> Iterator[Finding]:
    """M205: activations of which nearly all values share a few int8 levels."""
    if case.float32_file is None or case.float32_model is None:
        return
    graph = graph_of(case.float32_file, case.float32_model)
    found = []
    for index, statistics in activations_of(case).items():
        operator = graph.makers.get(index)
        if operator is None or operator.name in MOVING | _BOUNDED or operator.name == _CONCATENATION:
            continue
        if statistics.dtype != "float32" or statistics.count < _FEWEST_VALUES:
            continue
        tail = _tail(graph.name(operator), operator.name, statistics)
        if tail is not None:
            found.append(tail)
    if not found:
        return
    found.sort(key=lambda one: one.levels)
    worst = found[0]
    more = f"; {len(found) - 1} more activations are like that" if len(found) > 1 else ""
    yield Finding(
        worst.layer,
        f"its values reach from {worst.low:.3g} to {worst.high:.3g}, and {worst.share:.1%} of them lie within "
        f"{worst.usual:.3g} of 0: int8 has {worst.levels:.0f} of 256 levels for these{more}; bound the activation "
        "(ReLU6, or batch normalization before it), or take int16x8; edgeq layers shows what each layer costs",
        details={"layers": [dataclasses.asdict(one) for one in found]},
    )


def _tail(layer: str, operator: str, statistics: ActivationStatistics) -> Tail | None:
    # int8 has 0 in its range always.
    low, high = min(statistics.minimum, 0.0), max(statistics.maximum, 0.0)
    if high <= low:
        return None

    def levels(tail: float) -> float:
        inside = statistics.quantile(1 - tail / 2) - statistics.quantile(tail / 2)
        return _LEVELS * inside / (high - low)

    for tail, least in ((_TAIL, _LEAST_LEVELS), (_WIDER_TAIL, _LEAST_LEVELS_OF_99)):
        if levels(tail) < least:
            usual = max(abs(statistics.quantile(tail / 2)), abs(statistics.quantile(1 - tail / 2)))
            return Tail(layer, operator, 1 - tail, levels(tail), low, high, usual)
    return None


def unlike_concatenation(case: Case) -> Iterator[Finding]:
    """M206: concatenations of tensors with very different ranges, which share one scale in int8."""
    if case.float32_file is None or case.float32_model is None:
        return
    graph = graph_of(case.float32_file, case.float32_model)
    joins = [operator for operator in graph.main.operators if operator.name == _CONCATENATION]
    if not joins:
        return
    statistics = activations_of(case)
    for operator in joins:
        reach = _reach(graph, operator, statistics)
        if len(reach) < 2:
            continue
        small, large = min(reach, key=lambda one: one[1]), max(reach, key=lambda one: one[1])
        ratio = large[1] / small[1]
        if ratio > _RANGE_RATIO:
            yield Finding(
                graph.name(operator),
                f"joins {large[0]} (up to {large[1]:.3g}) with {small[0]} (up to {small[1]:.3g}): int8 gives both one "
                f"scale, which leaves {small[0]} {256 / ratio:.1f} of 256 levels; return them as separate "
                "outputs, or scale them alike before and undo it in the app",
                details={"largest": dict(reach), "ratio": ratio},
            )


def _reach(
    graph: Graph, operator: Operator, statistics: dict[int, ActivationStatistics]
) -> list[tuple[str, float]]:
    """Name and largest absolute value of each input that has one above 0."""
    found = []
    for index in dict.fromkeys(index for index in operator.inputs if index >= 0):
        known = statistics.get(index)
        if known is None or known.dtype != "float32":
            continue
        largest = max(abs(known.minimum), abs(known.maximum))
        if largest > 0:
            found.append((_source(graph, index), largest))
    return found


def _source(graph: Graph, index: int) -> str:
    """The layer that computed a tensor, behind what only moves it; the input's name where none did."""
    for _ in range(_MOST_STEPS):
        maker = graph.makers.get(index)
        if maker is None:
            return graph.tensor(index).name
        if maker.name not in MOVING or not maker.inputs or maker.inputs[0] < 0:
            return graph.name(maker)
        index = maker.inputs[0]
    return graph.tensor(index).name
