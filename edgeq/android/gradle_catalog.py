"""A project's version catalog, ``gradle/libs.versions.toml``: what its aliases stand for, as far as lines tell."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

CATALOG = Path("gradle") / "libs.versions.toml"

SETTINGS = ("settings.gradle.kts", "settings.gradle")

_MOST_BYTES = 1 << 20
_HEADER = re.compile(r"\s*\[([\w.\-]+)\]\s*(?:#.*)?")
_ENTRY = re.compile(r"""\s*["']?([\w\-.]+)["']?\s*=\s*(.+)""", re.ASCII)
_STRING = re.compile(r"""["']([^"']*)["']""")
_FIELD = re.compile(r"""([\w.]+)\s*=\s*["']([^"']*)["']""", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """What an alias stands for.

    Attributes:
        name: id of a plugin, or ``group:artifact`` of a library.
        version: as written; None where the line does not tell.
    """

    name: str
    version: str | None


@dataclass(frozen=True)
class Catalog:
    """A version catalog.

    Attributes:
        plugins: by alias as code has it, with dots.
        libraries: likewise.
    """

    plugins: dict[str, Entry] = field(default_factory=dict)
    libraries: dict[str, Entry] = field(default_factory=dict)


def accessor(name: str) -> str:
    """A catalog's name as Gradle makes it one of code: dashes and underlines are dots there."""
    return re.sub(r"[-_]", ".", name)


def project_folders(folder: Path) -> tuple[Path, ...]:
    """A module and what it lies in, up to its project; the module and its parent where no project is to be seen."""
    resolved = folder.resolve()
    found = []
    for parent in (resolved, *resolved.parents):
        found.append(parent)
        if any((parent / name).is_file() for name in SETTINGS):
            return tuple(found)
    return tuple(found[:2])


def read_catalog(folder: Path) -> Catalog:
    """The nearest version catalog above a module; an empty one where there is none that can be read."""
    for parent in project_folders(folder):
        path = parent / CATALOG
        try:
            if path.is_file() and path.stat().st_size <= _MOST_BYTES:
                return _catalog(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return Catalog()
    return Catalog()


def _catalog(text: str) -> Catalog:
    sections: dict[str, dict[str, str]] = {}
    section = ""
    for line in text.splitlines():
        header, entry = _HEADER.fullmatch(line), _ENTRY.fullmatch(line)
        if header:
            section = header.group(1)
        elif entry:
            sections.setdefault(section, {})[entry.group(1)] = entry.group(2)
    strings = {name: _STRING.match(value) for name, value in sections.get("versions", {}).items()}
    versions = {name: match.group(1) for name, match in strings.items() if match}
    return Catalog(
        _entries(sections.get("plugins", {}), versions), _entries(sections.get("libraries", {}), versions)
    )


def _entries(lines: dict[str, str], versions: dict[str, str]) -> dict[str, Entry]:
    found = {}
    for alias, value in lines.items():
        entry = _entry(value, versions)
        if entry is not None:
            found[accessor(alias)] = entry
    return found


def _entry(value: str, versions: dict[str, str]) -> Entry | None:
    """``"name:version"``, or a table with ``id``, ``module``, or ``group`` and ``name``."""
    short = _STRING.match(value)
    if short:
        name, _, version = short.group(1).rpartition(":")
        return Entry(name, version) if name else None
    fields = dict(_FIELD.findall(value))
    # version = { ref = "agp" } says the same as version.ref = "agp".
    reference = fields.get("version.ref") or fields.get("ref")
    version = versions.get(reference) if reference else fields.get("version")
    if "group" in fields and "name" in fields:
        return Entry(f"{fields['group']}:{fields['name']}", version)
    name = fields.get("id") or fields.get("module")
    return Entry(name, version) if name else None
