"""Which channels of which activations can be scaled only together, and the weights that take such a scaling up.

Scaling a channel of an activation by a positive factor leaves a network as it is if whatever makes the channel is
multiplied by the factor and whatever reads it is divided by it. `edgeq.quantize.rewrites.channel_rules` says what each
operator asks of the channels of its inputs and outputs; here they are gathered into classes that share a factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.quantize.editable import EditableModel

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Carrier:
    """A constant that takes up the factors of an activation's channels.

    Attributes:
        constant: index of its tensor.
        axis: of the constant, along which each place belongs to a channel.
        tensor: index of the activation.
        channels: int64[size of the axis], the channel of each place.
        divides: whether the constant reads the activation, and is divided, or makes it, and is multiplied.
    """

    constant: int
    axis: int
    tensor: int
    channels: Numbers
    divides: bool


@dataclass(frozen=True, eq=False)
class ChannelSpaces:
    """Channels that share a factor.

    Attributes:
        first: number of an activation's first channel, by index of its tensor.
        widths: how many channels it has: the size of its last axis.
        classes: int64[channels of all activations], equal for channels that share a factor.
        free: bool[likewise], whether that factor may be another than 1.
        carriers: constants that take the factors up.
    """

    first: Mapping[int, int]
    widths: Mapping[int, int]
    classes: Numbers
    free: npt.NDArray[np.bool_]
    carriers: tuple[Carrier, ...]

    def numbers(self, tensor: int) -> slice:
        """Where an activation's channels are in `classes` and `free`."""
        return slice(self.first[tensor], self.first[tensor] + self.widths[tensor])

    def scalable(self) -> tuple[int, ...]:
        """Activations with at least one channel whose factor is free."""
        return tuple(tensor for tensor in self.first if self.free[self.numbers(tensor)].any())


class SpaceBuilder:
    """What operators say of the channels of their tensors.

    Attributes:
        model: the file.
    """

    def __init__(self, model: EditableModel) -> None:
        """Numbers the channels of all activations; those that cannot be scaled or measured are pinned."""
        self.model = model
        self._readers: dict[int, int] = {}
        activations: dict[int, None] = dict.fromkeys(map(int, model.graph.inputs))
        for operator in model.graph.operators:
            used = [int(index) for index in (*operator.inputs, *operator.outputs) if index >= 0]
            for index in used:
                self._readers[index] = self._readers.get(index, 0) + 1
                if not model.is_constant(index):
                    activations[index] = None
        self._widths = {index: _last(model.shape(index)) for index in activations}
        starts = np.cumsum([0, *self._widths.values()])
        self._first = {index: int(start) for index, start in zip(self._widths, starts, strict=False)}
        self._count = int(starts[-1])
        self._links: list[tuple[Numbers, Numbers]] = []
        self._pinned: list[Numbers] = []
        self._carriers: list[Carrier] = []
        self._pin_what_cannot_be_scaled()

    def width(self, tensor: int) -> int:
        """Channels of a tensor, or places along the last axis of a constant; 1 of a scalar."""
        return _last(self.model.shape(tensor))

    def is_constant(self, tensor: int) -> bool:
        """Whether a tensor is a constant of float32."""
        return self.model.is_constant(tensor) and self.model.dtype(tensor) == "FLOAT32"

    def link(
        self, one: int, other: int, one_channels: Numbers | None = None, other_channels: Numbers | None = None
    ) -> None:
        """Says that channels of two activations have one factor: all of them, in order, or those that are named."""
        self._links.append((self._numbers(one, one_channels), self._numbers(other, other_channels)))

    def pin(self, tensor: int, channels: Numbers | None = None) -> None:
        """Says that channels of an activation keep their factor 1; a constant has none anyway."""
        if tensor in self._first:
            self._pinned.append(self._numbers(tensor, channels))

    def carry(
        self, constant: int, axis: int, tensor: int, *, divides: bool = False, channels: Numbers | None = None
    ) -> None:
        """Says that a constant takes up the factors of an activation.

        Where it cannot, because another operator reads it too or because of its size, the activation is pinned.
        """
        if constant < 0:
            return
        axis %= max(1, len(self.model.shape(constant)))
        places = channels if channels is not None else np.arange(self.width(tensor))
        if not self.is_constant(constant) or self.model.shape(constant)[axis : axis + 1] != (len(places),):
            self.pin(tensor)
        elif self.model.constant(constant).any():  # Zeros, such as one bias for many layers, stay zeros.
            self._carriers.append(Carrier(constant, axis, tensor, places, divides))
            if self._readers[constant] > 1:
                self.pin(tensor)

    def built(self) -> ChannelSpaces:
        """The classes."""
        classes = _components(self._count, self._links)
        free = np.ones(self._count, bool)
        for numbers in self._pinned:
            free[classes[numbers]] = False
        return ChannelSpaces(self._first, self._widths, classes, free[classes], tuple(self._carriers))

    def _numbers(self, tensor: int, channels: Numbers | None) -> Numbers:
        return self._first[tensor] + (np.arange(self._widths[tensor]) if channels is None else channels)

    def _pin_what_cannot_be_scaled(self) -> None:
        """Inputs, outputs, other types, last axes of free size; and what has no name of its own to be measured by."""
        names = [self.model.name(index) for index in range(len(self.model.graph.tensors))]
        uses = {name: names.count(name) for name in {names[index] for index in self._first}}
        kept = {*map(int, self.model.graph.inputs), *map(int, self.model.graph.outputs)}
        for tensor in self._first:
            signature = self.model.graph.tensors[tensor].shapeSignature
            has_free_width = signature is not None and len(signature) > 0 and int(signature[-1]) == -1
            has_own_name = bool(names[tensor]) and uses[names[tensor]] == 1
            is_float = self.model.dtype(tensor) == "FLOAT32"
            if tensor in kept or has_free_width or not has_own_name or not is_float:
                self.pin(tensor)


