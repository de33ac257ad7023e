"""What two files have in common and what not: I/O, operators, layers, constants, sizes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from edgeq.inspection.constant_digests import ConstantDigests
from edgeq.inspection.layer_pairs import pair_layers
from edgeq.inspection.structure import Constant, Inspection, Layer, OperatorUse
from edgeq.tflite.io import TensorInfo

Value = str | int | None


@dataclass(frozen=True)
class ValueChange:
    """A property of the whole file that differs.

    Attributes:
        name: of the attribute of `Inspection`, or ``macs``, ``delegated``, ``partitions``.
        old: of the first file; None where it has none.
        new: of the second file.
    """

    name: str
    old: Value
    new: Value


@dataclass(frozen=True)
class TensorChange:
    """An input or an output that differs.

    Attributes:
        role: ``input`` or ``output``.
        name: of the tensor; of the first file's where it was renamed.
        old: None where only the second file has it.
        new: None where only the first file has it.
        fields: what differs of ``name``, ``dtype``, ``shape`` and ``quantization``; empty where one has it not.
    """

    role: str
    name: str
    old: TensorInfo | None
    new: TensorInfo | None
    fields: tuple[str, ...]


@dataclass(frozen=True)
class OperatorChange:
    """A kind of operator whose count, versions or precisions differ.

    Attributes:
        operator: its name.
        old: None where only the second file uses it.
        new: None where only the first file uses it.
    """

    operator: str
    old: OperatorUse | None
    new: OperatorUse | None


@dataclass(frozen=True)
class LayerChange:
    """A layer that both files have, and that differs.

    Attributes:
        old: of the first file.
        new: of the second file.
        fields: what differs: ``name``, ``operator``, ``version``, ``precision``, ``output``, ``weights`` (dtype, shape
            or granularity), ``size``, ``macs``, ``delegated``, ``content``.
        constants: names of its constants whose dtype and shape are the same and whose content is not.
    """

    old: Layer
    new: Layer
    fields: tuple[str, ...]
    constants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """Two files, compared.

    Attributes:
        old: the first file.
        new: the second file.
        values: properties of the whole file that differ.
        tensors: inputs, then outputs that differ.
        operators: kinds of operators that differ.
        added: layers that only the second file has.
        removed: layers that only the first file has.
        changed: layers that both have and that differ.
        unchanged: how many layers are the same.
        contents_compared: whether contents of constants were.
    """

    old: Inspection
    new: Inspection
    values: tuple[ValueChange, ...]
    tensors: tuple[TensorChange, ...]
    operators: tuple[OperatorChange, ...]
    added: tuple[Layer, ...]
    removed: tuple[Layer, ...]
    changed: tuple[LayerChange, ...]
    unchanged: int
    contents_compared: bool

    @property
    def same_bytes(self) -> bool:
        """Whether both files have the same content."""
        return self.old.sha256 == self.new.sha256

    @property
    def same_structure(self) -> bool:
        """Whether nothing that is compared differs, beside the size of the file."""
        parts = (self.tensors, self.operators, self.added, self.removed, self.changed)
        return not any(parts) and all(change.name == "file_bytes" for change in self.values)


def compare_files(
    old: Inspection,
    new: Inspection,
    *,
    old_contents: ConstantDigests | None = None,
    new_contents: ConstantDigests | None = None,
) -> Difference:
    """Compares two files, layer by layer as `edgeq.inspection.layer_pairs` pairs them.

    Args:
        old: the first file.
        new: the second file.
        old_contents: what `edgeq.inspection.constant_digests` says of the first; None leaves contents out.
        new_contents: likewise of the second.
    """
    pairs, removed, added = pair_layers(old.layers, new.layers)
    contents = (old_contents, new_contents) if old_contents is not None and new_contents is not None else None
    changes = [_layer_change(one, other, contents) for one, other in pairs]
    changed = tuple(change for change in changes if change is not None)
    return Difference(
        old=old,
        new=new,
        values=_value_changes(old, new),
        tensors=(
            *_tensor_changes("input", old.inputs, new.inputs),
            *_tensor_changes("output", old.outputs, new.outputs),
        ),
        operators=_operator_changes(old.operators, new.operators),
        added=added,
        removed=removed,
        changed=changed,
        unchanged=len(pairs) - len(changed),
        contents_compared=contents is not None,
    )


def _layer_change(
    old: Layer, new: Layer, contents: tuple[ConstantDigests, ConstantDigests] | None
) -> LayerChange | None:
    fields = [
        name
        for name, one, other in (
            ("name", old.name, new.name),
            ("operator", (old.operator, old.kind), (new.operator, new.kind)),
            ("version", old.version, new.version),
            ("precision", old.precision, new.precision),
            ("output", (old.output_dtype, old.output_shape), (new.output_dtype, new.output_shape)),
            ("weights", _described(old), _described(new)),
            ("size", old.size_bytes, new.size_bytes),
            ("macs", old.macs, new.macs),
        )
        if one != other
    ]
    if None not in (old.delegated, new.delegated) and old.delegated != new.delegated:
        fields.append("delegated")
    differing = _differing_contents(old, new, contents) if contents is not None else ()
    if differing:
        fields.append("content")
    return LayerChange(old, new, tuple(fields), differing) if fields else None


def _described(layer: Layer) -> tuple[Hashable, ...]:
    """What can be said of a layer's constants without their content."""
    return tuple(
        (constant.role, constant.dtype, constant.shape, constant.scales, constant.dimension)
        for constant in layer.constants
    )


