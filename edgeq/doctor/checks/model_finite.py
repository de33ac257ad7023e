"""M211: weights that are NaN or infinite, and outputs that are so although inputs and weights are numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.doctor.case import Case
from edgeq.doctor.checks.model_graph import Graph, graph_of, listed
from edgeq.doctor.rule import WARNING, Finding
from edgeq.errors import DataError, ModelError
from edgeq.runtime.running import Ran
from edgeq.tflite.layer_names import layer_names
from edgeq.tflite.model import Operator, Tensor, TfliteModel
from edgeq.tflite.weights import BIAS, WEIGHT_INPUTS, WEIGHTS, read_values, role_of

_FLOATS = frozenset({"float64", "float32", "float16"})

_SCALING = frozenset({"DIV", "MUL"})
"""What batch normalization leaves behind: a factor of it that is infinite was none when the model was trained."""

_INFINITE = np.finfo(np.float32).max
"""What TensorFlow 2.21's converter writes for an infinite weight."""


def not_finite(case: Case) -> Iterator[Finding]:
    """M211: see `MODEL_RULES`."""
    if case.float32_file is None or case.float32_model is None:
        return
    found = not_finite_layers(graph_of(case.float32_file, case.float32_model))
    if found:
        yield _of_weights(found)
    elif all(file.path != case.float32_file for file in case.files):
        # Of a file that is examined itself, F302 tells this.
        yield from _of_outputs(case)


def not_finite_layers(graph: Graph) -> dict[str, tuple[int, int]]:
    """Layers with constants that are NaN, or infinite where that cannot be meant.

    Args:
        graph: of a file.

    Returns:
        By layer, how many of its constants' values are bad, and how many there are.
    """
    found: dict[str, tuple[int, int]] = {}
    for subgraph, names in zip(graph.model.subgraphs, layer_names(graph.model), strict=True):
        seen: set[int] = set()
        for operator in subgraph.operators:
            for place, index in enumerate(operator.inputs):
                if index < 0 or index in seen:
                    continue
                seen.add(index)
                bad, count = _bad_values(graph, operator, place, subgraph.tensors[index])
                if bad:
                    earlier = found.get(names[operator.index], (0, 0))
                    found[names[operator.index]] = (earlier[0] + bad, earlier[1] + count)
    return found


def _bad_values(graph: Graph, operator: Operator, place: int, tensor: Tensor) -> tuple[int, int]:
    """How many values of a constant are bad, of how many; none of what is no float constant."""
    values = _constant(graph, tensor)
    if values is None:
        return 0, 0
    role = role_of(operator, place, tensor.dtype)
    with np.errstate(invalid="ignore"):
        if role == WEIGHTS and operator.name in WEIGHT_INPUTS:
            bad = ~(np.abs(values) < _INFINITE)
        elif role == BIAS or operator.name in _SCALING:
            # A mask, of an attention or of classes, is a bias or a factor of minus infinity, or of the lowest float32.
            bad = ~(values < _INFINITE)
        else:
            # What is infinite may be meant: the padding of a maximum, the limits of a clipping.
            bad = np.isnan(values)
    return int(np.count_nonzero(bad)), values.size


def _constant(graph: Graph, tensor: Tensor) -> npt.NDArray[Any] | None:
    if not tensor.is_constant or tensor.dtype not in _FLOATS:
        return None
    try:
        return read_values(graph.path, graph.model, tensor)
    except ModelError:
        # Its size is wrong, which the runtime refuses.
        return None


def has_not_finite_weights(case: Case, model: TfliteModel | None) -> bool:
    """Whether the float32 file has such layers; False without one.

    Args:
        case: to look at.
        model: structure of its float32 file.
    """
    return case.float32_file is not None and bool(not_finite_layers(graph_of(case.float32_file, model)))


def _of_weights(found: dict[str, tuple[int, int]]) -> Finding:
    layer, (bad, count) = next(iter(found.items()))
    others = list(found)[1:]
    more = f", and so {'has' if len(others) == 1 else 'have'} {listed(others)}" if others else ""
    return Finding(
        layer,
        f"has weights that are NaN or infinite ({bad:,} of {count:,}){more}, expected numbers: training diverged or "
        "the file is damaged; go back to a checkpoint before that (a lower learning rate or clipped gradients keep "
        "training from it)",
        details={"layers": [{"layer": name, "bad": one[0], "of": one[1]} for name, one in found.items()]},
    )


def _of_outputs(case: Case) -> Iterator[Finding]:
    try:
        ran = case.reference
    except DataError:
        # Items that cannot be read, of which the rules on data speak.
        return
    if not isinstance(ran, Ran):
        return
    for name, stored in ran.stored.items():
        if stored.dtype.kind != "f" or not stored.size:
            continue
        by_item = stored.reshape(len(stored), -1)
        bad = int(np.count_nonzero(~np.isfinite(by_item).all(axis=1)))
        if bad:
            is_nan = bool(np.isnan(by_item).any())
            yield Finding(
                case.name,
                f"output {name!r} is {'NaN' if is_nan else 'infinite'} for {bad} of {len(stored)} items of finite "
                "inputs, expected numbers: look for a logarithm or a division of 0, a square root of a negative "
                "number, or an exponential of a large one, and limit what it gets",
                details={"output": name, "items": bad, "of": len(stored), "nan": is_nan},
                # Infinity may be meant, as that of a logarithm of 0; NaN is not.
                severity="" if is_nan else WARNING,
            )
