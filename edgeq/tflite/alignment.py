"""Which operators and tensors of two files of one model are the same, at whatever precisions the files are.

Files of one model differ in conversions that only one of them has, in what the converter fused, and now and then
in order. What is the same in both is found as in comparing texts: first what occurs equally often in both, in the
longest run that keeps its order (patience sorting); then, between these anchors, the common subsequence of the
greatest likeness.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from edgeq.tflite.io import model_io
from edgeq.tflite.layer_names import layer_names
from edgeq.tflite.model import TfliteModel
from edgeq.tflite.precision import CONVERTING

Pair = tuple[int, int]
AlignedPairs = tuple[tuple[int | None, int | None], ...]

_MOST_CELLS = 100_000
"""Of a table of likenesses, 0.1 s; what is larger is paired by its order of occurrence alone."""

_MOST_DIMENSIONS = 16
"""That shapes are compared by; runtimes take 8 at most."""


@dataclass(frozen=True)
class _Item:
    """What an operator is recognised by.

    Attributes:
        operator: its kind.
        shape: of its first result.
        layer: its name.
        result: name of its first result.
    """

    operator: str
    shape: tuple[int, ...]
    layer: str
    result: str

    @property
    def converts(self) -> bool:
        """Whether it only changes a type, as another file may do elsewhere or not at all."""
        return self.operator in CONVERTING


def aligned_operators(one: TfliteModel, other: TfliteModel) -> AlignedPairs:
    """Pairs the operators of the first subgraphs of two files of one model.

    Args:
        one: of any precision.
        other: of any other.

    Returns:
        Every operator of both once, in an order that both keep: its index in `one` and in `other`, or None for
        what only one of them has.
    """
    left, right = _items(one), _items(other)
    pairs = _matched(left, right, range(len(left)), range(len(right)), 0)
    return _complete(pairs, len(left), len(right))


def aligned_tensors(one: TfliteModel, other: TfliteModel) -> Mapping[int, int]:
    """Pairs the activations of the first subgraphs of two files of one model.

    Args:
        one: of any precision.
        other: of any other.

    Returns:
        Tensor indices in `other` by those in `one`: inputs by their names in the signatures, else by their
        places; results of `aligned_operators`.
    """
    tensors = _aligned_inputs(one, other)
    graphs = one.subgraphs[0], other.subgraphs[0]
    for left, right in aligned_operators(one, other):
        if left is not None and right is not None:
            results = graphs[0].operators[left].outputs, graphs[1].operators[right].outputs
            for mine, its in zip(*results, strict=False):
                if mine >= 0 and its >= 0:
                    tensors.setdefault(mine, its)
    return tensors


def _aligned_inputs(one: TfliteModel, other: TfliteModel) -> dict[int, int]:
    left, right = model_io(one)[0], model_io(other)[0]
    by_name = {item.name: item.index for item in right}
    if len(by_name) == len(right) and {item.name for item in left} == set(by_name):
        return {item.index: by_name[item.name] for item in left}
    return {mine.index: its.index for mine, its in zip(left, right, strict=False)}


def _items(model: TfliteModel) -> list[_Item]:
    graph = model.subgraphs[0]
    items = []
    for operator, layer in zip(graph.operators, layer_names(model)[0], strict=True):
        result = (
            graph.tensors[operator.outputs[0]] if operator.outputs[:1] and operator.outputs[0] >= 0 else None
        )
        items.append(
            _Item(
                operator.name,
                result.shape[:_MOST_DIMENSIONS] if result else (),
                layer,
                result.name if result else "",
            )
        )
    return items


# From what tells most to what tells least.
_KEYS: tuple[Callable[[_Item], Hashable], ...] = (
    lambda item: (item.operator, item.shape, item.layer, item.result),
    lambda item: (item.operator, item.shape, item.layer),
    lambda item: (item.operator, item.layer),
)


def _matched(
    left: Sequence[_Item], right: Sequence[_Item], mine: range, its: range, level: int
) -> list[Pair]:
    """Pairs of a part of both files, in order."""
    if not mine or not its:
        return []
    if level == len(_KEYS):
        if len(mine) * len(its) <= _MOST_CELLS:
            return _most_alike(left, right, mine, its)
        return _in_order(
            _occurrences(left, right, mine, its, lambda item: (item.operator, item.shape), False)
        )
    anchors = _in_order(_occurrences(left, right, mine, its, _KEYS[level], True))
    pairs: list[Pair] = []
    start = (mine.start, its.start)
    for anchor in (*anchors, (mine.stop, its.stop)):
        gap = range(start[0], anchor[0]), range(start[1], anchor[1])
        pairs += _matched(left, right, *gap, level + 1)
        if anchor[0] < mine.stop:
            pairs.append(anchor)
        start = anchor[0] + 1, anchor[1] + 1
    return pairs


def _occurrences(
    left: Sequence[_Item],
    right: Sequence[_Item],
    mine: range,
    its: range,
    key: Callable[[_Item], Hashable],
    equally_often: bool,
) -> list[Pair]:
    """The first of a kind with the first, the second with the second …, by the order of `mine`."""
    counts = Counter(key(left[index]) for index in mine), Counter(key(right[index]) for index in its)
    seen: Counter[Hashable] = Counter()
    places: dict[tuple[Hashable, int], int] = {}
    for index in its:
        name = key(right[index])
        places[name, seen[name]] = index
        seen[name] += 1
    seen.clear()
    pairs = []
    for index in mine:
        name = key(left[index])
        place = places.get((name, seen[name]))
        seen[name] += 1
        if place is not None and (counts[0][name] == counts[1][name] or not equally_often):
            pairs.append((index, place))
    return pairs


def _in_order(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest subsequence of pairs that are in order on both sides; the left side is in order already."""
    smallest: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for position, (_, place) in enumerate(pairs):
        length = bisect_left(smallest, place)
        before.append(ends[length - 1] if length else -1)
        smallest[length : length + 1] = [place]
        ends[length : length + 1] = [position]
    chosen = []
    position = ends[-1] if ends else -1
    while position >= 0:
        chosen.append(pairs[position])
        position = before[position]
    return chosen[::-1]


