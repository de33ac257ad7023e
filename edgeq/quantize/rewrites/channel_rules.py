"""What each operator asks of the channels of its inputs and outputs when they are scaled by positive factors.

Operators that are not here, such as softmax, logistic and hard-swish, take no scaling; nor does a fused ReLU6, whose
upper bound would have to be another for each channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeq.quantize.rewrites.spaces import Rule, SpaceBuilder


def _convolution(spaces: SpaceBuilder, operator: Any) -> bool:
    source, weights, bias = _weighted(operator)
    result = int(operator.outputs[0])
    if not spaces.is_constant(weights):
        return False
    # A grouped convolution's weights have fewer input channels than the input: carry pins it.
    spaces.carry(weights, 3, source, divides=True)
    return _made(spaces, operator, weights, 0, bias, result)


def _transposed_convolution(spaces: SpaceBuilder, operator: Any) -> bool:
    weights, source = int(operator.inputs[1]), int(operator.inputs[2])
    bias = int(operator.inputs[3]) if len(operator.inputs) > 3 else -1
    if not spaces.is_constant(weights):
        return False
    spaces.carry(weights, 3, source, divides=True)
    return _made(spaces, operator, weights, 0, bias, int(operator.outputs[0]))


def _depthwise_convolution(spaces: SpaceBuilder, operator: Any) -> bool:
    source, weights, bias = _weighted(operator)
    if not spaces.is_constant(weights) or spaces.width(weights) % spaces.width(source):
        return False
    # Channel i of the input makes the channels i·m to i·m + m - 1 of the output.
    multiplier = spaces.width(weights) // spaces.width(source)
    read = np.arange(spaces.width(weights)) // multiplier
    spaces.carry(weights, 3, source, divides=True, channels=read)
    return _made(spaces, operator, weights, 3, bias, int(operator.outputs[0]))


def _dense(spaces: SpaceBuilder, operator: Any) -> bool:
    source, weights, bias = _weighted(operator)
    if not spaces.is_constant(weights) or operator.builtinOptions.weightsFormat != 0:
        return False
    read, channels = spaces.width(weights), spaces.width(source)
    if read % channels:
        return False
    # An input of more than two axes is flattened, its channels last.
    spaces.carry(weights, 1, source, divides=True, channels=np.arange(read) % channels)
    return _made(spaces, operator, weights, 0, bias, int(operator.outputs[0]))


def _made(spaces: SpaceBuilder, operator: Any, weights: int, axis: int, bias: int, result: int) -> bool:
    """What makes the channels of a weighted layer."""
    spaces.carry(weights, axis, result)
    spaces.carry(bias, 0, result)
    if not _is_homogeneous(spaces, operator):
        spaces.pin(result)
    return True


def _channelwise(spaces: SpaceBuilder, operator: Any) -> bool:
    """Each channel of the output is made of that of the first input, and is scaled with it."""
    source, result = int(operator.inputs[0]), int(operator.outputs[0])
    if spaces.width(source) != spaces.width(result) or not _is_homogeneous(spaces, operator):
        return False
    spaces.link(source, result)
    return True


def _parametric_relu(spaces: SpaceBuilder, operator: Any) -> bool:
    return spaces.is_constant(int(operator.inputs[1])) and _channelwise(spaces, operator)


def _reduction(spaces: SpaceBuilder, operator: Any) -> bool:
    """Over space, not over channels."""
    source, axes = int(operator.inputs[0]), int(operator.inputs[1])
    if not spaces.model.is_constant(axes):
        return False
    rank = len(spaces.model.shape(source))
    reduced = {int(axis) % rank for axis in spaces.model.constant(axes).ravel()} if rank else {0}
    return (rank - 1) not in reduced and _channelwise(spaces, operator)


def _padding(spaces: SpaceBuilder, operator: Any) -> bool:
    """With zeros, which stay zeros; channels may be padded too."""
    source, amounts, result = int(operator.inputs[0]), int(operator.inputs[1]), int(operator.outputs[0])
    if not spaces.model.is_constant(amounts):
        return False
    if len(operator.inputs) > 2:  # PADV2 names the value.
        value = int(operator.inputs[2])
        if not spaces.is_constant(value) or spaces.model.constant(value).any():
            return False
    before = int(spaces.model.constant(amounts)[-1, 0])
    spaces.link(source, result, None, before + np.arange(spaces.width(source)))
    return True


def _concatenation(spaces: SpaceBuilder, operator: Any) -> bool:
    result = int(operator.outputs[0])
    rank = len(spaces.model.shape(result))
    if not rank or not _is_homogeneous(spaces, operator):
        return False
    along_channels = operator.builtinOptions.axis % rank == rank - 1
    start = 0
    for source in map(int, operator.inputs):
        channels = start + np.arange(spaces.width(source))
        if spaces.model.is_constant(source):
            spaces.pin(result, channels)
        else:
            spaces.link(source, result, None, channels)
        start += spaces.width(source) if along_channels else 0
    return True


def _reshape(spaces: SpaceBuilder, operator: Any) -> bool:
    """Where one last axis is a multiple of the other, the smaller one repeats along the larger."""
    source, result = int(operator.inputs[0]), int(operator.outputs[0])
    old, new = spaces.width(source), spaces.width(result)
    if not min(old, new) or max(old, new) % min(old, new):
        return False
    repeated = np.arange(max(old, new))
    spaces.link(source, result, repeated % old, repeated % new)
    return True


def _sum(spaces: SpaceBuilder, operator: Any) -> bool:
    result = int(operator.outputs[0])
    if not _is_homogeneous(spaces, operator):
        return False
    for term in map(int, operator.inputs):
        if not spaces.model.is_constant(term):
            _link_broadcast(spaces, term, result)
        elif spaces.width(term) == spaces.width(result):
            spaces.carry(term, -1, result)
        else:
            spaces.pin(result)
    return True


def _product(spaces: SpaceBuilder, operator: Any) -> bool:
    """One factor's channels pass through; the other factor, a gate, keeps its scale."""
    if not _is_homogeneous(spaces, operator):
        return False
    passed, gate = _passed_and_gate(spaces, operator)
    if spaces.model.is_constant(passed):
        return False
    spaces.pin(gate)
    _link_broadcast(spaces, passed, int(operator.outputs[0]))
    return True


