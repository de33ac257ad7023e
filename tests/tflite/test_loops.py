from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.tflite.loops import executions
from edgeq.tflite.model import Buffer, Operator, Subgraph, Tensor, TfliteModel

NUMBERS = st.integers(-(2**31), 2**31 - 1)


class _Builder:
    """A model of loops: a counter and a limit are the state, and a turn adds a step to the counter."""

    def __init__(self) -> None:
        self.contents: list[bytes] = [b""]

    def number(self, value: int | None) -> Tensor:
        """A constant; an activation for None."""
        if value is not None:
            self.contents.append(value.to_bytes(4, "little", signed=True))
        buffer = 0 if value is None else len(self.contents) - 1
        return Tensor(
            index=0,
            name="",
            dtype="int32",
            shape=(),
            shape_signature=(),
            buffer=buffer,
            buffer_bytes=4 if buffer else 0,
            is_constant=buffer > 0,
            is_variable=False,
            quantization=None,
        )

    def outer(self, start: int | None, limit: int | None, loop: tuple[int, int] | None) -> Subgraph:
        tensors = (self.number(start), self.number(limit), self.number(None), self.number(None))
        return Subgraph("main", tensors, (), (2,), (_op("WHILE", (0, 1), (2, 3), loop),))

    def condition(self, name: str = "LESS", inputs: tuple[int, ...] = (0, 1)) -> Subgraph:
        return Subgraph(
            "cond", tuple(map(self.number, (None,) * 3)), (0, 1), (2,), (_op(name, inputs, (2,)),)
        )

    def body(self, step: int | None, *, name: str = "ADD", limit: int = 1) -> Subgraph:
        tensors = (self.number(None), self.number(None), self.number(step), self.number(None))
        return Subgraph("body", tensors, (0, 1), (3, limit), (_op(name, (0, 2), (3,)),))

    def executions(self, *graphs: Subgraph) -> tuple[int | None, ...]:
        buffers = tuple(Buffer(0, len(content), False) for content in self.contents)
        model = TfliteModel(3, "", (), graphs, (), buffers, {}, 0)
        return executions(model, self.contents.__getitem__)


def _op(name, inputs, outputs, loop=None) -> Operator:
    return Operator(0, name, 1, None, inputs, outputs, loop)


@given(start=NUMBERS, limit=NUMBERS, step=st.integers(1, 2**31 - 1))
def test_a_counted_loop_takes_as_many_turns_as_python_does(start, limit, step):
    made = _Builder()
    found = made.executions(made.outer(start, limit, (1, 2)), made.condition(), made.body(step))
    turns = len(range(start, limit, step))
    assert found == (1, turns + 1, turns)


@pytest.mark.parametrize("step", [0, -1, None])
def test_a_counter_that_does_not_grow_by_a_constant_is_unknown(step):
    made = _Builder()
    assert made.executions(made.outer(0, 9, (1, 2)), made.condition(), made.body(step)) == (1, None, None)


def test_what_is_no_counted_loop_is_unknown():
    for start, limit, condition, body in (
        (None, 9, {}, {}),
        (0, None, {}, {}),
        (0, 9, {"name": "EQUAL"}, {}),
        (0, 9, {"inputs": (0, 0)}, {}),
        (0, 9, {"inputs": (1, 0)}, {}),
        (0, 9, {"inputs": (0, -1)}, {}),
        (0, 9, {"inputs": (0,)}, {}),
        (0, 9, {}, {"name": "MUL"}),
        # The limit becomes the counter.
        (0, 9, {}, {"limit": 3}),
    ):
        made = _Builder()
        graphs = made.outer(start, limit, (1, 2)), made.condition(**condition), made.body(1, **body)
        assert made.executions(*graphs) == (1, None, None), (start, limit, condition, body)


@pytest.mark.parametrize("loop", [(1, 7), (-1, 2), (7, 9)])
def test_parts_that_are_not_there_make_no_loop(loop):
    made = _Builder()
    found = made.executions(made.outer(0, 9, loop), made.condition(), made.body(1))
    assert set(found) <= {1, None}


def test_a_loop_that_executes_itself_is_unknown():
    made = _Builder()
    found = made.executions(made.outer(0, 9, (1, 0)), made.condition())
    assert found == (None, None)


def test_a_loop_in_a_loop_takes_the_turns_of_both():
    made = _Builder()
    inner = made.outer(0, 3, (1, 2)).operators[0]
    body = made.body(2)
    nested = Subgraph(
        "body",
        (*body.tensors, made.number(0), made.number(3), made.number(None)),
        body.inputs,
        body.outputs,
        (*body.operators, _op("WHILE", (4, 5), (6, -1), (3, 4))),
    )
    assert inner.loop == (1, 2)
    found = made.executions(
        made.outer(0, 9, (1, 2)), made.condition(), nested, made.condition(), made.body(1)
    )
    assert found == (1, 6, 5, 20, 15)


def test_loops_nested_beyond_what_runtimes_stand_end():
    made = _Builder()
    depth = 400
    graphs = []
    for level in range(depth):
        condition, body = made.condition(), made.outer(0, 2, (2 * level + 2, 2 * level + 3))
        graphs += [condition, body]
    assert made.executions(made.outer(0, 2, (1, 1)), *graphs)[0] == 1


def test_more_loops_than_networks_have_are_not_looked_into():
    made = _Builder()
    outer = made.outer(0, 9, (1, 2))
    many = Subgraph("main", outer.tensors, (), (2,), outer.operators * 1_001)
    assert made.executions(many, made.condition(), made.body(1)) == (1, None, None)
    few = Subgraph("main", outer.tensors, (), (2,), outer.operators * 2)
    assert made.executions(few, made.condition(), made.body(1)) == (1, 20, 18)