Rule = Callable[[SpaceBuilder, Any], bool]
"""Says what an operator asks of channels; false where it asks what cannot be said, so that all are pinned."""


def channel_spaces(model: EditableModel, rules: Mapping[str, Rule]) -> ChannelSpaces:
    """The classes of a file's channels.

    Args:
        model: a float32 file.
        rules: by name of the operator; tensors of other operators are pinned.
    """
    builder = SpaceBuilder(model)
    for operator in model.graph.operators:
        rule = rules.get(model.kind(operator))
        if rule is None or not rule(builder, operator):
            for index in (*operator.inputs, *operator.outputs):
                builder.pin(int(index))
    return builder.built()


def apply_factors(model: EditableModel, spaces: ChannelSpaces, factors: npt.NDArray[np.float64]) -> None:
    """Lets the constants of a file take factors up.

    Args:
        model: the file that the classes are of; changed.
        spaces: the classes.
        factors: float64[channels of all activations], equal within a class and 1 where it is not free.
    """
    for carrier in spaces.carriers:
        factor = factors[spaces.numbers(carrier.tensor)][carrier.channels]
        values = model.constant(carrier.constant)
        shape = [-1 if axis == carrier.axis else 1 for axis in range(values.ndim)]
        by = (1 / factor if carrier.divides else factor).astype(np.float32).reshape(shape)
        model.set_constant(carrier.constant, values * by)


def _last(shape: tuple[int, ...]) -> int:
    return shape[-1] if shape else 1


def _components(count: int, links: list[tuple[Numbers, Numbers]]) -> Numbers:
    """The smallest number that each of so many is linked with, directly or through others."""
    labels = np.arange(count)
    if not links:
        return labels
    ones, others = (np.concatenate(side) for side in zip(*links, strict=True))
    while True:
        left, right = labels[ones], labels[others]
        if np.array_equal(left, right):
            return labels
        lower = np.minimum(left, right)
        np.minimum.at(labels, left, lower)
        np.minimum.at(labels, right, lower)
        while not np.array_equal(labels, labels[labels]):
            labels = labels[labels]
