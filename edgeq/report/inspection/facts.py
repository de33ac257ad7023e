"""What a person wants to know of a file first, in pairs of a label and a text."""

from __future__ import annotations

import dataclasses

from edgeq.inspection.structure import Inspection, RuntimeSupport
from edgeq.report.inspection import wording

Fact = tuple[str, str]

_DIGITS_OF_DIGEST = 12
"""Hexadecimal digits of a SHA-256 that tell files apart in practice, as Git shows of its own."""


_TOLD = 60
"""Characters of a refusal by which it is known again; it may be cut elsewhere."""


def headline(inspection: Inspection) -> tuple[str, ...]:
    """``int8: int8 weights, int8 activations``, ``100 kB``, ``16 operators``, ``5.2 M MACs``."""
    parts = [
        f"{wording.scheme(inspection)}: {wording.precision(inspection)}",
        wording.size(inspection.file_bytes),
        wording.count(len(inspection.layers), "operator"),
    ]
    if inspection.macs:
        parts.append(f"{wording.macs(inspection)} MACs")
    return tuple(parts)


def tensors(inspection: Inspection) -> tuple[tuple[str, str, str, str], ...]:
    """Role, name, type and quantization of each input and output."""
    return tuple(
        (role, wording.visible(info.name), wording.tensor(info), wording.quantization(info))
        for role, infos in (("input", inspection.inputs), ("output", inspection.outputs))
        for info in infos
    )


def facts(inspection: Inspection) -> tuple[Fact, ...]:
    """Memory, run, runtimes, signatures, metadata and origin; only what there is to say."""
    return tuple((label, text) for label, text in _facts(inspection) if text)


def _facts(inspection: Inspection) -> list[Fact]:
    metadata = inspection.metadata
    weights = f"{wording.size(inspection.weight_bytes)} of constants"
    return [
        ("memory", f"{weights}, {wording.arena(inspection)}"),
        ("run here", wording.run(inspection)),
        ("runs on", runtimes(inspection)),
        ("signatures", wording.listed([signature.key for signature in inspection.signatures])),
        ("labels", f"{len(metadata.labels):,}: {wording.listed(metadata.labels)}" if metadata.labels else ""),
        ("normalised", _normalisation(inspection)),
        ("metadata", wording.listed(inspection.metadata_names)),
        ("written by", origin(inspection)),
        ("sha256", inspection.sha256[:_DIGITS_OF_DIGEST]),
    ]


def runtimes(inspection: Inspection) -> str:
    """What can run the file: in a row where there is nothing else to say, else one a line."""
    shown = [_support(one, inspection) for one in inspection.runtimes]
    return ("\n" if any(one.reason for one in inspection.runtimes) else "; ").join(shown)


def _support(one: RuntimeSupport, inspection: Inspection) -> str:
    """A refusal that was seen here stands among the warnings already."""
    error = None if inspection.run is None else inspection.run.error
    is_told = error is not None and error[:_TOLD] in one.reason
    return wording.support(dataclasses.replace(one, reason="refused here, as above") if is_told else one)


def origin(inspection: Inspection) -> str:
    """The converter's description, the schema, and the runtime that the converter asks for."""
    parts = [
        wording.visible(inspection.description.strip()),
        f"schema {inspection.schema_version}",
        f"asks for runtime {wording.visible(inspection.min_runtime_version)}"
        if inspection.min_runtime_version
        else "",
    ]
    return ", ".join(filter(None, parts))


def _normalisation(inspection: Inspection) -> str:
    mean, std = inspection.metadata.mean, inspection.metadata.std
    if not mean:
        return ""
    return f"(x − {_numbers(mean)}) / {_numbers(std)}"


def _numbers(values: tuple[float, ...]) -> str:
    shown = ", ".join(wording.number(value) for value in values[:4])
    return shown if len(values) == 1 else f"[{shown}{', …' if len(values) > 4 else ''}]"
