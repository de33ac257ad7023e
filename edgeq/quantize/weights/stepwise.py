"""Runs a file from one operator to the next, so that what comes before a layer runs once although it changes.

Each stretch of operators is a file of its own whose inputs are what the stretches before left behind: all layers of
a network can be corrected one after the other, each on what those before really put out, for the time of one run.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.local_run import LocalModel
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import reason_of
from edgeq.runtime.quantization import Quantization, quantize
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import read_model

Array = npt.NDArray[Any]

_UNCARRIED = ("RESOURCE", "VARIANT", "STRING")
"""Dtypes that no array holds: files that have them run from the beginning each time."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What a tensor is for some items.

    Attributes:
        values: as stored, items in front; those behind `count` are only filled up.
        start: the first item.
        count: of the items.
    """

    values: Array
    start: int
    count: int


class StepwiseRun:
    """A file that runs as far as an operator, then on from there, with its constants as they are at that time."""

    def __init__(self, model: EditableModel, inputs: Mapping[str, Array], batch: int) -> None:
        """Nothing runs yet.

        Args:
            model: whose constants may be changed between calls.
            inputs: [n, *item shape] in real values, by name.
            batch: items of one inference, which the file takes.

        Raises:
            ModelError: the file cannot be read.
        """
        self._model = model
        self._inputs = _stored_inputs(model.content(), inputs, batch)
        self._count, self._batch = len(next(iter(inputs.values()))), batch
        self._carried, self._done = dict(self._inputs), 0
        self._can_stop = len(model.model.subgraphs) == 1 and not any(
            model.dtype(index) in _UNCARRIED for index in range(len(model.graph.tensors))
        )

    def before(self, operator: int, tensor: int) -> list[Batch]:
        """What an operator reads.

        Args:
            operator: its index. Going back is allowed and runs everything again.
            tensor: index of one of its inputs that is computed.

        Raises:
            ModelError: the runtime refuses or fails.
        """
        if operator < self._done or not self._can_stop:
            self._carried, self._done = dict(self._inputs), 0
        if operator > self._done:
            self._advance(operator, tensor)
        starts = range(0, self._count, self._batch)
        return [
            Batch(values, start, min(self._batch, self._count - start))
            for start, values in zip(starts, self._carried[tensor], strict=True)
        ]

    def _advance(self, stop: int, watched: int) -> None:
        """Runs as far as an operator and keeps what is still needed behind it."""
        operators = self._model.graph.operators
        made = {int(index) for operator in operators[self._done : stop] for index in operator.outputs}
        needed = {int(index) for operator in operators[stop:] for index in operator.inputs}
        new = sorted(made & needed) if self._can_stop else sorted(made & {watched})
        if new:
            given = sorted(
                {int(index) for operator in operators[self._done : stop] for index in operator.inputs}
                & set(self._carried)
            )
            stretch = _Stretch(self._model, self._done, stop, given, new)
            made_now = stretch.run([self._carried[index] for index in given], -(-self._count // self._batch))
            self._carried |= dict(zip(new, made_now, strict=True))
        self._carried = {index: parts for index, parts in self._carried.items() if index in needed}
        self._done = stop


class _Stretch:
    """Operators of a file as a file of their own.

    Attributes:
        outputs: of the stretch, as tensor indices of its own file.
    """

    def __init__(
        self, model: EditableModel, start: int, stop: int, given: list[int], wanted: list[int]
    ) -> None:
        content, places = _cut(model, start, stop, given, wanted)
        self._given, self.outputs = [places[index] for index in given], [places[index] for index in wanted]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self._interpreter = find_runtime().module().Interpreter(model_content=content, num_threads=1)

    def run(self, given: list[list[Array]], count: int) -> list[list[Array]]:
        """What each output is, batch by batch.

        Args:
            given: batches of each input.
            count: of the batches.
        """
        made: list[list[Array]] = [[] for _ in self.outputs]
        shapes: list[tuple[int, ...]] | None = None
        try:
            for number in range(count):
                batches = [parts[number] for parts in given]
                if [batch.shape for batch in batches] != shapes:
                    shapes = [batch.shape for batch in batches]
                    for index, shape in zip(self._given, shapes, strict=True):
                        self._interpreter.resize_tensor_input(index, shape)
                    self._interpreter.allocate_tensors()
                self._invoke(batches)
                for parts, index in zip(made, self.outputs, strict=True):
                    parts.append(self._interpreter.get_tensor(index))
        except (ValueError, RuntimeError, MemoryError) as error:
            raise ModelError(f"the file fails: {reason_of(error)}") from error
        return made

    def _invoke(self, batches: list[Array]) -> None:
        # What a recurrent layer remembers of the items before must not count for these.
        self._interpreter.reset_all_variables()
        for index, batch in zip(self._given, batches, strict=True):
            self._interpreter.set_tensor(index, batch)
        self._interpreter.invoke()


def most_items_at_once(float32: bytes, quantized: bytes) -> int:
    """Items that both files take in one inference.

    Raises:
        ModelError: the runtime refuses a file.
    """
    return min(LocalModel(float32).batch, LocalModel(quantized).batch)


def _cut(
    model: EditableModel, start: int, stop: int, given: list[int], wanted: list[int]
) -> tuple[bytes, dict[int, int]]:
    """Operators of a file with the tensors that they use; new indices of tensors by old ones."""
    whole, graph, schema = model.model, model.graph, model.schema
    operators = graph.operators[start:stop]
    used = {index for operator in operators for index in _tensors_of(operator)} | {*given, *wanted}
    kept = sorted(used - {-1})
    places = {-1: -1} | {old: new for new, old in enumerate(kept)}
    cut, part = schema.SubGraphT(), schema.ModelT()
    cut.tensors = [graph.tensors[index] for index in kept]
    cut.inputs = np.array([places[index] for index in given], np.int32)
    cut.outputs = np.array([places[index] for index in wanted], np.int32)
    cut.operators = [_renumbered(operator, places) for operator in operators]
    part.version, part.operatorCodes = whole.version, whole.operatorCodes
    part.subgraphs = [cut, *whole.subgraphs[1:]]
    buffers = {tensor.buffer for tensor in cut.tensors}
    every = len(whole.subgraphs) > 1
    part.buffers = [
        buffer if every or index in buffers else schema.BufferT()
        for index, buffer in enumerate(whole.buffers)
    ]
    return _packed(part), places


def _packed(part: Any) -> bytes:
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(part.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensors_of(operator: Any) -> set[int]:
    found = {int(index) for index in (*operator.inputs, *operator.outputs)}
    return found | {int(index) for index in _list(operator.intermediates)}


def _renumbered(operator: Any, places: Mapping[int, int]) -> Any:
    moved = copy(operator)
    moved.inputs = np.array([places[int(index)] for index in operator.inputs], np.int32)
    moved.outputs = np.array([places[int(index)] for index in operator.outputs], np.int32)
    if len(_list(operator.intermediates)):
        moved.intermediates = np.array([places[int(index)] for index in operator.intermediates], np.int32)
    return moved


def _list(indices: Any) -> Any:
    return () if indices is None else indices


def _stored_inputs(content: bytes, inputs: Mapping[str, Array], batch: int) -> dict[int, list[Array]]:
    """Batches of each input as the file stores it, by tensor index; the last one is filled up with its last item."""
    found: dict[int, list[Array]] = {}
    for info in model_io(read_model(content))[0]:
        if info.name not in inputs:
            raise ModelError(f"expected values for the input {info.name!r}, found {', '.join(inputs)}")
        batches = []
        for start in range(0, len(inputs[info.name]), batch):
            real = np.asarray(inputs[info.name][start : start + batch])
            real = np.concatenate([real, np.repeat(real[-1:], batch - len(real), axis=0)])
            real = real.reshape((batch * info.shape[0], *info.shape[1:]) if info.shape else ())
            batches.append(_stored(real, info))
        found[info.index] = batches
    return found


def _stored(real: Array, info: TensorInfo) -> Array:
    if info.scale is None or info.zero_point is None or info.dtype not in ("int8", "uint8", "int16"):
        return np.ascontiguousarray(real, dtype=info.dtype)
    return quantize(real, Quantization(info.scale, info.zero_point), info.dtype)
