"""Edits a float ``.tflite``: gives operators other constants, and passes their outputs through QUANTIZE and DEQUANTIZE.

What an operator reads keeps its tensors; where its output is quantized, the operator writes to a new tensor, and
DEQUANTIZE writes to the old one, so that whoever reads it, and the model's outputs, need no change.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tflite.BuiltinOperator import BuiltinOperator
from tflite.TensorType import TensorType

from edgeq.layers.edits import Grid, OperatorEdit
from edgeq.layers.front import Front, Place, copied
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.flatbuffer import Table
from edgeq.tflite.model import Operator, TfliteModel

PROBE = "edgeq:"
"""Begins the names of the outputs that are added."""

_TYPES = {"float32": TensorType.FLOAT32, "int8": TensorType.INT8, "uint8": TensorType.UINT8} | {
    "int16": TensorType.INT16
}
# Versions that take int8 and int16; runtimes since TensorFlow 2.4 have both.
_QUANTIZE, _DEQUANTIZE = (BuiltinOperator.QUANTIZE, 2), (BuiltinOperator.DEQUANTIZE, 3)

# Fields of the schema's tables by slot.
# fmt: off
_ROOT = {0: "uint32", **dict.fromkeys(range(1, 10), "offset")}
_SUBGRAPH = {0: "offset", 1: "offset", 2: "offset", 3: "offset", 4: "offset", 5: "int32"}
_TENSOR = {0: "offset", 1: "int8", 2: "uint32", 3: "offset", 4: "offset", 5: "bool", 6: "offset", 7: "offset",
           8: "bool", 9: "offset"}
_OPERATOR = {0: "uint32", 1: "offset", 2: "offset", 3: "int8", 4: "offset", 5: "offset", 6: "int8", 7: "offset",
             8: "offset", 9: "outside", 10: "outside", 11: "int8", 12: "offset", 13: "int32"}
# fmt: on


def edited(
    content: bytes,
    model: TfliteModel,
    edits: Sequence[OperatorEdit],
    *,
    watched: Sequence[int] = (),
    other: bytes = b"",
) -> bytes:
    """A file whose first subgraph has the edits; signatures keep their names.

    Args:
        content: the float file.
        model: its structure.
        edits: at most one an operator.
        watched: tensors that are added to the model's outputs, after those of probes.
        other: the file that `OperatorEdit.like` is about.

    Returns:
        The new file. The outputs that are added follow the model's own.

    Raises:
        ModelError: the file cannot be edited.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(open_flatbuffer(content))]
        if other:
            files.append(stack.enter_context(open_flatbuffer(other)))
        roots = [file.root() for file in files]
        editor = _Editor(model, roots)
        for operator in model.subgraphs[0].operators:
            editor.add(operator, next((edit for edit in edits if edit.index == operator.index), None))
        root = editor.finish(watched)
        return editor.front.joined(root, [file.content for file in files])


