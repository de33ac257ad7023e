"""Names of the Keras layers behind the operators of a file, as far as the file's names tell.

TensorFlow names a result after the scopes that it was computed in: the model, then the layer (in nested models:
several), then what the layer itself does. A converter joins the names of all that it fused with semicolons::

    model/my_model_1/relu_1/Relu;model/my_model_1/bn_1/batchnorm/add_1;model/my_model_1/conv_1/convolution

Of these, the layer is the one that the operator's work is named after: here ``conv``, whose ``convolution`` a
``CONV_2D`` computes. Keras calls a model once when it is built; a second call, as of a converter, gets ``_1``
behind every scope, which is no part of the layers' names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgeq.tflite.model import Operator, Subgraph, Tensor, TfliteModel
from edgeq.tflite.weights import producers_of, stored_constant, weight_places

Scopes = tuple[str, ...]

_MOST_NAMES = 64
"""Of one operator: no converter fuses that many, and a hostile file could list millions."""

_MOST_LENGTH = 4096
_MOST_SCOPES = 32

# What tracing and saving put in front of a model's own scopes.
_WRAPPERS = frozenset({"StatefulPartitionedCall", "PartitionedCall", "serving_default"})
_TRACED = "model"
"""The scope in which edgeq traces a model; also what Keras 2 calls a model without a name."""

# fmt: off
# Scopes that TensorFlow's and Keras' functions open inside a layer.
_INNER_SCOPES = frozenset({
    "BiasAdd", "Cast", "Conv2D", "Erf", "FusedBatchNormV3", "Gelu", "HardSigmoid", "LeakyRelu", "MatMul", "Max",
    "Mean", "Min", "Pad", "Pow", "Prod", "ReadVariableOp", "Relu", "Relu6", "Repeat", "Reshape", "Shape", "Sigmoid",
    "Softmax", "Softplus", "Sum", "Tanh", "TensorArrayV2", "TensorArrayV2Read", "TensorArrayV2Stack",
    "TensorArrayV2Write", "Tensordot", "Tile", "Transpose", "add", "assert_equal", "batchnorm", "clip_by_value",
    "concat", "cond", "conv_transpose", "convolution", "depthwise", "einsum", "less", "moments", "mul", "normalize",
    "resize", "separable_conv2d", "split", "stack", "strided_slice", "sub", "transpose", "truediv", "while",
    "while_body", "while_cond",
})
# What the work of an operator is called, in lower case and without digits at the end.
_CONVOLUTIONS = frozenset({
    "conv", "convd", "convolution", "conv_transpose", "convdbackpropinput", "depthwise", "depthwise_conv",
    "depthwiseconvdnative", "separable_convd", "squeeze",
})
_PRODUCTS = frozenset({"matmul", "batchmatmul", "batchmatmulv", "tensordot", "einsum", "einsum_", "convolution"})
_WORK: Mapping[str, frozenset[str]] = {
    "CONV_2D": _CONVOLUTIONS | _PRODUCTS, "DEPTHWISE_CONV_2D": _CONVOLUTIONS, "TRANSPOSE_CONV": _CONVOLUTIONS,
    "CONV_3D": _CONVOLUTIONS, "CONV_3D_TRANSPOSE": _CONVOLUTIONS, "FULLY_CONNECTED": _PRODUCTS,
    "BATCH_MATMUL": _PRODUCTS, "ADD": frozenset({"add", "addv", "add_n"}), "SUB": frozenset({"sub", "subtract"}),
    "MUL": frozenset({"mul", "multiply"}), "MEAN": frozenset({"mean"}), "CONCATENATION": frozenset({"concat"}),
}
_ACTIVATIONS = frozenset({
    "relu", "leakyrelu", "elu", "selu", "sigmoid", "tanh", "softmax", "gelu", "hardsigmoid", "clip_by_value", "minimum",
    "maximum", "relu_", "silu", "swish",
})
# fmt: on
_BIASES = frozenset({"biasadd", "readvariableop", "resource", "bias"})
_NORMALIZATIONS = frozenset({"batchnorm", "fusedbatchnormv", "moments"})

_SUFFIXED = re.compile(r"_\d+$")
_TORCH = re.compile(r"(?:^|[.])[A-Za-z]\w*?_(\w+)$")


def layer_names(model: TfliteModel) -> tuple[tuple[str, ...], ...]:
    """The layer of every operator.

    Args:
        model: of any converter; the names of files that Keras models became tell most.

    Returns:
        By subgraph and operator: the layer's name, with those of the models that it is nested in before it
        (``backbone/conv``); for operators whose names tell no layer, the name of the first result, or of the
        output that it is in the file's signature; the operator's own name where it has no result.
    """
    outputs = _output_names(model)
    named = [
        _named_graph(graph, outputs if index == 0 else {}) for index, graph in enumerate(model.subgraphs)
    ]
    grammar = _grammar(path for graph in named for names in graph for path in names.paths)
    return tuple(tuple(_layer(names, grammar) for names in graph) for graph in named)


@dataclass(frozen=True)
class _Names:
    """What an operator may be named after.

    Attributes:
        operator: its kind.
        paths: of its first result, split at slashes.
        weights: of its weights likewise.
        otherwise: its name where these tell nothing.
    """

    operator: str
    paths: tuple[Scopes, ...]
    weights: tuple[Scopes, ...]
    otherwise: str


@dataclass(frozen=True)
class _Grammar:
    """How the names of a file are built.

    Attributes:
        outer: scopes before the layers' own, such as the model's.
        suffix: of every scope, that is no part of its name; empty where there is none.
    """

    outer: Scopes
    suffix: str


def _named_graph(graph: Subgraph, outputs: Mapping[int, str]) -> list[_Names]:
    producers = producers_of(graph)
    known: dict[int, tuple[Scopes, ...]] = {}
    named = []
    for operator in graph.operators:
        result = (
            graph.tensors[operator.outputs[0]] if operator.outputs[:1] and operator.outputs[0] >= 0 else None
        )
        weights = _weight_tensors(operator, graph, producers)
        own = "" if result is None else outputs.get(result.index) or result.name
        named.append(
            _Names(
                operator.name,
                _paths([result] if result else [], known),
                _paths(weights, known),
                own[:_MOST_LENGTH] or operator.name,
            )
        )
    return named


def _weight_tensors(operator: Operator, graph: Subgraph, producers: Mapping[int, Operator]) -> list[Tensor]:
    found = []
    for place in weight_places(operator)[:_MOST_NAMES]:
        if place < len(operator.inputs) and operator.inputs[place] >= 0:
            stored = stored_constant(graph.tensors[operator.inputs[place]], graph, producers)
            if stored is not None:
                found.append(stored)
    return found


def _paths(tensors: Sequence[Tensor], known: dict[int, tuple[Scopes, ...]]) -> tuple[Scopes, ...]:
    """The names of tensors, split; `known` keeps those of each, for many operators may share one."""
    for tensor in tensors:
        if tensor.index not in known:
            names = tensor.name[:_MOST_LENGTH].split(";", _MOST_NAMES)[:_MOST_NAMES]
            known[tensor.index] = tuple(_path(name) for name in names if "/" in name)
    return tuple(path for tensor in tensors for path in known[tensor.index])


def _path(name: str) -> Scopes:
    return _without_wrappers(tuple(part for part in name.split("/", _MOST_SCOPES) if part))


def _without_wrappers(path: Scopes) -> Scopes:
    while len(path) > 1 and path[0].rstrip("0123456789:_") in _WRAPPERS:
        path = path[1:]
    return path


def _output_names(model: TfliteModel) -> dict[int, str]:
    """Names of the first subgraph's outputs in its signature, also for what is only converted to an output."""
    names: dict[int, str] = {}
    for signature in model.signatures[:1]:
        if signature.subgraph_index == 0:
            for name, index in signature.outputs.items():
                if not re.fullmatch(r"output_\d+", name):
                    names.setdefault(index, name)
    for operator in model.subgraphs[0].operators:
        is_conversion = operator.name in ("QUANTIZE", "DEQUANTIZE") and operator.outputs and operator.inputs
        if is_conversion and operator.outputs[0] in names:
            names.setdefault(operator.inputs[0], names[operator.outputs[0]])
    return names


