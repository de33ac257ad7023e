"""Runs files with Flex operators, TensorFlow's own, in parts.

The delegate that runs them is not in TensorFlow's Python packages any more (2.19 and newer; tried with 2.19.0 and
2.21.0), nor in LiteRT's. So the file is cut at these operators: what lies between runs on the runtime like any
other file, and each Flex operator runs in TensorFlow from the node that the file stores with it. Every
operator of the file is run, with its attributes and weights as they stand in the file; what is not proved is that the
app links the delegate.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.errors import ConversionError
from edgeq.runtime.interpreter import Array, TensorInfo
from edgeq.runtime.process import Worker
from edgeq.runtime.quantization import Quantization
from edgeq.runtime.running import Ran, run_in
from edgeq.scratch import scratch_folder
from edgeq.sources.graph import first_line, import_tensorflow
from edgeq.tflite.io import TensorInfo as DeclaredTensor
from edgeq.tflite.io import model_io
from edgeq.tflite.model import OPTIONAL, Operator, Subgraph, TfliteModel, read_model


def flex_operators(model: TfliteModel) -> tuple[str, ...]:
    """TensorFlow's own operators in a file, such as ``MatrixInverse``, each once."""
    names = {op.name for graph in model.subgraphs for op in graph.operators if op.is_flex}
    return tuple(sorted(name.removeprefix("Flex") for name in names))


def run_in_parts(path: Path, name: str, inputs: dict[str, Array]) -> Ran:
    """Runs a file with Flex operators.

    Args:
        path: the file.
        name: what messages call it.
        inputs: real values by name, [n, *shape].

    Raises:
        ConversionError: a Flex operator lies in a loop or a branch, or fails.
        WorkerError: another operator fails.
    """
    model = read_model(path)
    inner = [op.name for graph in model.subgraphs[1:] for op in graph.operators if op.is_flex]
    if inner:
        raise ConversionError(
            f"{', '.join(sorted(set(inner)))} lies in a loop or a branch, and no runtime here can run it: the file "
            "cannot be checked"
        )
    graph = model.subgraphs[0]
    declared_inputs, declared_outputs = model_io(model)
    known = _Values()
    for tensor in declared_inputs:
        known.put(tensor.index, inputs[tensor.name])
    path_of_kernels = ""
    with Worker(name) as worker, scratch_folder("flex") as folder:
        cutter = _Cutter(path, folder, graph)
        for part in _parts(graph):
            if part.flex is not None:
                known.put_all(_in_tensorflow(cutter, part.flex, known))
            else:
                ran = cutter.run(worker, part, known)
                path_of_kernels = ran.kernel_path
    tf = import_tensorflow()
    outputs = tuple(_info(tensor, known) for tensor in declared_outputs)
    return Ran(
        inputs=tuple(_info(tensor, known) for tensor in declared_inputs),
        outputs=outputs,
        stored={info.name: known.stored[info.index] for info in outputs},
        kernel_path=" + ".join(filter(None, [path_of_kernels, f"tensorflow {tf.__version__} (Flex)"])),
    )


@dataclass(frozen=True)
class _Part:
    """Operators that run together: one Flex operator, or those between two.

    Attributes:
        operators: in their order.
        flex: the operator where it is a Flex one.
        inputs: tensors that it takes from before.
        outputs: tensors that are needed after it.
    """

    operators: tuple[Operator, ...]
    flex: Operator | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def _parts(graph: Subgraph) -> list[_Part]:
    expansions = _expansions(graph)
    groups: list[list[Operator]] = []
    for operator in graph.operators:
        if operator.index in expansions:
            continue
        if operator.is_flex or not groups or groups[-1][-1].is_flex:
            groups.append([])
        groups[-1].append(operator)
    # A weight that is expanded (float16 to float32) is expanded in each part that uses it: the runtime takes
    # weights from the file only.
    complete = [group if group[0].is_flex else _with_expansions(group, expansions) for group in groups]
    parts = []
    for place, group in enumerate(complete):
        read = {index for op in group for index in op.inputs if index != OPTIONAL}
        made = {index for op in group for index in op.outputs}
        later = {index for other in groups[place + 1 :] for op in other for index in op.inputs}
        parts.append(
            _Part(
                tuple(group),
                group[0] if group[0].is_flex else None,
                tuple(sorted(i for i in read - made if not graph.tensors[i].is_constant)),
                tuple(sorted(made & (later | set(graph.outputs)))),
            )
        )
    return parts


def _expansions(graph: Subgraph) -> dict[int, Operator]:
    """Operators that compute from constants alone, by their index."""
    constant = {tensor.index for tensor in graph.tensors if tensor.is_constant} | {OPTIONAL}
    found = {}
    for operator in graph.operators:
        if not operator.is_flex and operator.inputs and constant.issuperset(operator.inputs):
            constant.update(operator.outputs)
            if not set(operator.outputs) & set(graph.outputs):
                found[operator.index] = operator
    return found


def _with_expansions(group: Sequence[Operator], expansions: Mapping[int, Operator]) -> list[Operator]:
    makers = {index: op for op in expansions.values() for index in op.outputs}
    complete = {op.index: op for op in group}
    waiting = list(group)
    while waiting:
        for index in waiting.pop().inputs:
            maker = makers.get(index)
            if maker is not None and maker.index not in complete:
                complete[maker.index] = maker
                waiting.append(maker)
    return [complete[index] for index in sorted(complete)]


