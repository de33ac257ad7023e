"""What a Keras model is called with and what it returns: names, shapes, and the structure around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeq.errors import ModelError
from edgeq.sources.dimensions import OpenInput


@dataclass(frozen=True)
class Interface:
    """Names of a model's inputs and outputs, and how a flat list becomes what the model is called with.

    Attributes:
        inputs: in the order of a flat list.
        outputs: names in the order of a flat list.
        structure: what the model is called with, tensors in a list, a dictionary or nothing.
    """

    inputs: tuple[OpenInput, ...]
    outputs: tuple[str, ...]
    structure: Any

    def pack(self, tensors: list[Any]) -> Any:
        """A flat list of tensors as the model is called with them."""
        import keras

        return keras.tree.pack_sequence_as(self.structure, tensors)

    def flatten(self, results: Any) -> list[Any]:
        """What the model returned as a flat list."""
        import keras

        return list(keras.tree.flatten(results))


def interface_of(model: Any) -> Interface:
    """Reads the interface of a model that was built.

    Names are the keys of a dictionary, else those of the input layers and of the layers that compute the
    outputs. What is named by a counter of Keras' own, which differs from run to run, is numbered instead.

    Args:
        model: functional, sequential, or a subclass that was called once.

    Raises:
        ModelError: the inputs are unknown, or not dense tensors.
    """
    tensors = list(getattr(model, "inputs", None) or ())
    if not tensors:
        return _subclassed(model)
    import keras

    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        structure = tensors[0]
    ordered = keras.tree.flatten(structure)
    names = _keys(structure) or [
        _own_name(tensor.name, "input", place, len(ordered)) for place, tensor in enumerate(ordered)
    ]
    outputs = _keys(getattr(model, "_outputs_struct", None)) or _output_names(model)
    return Interface(
        tuple(_open(name, tensor) for name, tensor in zip(_unique(names), ordered, strict=True)),
        tuple(_unique(outputs)),
        structure,
    )


def _open(name: str, tensor: Any) -> OpenInput:
    kind = next((kind for kind in ("sparse", "ragged") if getattr(tensor, kind, False)), None)
    if kind is not None:
        raise ModelError(f"input {name!r} is {kind}, expected a dense tensor: TensorFlow Lite has no other")
    return OpenInput(name, tuple(tensor.shape), str(tensor.dtype), batched=True)


def _subclassed(model: Any) -> Interface:
    """A subclassed model that was called once remembers the shapes of its first argument.

    It does not remember dtypes: tensors of its own dtype are assumed, also where it was called with integers.
    """
    import keras

    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        raise ModelError(
            f"the inputs of {model.name!r} are unknown: call the model once on data before it is saved, or "
            "wrap it in a functional model in a converter script (edgeq init NAME.py)"
        )
    structure, names = _symbols(next(iter(shapes.values())), model.input_dtype)
    try:
        results = model.compute_output_spec(structure)
    except (TypeError, ValueError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(
            f"{model.name!r} cannot be called with {', '.join(names)} alone ({reason}): a model of several "
            "inputs takes them as one list or dictionary, or is wrapped in a functional model in a converter "
            "script (edgeq init NAME.py)"
        ) from error
    flat = keras.tree.flatten(structure)
    outputs = _keys(results) or _numbered("output", len(keras.tree.flatten(results)))
    return Interface(
        tuple(_open(name, tensor) for name, tensor in zip(names, flat, strict=True)),
        tuple(_unique(outputs)),
        structure,
    )


def _symbols(shapes: Any, dtype: str) -> tuple[Any, list[str]]:
    """Symbolic tensors for one shape, a list or a dictionary of shapes; and the inputs' names, flat."""
    import keras

    def symbol(shape: Sequence[int | None], name: str) -> Any:
        # The first axis of what a model was called with is its batch, whatever size that call had.
        return keras.KerasTensor((None, *shape[1:]), dtype=dtype, name=name)

    if isinstance(shapes, Mapping):
        tensors = {str(name): symbol(shape, str(name)) for name, shape in shapes.items()}
        return tensors, _keys(tensors)
    if all(size is None or isinstance(size, int) for size in shapes):
        return symbol(shapes, "input"), ["input"]
    names = _numbered("input", len(shapes))
    return [symbol(shape, name) for shape, name in zip(shapes, names, strict=True)], names


def _keys(structure: Any) -> list[str]:
    """The keys of a dictionary of tensors in Keras' flat order; empty for any other structure."""
    if not isinstance(structure, Mapping):
        return []
    import keras

    paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
    return ["_".join(map(str, path)) for path in paths] if all(len(path) == 1 for path in paths) else []


def _output_names(model: Any) -> list[str]:
    names = getattr(model, "output_names", None)
    if names:
        return list(names)
    return [model.layers[-1].name] if len(model.outputs) == 1 else _numbered("output", len(model.outputs))


def _own_name(name: str, fallback: str, place: int, count: int) -> str:
    return _numbered(fallback, count)[place] if name.startswith("keras_tensor") else name


def _numbered(stem: str, count: int) -> list[str]:
    return [stem] if count == 1 else [f"{stem}_{place}" for place in range(count)]


def _unique(names: Sequence[str]) -> list[str]:
    """Names made different by a number: two outputs may come from one layer."""
    result: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in result or (number and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        result.append(candidate)
    return result