def _grammar(paths: Iterable[Scopes]) -> _Grammar:
    """How names are built, from all of them; a few of another kind, of constants say, do no harm."""
    known = [path for path in paths if len(path) > 1]
    outer: Scopes = ()
    while len(outer) < 2:
        heads = Counter(path[len(outer)] for path in known if len(path) > len(outer) + 1)
        if not heads:
            break
        head, count = heads.most_common(1)[0]
        inside = [path for path in known if path[: len(outer) + 1] == (*outer, head)]
        layered = [
            path for path in inside if len(path) > len(outer) + 2 and not _is_inner(path[len(outer) + 1])
        ]
        # A model's scope holds nearly all names, and layers; a layer's own scope holds none that are deeper.
        if count < 0.9 * sum(heads.values()) or not layered:
            break
        outer = (*outer, head)
        if not (len(outer) == 1 and head == _TRACED):
            break
    return _Grammar(outer, _suffix(outer, known))


def _suffix(outer: Scopes, known: Sequence[Scopes]) -> str:
    """What is behind the model's scope and behind all its layers' scopes, such as ``_1``."""
    found = _SUFFIXED.search(outer[-1]) if outer else None
    if found is None:
        return ""
    for path in known:
        if path[: len(outer)] == outer and len(path) > len(outer) + 1:
            scope = path[len(outer)]
            # A scope that another layer had taken is counted on: ``bn_1_2`` is the second call of ``bn_1``.
            if not scope.endswith(found[0]) and not re.search(r"_\d+_\d+$", scope) and not _is_inner(scope):
                return ""
    return found[0]


