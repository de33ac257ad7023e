"""The record of what edgeq wrote into a module, by which a later run knows its own files and what a person changed.

It lies in the module's folder, beside the build file, and belongs into version control with the app. Format history
(``version``):

* 1: first version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from edgeq.android.constants import ASSETS, CLASS
from edgeq.errors import OutputError
from edgeq.files import sha256_bytes

VERSION = 1
RECORD = "edgeq-android.json"

_MOST_BYTES = 1 << 20
_TEXTS = frozenset({".kt", ".java", ".json", ".txt"})
_ASSETS_FOLDER = PurePosixPath("src/main/assets") / ASSETS


@dataclass(frozen=True)
class Record:
    """What edgeq wrote.

    Attributes:
        model: name of the bundle's model.
        files: digests that a file may have, by its path in the module. There are two of them while a run is going on:
            of the old content and of the new.
        is_demo: whether the module is that of the demo app, which reads ``bundle.json`` and needs no class.
    """

    model: str = ""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_demo: bool = False

    def to_text(self) -> str:
        """As JSON."""
        files = {name: list(digests) for name, digests in sorted(self.files.items())}
        demo = {"demo": True} if self.is_demo else {}
        value = {"format": "edgeq-android", "version": VERSION, "model": self.model, **demo, "files": files}
        return json.dumps(value, indent=1) + "\n"


def content_digest(name: str, content: bytes) -> str:
    """SHA-256 of a file; of a text without regard to its line breaks, which version control may change."""
    is_text = PurePosixPath(name).suffix in _TEXTS
    return sha256_bytes(content.replace(b"\r\n", b"\n") if is_text else content)


def read_record(module: Path) -> Record:
    """The record of a module; an empty one where there is none.

    Raises:
        OutputError: it cannot be read, or names files that edgeq writes nowhere.
    """
    path = module / RECORD
    if not path.exists():
        return Record()
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
        value = json.loads(path.read_text(encoding="utf-8"))
        version = value["version"] if value.get("format") == "edgeq-android" else None
        if type(version) is not int or version < 1:
            raise ValueError("expected the format 'edgeq-android'")
        if version > VERSION:
            raise OutputError(f"{path} has version {version}, this edgeq reads up to {VERSION}: update edgeq")
        files = {_checked(name): tuple(map(str, digests)) for name, digests in value["files"].items()}
        return Record(str(value["model"]), files, value.get("demo") is True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OutputError(
            f"{path} is damaged ({' '.join(str(error).split())[:80]}): restore it, or delete it and add --force"
        ) from error


def known_record(module: Path, *, force: bool) -> Record:
    """The record of a module; with `force` an empty one in the place of a damaged one.

    Raises:
        OutputError: as `read_record`, without `force`.
    """
    try:
        return read_record(module)
    except OutputError:
        if force:
            return Record()
        raise


def _checked(name: Any) -> str:
    """A path that edgeq writes; others must not be touched, whatever the record says."""
    path = PurePosixPath(str(name))
    is_asset = path.parent == _ASSETS_FOLDER
    is_source = path.parts[:2] == ("src", "main") and path.name in (f"{CLASS}.kt", f"{CLASS}.java")
    if ".." in path.parts or not (is_asset or is_source):
        raise ValueError(f"it names {str(name)[:40]!r}")
    return str(path)