class _Values:
    """Tensors that are computed so far, [n, *shape] as stored, and their real numbers."""

    def __init__(self) -> None:
        self.stored: dict[int, Array] = {}
        self.real: dict[int, Array] = {}

    def put(self, index: int, real: Array) -> None:
        """Real values of an input or of a Flex operator's output, which are never quantized inside."""
        self.stored[index] = self.real[index] = real

    def put_all(self, values: dict[int, Array]) -> None:
        for index, value in values.items():
            self.put(index, value)


class _Cutter:
    """Makes files of parts of a file."""

    def __init__(self, path: Path, folder: Path, graph: Subgraph) -> None:
        from tensorflow.lite.tools import flatbuffer_utils

        self._utils = flatbuffer_utils
        self._graph = graph
        self._expanded = {index: op for op in _expansions(graph).values() for index in op.outputs}
        self._path = folder / "part.tflite"
        self._model = flatbuffer_utils.read_model(str(path))
        self._model.signatureDefs = []
        self._main = self._model.subgraphs[0]
        for index, tensor in enumerate(self._main.tensors):
            # Without a signature tensors are known by their names, which need not be unique in a file.
            tensor.name = f"t{index}".encode()

    def run(self, worker: Worker, part: _Part, known: _Values) -> Ran:
        """Runs operators of the runtime's own; their outputs become known."""
        for index in part.inputs:
            # What a Flex operator computes may have a shape that the file does not know.
            self._main.tensors[index].shape = list(known.real[index].shape[1:])
            self._main.tensors[index].shapeSignature = None
        main = copy.copy(self._main)
        main.operators = [self._main.operators[op.index] for op in part.operators]
        main.inputs, main.outputs = list(part.inputs), list(part.outputs)
        model = copy.copy(self._model)
        model.subgraphs = [main, *self._model.subgraphs[1:]]
        self._path.write_bytes(bytes(self._utils.convert_object_to_bytearray(model)))
        ran = run_in(worker, self._path, {f"t{index}": known.real[index] for index in part.inputs})
        for info in ran.outputs:
            index = int(info.name.removeprefix("t"))
            known.stored[index] = ran.stored[info.name]
            known.real[index] = info.decode(ran.stored[info.name])
        return ran

    def node(self, operator: Operator) -> Any:
        """The ``NodeDef`` that a Flex operator carries: a flexbuffer of its name and the serialised message."""
        import tensorflow as tf
        from flatbuffers import flexbuffers

        options = bytes(bytearray(self._main.operators[operator.index].customOptions))
        stored = flexbuffers.GetRoot(options).AsVector[1].AsStringBytes
        return tf.compat.v1.NodeDef.FromString(bytes(stored))

    def constant(self, index: int) -> Array | None:
        """The content of a constant tensor, also of one that is stored in float16; None for what is computed."""
        maker = self._expanded.get(index)
        if maker is not None and maker.name == "DEQUANTIZE":
            stored = self.constant(maker.inputs[0])
            return stored.astype(np.float32) if stored is not None and stored.dtype == np.float16 else None
        declared = self._graph.tensors[index]
        if not declared.is_constant:
            return None
        tensor = self._main.tensors[index]
        data = bytes(bytearray(self._model.buffers[tensor.buffer].data))
        return np.frombuffer(data, np.dtype(declared.dtype)).reshape(tensor.shape)


def _in_tensorflow(cutter: _Cutter, operator: Operator, known: _Values) -> dict[int, Array]:
    """Runs one Flex operator on every item."""
    tf = import_tensorflow()
    n = len(next(iter(known.real.values())))
    arrays = []
    for index in operator.inputs:
        constant = cutter.constant(index)
        if constant is None and index not in known.real:
            raise ConversionError(f"{operator.name} takes a computed weight: the file cannot be checked here")
        arrays.append(known.real[index] if constant is None else np.stack([constant] * n))
    try:
        node = cutter.node(operator)
        definition = tf.compat.v1.GraphDef()
        node.name = "flex"
        del node.input[:]
        for place, array in enumerate(arrays):
            placeholder = definition.node.add(op="Placeholder", name=f"input_{place}")
            placeholder.attr["dtype"].type = tf.as_dtype(array.dtype).as_datatype_enum
            node.input.append(placeholder.name)
        definition.node.append(node)
        wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
        function = wrapped.prune(
            [f"input_{place}:0" for place in range(len(arrays))],
            [f"flex:{place}" for place in range(len(operator.outputs))],
        )
        rows = [function(*(tf.constant(array[item]) for array in arrays)) for item in range(n)]
    except (ValueError, TypeError, IndexError, KeyError, tf.errors.OpError) as error:
        raise ConversionError(f"{operator.name} fails in TensorFlow: {first_line(error)}") from error
    return {
        index: np.stack([row[place].numpy() for row in rows]) for place, index in enumerate(operator.outputs)
    }


def _info(tensor: DeclaredTensor, known: _Values) -> TensorInfo:
    quantization = None if tensor.scale is None else Quantization(tensor.scale, tensor.zero_point or 0)
    shape: Sequence[int] = known.stored[tensor.index].shape[1:]
    return TensorInfo(tensor.name, tensor.index, tuple(shape), tensor.dtype, quantization)
