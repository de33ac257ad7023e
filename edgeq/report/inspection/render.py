"""A document as text in any of its formats, and which format a file's suffix asks for."""

from __future__ import annotations

from pathlib import PurePath

from edgeq.report.inspection.document import Document
from edgeq.report.output_format import as_text, format_of_suffix, unknown_format

FORMATS = ("json", "html", "txt")
"""Also the suffixes."""


def format_of(path: str | PurePath) -> str:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: no format has that suffix.
    """
    return format_of_suffix(path, FORMATS)


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
    if format == "txt":
        from edgeq.report.inspection.console import print_document

        return as_text(lambda console: print_document(document, console, layers=layers))
    raise unknown_format(format, FORMATS)
