"""Integers for operators that litert-quantizer leaves in float although TensorFlow Lite has int8 kernels for them.

The stock converter makes a full-integer file of a network with LeakyReLU; litert-quantizer leaves DEQUANTIZE,
LEAKY_RELU, QUANTIZE. Here such an operator gets int8 tensors, with the scales that TensorFlow Lite's quantization
specification asks for, and the two around it go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from edgeq.quantize.editable import EditableModel
from edgeq.quantize.recipe import Range

Parameters = tuple[float, int]
"""Scale and zero point of an int8 tensor."""

OWN_SCALE = frozenset({"ABS", "LEAKY_RELU", "PRELU", "RELU6", "RELU_N1_TO_1"})
"""Operators whose output has a scale of its own."""

INPUT_SCALE = frozenset(
    {
        "BATCH_TO_SPACE_ND",
        "DEPTH_TO_SPACE",
        "EXPAND_DIMS",
        "REDUCE_MAX",
        "REVERSE_V2",
        "SPACE_TO_BATCH_ND",
        "SPLIT_V",
        "SQUEEZE",
        "TILE",
    }
)
"""Operators that move values, so that their outputs have the scale of their input."""

OUTPUT_SCALE = frozenset({"MINIMUM"})
"""Operators that compare values, so that their inputs must have the scale of their output."""

FIXED_SCALE: Mapping[str, Parameters] = {"L2_NORMALIZATION": (1 / 128, 0), "LOG_SOFTMAX": (16 / 256, 127)}
"""Operators whose output has the scale that the specification writes down."""

FOLDED = OWN_SCALE | INPUT_SCALE | OUTPUT_SCALE | frozenset(FIXED_SCALE)

_LOWEST, _HIGHEST = -128, 127


def fold(model: EditableModel, ranges: Mapping[str, Range], kept: Collection[str] = ()) -> None:
    """Gives operators between int8 tensors int8 tensors.

    Args:
        model: a file by litert-quantizer; it is changed.
        ranges: of float activations, by name.
        kept: outputs of operators that stay as they are.
    """
    for operator in list(model.graph.operators):
        if model.kind(operator) in FOLDED and model.name(int(operator.outputs[0])) not in kept:
            _Folding(model, operator, ranges).fold()


class _Folding:
    """One operator on its way from float to int8."""

    def __init__(self, model: EditableModel, operator: Any, ranges: Mapping[str, Range]) -> None:
        self._model, self._operator, self._ranges = model, operator, ranges
        self._kind = model.kind(operator)
        self._graph = model.graph

    def fold(self) -> None:
        """Folds the operator where what it reads is int8 behind a DEQUANTIZE."""
        places = [place for place, index in enumerate(self._operator.inputs) if self._is_float(int(index))]
        outputs = [int(index) for index in self._operator.outputs]
        sources = {place: self._source(int(self._operator.inputs[place])) for place in places}
        activations = [source for source in sources.values() if source is not None]
        if not activations or not all(map(self._is_float, outputs)):
            return
        if any(
            source is None and not self._model.is_constant(int(self._operator.inputs[place]))
            for place, source in sources.items()
        ):
            return
        parameters = self._output_parameters(activations[0], outputs[0])
        if parameters is None:
            return
        for place, source in sources.items():
            wanted = parameters if self._kind in OUTPUT_SCALE else None
            inputs = self._operator.inputs.copy()
            inputs[place] = (
                self._constant(int(inputs[place]), wanted)
                if source is None
                else self._requantized(source, wanted)
            )
            self._operator.inputs = inputs
        for output in outputs:
            self._store(output, parameters)
        self._drop_unread_dequantizers()

    def _is_float(self, index: int) -> bool:
        return index >= 0 and self._model.dtype(index) == "FLOAT32"

    def _source(self, index: int) -> int | None:
        """The int8 tensor that a float tensor is made from; None where there is none."""
        for operator in self._graph.operators:
            if index in operator.outputs and self._model.kind(operator) == "DEQUANTIZE":
                source = int(operator.inputs[0])
                return source if self._model.dtype(source) == "INT8" else None
        return None

    def _output_parameters(self, read: int, output: int) -> Parameters | None:
        if self._kind in FIXED_SCALE:
            return FIXED_SCALE[self._kind]
        if self._kind in INPUT_SCALE:
            return self._parameters(read)
        for reader in self._readers(output):
            if self._model.kind(reader) == "QUANTIZE" and self._model.dtype(int(reader.outputs[0])) == "INT8":
                return self._parameters(int(reader.outputs[0]))
        name = self._model.name(output)
        return _parameters_of(*self._ranges[name]) if name in self._ranges else None

    def _parameters(self, index: int) -> Parameters:
        quantization = self._graph.tensors[index].quantization
        return float(quantization.scale[0]), int(quantization.zeroPoint[0])

    def _readers(self, index: int) -> list[Any]:
        return [operator for operator in self._graph.operators if index in operator.inputs]

    def _constant(self, index: int, wanted: Parameters | None) -> int:
        """Appends an int8 form of a float constant; returns its index."""
        values = self._model.constant(index)
        scale, zero_point = wanted or _parameters_of(float(values.min()), float(values.max()))
        integers = np.clip(np.rint(values / np.float64(scale)) + zero_point, _LOWEST, _HIGHEST)
        name = f"{self._model.name(index)}_quantized"
        made = self._model.add_constant(name, integers.astype(np.int8), "INT8")
        self._quantize(made, (scale, zero_point))
        return made

    def _requantized(self, source: int, wanted: Parameters | None) -> int:
        """An int8 tensor in the scale that is wanted, by a QUANTIZE before the operator where it has another."""
        if wanted is None or self._parameters(source) == wanted:
            return source
        made = self._copy(source, "_requantized", "INT8")
        self._quantize(made, wanted)
        self._insert("QUANTIZE", source, made, behind=False)
        return made

    def _store(self, output: int, parameters: Parameters) -> None:
        """Makes an output int8; what read it in float reads it behind a DEQUANTIZE, and what quantized it may go."""
        readers = self._readers(output)
        self._graph.tensors[output].type = self._model.schema.TensorType.INT8
        self._quantize(output, parameters)
        in_float = [reader for reader in readers if self._model.kind(reader) != "QUANTIZE"]
        is_output = output in self._graph.outputs
        if in_float or is_output:
            dequantized = self._copy(output, "_dequant", "FLOAT32")
            self._graph.tensors[dequantized].quantization = None
            self._insert("DEQUANTIZE", output, dequantized, behind=True)
            for reader in in_float:
                reader.inputs = _replaced(reader.inputs, output, dequantized)
            if is_output:
                self._move_output(output, dequantized)
        for reader in readers:
            quantized = int(reader.outputs[0])
            if (
                self._model.kind(reader) == "QUANTIZE"
                and self._model.dtype(quantized) == "INT8"
                and self._parameters(quantized) == parameters
            ):
                self._remove(reader)
                for other in self._readers(quantized):
                    other.inputs = _replaced(other.inputs, quantized, output)
                self._move_output(quantized, output)

    def _move_output(self, old: int, new: int) -> None:
        """Makes another tensor an output of the graph, and of its signatures."""
        self._graph.outputs = _replaced(self._graph.outputs, old, new)
        for signature in self._model.model.signatureDefs or ():
            for entry in signature.outputs if signature.subgraphIndex == 0 else ():
                entry.tensorIndex = new if entry.tensorIndex == old else entry.tensorIndex

    def _drop_unread_dequantizers(self) -> None:
        outputs = set(map(int, self._graph.outputs))
        for operator in list(self._graph.operators):
            written = int(operator.outputs[0]) if len(operator.outputs) else -1
            if (
                self._model.kind(operator) == "DEQUANTIZE"
                and written not in outputs
                and not self._readers(written)
            ):
                self._remove(operator)

    def _remove(self, operator: Any) -> None:
        self._graph.operators = [other for other in self._graph.operators if other is not operator]

    def _insert(self, kind: str, read: int, written: int, *, behind: bool) -> None:
        operator = self._model.schema.OperatorT()
        operator.opcodeIndex = self._model.operator_code(kind, 1)
        operator.inputs, operator.outputs = np.array([read], np.int32), np.array([written], np.int32)
        place = next(i for i, other in enumerate(self._graph.operators) if other is self._operator)
        self._graph.operators.insert(place + behind, operator)

    def _copy(self, index: int, suffix: str, dtype: str) -> int:
        """Appends a tensor of another's shape."""
        old, new = self._graph.tensors[index], self._model.schema.TensorT()
        new.name, new.shape, new.shapeSignature = old.name + suffix.encode(), old.shape, old.shapeSignature
        new.type = getattr(self._model.schema.TensorType, dtype)
        # Buffer 0 is that of all tensors without constants (schema.fbs).
        new.buffer = 0
        self._graph.tensors.append(new)
        return len(self._graph.tensors) - 1

    def _quantize(self, index: int, parameters: Parameters) -> None:
        quantization = self._model.schema.QuantizationParametersT()
        quantization.scale = np.array(parameters[:1], np.float32)
        quantization.zeroPoint = np.array(parameters[1:], np.int64)
        self._graph.tensors[index].quantization = quantization


def _parameters_of(low: float, high: float) -> Parameters:
    """For a range, which is stretched to have 0 in it: Jacob et al., CVPR 2018, section 3.1."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / (_HIGHEST - _LOWEST))) or 1.0
    return scale, int(np.clip(round(_LOWEST - low / scale), _LOWEST, _HIGHEST))


def _replaced(indices: Sequence[int], old: int, new: int) -> Any:
    return np.array([new if int(index) == old else int(index) for index in indices], np.int32)