def _passed_and_gate(spaces: SpaceBuilder, operator: Any) -> tuple[int, int]:
    """The gate is the constant, else the smaller factor, else the one that takes no scaling anyway."""
    model = spaces.model
    one, other = (int(index) for index in operator.inputs)
    makers = {int(index): model.kind(made) for made in model.graph.operators for index in made.outputs}

    def passes(tensor: int) -> tuple[bool, int, bool]:
        size = int(np.prod(model.shape(tensor)))
        return not model.is_constant(tensor), size, makers.get(tensor, "") in CHANNEL_RULES

    return (one, other) if passes(one) >= passes(other) else (other, one)


def _link_broadcast(spaces: SpaceBuilder, source: int, result: int) -> None:
    """An only channel that is broadcast has one factor with all channels of the result."""
    read = np.arange(spaces.width(result)) % spaces.width(source)
    spaces.link(source, result, read, None)


def _weighted(operator: Any) -> tuple[int, int, int]:
    """Input, weights and bias; -1 where there is no bias."""
    source, weights, *rest = (int(index) for index in operator.inputs)
    return source, weights, rest[0] if rest else -1


def _is_homogeneous(spaces: SpaceBuilder, operator: Any) -> bool:
    """Whether a fused activation, if there is one, lets positive factors through."""
    activations = spaces.model.schema.ActivationFunctionType
    fused = getattr(operator.builtinOptions, "fusedActivationFunction", activations.NONE)
    return fused in (activations.NONE, activations.RELU)


CHANNEL_RULES: dict[str, Rule] = {
    "ADD": _sum,
    "AVERAGE_POOL_2D": _channelwise,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise_convolution,
    "EXPAND_DIMS": _reshape,
    "FULLY_CONNECTED": _dense,
    "LEAKY_RELU": _channelwise,
    "MAX_POOL_2D": _channelwise,
    "MEAN": _reduction,
    "MUL": _product,
    "PAD": _padding,
    "PADV2": _padding,
    "PRELU": _parametric_relu,
    "REDUCE_MAX": _reduction,
    "RELU": _channelwise,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _channelwise,
    "RESIZE_NEAREST_NEIGHBOR": _channelwise,
    "SQUEEZE": _reshape,
    "SUB": _sum,
    "SUM": _reduction,
    "TRANSPOSE_CONV": _transposed_convolution,
}
"""By name of the operator."""
