"""The report as text in any of its formats, and which format a file's suffix asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

from edgeq.benchmark.measurement import Measurement
from edgeq.report import csv_format, html, json_format, markdown, results
from edgeq.report.compare import Comparison
from edgeq.report.output_format import format_of_suffix, unknown_format
from edgeq.report.summary import summarise

_Renderer = Callable[[Sequence[Measurement], Comparison | None], str]


def _jsonl(measurements: Sequence[Measurement], compare: Comparison | None) -> str:
    return "".join(results.to_line(measurement) + "\n" for measurement in measurements)


def _json(measurements: Sequence[Measurement], compare: Comparison | None) -> str:
    return json_format.to_json_text(measurements, summarise(measurements), compare=compare)


def _csv(measurements: Sequence[Measurement], compare: Comparison | None) -> str:
    return csv_format.to_csv(measurements)


def _markdown(measurements: Sequence[Measurement], compare: Comparison | None) -> str:
    return markdown.to_markdown(summarise(measurements), compare=compare)


def _html(measurements: Sequence[Measurement], compare: Comparison | None) -> str:
    return html.to_html(summarise(measurements), compare=compare)


FORMATS: Mapping[str, _Renderer] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "md": _markdown,
    "html": _html,
}
"""Every format by the name that ``--format`` takes, which is also the suffix."""


def format_of(path: str | PurePath) -> str:
    """The format that a file's suffix asks for.

    Raises:
        UsageError: no format has that suffix.
    """
    return format_of_suffix(path, FORMATS, kind="report format")


def render(
    measurements: Sequence[Measurement],
    format: str,  # noqa: A002 - the name of the option
    *,
    compare: Comparison | None = None,
) -> str:
    """Renders measurements.

    Args:
        measurements: of any number of sessions, devices and models.
        format: a key of `FORMATS`.
        compare: what changed since an earlier night; JSON Lines and CSV hold measurements only and leave
            it out.

    Returns:
        The whole file, with a newline at its end.

    Raises:
        UsageError: there is no such format.
        ResultsError: there is no measurement.
        MissingExtraError: HTML without the packages of the extra ``report``.
    """
    if format not in FORMATS:
        raise unknown_format(format, FORMATS, kind="report format")
    results.require_some(measurements)
    return FORMATS[format](measurements, compare)
