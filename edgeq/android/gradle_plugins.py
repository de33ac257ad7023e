"""Which plugins a module's build file applies: whether it is an Android app or library, and whether it has Kotlin."""

from __future__ import annotations

import re

from edgeq.android.gradle_catalog import Catalog, accessor
from edgeq.android.gradle_text import GradleText

APPLICATION, LIBRARY = "com.android.application", "com.android.library"

_APPLIED = re.compile(
    r"""\b(?:id|apply\s*\(\s*plugin\s*=|apply\s+plugin\s*:|plugins\.apply)[\s(]*["']([\w.\-]+)["']([^\n;}]*)""",
    re.ASCII,
)
_KOTLIN_SHORT = re.compile(r"""\bkotlin\s*\(\s*["']([\w.\-]+)["']\s*\)([^\n;}]*)""", re.ASCII)
_ALIAS = re.compile(r"\balias\s*\(\s*libs\.plugins\.([\w.]+?)(?:\.get\(\))?\s*\)([^\n;}]*)", re.ASCII)
_APPLY_FALSE = re.compile(r"\bapply[\s(]+false\b")
_OWN_PLUGIN = re.compile(r"[\w\-.]+\.android[.\-](application|library)(?:[.\-][\w.\-]+)?", re.ASCII)
"""Larger projects wrap the plugins in ones of their own, called ``myapp.android.application.compose``."""

_KOTLIN = frozenset({"kotlin-android", "org.jetbrains.kotlin.android", "org.jetbrains.kotlin.multiplatform"})


def applied_plugins(parsed: GradleText, catalog: Catalog) -> tuple[str, ...]:
    """Ids of the plugins that a build file applies; aliases are looked up in the project's version catalog.

    Args:
        parsed: the build file.
        catalog: of its project.
    """
    # A root project names the plugins of its modules so that all get one version, and applies none of them.
    named = _named_plugins(parsed, catalog)
    return tuple(dict.fromkeys(name for name, rest in named if not _APPLY_FALSE.search(rest)))


def unapplied_plugins(parsed: GradleText, catalog: Catalog) -> tuple[str, ...]:
    """Ids of the plugins that a build file names with ``apply false``."""
    named = _named_plugins(parsed, catalog)
    return tuple(dict.fromkeys(name for name, rest in named if _APPLY_FALSE.search(rest)))


def _named_plugins(parsed: GradleText, catalog: Catalog) -> list[tuple[str, str]]:
    """Ids, each with what follows on its line."""
    text = parsed.uncommented
    found = [(match.group(1), match.group(2)) for match in _APPLIED.finditer(text)]
    found += [
        (f"org.jetbrains.kotlin.{match.group(1)}", match.group(2)) for match in _KOTLIN_SHORT.finditer(text)
    ]
    for match in _ALIAS.finditer(text):
        entry = catalog.plugins.get(accessor(match.group(1)))
        found.append((_usual_id(match.group(1)) if entry is None else entry.name, match.group(2)))
    return found


def android_plugin(plugins: tuple[str, ...]) -> str | None:
    """``com.android.application`` or ``com.android.library``, also by a plugin of the project's own, or None."""
    for name in plugins:
        if name in (APPLICATION, LIBRARY):
            return name
    for name in plugins:
        own = _OWN_PLUGIN.fullmatch(name)
        if own:
            return APPLICATION if own.group(1) == "application" else LIBRARY
    return None


def other_android_plugin(plugins: tuple[str, ...]) -> str | None:
    """A plugin of Android's that makes no app and no library, such as ``com.android.test``, or None."""
    return next((name for name in plugins if name.startswith("com.android.")), None)


def has_kotlin(plugins: tuple[str, ...]) -> bool:
    """Whether a plugin compiles Kotlin."""
    return not _KOTLIN.isdisjoint(plugins)


def _usual_id(name: str) -> str:
    """What an alias most often stands for, where the catalog is out of sight."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    if "kotlin" in plain and "android" in plain:
        return "org.jetbrains.kotlin.android"
    for kind, plugin in (("androidapplication", APPLICATION), ("androidlibrary", LIBRARY)):
        if plain.endswith(kind):
            return plugin
    return name
