"""F303, F304 and F312: a file that is not of the precision that it claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.checks.file_reading import read, short
from edgeq.doctor.rule import ERROR, WARNING, Finding
from edgeq.inspection.structure import FloatIsland, Inspection, Layer
from edgeq.schemes import SCHEMES, Scheme, recognise
from edgeq.tflite.io import TensorInfo
from edgeq.tflite.precision import MIXED, NO_WEIGHTS

_SHOWN = 3
"""Parts of a list that a message names; `Finding.details` has them all."""


def scheme_not_as_claimed(case: Case) -> Iterator[Finding]:
    """F303: a file's name or its bundle say one scheme, and its tensors another.

    What computes in integers but for a few operators is F312's.
    """
    for file, inspection in read(case):
        claimed = _claimed(file, inspection)
        if claimed is None or _is(claimed, inspection) or _is_with_islands(claimed, inspection):
            continue
        found = inspection.scheme or "none that edgeq knows"
        hint = "convert it again"
        if claimed.needs_calibration and inspection.scheme in ("float32", "dynamic"):
            hint = "an empty representative dataset does this without an error; convert it again with data"
        yield Finding(
            file.path.name,
            f"expected {claimed.name} as it is named, found {found} (weights {inspection.weights}, activations "
            f"{inspection.activations}): {hint}",
            file.path,
            {
                "claimed": claimed.name,
                "found": inspection.scheme,
                "weights": inspection.weights,
                "activations": inspection.activations,
            },
        )


def _claimed(file: FileCase, inspection: Inspection) -> Scheme | None:
    """The claimed scheme where edgeq knows it."""
    name = file.claimed_scheme or inspection.claimed_scheme
    return next((scheme for scheme in SCHEMES if scheme.name == name), None)


def _is(scheme: Scheme, inspection: Inspection) -> bool:
    return recognise(inspection.weights, inspection.activations, [scheme]) is not None


def _is_with_islands(scheme: Scheme, inspection: Inspection) -> bool:
    mixed = inspection.activations == MIXED and bool(inspection.islands)
    return mixed and scheme.needs_calibration and inspection.weights in (scheme.weights, NO_WEIGHTS)


def float_io(case: Case) -> Iterator[Finding]:
    """F304: inputs or outputs are not of the type that was asked for.

    An error where a name or a bundle claims another type. Where nothing does, float inputs of an integer file are a
    warning: a CPU converts them, a microcontroller or an NPU may not. Token ids, flags and the like, which are
    integers without a scale, stay what they are.
    """
    for file, inspection in read(case):
        tensors = [("input", info) for info in inspection.inputs]
        tensors += [("output", info) for info in inspection.outputs]
        decided = [
            (kind, info) for kind, info in tensors if info.dtype == "float32" or info.scale is not None
        ]
        computes = inspection.activations.startswith("int")
        if file.claimed_io is not None:
            # A file that is float throughout is F303's.
            wrong = [(kind, info) for kind, info in decided if info.dtype != file.claimed_io]
            if wrong and (computes or inspection.activations == MIXED):
                yield _io_finding(file, wrong, file.claimed_io, ERROR)
        elif computes and (wrong := [(kind, info) for kind, info in decided if info.dtype == "float32"]):
            yield _io_finding(file, wrong, inspection.activations, WARNING)


def _io_finding(file: FileCase, wrong: list[tuple[str, TensorInfo]], expected: str, severity: str) -> Finding:
    listed = ", ".join(f"{kind} {info.name!r} {info.dtype}" for kind, info in wrong[:_SHOWN])
    reason = "as it is named" if severity == ERROR else "which it computes in"
    return Finding(
        file.path.name,
        f"expected {expected} inputs and outputs, {reason}, found {listed}: convert it again with --io {expected}"
        + ("" if severity == ERROR else ", or rename it to end in -io-float32.tflite if that is meant"),
        file.path,
        {
            "expected": expected,
            "found": [{"kind": kind, "tensor": info.name, "dtype": info.dtype} for kind, info in wrong],
        },
        severity,
    )


def float_islands(case: Case) -> Iterator[Finding]:
    """F312: operators that compute in float in a file that computes in integers."""
    for file, inspection in read(case):
        if not inspection.islands:
            continue
        layers = {(layer.subgraph, layer.index): layer for layer in inspection.layers}
        members = [layers[place] for island in inspection.islands for place in island.layers]
        shown = "; ".join(map(_in_words, inspection.islands[:_SHOWN]))
        more = len(inspection.islands) - _SHOWN
        them = "that" if len(inspection.islands) == 1 else "these"
        count = f"{len(members)} operator{'s' * (len(members) != 1)}"
        yield Finding(
            file.path.name,
            f"expected integers throughout, found {count} in float ({_listed([one.operator for one in members])}), "
            f"{shown}{f'; and {more} more such places' if more > 0 else ''}; replace {them} in the model, or accept "
            "that integer-only hardware refuses it",
            file.path,
            {
                "operators": len(members),
                "islands": [_described(island, layers) for island in inspection.islands],
            },
        )


def _in_words(island: FloatIsland) -> str:
    """Where an island lies and why it is one."""
    entries = _listed([short(name) for name in island.entries]) or "the input"
    exits = _listed([short(name) for name in island.exits]) or "the output"
    return f"from {entries} to {exits}: {island.cause.rstrip('.')}"


def _described(island: FloatIsland, layers: Mapping[tuple[int, int], Layer]) -> dict[str, Any]:
    return {
        "operators": [layers[place].operator for place in island.layers],
        "layers": [layers[place].name for place in island.layers],
        "entries": list(island.entries),
        "exits": list(island.exits),
        "cause": island.cause,
    }


def _listed(names: list[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _SHOWN
    return ", ".join(distinct[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
