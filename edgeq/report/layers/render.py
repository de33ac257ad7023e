"""An analysis as text in any of its formats, and which format a file's suffix asks for."""

from __future__ import annotations

import io
from pathlib import PurePath

from edgeq.errors import UsageError
from edgeq.layers.structure import LayerAnalysis

FORMATS = ("html", "json", "txt")
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
            f"{path}: unknown format {suffix!r}: expected a file that ends in .html, .json or .txt"
        )
    return suffix


def render(analysis: LayerAnalysis, format: str, *, target: str) -> str:  # noqa: A002 - the option's name
    """Renders an analysis with all its layers.

    Args:
        analysis: what to show.
        format: one of `FORMATS`.
        target: the bundle or file as it was named on the command line.

    Returns:
        The whole file, with a newline at its end.

    Raises:
        UsageError: there is no such format.
        MissingExtraError: HTML without the packages of the extra ``report``.
    """
    if format == "json":
        from edgeq.report.layers.json_format import to_json_text

        return to_json_text(analysis)
    if format == "html":
        from edgeq.report.layers.html import to_html

        return to_html(analysis, target=target)
    if format != "txt":
        raise UsageError(f"unknown format {format!r}: expected {', '.join(FORMATS)}")
    return _text(analysis, target)


def _text(analysis: LayerAnalysis, target: str) -> str:
    from rich.console import Console

    from edgeq.report.layers.console import print_analysis

    stream = io.StringIO()
    console = Console(
        file=stream, width=_TEXT_COLUMNS, highlight=False, force_terminal=False, color_system=None
    )
    print_analysis(analysis, console, target=target, top=None)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
