"""What differs between two files in words; the console and the page show the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeq.inspection.difference import (
    Difference,
    LayerChange,
    OperatorChange,
    TensorChange,
    Value,
    ValueChange,
)
from edgeq.inspection.structure import Layer, OperatorUse
from edgeq.report.inspection import wording
from edgeq.tflite.io import TensorInfo


@dataclass(frozen=True)
class Row:
    """One difference.

    Attributes:
        what: differs.
        old: in the first file; empty where it has none.
        new: in the second file; empty where it has none.
        change: how much, where that can be said in a number.
    """

    what: str
    old: str
    new: str
    change: str = ""


_NAMES = {
    "scheme": "scheme",
    "weights": "weights",
    "activations": "activations",
    "file_bytes": "file",
    "weight_bytes": "constants",
    "arena_bytes": "arena",
    "macs": "MACs",
    "layers": "operators",
    "islands": "float islands",
    "delegated": "delegated",
    "partitions": "delegated parts",
    "refusal": "refused here",
    "schema_version": "schema",
    "description": "written by",
    "min_runtime_version": "asks for runtime",
    "signatures": "signatures",
    "metadata_names": "metadata",
    "labels": "labels",
}

_MOST_CONSTANTS = 3
"""Kinds of constants of a layer that a cell names."""

_SHOWN: dict[str, Callable[[int], str]] = {
    "file_bytes": wording.size,
    "weight_bytes": wording.size,
    "arena_bytes": wording.size,
    "macs": wording.amount,
}


def verdict(difference: Difference) -> str:
    """How much the files differ, in one sentence."""
    if difference.same_bytes:
        return "The same bytes."
    contents = "" if difference.contents_compared else "; contents of constants were not compared"
    if difference.same_structure:
        return f"Not the same bytes, but the same in all that is compared{contents}."
    only_contents = [change for change in difference.changed if change.fields == ("content",)]
    parts = (difference.tensors, difference.operators, difference.added, difference.removed)
    values = [change for change in difference.values if change.name != "file_bytes"]
    if not any(parts) and not values and len(only_contents) == len(difference.changed):
        changed = wording.count(len(only_contents), "layer")
        return f"The same structure; the constants of {changed} of {_layers(difference):,} differ."
    counts = [
        f"{n:,} {word}"
        for n, word in (
            (len(difference.changed), "changed"),
            (len(difference.added), "added"),
            (len(difference.removed), "removed"),
            (difference.unchanged, "the same"),
        )
        if n
    ]
    text = f"Operators: {', '.join(counts)}" if counts else "No operators"
    return f"{text}{contents}."


def values(difference: Difference) -> list[Row]:
    """Properties of the whole files that differ."""
    return [_value(change) for change in difference.values]


def tensors(difference: Difference) -> list[Row]:
    """Inputs and outputs that differ."""
    return [
        Row(
            f"{change.role} {wording.visible(change.name)}",
            "" if change.old is None else _tensor(change.old, change),
            "" if change.new is None else _tensor(change.new, change),
        )
        for change in difference.tensors
    ]


def operators(difference: Difference) -> list[Row]:
    """Kinds of operators that differ, with what changed in their number."""
    return [
        Row(
            wording.visible(change.operator),
            "" if change.old is None else _operator(change.old),
            "" if change.new is None else _operator(change.new),
            _counted(change),
        )
        for change in difference.operators
    ]


def layers(difference: Difference, most: int | None = None) -> list[Row]:
    """Layers of both files that differ.

    Args:
        difference: of two files.
        most: how many of them; None for all.
    """
    return [_layer(change) for change in difference.changed[:most]]


def lone_layer(layer: Layer) -> Row:
    """A layer that one file alone has."""
    text = (
        f"{wording.operator(layer)} {wording.visible(layer.output_dtype)}{wording.shape(layer.output_shape)}"
    )
    return Row(wording.visible(layer.name), text, text)


def _layers(difference: Difference) -> int:
    return difference.unchanged + len(difference.changed)


def _value(change: ValueChange) -> Row:
    name = change.name.removeprefix("runtime ")
    what = f"runs on {wording.visible(name)}" if name != change.name else _NAMES[name]
    show = _SHOWN.get(change.name)
    old, new = (_shown(value, show, name != change.name) for value in (change.old, change.new))
    ratio = ""
    if show is not None and isinstance(change.old, int) and isinstance(change.new, int):
        ratio = relative(change.old, change.new)
    return Row(what, old, new, ratio)


def _shown(value: Value, show: Callable[[int], str] | None, is_unknown: bool) -> str:
    if value is None:
        return "unknown" if is_unknown else "none"
    if show is not None and isinstance(value, int):
        return show(value)
    return f"{value:,}" if isinstance(value, int) else wording.visible(value) or "none"


def relative(old: int, new: int) -> str:
    """``+12.0 %``, or ``2.5×`` from twice on; empty from or to nothing."""
    if old <= 0 or new <= 0:
        return ""
    if new >= 2 * old or old >= 2 * new:
        return (
            f"{wording.significant(new / old, 2)}×" if new > old else f"÷ {wording.significant(old / new, 2)}"
        )
    text = wording.decimal(100 * (new / old - 1), 1)
    return f"{text} %" if text.startswith("−") else f"+{text} %"


def _tensor(info: TensorInfo, change: TensorChange) -> str:
    name = wording.visible(info.name) if "name" in change.fields else ""
    return ", ".join(filter(None, (name, wording.tensor(info), wording.quantization(info))))


def _operator(use: OperatorUse) -> str:
    return f"{use.count:,}, version {wording.versions(use.versions)}, {wording.precisions(use)}"


def _counted(change: OperatorChange) -> str:
    old, new = (0 if use is None else use.count for use in (change.old, change.new))
    return "" if old == new else f"{'+' if new > old else '−'}{abs(new - old):,}"


def _layer(change: LayerChange) -> Row:
    shown = [field for field in change.fields if not _is_implied(field, change)]
    with_shapes = _shapes(change.old) != _shapes(change.new)
    old, new = (
        "; ".join(_field(layer, field, with_shapes) for field in shown) for layer in (change.old, change.new)
    )
    return Row(wording.visible(change.old.name), old, new, ", ".join(change.fields))


def _is_implied(field: str, change: LayerChange) -> bool:
    """Whether another field that differs says as much: other weights have another size."""
    if field == "output":
        return "precision" in change.fields and change.old.output_shape == change.new.output_shape
    return field == "content" or (field == "size" and "weights" in change.fields)


def _field(layer: Layer, field: str, with_shapes: bool) -> str:
    texts = {
        "name": wording.visible(layer.name),
        "operator": wording.operator(layer),
        "version": f"version {layer.version}",
        "precision": _precision(layer),
        "output": f"{wording.visible(layer.output_dtype)}{wording.shape(layer.output_shape)}",
        "weights": _constants(layer, with_shapes),
        "size": wording.size(layer.size_bytes),
        "macs": f"{wording.amount(layer.macs)} MACs",
        "delegated": "delegated" if layer.delegated else "not delegated",
    }
    return texts[field]


def _precision(layer: Layer) -> str:
    name = wording.visible(layer.precision)
    return name if name in ("converts", "moves") else f"in {name}"


def _constants(layer: Layer, with_shapes: bool) -> str:
    texts = [
        " ".join(
            filter(
                None,
                (
                    wording.visible(constant.role),
                    f"{wording.visible(constant.dtype)}{wording.shape(constant.shape) if with_shapes else ''}",
                    wording.granularity(constant),
                ),
            )
        )
        for constant in layer.constants
    ]
    return wording.listed(list(dict.fromkeys(texts)), _MOST_CONSTANTS) if texts else "no constants"


def _shapes(layer: Layer) -> list[tuple[int, ...]]:
    return [constant.shape for constant in layer.constants]