def _differing_contents(
    old: Layer, new: Layer, contents: tuple[ConstantDigests, ConstantDigests]
) -> tuple[str, ...]:
    """Constants in the same place of both layers, alike but for their content or their scales."""
    differing = []
    for one, other in zip(old.constants, new.constants, strict=False):
        if (one.role, one.dtype, one.shape) != (other.role, other.dtype, other.shape):
            continue
        digests = (contents[0].get((old.subgraph, one.tensor)), contents[1].get((new.subgraph, other.tensor)))
        if digests[0] != digests[1] or _scales(one) != _scales(other):
            differing.append(one.tensor)
    return tuple(differing)


def _scales(constant: Constant) -> str:
    """As text, in which NaN is NaN."""
    return f"{constant.least_scale} {constant.largest_scale}"


def _value_changes(old: Inspection, new: Inspection) -> tuple[ValueChange, ...]:
    before, after = _values(old), _values(new)
    return tuple(
        ValueChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )


def _values(inspection: Inspection) -> dict[str, Value]:
    run = inspection.run
    return {
        "scheme": inspection.scheme,
        "weights": inspection.weights,
        "activations": inspection.activations,
        "file_bytes": inspection.file_bytes,
        "weight_bytes": inspection.weight_bytes,
        "arena_bytes": inspection.arena_bytes,
        "macs": inspection.macs,
        "layers": len(inspection.layers),
        "islands": len(inspection.islands),
        "delegated": None if run is None or run.delegated is None else f"{run.delegated}/{run.operators}",
        "partitions": None if run is None else run.partitions,
        "refusal": None if run is None else run.error,
        "schema_version": inspection.schema_version,
        "description": inspection.description,
        "min_runtime_version": inspection.min_runtime_version,
        "signatures": ", ".join(signature.key for signature in inspection.signatures),
        "metadata_names": ", ".join(inspection.metadata_names),
        "labels": len(inspection.metadata.labels),
    } | {f"runtime {one.runtime}": _support(one.runs, one.least_version) for one in inspection.runtimes}


def _support(runs: bool | None, least_version: str | None) -> Value:
    if runs is None:
        return None
    if not runs:
        return "no"
    return f"from {least_version}" if least_version else "yes"


def _tensor_changes(
    role: str, old: Sequence[TensorInfo], new: Sequence[TensorInfo]
) -> tuple[TensorChange, ...]:
    """By name where the names of both files are the same ones, else by position."""
    names = [one.name for one in old]
    by_name = {one.name: one for one in new}
    if len(by_name) == len(new) and set(by_name) == set(names) and len(set(names)) == len(names):
        new = [by_name[name] for name in names]
    changes = []
    for position in range(max(len(old), len(new))):
        one = old[position] if position < len(old) else None
        other = new[position] if position < len(new) else None
        fields = _differing_fields(one, other) if one is not None and other is not None else ()
        if one is None or other is None or fields:
            known = one or other
            changes.append(TensorChange(role, known.name if known else "", one, other, fields))
    return tuple(changes)


def _differing_fields(old: TensorInfo, new: TensorInfo) -> tuple[str, ...]:
    compared = (
        ("name", old.name, new.name),
        ("dtype", old.dtype, new.dtype),
        ("shape", (old.shape, old.shape_signature), (new.shape, new.shape_signature)),
        ("quantization", (old.scale, old.zero_point), (new.scale, new.zero_point)),
    )
    return tuple(name for name, one, other in compared if one != other)


def _operator_changes(old: Sequence[OperatorUse], new: Sequence[OperatorUse]) -> tuple[OperatorChange, ...]:
    before = {(use.operator, use.kind): use for use in old}
    after = {(use.operator, use.kind): use for use in new}
    changes = []
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        if one is None or other is None or _use(one) != _use(other):
            changes.append(OperatorChange(key[0], one, other))
    return tuple(changes)


def _use(use: OperatorUse) -> tuple[Hashable, ...]:
    return use.count, use.versions, tuple(sorted(use.precisions.items()))
