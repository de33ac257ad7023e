"""Versions as a project's build files write them: of the Android plugin, and of the runtimes that a module depends on.

Nothing is evaluated: what is no plain number, and no variable that is one number in the same files, is not readable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeq.android.gradle_catalog import SETTINGS, Catalog, accessor, project_folders
from edgeq.android.gradle_plugins import APPLICATION, LIBRARY
from edgeq.android.gradle_text import GROOVY, KOTLIN, GradleText, UnclearGradleError, parse_gradle
from edgeq.android.runtimes import ARTIFACTS

PLUGIN_ARTIFACT = "com.android.tools.build:gradle"

_BUILD_FILES = (
    "build.gradle.kts",
    "build.gradle",
    *SETTINGS,
    "buildSrc/build.gradle.kts",
    "buildSrc/build.gradle",
)
_PROPERTIES = "gradle.properties"
_MOST_BYTES = 1 << 18

_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,4}){1,2}", re.ASCII)
_PLUGIN = re.compile(
    r"""\bid[\s(]*["']com\.android\.(?:application|library)["'][\s)]*\.?version[\s(]*["']([^"'\n]+)["']""",
    re.ASCII,
)
_CLASSPATH = re.compile(rf"""["']{re.escape(PLUGIN_ARTIFACT)}:([^"'\n]+)["']""")
_VARIABLE = re.compile(r"\$\{?(?:\w+\.)*(\w+)\}?", re.ASCII)

_NAMES = {artifact: name for name, artifact in ARTIFACTS.items()}
_COORDINATE = re.compile(
    rf"""["']({"|".join(map(re.escape, _NAMES))})(?::([^"'@:\n]*)[^"'\n]*)?["']""", re.ASCII
)
_IN_PARTS = re.compile(
    r"""\bgroup\s*[:=]\s*["']([\w.]+)["']\s*,\s*name\s*[:=]\s*["']([\w.\-]+)["']"""
    r"""(?:\s*,\s*version\s*[:=]\s*["']([^"'\n]*)["'])?""",
    re.ASCII,
)
_ALIAS = re.compile(r"\blibs\.(?!plugins\b|bundles\b|versions\b)((?:\w+\.)*\w+)", re.ASCII)
_OF_TESTS = re.compile(r"\s*(?:test|androidTest)\w*\b", re.ASCII)


@dataclass(frozen=True)
class Dependency:
    """A runtime that an app depends on.

    Attributes:
        name: ``TensorFlow Lite`` or ``LiteRT``.
        version: such as ``2.8.0``; None where it is not readable.
    """

    name: str
    version: str | None


def plugin_version(parsed: GradleText, folder: Path, catalog: Catalog) -> str | None:
    """Version of the Android plugin: from the module's build file, those above it, or the catalog; None if unknown.

    Args:
        parsed: the module's build file.
        folder: of the module.
        catalog: of its project.
    """
    texts = [parsed.uncommented, *_texts_above(folder)]
    for text in texts:
        for pattern in (_PLUGIN, _CLASSPATH):
            for match in pattern.finditer(text):
                version = _number(match.group(1).partition("-")[0], texts)
                if version is not None:
                    return version
    entries = [entry for entry in catalog.plugins.values() if entry.name in (APPLICATION, LIBRARY)]
    entries += [entry for entry in catalog.libraries.values() if entry.name == PLUGIN_ARTIFACT]
    return next((entry.version for entry in entries if _is_number(entry.version)), None)


def runtime_dependencies(parsed: GradleText, folder: Path, catalog: Catalog) -> tuple[Dependency, ...]:
    """Runtimes that a module depends on, or else those that its project's catalog names.

    Args:
        parsed: the module's build file.
        folder: of the module.
        catalog: of its project.
    """
    found: list[tuple[str, str | None]] = []
    for line in parsed.uncommented.splitlines():
        if _OF_TESTS.match(line):
            continue
        found += [(match.group(1), match.group(2)) for match in _COORDINATE.finditer(line)]
        found += [
            (f"{match.group(1)}:{match.group(2)}", match.group(3)) for match in _IN_PARTS.finditer(line)
        ]
        for match in _ALIAS.finditer(line):
            entry = catalog.libraries.get(accessor(match.group(1).removesuffix(".get")))
            found += [] if entry is None else [(entry.name, entry.version)]
    if not any(artifact in _NAMES for artifact, _ in found):
        found = [(entry.name, entry.version) for entry in catalog.libraries.values()]
    texts = [parsed.uncommented, *_texts_above(folder)]
    return tuple(
        dict.fromkeys(
            Dependency(_NAMES[artifact], None if version is None else _number(version, texts))
            for artifact, version in found
            if artifact in _NAMES
        )
    )


def _is_number(version: str | None) -> bool:
    return version is not None and _NUMBER.match(version) is not None


def _number(version: str, texts: list[str]) -> str | None:
    """A version, looked up where it is a variable that has one value only; without suffix such as ``-alpha01``."""
    variable = _VARIABLE.fullmatch(version)
    if variable is None:
        return version if _NUMBER.fullmatch(version) else None
    pattern = re.compile(
        rf"""\b{variable.group(1)}["']?\s*[:=,]\s*["']?({_NUMBER.pattern})(?![\w.\-])""", re.ASCII
    )
    values = {match.group(1) for text in texts for match in pattern.finditer(text)}
    return values.pop() if len(values) == 1 else None


def _texts_above(folder: Path) -> Iterator[str]:
    """The project's build files without comments, and its properties."""
    for parent in project_folders(folder):
        for name in (*_BUILD_FILES, _PROPERTIES):
            path = parent / name
            try:
                if not path.is_file() or path.stat().st_size > _MOST_BYTES:
                    continue
                text = path.read_bytes().decode("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            yield (
                text
                if name == _PROPERTIES
                else _uncommented(text, KOTLIN if name.endswith(".kts") else GROOVY)
            )


def _uncommented(text: str, language: str) -> str:
    try:
        return parse_gradle(text, language).uncommented
    except UnclearGradleError:
        return text
