"""What the rules on files share: which files can be read, and what the runtime said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeq.doctor.case import Case, FileCase
from edgeq.errors import ModelError
from edgeq.inspection.structure import Inspection, Layer
from edgeq.runtime.interpreter import FAILS_AT_INFERENCE
from edgeq.tflite.op_versions import REGISTERED_CUSTOM

# What LiteRT and tflite-runtime say of an operator that they have not in this version, or not at all.
_TOO_NEW = re.compile(
    r"Didn't find op for builtin opcode '(?P<operator>\w+)' version '(?P<version>\d+)'"
    r"|Op builtin_code out of range: (?P<code>\d+)"
)
_NEXT_SENTENCE = re.compile(r"(?<=\S)\s*(?=Node number \d)")
_NODE = re.compile(r"Node number (?P<index>\d+) \((?P<operator>[^)]*)\)")


def inspected(case: Case) -> Iterator[tuple[FileCase, Inspection]]:
    """The files that can be read, with a run on zeros; F301 names the others."""
    for file, _ in read(case):
        yield file, file.inspection


def read(case: Case) -> Iterator[tuple[FileCase, Inspection]]:
    """The files that can be read, not run: what a cheap rule looks at."""
    for file in case.files:
        try:
            structure = file.structure
        except ModelError:
            continue
        yield file, structure


def refusal(inspection: Inspection) -> str | None:
    """Why the runtime does not run the file on zeros; None where it does, or where no runtime is installed."""
    run = inspection.run
    return run.error if run is not None and run.runtime else None


def runs(inspection: Inspection) -> bool:
    """Whether the file ran here on zeros."""
    return inspection.run is not None and inspection.run.error is None


def fails_at_inference(reason: str) -> bool:
    """Whether a refusal came after the file was allocated."""
    return FAILS_AT_INFERENCE in reason


def too_new(reason: str) -> str | None:
    """The operator and version that a runtime refuses for being newer than itself; None for other reasons."""
    found = _TOO_NEW.search(reason)
    if found is None:
        return None
    return (
        f"{found['operator']} version {found['version']}"
        if found["operator"]
        else f"operator {found['code']}"
    )


def unresolved(inspection: Inspection) -> tuple[Layer, ...]:
    """The operators that no runtime for Python has: Flex, and custom ones that the file did not run with here."""
    return tuple(
        layer
        for layer in inspection.layers
        if layer.kind == "flex" or (is_foreign(layer) and not runs(inspection))
    )


def is_foreign(layer: Layer) -> bool:
    """Whether it is a custom operator that not every runtime brings along."""
    return layer.kind == "custom" and layer.operator not in REGISTERED_CUSTOM


def in_words(file: FileCase, reason: str) -> str:
    """A runtime's reason as part of a sentence, without the name that a finding has already.

    LiteRT joins its lines without anything between them.
    """
    for prefix in (f"{file.name}: ", f"{file.path.name} is refused by "):
        reason = reason.removeprefix(prefix)
    return _NEXT_SENTENCE.sub(", ", reason).strip().rstrip(".")


def short(name: str) -> str:
    """A tensor's name; the first one where the converter joined those of all operators that it fused."""
    return name.partition(";")[0]


def node_named(inspection: Inspection, reason: str) -> Layer | None:
    """The layer that a runtime's reason names by its number; None where it names none."""
    found = _NODE.search(reason)
    if found is None:
        return None
    wanted = (int(found["index"]), found["operator"])
    return next(
        (
            layer
            for layer in inspection.layers
            if layer.subgraph == 0 and (layer.index, layer.operator) == wanted
        ),
        None,
    )
