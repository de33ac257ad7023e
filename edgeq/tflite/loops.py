"""How often the subgraphs of a file are executed in one inference, where the file alone tells.

A ``WHILE`` has a subgraph as its condition and one as its body. The loops of recurrent layers count: a number that
begins at a constant, grows by a constant in each turn, and must be less than a constant. Their turns are known;
those of a loop whose condition looks at anything else are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edgeq.tflite.model import Operator, Subgraph, TfliteModel
from edgeq.tflite.weights import MOST_ELEMENTS, elements, producers_of

ReadConstant = Callable[[int], bytes]
"""The content of a buffer, by its index."""

_DEEPEST: Final = 16
"""Loops within loops; runtimes recurse for each."""

_MOST_LOOPS: Final = 1_000
"""That are looked into; the turns of all are unknown in a file with more. Networks have one a recurrent layer."""

_MOST_COMPARISONS: Final = 64
"""In one condition; recurrent layers have two."""

_COUNTERS: Final[Mapping[str, int]] = {"int32": 4, "int64": 8}
"""Bytes by dtype."""


def executions(model: TfliteModel, read: ReadConstant) -> tuple[int | None, ...]:
    """How often each subgraph is executed in one inference; None where a loop's turns are unknown.

    What no loop executes counts once: the model itself, and each branch of an ``IF``.

    Args:
        model: the file.
        read: gives the content of its buffers.
    """
    return _Executions(model, read).all()


@dataclass(frozen=True)
class _Part:
    """A subgraph with what is looked up in it again and again.

    Attributes:
        graph: the subgraph.
        producers: the operator that computes each tensor.
        given: its inputs.
    """

    graph: Subgraph
    producers: Mapping[int, Operator]
    given: frozenset[int]

    @staticmethod
    def of(graph: Subgraph) -> _Part:
        return _Part(graph, producers_of(graph), frozenset(graph.inputs))

    def constant(self, index: int, read: ReadConstant) -> int | None:
        """The one number of a constant; None for anything else."""
        if index < 0 or index in self.given or index in self.producers:
            return None
        tensor = self.graph.tensors[index]
        size = _COUNTERS.get(tensor.dtype)
        if not tensor.is_constant or tensor.is_variable or elements(tensor.shape) != 1:
            return None
        if tensor.buffer_bytes != size:
            return None
        return int.from_bytes(read(tensor.buffer), "little", signed=True)


class _Executions:
    def __init__(self, model: TfliteModel, read: ReadConstant) -> None:
        self._parts = [_Part.of(graph) for graph in model.subgraphs]
        self._read = read
        self._callers: dict[int, list[tuple[int, Operator]]] = {}
        for index, graph in enumerate(model.subgraphs):
            for operator in graph.operators:
                for called in set(operator.loop or ()):
                    self._callers.setdefault(called, []).append((index, operator))
        loops = sum(operator.loop is not None for graph in model.subgraphs for operator in graph.operators)
        self._known: dict[int, int | None] = dict.fromkeys(self._callers) if loops > _MOST_LOOPS else {}

    def all(self) -> tuple[int | None, ...]:
        return tuple(self._of(index, 0) for index in range(len(self._parts)))

    def _of(self, index: int, depth: int) -> int | None:
        if index not in self._callers:
            return 1
        if depth > _DEEPEST:
            return None
        if index not in self._known:
            # A loop that executes itself would never end.
            self._known[index] = None
            self._known[index] = self._sum(index, depth)
        return self._known[index]

    def _sum(self, index: int, depth: int) -> int | None:
        total = 0
        for caller, operator in self._callers[index]:
            outer = self._of(caller, depth + 1)
            turns = self._turns(self._parts[caller], operator)
            if outer is None or turns is None or operator.loop is None:
                return None
            # The condition is looked at once more than it holds.
            total += outer * (turns if operator.loop[1] == index else turns + 1)
        return min(total, MOST_ELEMENTS)

    def _turns(self, caller: _Part, operator: Operator) -> int | None:
        if operator.loop is None or not all(0 <= part < len(self._parts) for part in operator.loop):
            return None
        condition, body = (self._parts[part] for part in operator.loop)
        state = {len(operator.inputs), len(condition.graph.inputs), len(body.graph.inputs)}
        if state != {len(body.graph.outputs)}:
            return None
        loop = _Loop(caller, operator, condition, body, self._read)
        turns = [loop.turns_of(comparison) for comparison in _comparisons(condition)]
        known = [number for number in turns if number is not None]
        # The loop ends with the first comparison that fails.
        return min(known) if known and len(known) == len(turns) else None


def _comparisons(condition: _Part) -> list[Operator]:
    """The LESS operators that must all hold; none where the condition is made of anything else."""
    if len(condition.graph.outputs) != 1:
        return []
    waiting, found, looked_at = [condition.graph.outputs[0]], [], 0
    while waiting:
        looked_at += 1
        producer = condition.producers.get(waiting.pop())
        if producer is None or len(producer.inputs) != 2 or looked_at > _MOST_COMPARISONS:
            return []
        if producer.name == "LOGICAL_AND":
            waiting += producer.inputs
        elif producer.name == "LESS":
            found.append(producer)
        else:
            return []
    return found


@dataclass(frozen=True)
class _Loop:
    """A loop; its state is a list of values that a turn takes and hands on, place by place.

    Attributes:
        caller: that holds the operator.
        operator: the ``WHILE``.
        condition: takes the state.
        body: takes the state and gives the next one.
        read: content of buffers.
    """

    caller: _Part
    operator: Operator
    condition: _Part
    body: _Part
    read: ReadConstant

    def turns_of(self, comparison: Operator) -> int | None:
        """For how many turns a comparison holds; None where it is not known to."""
        counter, limit = comparison.inputs
        place = self._place(counter)
        if place is None:
            return None
        start, step, end = self._begin(place), self._step(place), self._limit(limit)
        if start is None or step is None or end is None or step < 1:
            return None
        return max(0, -((start - end) // step))

    def _place(self, tensor: int) -> int | None:
        places = [place for place, index in enumerate(self.condition.graph.inputs) if index == tensor]
        return places[0] if len(places) == 1 else None

    def _begin(self, place: int) -> int | None:
        return self.caller.constant(self.operator.inputs[place], self.read)

    def _limit(self, tensor: int) -> int | None:
        place = self._place(tensor)
        if place is None:
            return self.condition.constant(tensor, self.read)
        is_kept = self.body.graph.outputs[place] == self.body.graph.inputs[place]
        return self._begin(place) if is_kept else None

    def _step(self, place: int) -> int | None:
        adding = self.body.producers.get(self.body.graph.outputs[place])
        if adding is None or adding.name != "ADD" or len(adding.inputs) != 2:
            return None
        own = self.body.graph.inputs[place]
        others = [tensor for tensor in adding.inputs if tensor != own]
        return self.body.constant(others[0], self.read) if len(others) == 1 else None
