"""Which operators of a file XNNPACK's operators are.

The profiler names XNNPACK's own operators, such as ``Fully Connected (NC, QS8, QC8W) GEMM``, in the order in which the
delegate made them of the file's operators, and with no index of those. The file's operators of one partition and
XNNPACK's are two sequences in the same order, so they are aligned as sequences are (S. Needleman and C. Wunsch, A
general method applicable to the search for similarities in the amino acid sequence of two proteins, 1970): each
operator of the file takes a run of XNNPACK's, none where it was folded into a neighbour. Where two alignments are
equally good, the operators that they disagree on are kept together.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_PAIRS = 1_000_000
"""Of operators and kernels: a partition of 1,000 operators takes 4 s; larger ones are not told apart."""

_MISMATCH = 10
"""A cost above that of any run of allowed oddities in one operator."""

_WORDS = {
    "CONV_2D": "convolution|fully connected",
    "DEPTHWISE_CONV_2D": "convolution|dwconv",
    "TRANSPOSE_CONV": "deconvolution|subconv|transpose",
    "FULLY_CONNECTED": "fully connected|batch matrix",
    "BATCH_MATMUL": "batch matrix|fully connected",
    "AVERAGE_POOL_2D": "average pooling|mean",
    "MAX_POOL_2D": "max pooling",
    "MEAN": "mean|average pooling",
    "SUM": "sum|reduce",
    "REDUCE_MAX": "max",
    "REDUCE_MIN": "min",
    "ADD": r"\badd",
    "SUB": "subtract",
    "MUL": "multiply",
    "DIV": "divide",
    "MAXIMUM": "maximum",
    "MINIMUM": "minimum",
    "SQUARED_DIFFERENCE": "squared difference",
    "PRELU": "prelu",
    "LEAKY_RELU": "leaky",
    "RELU": "clamp|relu",
    "RELU6": "clamp|relu",
    "RELU_N1_TO_1": "clamp",
    "RELU_0_TO_1": "clamp",
    "LOGISTIC": "sigmoid|logistic",
    "TANH": "tanh",
    "HARD_SWISH": "hardswish|hard swish",
    "GELU": "gelu",
    "ELU": r"\belu",
    "ABS": r"\babs",
    "NEG": "negate",
    "SQUARE": r"\bsquare\b",
    "SQRT": "square root",
    "RSQRT": "reciprocal",
    "EXP": r"\bexp",
    "LOG": r"\blog\b",
    "FLOOR": "floor|bankers|round",
    "CEIL": "ceiling|round",
    "ROUND": "round",
    "SOFTMAX": "softmax",
    "CONCATENATION": "concatenate|copy",
    "SPLIT": "split|copy|slice",
    "SLICE": "slice",
    "STRIDED_SLICE": "slice",
    "PAD": r"\bpad|constant pad",
    "PADV2": r"\bpad|constant pad",
    "TRANSPOSE": "transpose",
    "RESHAPE": "reshape|copy",
    "SQUEEZE": "reshape|copy",
    "EXPAND_DIMS": "reshape|copy",
    "BROADCAST_TO": "broadcast",
    "RESIZE_BILINEAR": "resize",
    "DEPTH_TO_SPACE": "depth to space|depth2space",
    "SPACE_TO_DEPTH": "space to depth|space2depth",
    "QUANTIZE": "convert",
    "DEQUANTIZE": "convert",
    "CAST": "convert",
}
"""What XNNPACK's names of operators hold, in lower case (src/operator-utils.c and src/subgraph of XNNPACK)."""

