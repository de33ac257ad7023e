"""F308 and F313: operators that a runtime does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.checks.file_reading import inspected, is_foreign, read, refusal, too_new, unresolved
from edgeq.doctor.rule import WARNING, Finding
from edgeq.errors import UsageError
from edgeq.inspection.structure import Inspection, RuntimeSupport

_VERSIONED = re.compile(r"^(?P<name>.*?)[\s=@]*(?P<version>\d+(?:\.\d+)*)?$")

_SHOWN = 5
"""Operators that a message names; `Finding.details` has them all."""


def op_version_too_new(case: Case) -> Iterator[Finding]:
    """F308: the runtime here, or the one that the user named, is older than an operator of the file.

    What other runtimes would refuse is no finding: every file of a new converter is refused by some old one.
    """
    for file, inspection in inspected(case):
        reason = refusal(inspection)
        operator = too_new(reason) if reason is not None else None
        if operator is not None and inspection.run is not None:
            runtime = f"{inspection.run.runtime} {inspection.run.version}".strip()
            yield _finding(file, runtime, f"it has {operator}", inspection)
        if case.target_runtime is not None:
            yield from _refused_by_target(file, inspection, case.target_runtime)


def _refused_by_target(file: FileCase, inspection: Inspection, target: str) -> Iterator[Finding]:
    name, version = _target(target)
    known = {_plain(support.runtime): support for support in inspection.runtimes}
    # "android" is enough for "TensorFlow Lite for Android".
    matches = [name] if name in known else [full for full in known if name and name in full]
    if len(matches) != 1:
        offered = ", ".join(support.runtime for support in inspection.runtimes)
        raise UsageError(f"unknown runtime {target!r}: expected one of {offered}, with a version or without")
    support = known[matches[0]]
    if _refuses(support, version):
        needed = support.reason or f"it needs {support.runtime} {support.least_version} or newer"
        yield _finding(file, target, needed.rstrip("."), inspection)


def _refuses(support: RuntimeSupport, version: tuple[int, ...]) -> bool:
    if support.runs is False or not version:
        return support.runs is False
    return support.least_version is not None and version < _numbers(support.least_version)[: len(version)]


def _target(text: str) -> tuple[str, tuple[int, ...]]:
    found = _VERSIONED.match(text.strip())
    if found is None:
        return _plain(text), ()
    return _plain(found["name"]), _numbers(found["version"] or "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _finding(file: FileCase, runtime: str, reason: str, inspection: Inspection) -> Finding:
    return Finding(
        file.path.name,
        f"expected a file that {runtime} runs, found one that it refuses: {reason}; update the runtime, or convert the "
        "model again for it",
        file.path,
        {
            "runtime": runtime,
            "reason": reason,
            "runtimes": [
                {"runtime": support.runtime, "least_version": support.least_version, "runs": support.runs}
                for support in inspection.runtimes
            ],
        },
    )


def flex_or_custom(case: Case) -> Iterator[Finding]:
    """F313: operators of TensorFlow itself (Flex), or custom ones that the runtime here has not."""
    for file, structure in read(case):
        # Whether the runtime here has a custom operator shows when the file is run.
        foreign = any(is_foreign(layer) for layer in structure.layers)
        layers = unresolved(file.inspection if foreign else structure)
        if not layers:
            continue
        names = sorted({layer.operator for layer in layers})
        more = len(names) - _SHOWN
        listed = ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        flex = any(layer.kind == "flex" for layer in layers)
        needs = "the Flex delegate" if flex else "code that registers them"
        is_meant = case.is_flex_meant and all(layer.kind == "flex" for layer in layers)
        remedy = "link it into the app" if is_meant else "replace what needs them in the model"
        yield Finding(
            file.path.name,
            f"expected built-in operators alone, found {listed}, which no Python runtime has and an app only with "
            f"{needs}: {remedy}",
            file.path,
            {
                "operators": {name: sum(layer.operator == name for layer in layers) for name in names},
                "layers": [layer.name for layer in layers],
            },
            WARNING if is_meant else "",
        )
