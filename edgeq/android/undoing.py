"""Takes back what a failed run wrote into a module, from memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeq.android.assets_folder import is_asset, replace_assets
from edgeq.errors import EdgeqError, OutputError
from edgeq.files import write_atomic


@contextmanager
def undone_on_failure(module: Path, names: Collection[str], others: Collection[Path]) -> Iterator[None]:
    """Brings files back as they were when the block fails; a kill is nothing that can be met here.

    Args:
        module: its folder.
        names: paths in the module of the files that the block writes or removes.
        others: files that it writes as well, in the order that they are brought back, after the former.

    Raises:
        OutputError: the block failed, and something could not be brought back.
    """
    assets = {name: content_of(module / name) for name in names if is_asset(name)}
    paths = [module / name for name in sorted(names) if not is_asset(name)] + list(others)
    texts = {path: content_of(path) for path in paths}
    missing = _missing_folders([*(module / name for name in names), *others])
    try:
        yield
    except BaseException as error:
        try:
            _restore_assets(module, assets)
            for path, content in texts.items():
                _restore(path, content)
        except (OSError, EdgeqError) as second:
            reason = f"{second.filename}: {second.strerror}" if isinstance(second, OSError) else str(second)
            raise OutputError(
                f"{error}; some files are new already and could not be taken back ({reason}): run again once there is "
                "room, which makes it good"
            ) from error
        finally:
            for folder in missing:
                with suppress(OSError):
                    folder.rmdir()
        raise


def content_of(path: Path) -> bytes | None:
    """What is in a file; None where there is no file."""
    return path.read_bytes() if path.is_file() else None


def _restore_assets(module: Path, before: dict[str, bytes | None]) -> None:
    if all(content_of(module / name) == content for name, content in before.items()):
        return
    gone = [name for name, content in before.items() if content is None]
    replace_assets(module, {name: content for name, content in before.items() if content is not None}, gone)


def _restore(path: Path, before: bytes | None) -> None:
    if before is None:
        if path.is_file():
            path.unlink()
    elif content_of(path) != before:
        write_atomic(path, before)


def _missing_folders(paths: Collection[Path]) -> list[Path]:
    """Folders of files that are not there yet, the innermost first."""
    found = {parent for path in paths for parent in path.parents if not parent.exists()}
    return sorted(found, key=lambda folder: len(folder.parts), reverse=True)
