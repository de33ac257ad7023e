"""F305: activations whose values do not fit the range that the file was calibrated with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy_statistics import proportion
from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.checks.file_reading import inspected, runs
from edgeq.doctor.rule import ERROR, WARNING, Finding
from edgeq.inspection.activations import ActivationStatistics
from edgeq.inspection.structure import Inspection
from edgeq.tflite.alignment import aligned_tensors
from edgeq.tflite.model import Subgraph, Tensor

WARNED_SHARE = 0.01
"""Of a tensor's values. Ranges from a minimum and a maximum clip nothing of the items that they were calibrated on,
those of the 99.99 percentile 0.0001. On items that it was not calibrated on, the demo's int8 file clips 0.0016 of its
logits and less elsewhere."""

ERROR_SHARE = 0.1
"""Of a tensor's values: then the file computes something else."""

_STEPS = 1.01
"""How far beyond its range a value may be: one step, and rounding. Softmax, logistic and tanh have ranges that end a
step before 1 by definition (LiteRT's quantization specification)."""

_INTEGERS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}

_NATURAL_ENDS = (1.0, 6.0)
"""Where ReLU6, ReLU-N1-to-1, logistic, softmax and tanh end: values pile up there by themselves."""

_TWO_VALUES = 0.99
"""Share of values at both ends together above which a tensor is a mask or a constant, and not clipped."""

_SHIFTING = frozenset(
    {
        "ADD",
        "CAST",
        "CONCATENATION",
        "DEQUANTIZE",
        "DIV",
        "MUL",
        "PAD",
        "PADV2",
        "QUANTIZE",
        "RESHAPE",
        "SUB",
        "TRANSPOSE",
    }
)
"""Operators by which models scale and shift their inputs."""


@dataclass(frozen=True)
class Range:
    """What the integers of a tensor can stand for.

    Attributes:
        low: real value of the smallest integer.
        high: of the largest one.
        step: between neighbours.
    """

    low: float
    high: float
    step: float

    @property
    def starts_at_zero(self) -> bool:
        """Whether a ReLU, or values that are never negative, explain its lower end."""
        return self.low == 0

    @property
    def ends_naturally(self) -> bool:
        """Whether an activation function of its own explains its upper end."""
        return any(abs(self.high - end) <= max(_STEPS * self.step, 0.01 * end) for end in _NATURAL_ENDS)


@dataclass(frozen=True)
class Clipped:
    """A tensor with values that do not fit.

    Attributes:
        tensor: its name.
        layer: that computes it; its own name for an input.
        share: of its values.
        count: of its values.
        range: that it can hold.
        minimum: of the values.
        maximum: of the values.
    """

    tensor: str
    layer: str
    share: float
    count: int
    range: Range
    minimum: float
    maximum: float

    @property
    def is_too_many(self) -> bool:
        """Whether the share is beyond `WARNED_SHARE` and doubt: of a few hundred values, two at an end say nothing."""
        clipped = min(self.count, round(self.share * self.count))
        return self.count > 0 and proportion(clipped, self.count).low >= WARNED_SHARE

    def __str__(self) -> str:
        """What the tensor can hold beside what it gets; values that were clipped already are at its ends."""
        holds = f"which holds {self.range.low:.4g} to {self.range.high:.4g}"
        if self.minimum < self.range.low or self.maximum > self.range.high:
            return f"{holds} and gets {self.minimum:.4g} to {self.maximum:.4g}"
        return f"{holds}, and where so many values are at an end of that"


def saturated_activations(case: Case) -> Iterator[Finding]:
    """F305: a share of an activation's values is clipped on the calibration set.

    Where the case has the float32 file, its values are compared with the range of the integer file's tensor. Else
    what is stored as the largest or smallest integer counts as clipped, where no activation function explains it.
    """
    for file, inspection in inspected(case):
        if inspection.activations not in (*_INTEGERS, "mixed") or not runs(inspection):
            continue
        clipped = _inputs(case, file)
        clipped += (
            _alone(case, file, inspection) if case.float32_file is None else _against(case, file, inspection)
        )
        clipped = sorted((one for one in clipped if one.is_too_many), key=lambda one: -one.share)
        if clipped:
            yield _finding(file, clipped)


def tensor_range(tensor: Tensor) -> Range | None:
    """The range of an activation; None where it is no integer with one scale."""
    quantization = tensor.quantization
    if quantization is None or tensor.dtype not in _INTEGERS or len(quantization.scales) != 1:
        return None
    scale, zero_point = quantization.scales[0], quantization.zero_points[0]
    if not (np.isfinite(scale) and scale > 0):
        return None
    smallest, largest = _INTEGERS[tensor.dtype]
    return Range(scale * (smallest - zero_point), scale * (largest - zero_point), scale)