def _most_alike(left: Sequence[_Item], right: Sequence[_Item], mine: range, its: range) -> list[Pair]:
    """The common subsequence of the greatest total likeness (the algorithm of Needleman and Wunsch)."""
    scores = [[0] * (len(its) + 1)]
    for row, index in enumerate(mine):
        above, current = scores[row], [0]
        for column, place in enumerate(its):
            likeness = _likeness(left[index], right[place])
            matched = above[column] + likeness if likeness else 0
            current.append(max(matched, above[column + 1], current[column]))
        scores.append(current)
    pairs = []
    row, column = len(mine), len(its)
    while row and column:
        if scores[row][column] == scores[row - 1][column]:
            row -= 1
        elif scores[row][column] == scores[row][column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((mine[row], its[column]))
    return pairs[::-1]


def _likeness(one: _Item, other: _Item) -> int:
    """How sure it is that two operators are the same; 0 for what cannot be."""
    if one.operator != other.operator:
        return 0
    likeness = 2 * (one.layer == other.layer) + (one.shape == other.shape)
    # A conversion has no layer of its own: one of the same shape may be any other.
    return 0 if one.converts and likeness < 3 else likeness


def _complete(pairs: Sequence[Pair], left: int, right: int) -> AlignedPairs:
    found: list[tuple[int | None, int | None]] = []
    start = (0, 0)
    for mine, its in (*pairs, (left, right)):
        found += [(index, None) for index in range(start[0], mine)]
        found += [(None, index) for index in range(start[1], its)]
        if mine < left:
            found.append((mine, its))
        start = mine + 1, its + 1
    return tuple(found)
