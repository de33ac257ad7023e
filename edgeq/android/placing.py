"""Puts files into a module: all is looked at before anything is written, and what fails is taken back.

The assets change at once, each other file at once. A kill between them leaves new assets beside an old class: the
record is written first, with the digests of the old files and of the new, so that whatever a kill leaves is known to
the next run as edgeq's own, and made good by it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeq.android.app_module import BUILD_FILES
from edgeq.android.assets_folder import ASSETS_FOLDER, check_assets, is_asset, replace_assets
from edgeq.android.record import RECORD, Record, content_digest, known_record
from edgeq.android.undoing import content_of, undone_on_failure
from edgeq.errors import OutputError
from edgeq.files import check_file, sweep, write_atomic

WRITTEN, UNCHANGED, REMOVED = "written", "unchanged", "removed"


@dataclass(frozen=True)
class PlacedFile:
    """A file in a module.

    Attributes:
        path: of it.
        size_bytes: of it; 0 where it was removed.
        state: ``written``, ``unchanged`` or ``removed``.
    """

    path: Path
    size_bytes: int
    state: str


def place(
    module: Path, model: str, files: Mapping[str, bytes], texts: Mapping[Path, str], *, force: bool = False
) -> tuple[PlacedFile, ...]:
    """Writes edgeq's own files into a module, and removes those of an earlier run that are not among them.

    Args:
        module: its folder.
        model: name of the bundle's model, for the record.
        files: edgeq's own by path in the module, in the assets' folder and beside the app's sources.
        texts: new contents of files that are not edgeq's, such as the build file.
        force: whether files that a person changed are overwritten.

    Returns:
        What became of each file, edgeq's own first.

    Raises:
        OutputError: files were changed by a person, or something cannot be written.
    """
    record = known_record(module, force=force)
    with in_its_place():
        _sweep(module, {*files, *record.files}, texts)
    stale = {name for name in record.files if name not in files and (module / name).is_file()}
    if not force:
        _refuse_changed(module, files, stale, record)
    new = {name: content_digest(name, content) for name, content in files.items()}
    changed = {name for name, content in files.items() if content_of(module / name) != content}
    pending = {
        name: tuple(dict.fromkeys((*record.files.get(name, ()), digest))) for name, digest in new.items()
    }
    pending |= {name: record.files[name] for name in stale}
    final = Record(model, {name: (digest,) for name, digest in new.items()}, record.is_demo)
    with in_its_place(), undone_on_failure(module, changed | stale, [*texts, module / RECORD]):
        _check_writable(module, changed | stale, texts)
        if changed or stale:
            write_atomic(module / RECORD, Record(model, pending, record.is_demo).to_text())
        if any(is_asset(name) for name in changed | stale):
            replace_assets(module, files, stale)
        _write_others(module, files, changed, stale, texts)
        if content_of(module / RECORD) != final.to_text().encode():
            write_atomic(module / RECORD, final.to_text())
    placed = [_placed(module, name, files[name], name in changed) for name in files]
    return (*placed, *(PlacedFile(module / name, 0, REMOVED) for name in sorted(stale)))


def _placed(module: Path, name: str, content: bytes, is_new: bool) -> PlacedFile:
    return PlacedFile(module / name, len(content), WRITTEN if is_new else UNCHANGED)


def _refuse_changed(module: Path, files: Mapping[str, bytes], stale: set[str], record: Record) -> None:
    changed = []
    for name in (*files, *sorted(stale)):
        content = content_of(module / name)
        if content is None:
            if (module / name).exists():
                raise OutputError(f"{module / name} is a folder: expected a file of edgeq's or nothing there")
            continue
        digest = content_digest(name, content)
        is_new = name in files and digest == content_digest(name, files[name])
        if digest not in record.files.get(name, ()) and not is_new:
            changed.append(str(module / name))
    if changed:
        them = "it" if len(changed) == 1 else "them"
        raise OutputError(
            f"{', '.join(changed[:4])}: not as edgeq wrote {them}, or not written by edgeq: move {them} away, or "
            f"overwrite {them} with --force"
        )


def _sweep(module: Path, names: Collection[str], texts: Collection[Path]) -> None:
    """Removes what killed runs left, wherever they write."""
    others = [module / name for name in (*sorted(names), RECORD, *BUILD_FILES) if not is_asset(name)]
    for path in dict.fromkeys((module / ASSETS_FOLDER, *others, *texts)):
        sweep(path)


def _check_writable(module: Path, names: set[str], texts: Mapping[Path, str]) -> None:
    if names:
        check_file(module / RECORD)
    if any(map(is_asset, names)):
        check_assets(module)
    for path in (*(module / name for name in sorted(names)), *texts, module / RECORD):
        # A file that is read-only would be replaced by renaming: its owner meant it to stay.
        if path.exists() and not os.access(
            path, os.W_OK, effective_ids=os.access in os.supports_effective_ids
        ):
            raise OutputError(f"{path} is read-only: make it writable")
    for path in (*(module / name for name in sorted(names) if not is_asset(name)), *texts):
        path.parent.mkdir(parents=True, exist_ok=True)
        check_file(path)


def _write_others(
    module: Path, files: Mapping[str, bytes], changed: set[str], stale: set[str], texts: Mapping[Path, str]
) -> None:
    for name in sorted(changed):
        if not is_asset(name):
            write_atomic(module / name, files[name])
    for path, text in texts.items():
        write_atomic(path, text)
    for name in stale:
        if not is_asset(name):
            (module / name).unlink(missing_ok=True)


@contextmanager
def in_its_place() -> Iterator[None]:
    """Takes the advice to write elsewhere with ``-o`` out of errors: an app has its place."""
    try:
        yield
    except OutputError as error:
        text = str(error)
        for advice in (
            "; write elsewhere",
            " or write elsewhere",
            " or name another folder",
            ": name another folder",
        ):
            text = text.replace(f"{advice} with -o", "")
        raise OutputError(text.replace("name another one with -o", "name another one")) from error
    except OSError as error:
        raise OutputError(
            f"{error.filename or 'the app'} cannot be written: {error.strerror or error}"
        ) from error
