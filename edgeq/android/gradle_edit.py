"""Adds to a build file that ``.tflite`` assets are not compressed, and changes nothing else in it.

A compressed asset cannot be mapped into memory. The Android Gradle plugin leaves ``.tflite`` alone by itself since
version 4.1; the line makes it certain, and says it to readers. The block for it is called ``androidResources`` since
version 7.0 of that plugin, ``aaptOptions`` before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from edgeq.android.gradle_text import (
    KOTLIN,
    Block,
    GradleText,
    UnclearGradleError,
    blocks,
    parse_gradle,
    statements,
)

_NEW, _OLD = "androidResources", "aaptOptions"

_EVERYTHING_OR_TFLITE = re.compile(r"""["']\.?(?:tflite)?["']""", re.ASCII)
"""An empty ending means every file."""

_INDENT = "    "

_NEW_BLOCK = 7
"""The Android plugin's major version that brought ``androidResources``."""


@dataclass(frozen=True)
class Edit:
    """A build file as it should be.

    Attributes:
        text: of the file.
        line: what was added, without line break; empty where it was there already.
        problem: why nothing could be added, as part of a sentence; empty where all is well.
        by_hand: what a person would add then; empty where all is well.
        note: what to know of the line, a sentence; empty where there is nothing.
    """

    text: str
    line: str = ""
    problem: str = ""
    by_hand: str = ""
    note: str = ""


def line_to_add(language: str, plugin_version: str | None = None) -> str:
    """What a person would add to a module's build file.

    Args:
        language: as in `with_no_compress`.
        plugin_version: likewise.
    """
    return (
        f"android {{ {_OLD if _is_old(plugin_version) else _NEW} {{ {_said(language, plugin_version)} }} }}"
    )


def with_no_compress(text: str, language: str, plugin_version: str | None = None) -> Edit:
    """Makes sure that a build file says that ``.tflite`` is not compressed.

    Args:
        text: of a module's ``build.gradle`` or ``build.gradle.kts``.
        language: ``Kotlin`` or ``Groovy``.
        plugin_version: of the Android plugin; None where it is not known, which is taken for a new one.

    Returns:
        The file with one line or block more inside of its block ``android``; unchanged where it says so already, or
        where it cannot be told for certain what belongs where.
    """
    try:
        parsed = parse_gradle(text, language)
        if _has_no_compress(parsed):
            return Edit(text)
        found = blocks(parsed, "android")
        if not found:
            raise UnclearGradleError("it has no block android { } at its top level")
        edit = _checked(parsed, *_insertion(parsed, found[0], plugin_version))
    except UnclearGradleError as error:
        note = _note(language) if plugin_version is None else ""
        return Edit(text, problem=str(error), by_hand=line_to_add(language, plugin_version), note=note)
    if plugin_version is None and edit.line.startswith(_NEW):
        return replace(edit, note=_note(language))
    return edit


def _is_old(plugin_version: str | None) -> bool:
    return plugin_version is not None and int(plugin_version.partition(".")[0]) < _NEW_BLOCK


def _said(language: str, plugin_version: str | None) -> str:
    return _with_function(language) if _is_old(plugin_version) else _added(language)


def _note(language: str) -> str:
    return (
        f"the version of the Android plugin is not readable: {_NEW} is a block of 7.0 and newer, older ones take "
        f"{_OLD} {{ {_with_function(language)} }} in its place"
    )


def _has_no_compress(parsed: GradleText) -> bool:
    return any(_EVERYTHING_OR_TFLITE.search(statement) for statement in statements(parsed, "noCompress"))


def _insertion(parsed: GradleText, android: Block, plugin_version: str | None) -> tuple[int, str]:
    """Where to add what."""
    resources = blocks(parsed, _NEW, android.body, android.end)
    options = blocks(parsed, _OLD, android.body, android.end)
    if resources:
        return _into_block(parsed, resources[0], _added(parsed.language))
    if options:
        return _into_block(parsed, options[0], _with_function(parsed.language))
    newline, indent = _newline(parsed.text), _indent_inside(parsed, android)
    step = "\t" if "\t" in indent else _INDENT
    name = _OLD if _is_old(plugin_version) else _NEW
    said = _said(parsed.language, plugin_version)
    body = newline.join((f"{indent}{name} {{", f"{indent}{step}{said}", f"{indent}}}"))
    return _before_end(parsed, android, body)


def _added(language: str) -> str:
    return 'noCompress += "tflite"' if language == KOTLIN else "noCompress 'tflite'"


def _with_function(language: str) -> str:
    """In the block of the old name, whose property is read-only in some versions; the function is there in all."""
    return 'noCompress("tflite")' if language == KOTLIN else "noCompress 'tflite'"


def _into_block(parsed: GradleText, block: Block, line: str) -> tuple[int, str]:
    return _before_end(parsed, block, _indent_inside(parsed, block) + line)


def _before_end(parsed: GradleText, block: Block, lines: str) -> tuple[int, str]:
    """The lines as the last ones of a block; on one line where its closing brace shares its line with code."""
    newline, text = _newline(parsed.text), parsed.text
    line_start = text.rfind("\n", 0, block.end) + 1
    if line_start > block.body and not text[line_start : block.end].strip(" \t"):
        return line_start, lines + newline
    at = block.body + len(text[block.body : block.end].rstrip(" \t"))
    code = parsed.code[block.body : block.end].rstrip()
    between = "" if not code or code[-1] in "{;" else ";"
    return at, f"{between} {' '.join(lines.split())}{'' if at < block.end else ' '}"


def _newline(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _indent_of(text: str, position: int) -> str:
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _indent_inside(parsed: GradleText, block: Block) -> str:
    """That of the block's first line of code; one step more than the block's own where it has none."""
    for match in re.finditer(
        r"^([ \t]*)(?=[^\s}])", parsed.uncommented[block.body : block.end], re.MULTILINE
    ):
        if match.start() > 0:
            return match.group(1)
    outer = _indent_of(parsed.text, block.start)
    return outer + ("\t" if "\t" in outer else _INDENT)


def _checked(parsed: GradleText, position: int, addition: str) -> Edit:
    """The edited file, once it was read again and found to say what it should."""
    text = parsed.text[:position] + addition + parsed.text[position:]
    if not _has_no_compress(parse_gradle(text, parsed.language)):
        raise UnclearGradleError("a line in its block android { } would be none of its code")
    return Edit(text, " ".join(addition.split()).removeprefix("; "))