def _is_inner(scope: str) -> bool:
    return scope in _INNER_SCOPES or _SUFFIXED.sub("", scope) in _INNER_SCOPES


def _layer(names: _Names, grammar: _Grammar) -> str:
    weighing = [path[:-1] for path in names.weights]
    best = max(
        names.paths,
        key=lambda path: (_fitness(path, names.operator), path[:-1] in weighing),
        default=None,
    )
    candidates = [path for path in (best, *names.weights) if path is not None]
    return next(filter(None, (_layer_of(path, grammar) for path in candidates)), names.otherwise)


def _fitness(path: Scopes, operator: str) -> int:
    """How well a name fits an operator's work: 3 names the work itself, 0 what was fused into it."""
    words = {part.lower().rstrip("0123456789").replace("2d", "d").replace("3d", "d") for part in path[-2:]}
    words |= {_SUFFIXED.sub("", word) for word in words}
    words |= {re.sub(r"_?\d+$", "", part.lower()).replace("2d", "d") for part in path[-1:]}
    if words & _NORMALIZATIONS:
        return 0
    if words & _WORK.get(operator, frozenset()):
        return 3
    if words & _ACTIVATIONS and operator in _WORK:
        return 0
    return 1 if words & _BIASES else 2


def _layer_of(path: Scopes, grammar: _Grammar) -> str:
    """The layer in a path; empty where it names none."""
    if path[: len(grammar.outer)] == grammar.outer:
        path = path[len(grammar.outer) :]
    torch = [match[1] for part in path if "torch." in part and (match := _TORCH.search(part))]
    if torch:
        return "/".join(torch)
    scopes: list[str] = []
    for scope in path[:-1]:
        # A layer may be called "add" as what another one does inside; TensorFlow's own names have capitals.
        if (_is_inner(scope) and (scopes or scope != scope.lower())) or (
            grammar.suffix and not _SUFFIXED.search(scope)
        ):
            break
        scopes.append(_SUFFIXED.sub("", scope) if grammar.suffix else scope)
    return "/".join(scopes)
