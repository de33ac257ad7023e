"""F301 and F302: a file that the runtime does not load, or that it loads and does not run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.checks.file_reading import (
    fails_at_inference,
    in_words,
    inspected,
    node_named,
    refusal,
    runs,
    too_new,
    unresolved,
)
from edgeq.doctor.rule import Finding
from edgeq.errors import ModelError, WorkerError
from edgeq.inspection.structure import Inspection
from edgeq.runtime.interpreter import Array
from edgeq.runtime.running import Ran


def does_not_allocate(case: Case) -> Iterator[Finding]:
    """F301: the runtime refuses a file, or crashes on it, before it computes anything.

    Operators that are too new are F308's, Flex and custom ones F313's: each cause is said once.
    """
    for file in case.files:
        try:
            inspection = file.inspection
        except ModelError as error:
            yield Finding(file.path.name, f"{error}: convert the model again", file.path)
            continue
        reason = refusal(inspection)
        if reason is None or fails_at_inference(reason) or too_new(reason) or unresolved(inspection):
            continue
        yield _refused(file, inspection, reason)


def _refused(file: FileCase, inspection: Inspection, reason: str) -> Finding:
    layer = node_named(inspection, reason)
    named = "" if layer is None else f" (operator {layer.index}, {layer.operator}, layer {layer.name})"
    return Finding(
        file.path.name,
        f"expected a file that loads, found one that does not{named}: {in_words(file, reason)}; convert the model "
        "again, or with another scheme",
        file.path,
        {
            "reason": reason,
            "operator": None if layer is None else layer.operator,
            "layer": None if layer is None else layer.name,
        },
    )


def does_not_run(case: Case) -> Iterator[Finding]:
    """F302: a file is allocated and fails on zeros or on the probe, or its outputs are NaN or infinite there."""
    for file, inspection in inspected(case):
        reason = refusal(inspection)
        if reason is not None and fails_at_inference(reason):
            yield _fails(file, inspection, reason, "zeros")
        if not runs(inspection):
            continue
        ran = case.ran(file)
        if isinstance(ran, WorkerError):
            yield _fails(file, inspection, str(ran), "real items")
        elif ran is not None:
            yield from _not_finite(case, file, ran)


def _fails(file: FileCase, inspection: Inspection, reason: str, fed: str) -> Finding:
    layer = node_named(inspection, reason)
    named = "" if layer is None else f" at operator {layer.index} ({layer.operator}, layer {layer.name})"
    return Finding(
        file.path.name,
        f"expected it to run on {fed}, found that it fails{named}: {in_words(file, reason)}; convert the model again, "
        "or with another scheme",
        file.path,
        {
            "reason": reason,
            "fed": fed,
            "operator": None if layer is None else layer.operator,
            "layer": None if layer is None else layer.name,
        },
    )


def _not_finite(case: Case, file: FileCase, ran: Ran) -> Iterator[Finding]:
    """Outputs that are NaN, or infinite where the float32 file's are not (a log of 0 may well be infinite)."""
    reference = case.reference if isinstance(case.reference, Ran) else None
    for name, stored in ran.stored.items():
        if stored.dtype.kind != "f":
            continue
        bad = np.isnan(stored)
        expected = None if reference is None else reference.stored.get(name)
        if expected is not None and expected.shape == stored.shape and np.isfinite(expected).all():
            bad = ~np.isfinite(stored)
        items = int(_by_item(bad).any(axis=1).sum())
        if items:
            yield Finding(
                file.path.name,
                f"expected numbers, found NaN or infinity in output {name!r} for {items} of {len(stored)} items: check "
                "the model in float32 on them, then convert it again (float16 ends at 65,504)",
                file.path,
                {"output": name, "items": items, "of": len(stored), "values": int(bad.sum())},
            )


def _by_item(values: Array) -> Array:
    return values.reshape(len(values), -1)
