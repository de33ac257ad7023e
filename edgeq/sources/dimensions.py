"""Free dimensions: which axis is the batch, and what the others become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeq.errors import UsageError
from edgeq.sources.graph import Dimensions, GraphInput, require_number

_HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class OpenInput:
    """An input as the source declares it.

    Attributes:
        name: the source's own.
        shape: None where a dimension is free.
        dtype: as TensorFlow names it.
        batched: whether the first axis is a batch axis.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    batched: bool

    @property
    def item_shape(self) -> tuple[int | None, ...]:
        """Without the batch axis."""
        return self.shape[1:] if self.batched else self.shape

    @property
    def free(self) -> int:
        """Free dimensions beside the batch."""
        return sum(size is None for size in self.item_shape)

    def __str__(self) -> str:
        shown = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} [{shown}]"


def fix_inputs(inputs: Sequence[OpenInput], dimensions: Dimensions) -> tuple[GraphInput, ...]:
    """Gives every free dimension a size.

    A free batch becomes `Dimensions.batch`, or 1. The sizes are for every input with free dimensions alike
    (two images of 224x224), or are dealt out in order where they are as many as all free dimensions together.

    Args:
        inputs: as declared.
        dimensions: the sizes.

    Returns:
        The inputs with fixed shapes; those of half precision are fed as float32.

    Raises:
        UsageError: sizes are missing or too many, or a fixed batch was asked to change.
        ModelError: an input takes no numbers.
    """
    for declared in inputs:
        require_number("input", declared.name, declared.dtype)
    sizes = (
        _sizes(inputs, dimensions.size)
        if dimensions.size or dimensions.guess is None
        else [dimensions.guess(declared.name, declared.item_shape) for declared in inputs]
    )
    return tuple(
        GraphInput(
            declared.name,
            _fixed(declared, _batch(declared, dimensions.batch), own_sizes),
            "float32" if declared.dtype in _HALF else declared.dtype,
            declared.batched,
            was_free=declared.free > 0,
        )
        for declared, own_sizes in zip(inputs, sizes, strict=True)
    )


def batches(shapes: Mapping[str, tuple[int | None, ...]], dimensions: Dimensions) -> dict[str, bool]:
    """Tells batch axes from shapes, for sources that say nothing of them (SavedModel and .tflite).

    * A free first dimension is a batch. A single input of one free dimension may be a waveform as well as a
      batch of numbers: ``--size`` makes it the one, ``--batch`` the other.
    * Where none is free, inputs that all begin with 1 are batches of one, as exporters write them, and with
      ``--batch N`` inputs that all begin with N are batches of N.
    * Everything else has no batch axis: an item of a data set is the whole input.

    Args:
        shapes: by input name; None where free.
        dimensions: what the user said.

    Raises:
        UsageError: a batch was asked for and no input has one, or it cannot be told whether one has.
    """
    first = {name: shape[0] if shape else 0 for name, shape in shapes.items()}
    if list(shapes.values()) == [(None,)] and dimensions.batch is None:
        if not dimensions.size:
            (name,) = shapes
            raise UsageError(
                f"input {name!r} has one free dimension, which may be a length or a batch: say which with "
                "--size 16000, for example, or --batch 1"
            )
        result = dict.fromkeys(shapes, False)
    elif None in first.values():
        result = {name: size is None for name, size in first.items()}
    else:
        all_alike = set(first.values()) == {dimensions.batch or 1}
        result = {name: all_alike and len(shape) > 1 for name, shape in shapes.items()}
    if dimensions.batch is not None and not any(result.values()):
        shown = ", ".join(str(OpenInput(name, shape, "", False)) for name, shape in shapes.items())
        raise UsageError(
            f"--batch {dimensions.batch} is not possible: no input has a batch dimension ({shown})"
        )
    return result


def _sizes(inputs: Sequence[OpenInput], size: Sequence[int]) -> list[tuple[int, ...]]:
    """The sizes for each input's free dimensions."""
    counts = [declared.free for declared in inputs]
    if all(count in (0, len(size)) for count in counts) and (any(counts) or not size):
        return [tuple(size) if count else () for count in counts]
    if sum(counts) == len(size):
        return [tuple(size[sum(counts[:place]) : sum(counts[: place + 1])]) for place in range(len(counts))]
    declared = ", ".join(str(each) for each in inputs)
    given = "x".join(map(str, size))
    if not any(counts):
        raise UsageError(f"--size {given} has nothing to fix: the model's inputs are {declared}")
    free = max(counts)
    raise UsageError(
        f"expected sizes for {free} free dimension{'s' * (free > 1)} of {declared}, "
        f"found {f'--size {given}' if size else 'none'}: add --size {'x'.join(['224'] * free)}, for example"
    )


def _batch(declared: OpenInput, asked: int | None) -> int | None:
    if not declared.batched:
        return None
    first = declared.shape[0]
    if first is None:
        return asked or 1
    if asked is not None and first != asked:
        raise UsageError(
            f"input {declared.name!r} fixes its batch at {first}: --batch {asked} is not possible, "
            "save the model with a free batch dimension"
        )
    return first


def _fixed(declared: OpenInput, batch: int | None, sizes: tuple[int, ...]) -> tuple[int, ...]:
    left = iter(sizes)
    rest = declared.shape if batch is None else declared.shape[1:]
    fixed = tuple(next(left) if size is None else int(size) for size in rest)
    return fixed if batch is None else (batch, *fixed)
