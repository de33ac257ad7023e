"""A document as text in any of its formats, and which format a file's suffix asks for."""

from __future__ import annotations

import io
from pathlib import PurePath

from edgeq.errors import UsageError
from edgeq.report.inspection.document import Document

FORMATS = ("json", "html", "txt")
"""Also the suffixes."""

_TEXT_COLUMNS = 120
"""Width of a text file, that of a pipe."""


def format_of(path: str | PurePath) -> str:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: no format has that suffix.
    """
    suffix = PurePath(path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise UsageError(
            f"{path}: unknown format {suffix!r}: expected a file that ends in .json, .html or .txt"
        )
    return suffix


def render(document: Document, format: str, *, layers: bool | None = None) -> str:  # noqa: A002 - the option's name
    """Renders a document.

    Args:
        document: what to show.
        format: one of `FORMATS`.
        layers: as in `edgeq.report.inspection.console.print_document`, for text; a file without an end lists all.

    Returns:
        The whole file, with a newline at its end.

    Raises:
        UsageError: there is no such format.
        MissingExtraError: HTML without the packages of the extra ``report``.
    """
    if format == "json":
        from edgeq.report.inspection.json_format import to_json_text

        return to_json_text(document)
    if format == "html":
        from edgeq.report.inspection.html import to_html

        return to_html(document)
    if format != "txt":
        raise UsageError(f"unknown format {format!r}: expected {', '.join(FORMATS)}")
    return _text(document, layers)


def _text(document: Document, layers: bool | None) -> str:
    from rich.console import Console

    from edgeq.report.inspection.console import print_document

    stream = io.StringIO()
    print_document(
        document,
        Console(file=stream, width=_TEXT_COLUMNS, highlight=False, force_terminal=False, color_system=None),
        layers=layers,
    )
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
