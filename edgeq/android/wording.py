"""What was put into an app, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgeq.android.constants import CLASS, named
from edgeq.android.metadata import MetadataOutcome
from edgeq.android.placing import PlacedFile
from edgeq.android.putting import AppWithBundle
from edgeq.android.runtime_advice import not_all
from edgeq.android.runtimes import (
    LAST_TENSORFLOW_LITE,
    TENSORFLOW_LITE,
    RuntimeVersion,
    needs_in_words,
    why_not,
)
from edgeq.printing import printable

_MOST_LISTED = 12


def describe(app: AppWithBundle) -> Iterator[str]:
    """Lines on what is where, what it needs, and why it was chosen."""
    yield printable(f"{app.bundle.manifest.name}: {app.reason}")
    for name, needs in app.needs.items():
        change = f"; {app.changes[name]}" if name in app.changes else ""
        yield printable(f"{name} needs {needs_in_words(needs)}{change}")
    files = app.files if len(app.files) <= _MOST_LISTED else _inside(app)
    rest = len(app.files) - len(files)
    width = max(len(_size(file)) for file in files)
    for file in files:
        yield printable(f"{file.state:<9}  {_size(file):>{width}}  {file.path}")
    if rest:
        total = sum(file.size_bytes for file in app.files if file not in files)
        yield printable(
            f"written    {rest} files of the demo app, {total / 1e3:.0f} kB, in {app.folder.parent}"
        )
    if app.gradle is not None and app.gradle.line:
        yield printable(f"added      {app.gradle.line} to {app.build_file}")


def describe_metadata(metadata: MetadataOutcome) -> Iterator[str]:
    """Lines on copies with metadata."""
    for file in metadata.files:
        yield printable(f"written    {file.path} with metadata")


def next_step(app: AppWithBundle, project: str) -> str:
    """What to do now.

    Args:
        app: that the bundle was put into.
        project: folder of the demo app's project as it can be typed; other apps need none.
    """
    if app.is_demo:
        last = RuntimeVersion(TENSORFLOW_LITE, LAST_TENSORFLOW_LITE)
        too_new = [name for name, needs in app.needs.items() if why_not(needs, last) is not None]
        said = ""
        if too_new:
            said = (
                f"; {', '.join(too_new)} cannot run on {last.text}, which the app takes with its build without Gradle: "
                f"--min-runtime {last.version} converts or refuses"
            )
        return printable(f"next: open {project} in Android Studio{said}")
    runtime = app.dependency
    newer = "" if runtime is None or runtime.name == TENSORFLOW_LITE else f" or newer{not_all(runtime)}"
    depend = (
        ""
        if runtime is None
        else f'implementation("{runtime.dependency}"){newer} among its dependencies, then '
    )
    first = named(app.bundle.manifest.variants)[0].identifier
    return printable(
        f"next: {depend}map {CLASS}.{first}.asset and run it, docs/android-app.md has the code; edgeq benchmark "
        f"{app.bundle.folder} measures what is in the app"
    )


def as_json(app: AppWithBundle | None, metadata: MetadataOutcome | None) -> dict[str, Any]:
    """The same for programs."""
    said: dict[str, Any] = {} if app is None else _app_json(app)
    if metadata is not None:
        said["metadata"] = {
            "files": [
                {"variant": file.variant, "path": str(file.path), "notes": list(file.notes)}
                for file in metadata.files
            ],
            "refused": dict(metadata.refused),
        }
    return said


def _app_json(app: AppWithBundle) -> dict[str, Any]:
    gradle = None
    if app.gradle is not None:
        gradle = {"file": str(app.build_file), "added": app.gradle.line, "problem": app.gradle.problem}
    return {
        "module": str(app.folder),
        "assets": str(app.bundle.folder),
        "model": app.bundle.manifest.name,
        "reason": app.reason,
        "variants": [
            {
                "name": one.variant.name,
                "constant": None if app.package is None else f"{CLASS}.{one.identifier}",
                "file": one.variant.file,
                "size_bytes": one.variant.size_bytes,
                "sha256": one.variant.sha256,
                "needs": {
                    "tensorflow_lite": app.needs[one.variant.name].tensorflow_lite.version,
                    "litert": app.needs[one.variant.name].litert.version,
                    "because": app.needs[one.variant.name].tensorflow_lite.because,
                    "custom": list(app.needs[one.variant.name].custom),
                },
                "change": app.changes.get(one.variant.name, ""),
            }
            for one in named(app.bundle.manifest.variants)
        ],
        "files": [
            {"path": str(file.path), "size_bytes": file.size_bytes, "state": file.state} for file in app.files
        ],
        "package": app.package,
        "gradle": gradle,
        "dependency": None if app.dependency is None else app.dependency.dependency,
        "notes": list(app.notes),
        "warnings": list(app.warnings),
    }


def _inside(app: AppWithBundle) -> tuple[PlacedFile, ...]:
    """The bundle's files of a new app."""
    return tuple(file for file in app.files if file.path.parent == app.bundle.folder)


def _size(file: PlacedFile) -> str:
    if not file.size_bytes:
        return ""
    return f"{file.size_bytes} B" if file.size_bytes < 1000 else f"{file.size_bytes / 1e3:.1f} kB"
