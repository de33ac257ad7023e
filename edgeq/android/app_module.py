"""A module of an Android project: recognised by its build file and its folders, before anything is written into it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgeq.android.gradle_catalog import Catalog, read_catalog
from edgeq.android.gradle_plugins import (
    APPLICATION,
    LIBRARY,
    android_plugin,
    applied_plugins,
    has_kotlin,
    other_android_plugin,
    unapplied_plugins,
)
from edgeq.android.gradle_text import (
    GROOVY,
    KOTLIN,
    GradleText,
    UnclearGradleError,
    parse_gradle,
    statements,
)
from edgeq.android.gradle_versions import Dependency, plugin_version, runtime_dependencies
from edgeq.errors import UsageError

BUILD_FILES = {"build.gradle.kts": KOTLIN, "build.gradle": GROOVY}
"""Names with their language; where both are there, Gradle takes the second."""

_MOST_TEXT_BYTES = 1 << 18
"""Of a build file or a manifest, which have some thousand."""

_MOST_FOLDERS = 2000
_DEEPEST = 4
_NEVER = frozenset({"build", "src", "node_modules", "gradle", "out"})
_NAMESPACE = re.compile(r"""\s*(?:=\s*|\(\s*)?(["'])([^"'\n]*)\1""")
_PACKAGE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_MANIFEST_PACKAGE = re.compile(r"""<manifest\b[^>]*?\spackage\s*=\s*["']([^"']*)["']""", re.DOTALL)


@dataclass(frozen=True)
class AppModule:
    """A module that a bundle can be put into.

    Attributes:
        folder: of the module.
        build_file: its ``build.gradle`` or ``build.gradle.kts``.
        language: that the build file is written in, ``Kotlin`` or ``Groovy``.
        build_text: content of the build file, with its own line breaks.
        namespace: package of its generated classes, such as ``com.example.app``.
        is_library: whether it is a library and no app.
        writes_kotlin: whether Kotlin sources are compiled; else only Java is.
        source_folder: of sources in that language, such as ``src/main/java``; need not be there.
        plugin_version: of the Android plugin; None where it is not readable.
        runtimes: that the module depends on, as far as its build file or its project's catalog tells.
        notes: on how it was found, one sentence each.
    """

    folder: Path
    build_file: Path
    language: str
    build_text: str
    namespace: str
    is_library: bool
    writes_kotlin: bool
    source_folder: Path
    plugin_version: str | None = None
    runtimes: tuple[Dependency, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def main(self) -> Path:
        """The folder ``src/main``."""
        return self.folder / "src" / "main"


def find_module(path: Path) -> AppModule:
    """The module at a path, or the only one of the project there, or its only app beside libraries.

    Args:
        path: a module's folder or a project's.

    Raises:
        UsageError: it is neither, or the project has several apps, or several libraries and no app.
    """
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing of that name"
        raise UsageError(
            f"{path}: expected the folder of an Android app's module, found {found}; edgeq android --new DIR writes "
            "a new app"
        )
    found_here = _opened(path)
    if found_here is not None and android_plugin(found_here.plugins) is not None:
        return _module(path, found_here)
    passed_over: list[str] = []
    modules = list(_modules_below(path, passed_over))
    if len(modules) == 1:
        return _module(*modules[0])
    apps = [(folder, opened) for folder, opened in modules if android_plugin(opened.plugins) == APPLICATION]
    if len(apps) == 1:
        note = f"{apps[0][0]} is the only app of {len(modules)} Android modules: --into takes another one as well"
        return replace(_module(*apps[0]), notes=(note,))
    if modules:
        listed = ", ".join(str(folder) for folder, _ in modules)
        raise UsageError(f"{path} has {len(modules)} Android modules: say which one after --into: {listed}")
    raise UsageError(_nothing_found(path, found_here, passed_over))


@dataclass(frozen=True)
class _Opened:
    """A build file that was read."""

    path: Path
    parsed: GradleText
    plugins: tuple[str, ...]
    unapplied: tuple[str, ...]
    catalog: Catalog


def _opened(folder: Path) -> _Opened | None:
    """The build file of a folder; None where there is none.

    Raises:
        UsageError: it cannot be read, or its parts cannot be told apart.
    """
    path = next((folder / name for name in reversed(BUILD_FILES) if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        if path.stat().st_size > _MOST_TEXT_BYTES:
            raise UsageError(
                f"{path} has more than {_MOST_TEXT_BYTES >> 10} KiB: expected a Gradle build file"
            )
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} cannot be read: expected UTF-8, found byte {error.object[error.start]:#04x} at {error.start}; "
            "save it as UTF-8"
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    language = BUILD_FILES[path.name]
    try:
        parsed = parse_gradle(text, language)
    except UnclearGradleError:
        # Enough to see what module it is; what is to be changed in it is looked at again.
        parsed = GradleText(text, language, text, text)
    catalog = read_catalog(folder)
    return _Opened(
        path, parsed, applied_plugins(parsed, catalog), unapplied_plugins(parsed, catalog), catalog
    )


def _modules_below(root: Path, passed_over: list[str]) -> Iterator[tuple[Path, _Opened]]:
    """Modules, and in words what looks like one and is none."""
    seen = 0
    for parent, names, files in os.walk(root):
        folder = Path(parent)
        depth = len(folder.relative_to(root).parts)
        names[:] = sorted(
            name for name in names if depth < _DEEPEST and name not in _NEVER and not name.startswith(".")
        )
        seen += 1
        if seen > _MOST_FOLDERS:
            raise UsageError(f"{root} has too many folders to look for a module in: name the module itself")
        if folder == root or BUILD_FILES.keys().isdisjoint(files):
            continue
        opened = _opened(folder)
        if opened is None:
            continue
        why_not = _why_no_module(folder, opened)
        if why_not is None:
            yield folder, opened
        elif why_not:
            passed_over.append(f"{folder} {why_not}")


def _why_no_module(folder: Path, opened: _Opened) -> str | None:
    """Why a folder is none; None where it is one, and empty where it has nothing of Android."""
    if android_plugin(opened.plugins) is None:
        other = other_android_plugin(opened.plugins)
        unapplied = android_plugin(opened.unapplied)
        return f"applies {other}" if other else f"has {unapplied} apply false" if unapplied else ""
    if (folder / "src" / "main").is_dir():
        return None
    source_sets = sorted(entry.name for entry in _entries(folder / "src"))[:4]
    return f"has no src/main, but {', '.join(f'src/{name}' for name in source_sets) or 'no src at all'}"


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _nothing_found(path: Path, opened: _Opened | None, passed_over: list[str]) -> str:
    expected = (
        f"{path}: expected a module of an Android app: a build.gradle(.kts) that applies com.android.application or "
        "com.android.library, and src/main"
    )
    if passed_over:
        return f"{expected}; passed over {', '.join(passed_over[:4])}"
    if opened is None:
        entries = sorted(entry.name for entry in path.iterdir())[:4]
        return f"{expected}; found {', '.join(entries) if entries else 'an empty folder'}"
    named = [*opened.plugins, *(f"{name} apply false" for name in opened.unapplied)]
    return f"{expected}; found {opened.path.name} with {', '.join(named[:4]) or 'no plugin'}"


def _module(folder: Path, opened: _Opened) -> AppModule:
    main = folder / "src" / "main"
    if not main.is_dir():
        raise UsageError(f"{folder}: expected a folder src/main in an Android module, found none")
    writes_kotlin = _writes_kotlin(main, opened)
    return AppModule(
        folder=folder,
        build_file=opened.path,
        language=opened.parsed.language,
        build_text=opened.parsed.text,
        namespace=_namespace(folder, opened),
        is_library=android_plugin(opened.plugins) == LIBRARY,
        writes_kotlin=writes_kotlin,
        source_folder=_source_folder(main, writes_kotlin),
        plugin_version=plugin_version(opened.parsed, folder, opened.catalog),
        runtimes=runtime_dependencies(opened.parsed, folder, opened.catalog),
    )


def _writes_kotlin(main: Path, opened: _Opened) -> bool:
    """By its plugin; since version 9 the Android plugin has Kotlin by itself, so options and sources count as well."""
    if has_kotlin(opened.plugins) or next(main.glob("*/**/*.kt"), None) is not None:
        return True
    return next(statements(opened.parsed, "kotlin"), "").lstrip().startswith("{")


def _source_folder(main: Path, writes_kotlin: bool) -> Path:
    names = ("kotlin", "java") if writes_kotlin else ("java",)
    return next((main / name for name in names if (main / name).is_dir()), main / "java")


def _namespace(folder: Path, opened: _Opened) -> str:
    parsed = opened.parsed
    for rest in statements(parsed, "namespace"):
        match = _NAMESPACE.match(rest)
        if match and _PACKAGE.fullmatch(match.group(2)):
            return match.group(2)
    manifest = folder / "src" / "main" / "AndroidManifest.xml"
    try:
        text = manifest.read_text(encoding="utf-8-sig") if _is_small(manifest) else ""
    except (OSError, UnicodeDecodeError):
        text = ""
    match = _MANIFEST_PACKAGE.search(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    if match and _PACKAGE.fullmatch(match.group(1)):
        return match.group(1)
    assignment = "= " if parsed.language == KOTLIN else ""
    raise UsageError(
        f'{opened.path}: expected a namespace such as android {{ namespace {assignment}"com.example.app" }}, found none'
        ": write it there, also beside a plugin of the project's own, for edgeq writes a class into that package"
    )


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MOST_TEXT_BYTES
