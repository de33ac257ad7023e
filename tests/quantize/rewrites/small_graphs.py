"""Builds small float graphs operator by operator, with weights whose channels differ by powers of ten."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeq.quantize.local_run import LocalModel

NONE, RELU, RELU6 = (getattr(schema.ActivationFunctionType, name) for name in ("NONE", "RELU", "RELU6"))


class Graph:
    """Tensors are numbers; the input is ``x``, results are named ``t1``, ``t2`` and so on."""

    def __init__(self, *shape: int, seed: int = 0, spread: float = 2.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.spread = spread
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model = schema.ModelT()
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.operatorCodes, self.model.buffers = [], [schema.BufferT()]
        self.x = self._tensor("x", (1, *shape))

    def content(self, *outputs: int) -> bytes:
        self.graph.inputs, self.graph.outputs = [self.x], list(outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[tensor].shape)

    def name(self, tensor: int) -> str:
        return str(self.graph.tensors[tensor].name)

    def conv(self, x: int, channels: int, *, size: int = 1, act: int = NONE, bias: bool = True) -> int:
        weights = self.weights((channels, size, size, self.shape(x)[-1]), axis=0)
        inputs = [x, weights, *([self.weights((channels,), axis=0)] if bias else [])]
        return self.operator("CONV_2D", inputs, (*self.shape(x)[:3], channels), "Conv2DOptions", act=act)

    def depthwise(self, x: int, *, multiplier: int = 1, act: int = NONE) -> int:
        channels = self.shape(x)[-1] * multiplier
        inputs = [x, self.weights((1, 3, 3, channels), axis=3), self.weights((channels,), axis=0)]
        return self.operator(
            "DEPTHWISE_CONV_2D",
            inputs,
            (*self.shape(x)[:3], channels),
            "DepthwiseConv2DOptions",
            act=act,
            depthMultiplier=multiplier,
        )

    def dense(self, x: int, channels: int, *, act: int = NONE) -> int:
        read = int(np.prod(self.shape(x)))
        inputs = [x, self.weights((channels, read), axis=0), self.weights((channels,), axis=0)]
        return self.operator("FULLY_CONNECTED", inputs, (1, channels), "FullyConnectedOptions", act=act)

    def pool(
        self, x: int, *, kind: str = "AVERAGE_POOL_2D", act: int = NONE, window: int, stride: int
    ) -> int:
        _, height, width, channels = self.shape(x)
        shape = (1, -(-height // stride), -(-width // stride), channels)
        options = {"filterHeight": window, "filterWidth": window, "strideH": stride, "strideW": stride}
        return self.operator(kind, [x], shape, "Pool2DOptions", act=act, **options)

    def mean(self, x: int) -> int:
        axes = self.constant(np.array([1, 2], np.int32))
        shape = (1, 1, 1, self.shape(x)[-1])
        return self.operator("MEAN", [x, axes], shape, "ReducerOptions", act=None, keepDims=True)

    def pad(self, x: int, *amounts: tuple[int, int]) -> int:
        shape = [size + sum(amount) for size, amount in zip(self.shape(x), amounts, strict=True)]
        inputs = [x, self.constant(np.array(amounts, np.int32))]
        return self.operator("PAD", inputs, tuple(shape), "PadOptions", act=None)

    def concat(self, *parts: int) -> int:
        shape = (*self.shape(parts[0])[:-1], sum(self.shape(part)[-1] for part in parts))
        return self.operator("CONCATENATION", list(parts), shape, "ConcatenationOptions", axis=-1)

    def reshape(self, x: int, *shape: int) -> int:
        inputs = [x, self.constant(np.array(shape, np.int32))]
        return self.operator("RESHAPE", inputs, shape, "ReshapeOptions", act=None, newShape=list(shape))

    def binary(self, kind: str, one: int, other: int, *, act: int = NONE) -> int:
        shape = max(self.shape(one), self.shape(other), key=lambda shape: (len(shape), shape))
        return self.operator(kind, [one, other], shape, f"{kind.title()}Options", act=act)

    def unary(self, kind: str, x: int, options: str | None = None, **values: Any) -> int:
        return self.operator(kind, [x], self.shape(x), options, act=None, **values)

    def operator(
        self,
        kind: str,
        inputs: list[int],
        shape: tuple[int, ...],
        options: str | None,
        *,
        act: int | None = NONE,
        **values: Any,
    ) -> int:
        result = self._tensor(f"t{len(self.graph.operators) + 1}", shape)
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        self.model.operatorCodes.append(code)
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        made.inputs, made.outputs = inputs, [result]
        if options is not None:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, f"{options}T")()
            if act is not None:
                made.builtinOptions.fusedActivationFunction = act
            strides = {"strideH": 1, "strideW": 1} if hasattr(made.builtinOptions, "strideH") else {}
            for name, value in {**strides, **values}.items():
                setattr(made.builtinOptions, name, value)
        self.graph.operators.append(made)
        return result

    def weights(self, shape: tuple[int, ...], *, axis: int) -> int:
        """Normal numbers, each channel of another size."""
        sizes = np.exp(self.rng.uniform(-self.spread, self.spread, shape[axis]))
        along = [-1 if place == axis else 1 for place in range(len(shape))]
        values = self.rng.normal(size=shape) / np.sqrt(np.prod(shape) / shape[axis]) * sizes.reshape(along)
        return self.constant(values.astype(np.float32))

    def constant(self, values: Any) -> int:
        dtype = {"float32": "FLOAT32", "int32": "INT32"}[str(values.dtype)]
        index = self._tensor(f"c{len(self.graph.tensors)}", values.shape, dtype)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        self.graph.tensors[index].buffer = len(self.model.buffers) - 1
        return index

    def _tensor(self, name: str, shape: tuple[int, ...], dtype: str = "FLOAT32") -> int:
        made = schema.TensorT()
        made.name, made.shape, made.buffer = name, list(shape), 0
        made.type = getattr(schema.TensorType, dtype)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1


def values_of(content: bytes, items: Any, *names: str) -> list[Any]:
    """Of tensors, for all items."""
    found = LocalModel(content).activations(list(names), items.inputs())
    return [found[name] for name in names]


def spans_of(content: bytes, items: Any, name: str) -> Any:
    """The largest size of each channel of a tensor."""
    (values,) = values_of(content, items, name)
    return np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