def _inputs(case: Case, file: FileCase) -> list[Clipped]:
    """Inputs: all values that are fed are known."""
    graph = file.model.subgraphs[0]
    items = case.probed_items()
    found = []
    for position, index in enumerate(graph.inputs):
        # A file with float inputs quantizes them first.
        quantized = [index, *_quantized_from(file, index)]
        held = next(
            (held for one in quantized if (held := tensor_range(graph.tensors[one])) is not None), None
        )
        values = _fed(file, items, position)
        if held is None or values is None:
            continue
        outside = (values < held.low - _STEPS * held.step) | (values > held.high + _STEPS * held.step)
        name = file.inspection.inputs[position].name
        least, most = float(values.min()), float(values.max())
        share, tensor = float(outside.mean()), graph.tensors[index].name
        found.append(Clipped(tensor, f"input {name!r}", share, outside.size, held, least, most))
    return found


def _quantized_from(file: FileCase, index: int) -> list[int]:
    return [
        operator.outputs[0]
        for operator in file.model.subgraphs[0].operators
        if operator.name == "QUANTIZE" and operator.inputs[:1] == (index,) and operator.outputs
    ]


def _fed(file: FileCase, items: dict[str, npt.NDArray[Any]], position: int) -> npt.NDArray[Any] | None:
    """Real values of one input; None where the items have no input of that name."""
    values = items.get(file.inspection.inputs[position].name)
    if values is None and len(items) == 1 and len(file.inspection.inputs) == 1:
        (values,) = items.values()
    return values if values is not None and values.size else None


def _against(case: Case, file: FileCase, inspection: Inspection) -> list[Clipped]:
    """Values of the float32 file against the ranges of this one."""
    if case.float32_file is None or case.float32_model is None or case.float32_file == file.path:
        return []
    statistics = case.activations(case.float32_file)
    tensors = file.model.subgraphs[0].tensors
    found = []
    for float_index, index in aligned_tensors(case.float32_model, file.model).items():
        measured, held = statistics.get(float_index), tensor_range(tensors[index])
        if measured is None or held is None or index in file.model.subgraphs[0].inputs:
            continue
        # What a ReLU that is an operator of its own in the float file cuts off was never to be stored.
        low = -np.inf if held.starts_at_zero else held.low - _STEPS * held.step
        high = held.high + _STEPS * held.step
        if measured.minimum < low or measured.maximum > high:
            share = measured.share_outside(low, high)
            found.append(_clipped(inspection, file, tensors[index], share, held, measured))
    return found


def _alone(case: Case, file: FileCase, inspection: Inspection) -> list[Clipped]:
    """Values that are stored at the ends of their range, where nothing but clipping explains it."""
    graph = file.model.subgraphs[0]
    fed = _shifted_inputs(graph)
    found = []
    for index, measured in case.activations(file.path).items():
        held = tensor_range(graph.tensors[index])
        both = measured.clipped_low + measured.clipped_high
        if held is None or index in fed or both >= _TWO_VALUES:
            continue
        share = (0.0 if held.starts_at_zero else measured.clipped_low) + (
            0.0 if held.ends_naturally else measured.clipped_high
        )
        found.append(_clipped(inspection, file, graph.tensors[index], share, held, measured))
    return found


def _shifted_inputs(graph: Subgraph) -> set[int]:
    """Inputs, and what is made of them value by value: black and white of a picture pile up at the ends there."""
    fed = set(graph.inputs)
    for operator in graph.operators:
        varying = [index for index in operator.inputs if index >= 0 and not graph.tensors[index].is_constant]
        if operator.name in _SHIFTING and fed.issuperset(varying):
            fed.update(operator.outputs)
    return fed


def _clipped(
    inspection: Inspection,
    file: FileCase,
    tensor: Tensor,
    share: float,
    held: Range,
    measured: ActivationStatistics,
) -> Clipped:
    producer = next(
        (op.index for op in file.model.subgraphs[0].operators if tensor.index in op.outputs), None
    )
    name = next(
        (one.name for one in inspection.layers if one.subgraph == 0 and one.index == producer), tensor.name
    )
    return Clipped(
        tensor.name, f"layer {name}", share, measured.count, held, measured.minimum, measured.maximum
    )


def _finding(file: FileCase, clipped: list[Clipped]) -> Finding:
    worst = clipped[0]
    more = f" (and {len(clipped) - 1} tensors more)" if len(clipped) > 1 else ""
    return Finding(
        file.path.name,
        f"expected less than {100 * WARNED_SHARE:.0f} % of every activation's values to be clipped, found "
        f"{100 * worst.share:.1f} % in {worst.layer}{more}, {worst}: convert it again with data as the model gets "
        "them in use",
        file.path,
        {
            "limit": WARNED_SHARE,
            "tensors": [
                {
                    "tensor": one.tensor,
                    "layer": one.layer,
                    "clipped": round(one.share, 5),
                    "range": [one.range.low, one.range.high],
                    "values": [one.minimum, one.maximum],
                }
                for one in clipped
            ],
        },
        ERROR if worst.share >= ERROR_SHARE else WARNING,
    )
