"""An analysis as text in any of its formats, and which format a file's suffix asks for."""

from __future__ import annotations

from pathlib import PurePath

from edgeq.layers.structure import LayerAnalysis
from edgeq.report.output_format import as_text, format_of_suffix, unknown_format

FORMATS = ("html", "json", "txt")
"""Also the suffixes."""


def format_of(path: str | PurePath) -> str:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: no format has that suffix.
    """
    return format_of_suffix(path, FORMATS)


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
    if format == "txt":
        from edgeq.report.layers.console import print_analysis

        return as_text(lambda console: print_analysis(analysis, console, target=target, top=None))
    raise unknown_format(format, FORMATS)
