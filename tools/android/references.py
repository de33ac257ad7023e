"""Finds what an app's bytecode refers to and a device has not got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import tomllib

from tools.android.class_files import Jar, OlderJava
from tools.android.commands import jdk_home
from tools.android.dex_files import DexClasses, dex_files
from tools.android.members import Member, Universe
from tools.android.sdk import LEAST_API, TARGET_API, framework, least_framework

NEWER_APIS = Path(__file__).with_name("newer_apis.toml")
"""What the app uses of newer Android releases than the oldest that it runs on, and how it makes sure of them."""

_FORMAT = ("dalvik/annotation/", "com/android/tools/r8/annotations/")
"""Names that are part of the file format, or marks that D8 removes when it merges files, and of no library."""

_RUNTIME = "org/tensorflow/lite/Interpreter"


def unresolved(apk: Path) -> list[str]:
    """References that lead nowhere on a device of the API level that the app is made for.

    The framework's classes are those of a device; of Java's own, which are not among them, the public ones of Java 8.

    Args:
        apk: the app, or a zip with its bytecode.

    Returns:
        A line for each, and one where the runtime is not in the app.
    """
    files = dex_files(apk)
    own = DexClasses(files)
    known = Universe([own, Jar(framework()), OlderJava(jdk_home(), "8")])
    wanted = sorted({reference for file in files for reference in file.references()})
    lines = [f"{one} is neither in the app nor in Android {TARGET_API}" for one in _missing(wanted, known)]
    if own.find(_RUNTIME) is None:
        lines.append(f"the app's bytecode has no class {_RUNTIME.replace('/', '.')}")
    return lines


def too_new(own: Path, apk: Path, declared: Mapping[str, str] | None = None) -> list[str]:
    """What the app's own classes use that the oldest Android has not got, and that is not declared.

    Libraries are left out: Kotlin's standard library has parts for newer releases that only those who call them need.
    Classes of ``java.lang`` are compared with Java 7 where the JDK still knows that, otherwise with Java 8.

    Args:
        own: zip with the bytecode of the app's own classes, desugared.
        apk: the app.
        declared: references and how the app makes sure of them; None for those of ``newer_apis.toml``.

    Returns:
        A line for each, and one for each that is declared but not used.
    """
    told = tomllib.loads(NEWER_APIS.read_text("utf-8")) if declared is None else declared
    files = dex_files(own)
    app = [DexClasses(files), DexClasses(dex_files(apk))]
    known = Universe([*app, Jar(least_framework()), OlderJava(jdk_home(), "78")])
    wanted = sorted({reference for file in files for reference in file.references()})
    used, lines = set(), []
    for one in map(str, _missing(wanted, known)):
        entry = next(
            (entry for entry in told if one == entry or one.startswith((f"{entry}.", f"{entry}$"))), None
        )
        if entry is None:
            lines.append(
                f"{one} is not in Android {LEAST_API}: look at SDK_INT first and say so in {NEWER_APIS.name}"
            )
        used.add(entry)
    return lines + [f"{NEWER_APIS.name}: the app does not use {entry}" for entry in sorted(set(told) - used)]


def _missing(wanted: Sequence[Member], known: Universe) -> list[Member]:
    return [one for one in wanted if not one.owner.startswith(_FORMAT) and not known.has(one)]
