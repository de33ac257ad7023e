"""What lies around edgeq's files in a module and bears on them: other classes of that name, and other assets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from edgeq.android.app_module import AppModule
from edgeq.android.constants import ASSETS, CLASS
from edgeq.android.gradle_text import UnclearGradleError, parse_gradle
from edgeq.errors import OutputError

_MOST_NAMED = 4
_OWN_FOLDERS = re.compile(r"\bassets\s*(?:\.|\{)\s*(?:srcDirs?|setSrcDirs|directories)\b", re.ASCII)


def refuse_other_class(module: AppModule, own: Collection[str]) -> None:
    """Refuses a second class of the name of edgeq's in its package, in the other language or the other folder.

    Args:
        module: that edgeq's class goes into.
        own: paths in the module of the files that edgeq wrote there and is going to write.

    Raises:
        OutputError: there is one that is not edgeq's.
    """
    package = Path(*module.namespace.split("."))
    for folder in ("java", "kotlin"):
        for suffix in (".kt", ".java"):
            path = module.main / folder / package / f"{CLASS}{suffix}"
            if path.is_file() and path.relative_to(module.folder).as_posix() not in own:
                raise OutputError(
                    f"{path} is not edgeq's, and its class would be there twice: move it away or rename it"
                )


def notes_on_assets(module: AppModule, own: Collection[str]) -> Iterator[str]:
    """What a user should know of other assets, one sentence each.

    Args:
        module: with edgeq's files.
        own: their paths in the module.
    """
    if _OWN_FOLDERS.search(_code(module)):
        yield (
            f"{module.build_file} sets folders of assets: edgeq puts its files into src/main/assets, which must be one "
            "of them"
        )
    others = [
        path.relative_to(module.folder).as_posix()
        for path in sorted(module.folder.glob(f"src/*/assets/{ASSETS}"))
        if path.parent.parent.name != "main"
    ]
    if others:
        yield (
            f"{_listed(others)}: files there come before those of the same name in src/main, and edgeq does not change "
            "them"
        )
    orphans = [
        path.name
        for path in sorted((module.main / "assets" / ASSETS).glob("*.tflite"))
        if path.relative_to(module.folder).as_posix() not in own
    ]
    if orphans:
        yield (
            f"in assets/{ASSETS} but not of the bundle, and in the app all the same: {_listed(orphans)}; delete what "
            "the app does not use"
        )


def _code(module: AppModule) -> str:
    try:
        return parse_gradle(module.build_text, module.language).code
    except UnclearGradleError:
        return module.build_text


def _listed(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
