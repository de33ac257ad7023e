from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hand_made import Graph, tflite
from hypothesis import given, settings
from hypothesis import strategies as st

import edgeq.demo
from edgeq.runtime.arena import arena_bytes
from edgeq.runtime.available import find_runtime
from edgeq.tflite import arena
from edgeq.tflite.arena import activation_tensors, planned_arena_bytes, tensor_bytes
from edgeq.tflite.model import TfliteModel, read_model

BUNDLE = Path(edgeq.demo.__file__).parent / "bundle"


def _allocated(content: bytes, model: TfliteModel) -> int:
    """From the first to the last byte that the real runtime gives to the tensors of a file."""
    module = find_runtime("litert").module()
    resolver = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = module.Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    places = []
    for index in activation_tensors(model):
        view = interpreter.tensor(index)()
        start = view.__array_interface__["data"][0]
        places.append((start, start + view.nbytes))
    return max(end for _, end in places) - min(start for start, _ in places)


def _random_network(steps: list[tuple[str, int, int]]) -> Graph:
    """Operators without scratch memory on tensors of unlike sizes, each of what an earlier one computed."""
    graph = Graph()
    made = {graph.tensor("input", (60,)): 60}
    graph.inputs = list(made)
    for number, (operator, chosen, change) in enumerate(steps):
        source = list(made)[chosen % len(made)]
        size = made[source]
        result = graph.tensor(f"result{number}", (size,))
        if operator == "CONCATENATION":
            size += change
            other = graph.constant(f"constant{number}", np.zeros(change, np.float32))
            graph.tensors[result].shape = [size]
            graph.operator(operator, (source, other), result)
        elif operator == "RESHAPE":
            shape = graph.constant(f"shape{number}", np.array([size], np.int32))
            graph.operator(operator, (source, shape), result)
        elif operator in ("ADD", "SUB", "MUL"):
            graph.operator(operator, (source, source), result)
        else:
            graph.operator(operator, (source,), result)
        made[result] = size
    graph.outputs = [list(made)[-1]]
    return graph


_STEPS = st.tuples(
    st.sampled_from(["ADD", "MUL", "NEG", "TANH", "RESHAPE", "CONCATENATION", "LOGISTIC"]),
    st.integers(0, 40),
    st.integers(1, 200),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, min_size=1, max_size=25))
def test_the_plan_is_the_runtimes_own(steps):
    graph = _random_network(steps)
    content = tflite(graph)
    model = read_model(content)
    assert planned_arena_bytes(model) == _allocated(content, model)


@pytest.mark.parametrize("name", ["float32", "int8", "int16x8"])
def test_with_scratch_memory_the_runtime_takes_a_little_more(name):
    path = BUNDLE / f"fashion_mnist.{name}.tflite"
    model = read_model(path)
    tensors = activation_tensors(model)
    measured = arena_bytes(path, find_runtime("litert"), tensors, len(model.subgraphs[0].tensors))
    assert measured is not None
    assert planned_arena_bytes(model) <= measured <= 1.15 * planned_arena_bytes(model)


def test_weights_that_are_expanded_when_loading_are_no_activations():
    half, whole = (read_model(BUNDLE / f"fashion_mnist.{name}.tflite") for name in ("float16", "float32"))
    assert planned_arena_bytes(half) == planned_arena_bytes(whole)


def test_a_file_with_very_many_tensors_is_bounded_from_below_by_what_lives_together(monkeypatch):
    model = read_model(BUNDLE / "fashion_mnist.float32.tflite")
    placed = planned_arena_bytes(model)
    monkeypatch.setattr(arena, "_MOST_PLACED", 3)
    assert 0.9 * placed <= planned_arena_bytes(model) <= placed


def test_outputs_that_no_operator_computes_take_no_memory():
    graph = Graph()
    graph.inputs = [graph.tensor("x", (1, 10))]
    graph.outputs = [graph.tensor("y", (1, 20), "int8")]
    assert planned_arena_bytes(read_model(tflite(graph))) == 40


@pytest.mark.parametrize(
    ("dtype", "shape", "expected"),
    [
        ("float32", (2, 3), 24),
        ("int4", (1, 3), 2),
        ("string", (4,), 0),
        ("int8", (0, 5), 0),
        ("int8", (-1, 5), 0),
    ],
)
def test_the_size_of_a_tensor(dtype, shape, expected):
    graph = Graph()
    graph.tensor("t", shape, dtype)
    assert tensor_bytes(read_model(tflite(graph)).subgraphs[0].tensors[0]) == expected