_NOTHING_OF_ITS_OWN = frozenset({"DEQUANTIZE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""What may cost nothing: weights are converted when the file is loaded, and a new shape moves no data."""

_FUSED = frozenset({
    "ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1",
    "PAD", "PADV2", "TRANSPOSE", "QUANTIZE", "CAST", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU",
    "ELU", "GELU", "ABS", "NEG", "SQUARE", "SQRT", "RSQRT", "EXP", "LOG", "CONCATENATION", "SPLIT",
    "SLICE", "STRIDED_SLICE", "BROADCAST_TO",
})  # fmt: skip
"""What XNNPACK may fold into a neighbour."""

_BEFORE = re.compile("reshape|convert|copy|transpose|reduce|pack")
"""What XNNPACK may put before an operator of the file, such as a conversion for dynamically quantized weights."""

_AFTER = re.compile("clamp")
"""What it may put behind one: an activation that the kernel itself cannot do."""

# XNNPACK's name for a table of 256 entries that stands for one or more element-wise operators on int8, as LiteRT 2.2
# and 2.3 show it.
_TABLE = re.compile("unary|binary|lut")


@dataclass(frozen=True)
class Match:
    """Neighbouring operators of the file and what they run as.

    Attributes:
        operators: positions among the file's operators of the partition, ascending; more than one where it cannot be
            told which of them takes the time.
        kernels: positions among XNNPACK's, ascending; may be empty.
    """

    operators: tuple[int, ...]
    kernels: tuple[int, ...]


def align(operators: Sequence[str], kernels: Sequence[str]) -> tuple[Match, ...] | None:
    """Aligns the operators of one partition.

    Args:
        operators: the file's, such as ``CONV_2D``, in order of execution.
        kernels: XNNPACK's names, in order of execution.

    Returns:
        All of both, in order; None where the sequences do not fit each other.
    """
    if len(operators) * len(kernels) > _MOST_PAIRS:
        return None
    costs = _costs(operators, kernels)
    if costs[len(operators)][len(kernels)] >= _MISMATCH:
        return None
    late = _borders(operators, kernels, costs, take_few=True)
    early = _borders(operators, kernels, costs, take_few=False)
    matches, start = [], 0
    for position in range(len(operators)):
        # After this operator, both alignments have used the same kernels: what lies before is settled.
        if early[position + 1] == late[position + 1]:
            taken = tuple(range(early[start], early[position + 1]))
            matches.append(Match(tuple(range(start, position + 1)), taken))
            start = position + 1
    return tuple(matches)


def _costs(operators: Sequence[str], kernels: Sequence[str]) -> list[list[float]]:
    """The least cost of aligning the first i operators with the first j kernels, by i and j."""
    infinite = float("inf")
    costs = [[infinite] * (len(kernels) + 1) for _ in range(len(operators) + 1)]
    costs[0][0] = 0.0
    for row, operator in enumerate(operators, 1):
        for column in range(len(kernels) + 1):
            costs[row][column] = min(
                (
                    costs[row - 1][column - count] + _cost(operator, tuple(kernels[column - count : column]))
                    for count in range(min(column, _MOST_KERNELS) + 1)
                    # What is lost already need not be followed any further.
                    if costs[row - 1][column - count] < _MISMATCH
                ),
                default=infinite,
            )
    return costs


_MOST_KERNELS = 6
"""Of XNNPACK for one operator of the file: a dynamically quantized dense layer makes up to 3."""


def _borders(
    operators: Sequence[str], kernels: Sequence[str], costs: list[list[float]], *, take_few: bool
) -> list[int]:
    """How many kernels are used after each operator in one of the best alignments.

    Args:
        operators: the file's.
        kernels: XNNPACK's.
        costs: of `_costs`.
        take_few: whether the last operators take as few kernels as they can, or as many.
    """
    column = len(kernels)
    borders = [column]
    for row in range(len(operators), 0, -1):
        counts = [
            count
            for count in range(min(column, _MOST_KERNELS) + 1)
            if abs(
                costs[row - 1][column - count]
                + _cost(operators[row - 1], tuple(kernels[column - count : column]))
                - costs[row][column]
            )
            < 1e-9
        ]
        column -= min(counts) if take_few else max(counts)
        borders.append(column)
    return borders[::-1]


@functools.lru_cache(maxsize=4096)
def _cost(operator: str, kernels: tuple[str, ...]) -> float:
    """How odd it is that an operator of the file runs as these kernels."""
    if not kernels:
        if operator in _NOTHING_OF_ITS_OWN:
            return 0.0
        return 0.5 if operator in _FUSED or operator not in _WORDS else _MISMATCH
    names = [kernel.lower() for kernel in kernels]
    pattern = _WORDS.get(operator)
    if pattern is None:
        # It may run as anything, for instance as an operator that XNNPACK learned later.
        return 1.0 * len(names)
    own = [position for position, name in enumerate(names) if re.search(pattern, name)]
    if not own and operator in _FUSED and _TABLE.search(names[-1]):
        own = [len(names) - 1]
    if not own:
        return _MISMATCH
    before, after = names[: own[0]], names[own[-1] + 1 :]
    between = own[-1] + 1 - own[0] - len(own)
    oddities = [0.2 if _BEFORE.search(name) else 1.0 for name in before]
    oddities += [0.2 if _AFTER.search(name) else 0.4 if _BEFORE.search(name) else 1.0 for name in after]
    return sum(oddities) + 0.3 * (len(own) - 1) + 0.3 * between