class _Editor:
    """The first subgraph's lists as they grow; what they hold is written when all is known."""

    def __init__(self, model: TfliteModel, roots: Sequence[Table]) -> None:
        self.front = Front()
        self._graph = model.subgraphs[0]
        self._root = roots[0]
        self._subgraphs = list(roots[0].tables(2, "subgraph"))
        self._tensors = list(self._subgraphs[0].tables(0, "tensor"))
        self._operators = _operators(self._subgraphs[0])
        self._codes = list(roots[0].tables(1, "operator code"))
        self._buffers = list(roots[0].tables(4, "buffer"))
        self._others = [_operators(next(root.tables(2, "subgraph"))) for root in roots[1:]]
        self._other_codes = [list(root.tables(1, "operator code")) for root in roots[1:]]
        self._new_tensors: list[_NewTensor] = []
        self._new_buffers: list[bytes] = [b""]
        self._new_codes: list[tuple[int, int] | Place] = []
        self._list: list[Place | _NewOperator] = []
        self._outputs = list(self._graph.outputs)

    def add(self, operator: Operator, edit: OperatorEdit | None) -> None:
        """Appends an operator, edited or as it was."""
        if edit is None:
            self._list.append(Place(1, self._operators[operator.index].position))
            return
        twin = self._twin(operator) if edit.probe and (edit.constants or edit.like is not None) else None
        outputs = [
            self._tensor_like(index, PROBE) if place in edit.grids else index
            for place, index in enumerate(operator.outputs)
        ]
        self._list.append(self._changed(operator, edit, outputs))
        for place, grid in edit.grids.items():
            self._pass_through(outputs[place], operator.outputs[place], grid)
        if edit.probe:
            self._outputs += [outputs[0] if twin is None else twin, outputs[0]]

    def finish(self, watched: Sequence[int]) -> Place:
        """Writes everything and returns the root table."""
        front = self.front
        root = copied(front, self._root, 1, _ROOT, (1, 2, 4))
        codes = self._extended(root.fields[1], self._codes, len(self._new_codes))
        (main,) = self._extended(root.fields[2], self._subgraphs[1:], 1, new_first=True)
        buffers = self._extended(root.fields[4], self._buffers, len(self._new_buffers))
        graph = copied(front, self._subgraphs[0], 1, _SUBGRAPH, (0, 2, 3))
        front.link(main, graph.place)
        tensors = self._extended(graph.fields[0], self._tensors, len(self._new_tensors))
        operators = self._extended(graph.fields[3], [], len(self._list))
        front.link(graph.fields[2], front.numbers([*self._outputs, *watched], "int32"))
        for at, code in zip(codes, self._new_codes, strict=True):
            front.link(at, code if isinstance(code, Place) else _write_code(front, code))
        for at, tensor in zip(tensors, self._new_tensors, strict=True):
            front.link(at, self._write_tensor(tensor))
        for at, operator in zip(operators, self._list, strict=True):
            front.link(at, operator if isinstance(operator, Place) else self._write_operator(operator))
        for at, content in zip(buffers, self._new_buffers, strict=True):
            front.link(at, _write_buffer(front, content))
        return root.place

    def _extended(self, at: int, old: Sequence[Table], new: int, *, new_first: bool = False) -> list[int]:
        """Writes a list of old tables of the first file and of new ones; returns where the new ones are linked."""
        made = self.front.tables(len(old) + new)
        self.front.link(at, made.place)
        first_old, first_new = (new, 0) if new_first else (0, len(old))
        for index, table in enumerate(old, first_old):
            self.front.link(made.fields[index], Place(1, table.position))
        return [made.fields[index] for index in range(first_new, first_new + new)]

    def _twin(self, operator: Operator) -> int:
        """Appends the unchanged operator with outputs of its own; returns the first of them."""
        outputs = tuple(self._tensor_like(index, f"{PROBE}float") for index in operator.outputs)
        self._list.append(_NewOperator(operator.index, operator.inputs, outputs))
        return outputs[0]

    def _changed(self, operator: Operator, edit: OperatorEdit, outputs: Sequence[int]) -> _NewOperator:
        inputs = list(operator.inputs)
        for place, constant in edit.constants.items():
            self._new_buffers.append(constant.content)
            buffer = len(self._buffers) + len(self._new_buffers) - 1
            inputs[place] = self._new_tensor(
                _NewTensor(
                    inputs[place], PROBE, constant.dtype, buffer, constant.scales, 0, constant.dimension
                )
            )
        code = None
        if edit.like is not None:
            table = self._others[0][edit.like]
            code = self._code(Place(2, self._other_codes[0][table.scalar(0, "uint32")].position))
        return _NewOperator(operator.index, tuple(inputs), tuple(outputs), code, edit.like)

    def _pass_through(self, source: int, target: int, grid: Grid) -> None:
        stored = self._new_tensor(
            _NewTensor(target, PROBE, grid.dtype, len(self._buffers), (grid.scale,), grid.zero_point)
        )
        self._list.append(_NewOperator(None, (source,), (stored,), self._code(_QUANTIZE)))
        self._list.append(_NewOperator(None, (stored,), (target,), self._code(_DEQUANTIZE)))

    def _code(self, code: tuple[int, int] | Place) -> int:
        if code not in self._new_codes:
            self._new_codes.append(code)
        return len(self._codes) + self._new_codes.index(code)

    def _tensor_like(self, index: int, name: str) -> int:
        return self._new_tensor(_NewTensor(index, name, "float32", len(self._buffers)))

    def _new_tensor(self, tensor: _NewTensor) -> int:
        self._new_tensors.append(tensor)
        return len(self._tensors) + len(self._new_tensors) - 1

    def _write_tensor(self, tensor: _NewTensor) -> Place:
        """A tensor with the shape of an old one."""
        front, old = self.front, self._tensors[tensor.like]
        made = copied(front, old, 1, _TENSOR, (3, 4) if tensor.scales else (3,), left_out=(1, 2, 4, 5, 6, 9),
                      scalars={1: _TYPES[tensor.dtype], 2: tensor.buffer})  # fmt: skip
        front.link(made.fields[3], front.string(f"{tensor.name}:{tensor.like}"))
        if tensor.scales:
            table = front.table({6: tensor.dimension}, (2, 3))
            front.link(made.fields[4], table.place)
            front.link(table.fields[2], front.numbers(tensor.scales, "float32"))
            zero_points = [tensor.zero_point] * len(tensor.scales)
            front.link(table.fields[3], front.numbers(zero_points, "int64"))
        return made.place

    def _write_operator(self, operator: _NewOperator) -> Place:
        front = self.front
        code = {} if operator.code is None else {0: operator.code}
        if operator.old is None:
            made = front.table(code, (1, 2))
        elif operator.like is None:
            old = self._operators[operator.old]
            made = copied(front, old, 1, _OPERATOR, (1, 2), left_out=tuple(code), scalars=code)
        else:
            # The other file's debugging data and intermediates are none of this file's.
            old = self._others[0][operator.like]
            made = copied(front, old, 2, _OPERATOR, (1, 2), left_out=(0, 7, 8, 13), scalars=code)
        front.link(made.fields[1], front.numbers(operator.inputs, "int32"))
        front.link(made.fields[2], front.numbers(operator.outputs, "int32"))
        return made.place


@dataclass(frozen=True)
class _NewTensor:
    """A tensor with the shape of tensor `like`."""

    like: int
    name: str
    dtype: str
    buffer: int
    scales: tuple[float, ...] = ()
    zero_point: int = 0
    dimension: int = 0


@dataclass(frozen=True)
class _NewOperator:
    """An operator with the options of operator `old`, or of operator `like` of the other file, or none."""

    old: int | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    code: int | None = None
    like: int | None = None


def _operators(graph: Table) -> list[Table]:
    return list(graph.tables(3, "operator"))


def _write_code(front: Front, code: tuple[int, int]) -> Place:
    number, version = code
    # Both are below 127, so that the old field of one byte holds them, too.
    return front.table({0: number, 2: version, 3: number}, ()).place


def _write_buffer(front: Front, content: bytes) -> Place:
    table = front.table({}, (0,) if content else ())
    if content:
        front.link(table.fields[0], front.content(content))
    return table.place
