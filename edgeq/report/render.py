"""The report as text in any of its formats, and which format a file's suffix asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

from edgeq.benchmark.measurement import Measurement
from edgeq.errors import UsageError
from edgeq.report import csv_format, html, json_format, markdown, results
from edgeq.report.compare import Comparison
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
    suffix = PurePath(path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise UsageError(
            f"{path}: unknown report format {suffix!r}: expected a file that ends in {_known('.')}"
        )
    return suffix


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
        raise UsageError(f"unknown report format {format!r}: expected {_known()}")
    results.require_some(measurements)
    return FORMATS[format](measurements, compare)


def _known(prefix: str = "") -> str:
    *most, last = (prefix + name for name in FORMATS)
    return f"{', '.join(most)} or {last}"
