"""Where ``edgeq benchmark``, ``report`` and ``demo`` send measurements: the terminal, files, stdout; and gates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeq.cli.terminal import print_result, say, stdout_console
from edgeq.errors import EXIT_BAD_INPUT, EXIT_FINE, EXIT_GATE, UsageError

if TYPE_CHECKING:
    from edgeq.benchmark.gates import Gate
    from edgeq.benchmark.measurement import Measurement
    from edgeq.data.dataset import Dataset
    from edgeq.report.compare import Comparison


GITHUB = "github"
"""The format in which gates are annotations of a workflow; results keep the format of their suffix."""


class Outputs:
    """The ``-o`` options of a command, checked before the work begins."""

    def __init__(
        self,
        paths: Sequence[str],
        format: str | None = None,  # noqa: A002 - the name of the option
        *,
        as_json: bool = False,
        append: bool,
    ) -> None:
        """Resolves formats and refuses what cannot be written.

        Args:
            paths: files; ``-`` is stdout.
            format: instead of the suffix; alone it is that of stdout.
            as_json: whether stdout gets JSON, whatever the files get.
            append: whether .jsonl files are appended to instead of replaced.

        Raises:
            UsageError: an unknown format.
            OutputError: a file that cannot be written.
            ResultsError: a .jsonl file that cannot be appended to.
            MissingExtraError: HTML without the packages of the extra ``report``.
        """
        from edgeq.report.render import FORMATS, format_of

        if format not in (None, GITHUB, *FORMATS):
            raise UsageError(f"unknown format {format!r}: expected {', '.join(FORMATS)} or {GITHUB}")
        chosen = format if format in FORMATS else None
        self._append = append
        self._files = [(path, chosen or format_of(path)) for path in paths if path != "-"]
        self._stdout: str | None = None
        if as_json:
            self._stdout = "json"
        elif format != GITHUB and ("-" in paths or (chosen is not None and not paths)):
            self._stdout = chosen or "jsonl"
        for path, file_format in self._files:
            self._check(path, file_format)

    def _check(self, path: str, chosen: str) -> None:
        from edgeq.files import check_file
        from edgeq.report import html
        from edgeq.report.results import check_appendable

        if chosen == "html":
            html.require_packages()
        if chosen == "jsonl" and self._append:
            check_appendable(path)
        check_file(Path(path))

    @property
    def uses_stdout(self) -> bool:
        """Whether something else than the console table goes to stdout."""
        return self._stdout is not None

    def write(self, measurements: Sequence[Measurement], compare: Comparison | None = None) -> None:
        """Writes every output."""
        from edgeq.files import write_atomic
        from edgeq.report.render import render
        from edgeq.report.results import append_results

        for path, chosen in self._files:
            if chosen == "jsonl" and self._append:
                append_results(path, measurements)
            else:
                write_atomic(Path(path), render(measurements, chosen, compare=compare))
            say(f"written: {path}")
        if self._stdout is not None:
            print_result(render(measurements, self._stdout, compare=compare), newline=False)


class Earlier:
    """The results of ``--baseline``, read before the work begins."""

    def __init__(self, path: Path | None) -> None:
        """Reads the file.

        Args:
            path: of JSON Lines; None where there is nothing to compare with.

        Raises:
            ResultsError: it cannot be read.
        """
        from edgeq.report.results import read_results

        self.measurements = None if path is None else read_results([path])

    def compare(self, measurements: Sequence[Measurement]) -> Comparison | None:
        """What changed since then; None where there is nothing to compare with.

        Raises:
            ResultsError: nothing may be compared.
        """
        if self.measurements is None:
            return None
        from edgeq.report.compare import compare

        return compare(measurements, self.measurements)


def print_table(measurements: Sequence[Measurement], compare: Comparison | None = None) -> None:
    """The report on the terminal."""
    from edgeq.report.console import print_report

    print_report(measurements, stdout_console(), compare=compare)


def read_gates(expressions: Sequence[str]) -> tuple[Gate, ...]:
    """Parses ``--fail-if``.

    Raises:
        UsageError: an expression cannot be read.
    """
    if not expressions:
        return ()
    from edgeq.benchmark.gates import parse_gate

    return tuple(parse_gate(expression) for expression in expressions)


def check_gates(gates: Sequence[Gate], data: Dataset | None, *, latency: bool) -> None:
    """Refuses gates on what will not be measured, before anything is.

    Args:
        gates: what will be judged.
        data: that accuracy will be measured on.
        latency: whether latency and memory will be measured.

    Raises:
        UsageError: a gate would apply to nothing.
    """
    for gate in gates:
        if gate.metric in ("latency", "memory") and not latency:
            raise UsageError(f"the gate {gate} needs a measurement of latency: leave out --no-latency")
        if gate.needs_data and data is None:
            raise UsageError(
                f"the gate {gate} needs data to measure on: add --data FOLDER or --data FILE.npz"
            )
        # A script may have metrics of its own, which need no labels.
        if gate.needs_labels and data is not None and data.truth is None and data.script is None:
            raise UsageError(
                f"the gate {gate} needs labels, and {data.source} has none: expected what the task needs, "
                "such as one folder a class or an array named labels"
            )


def judge(
    gates: Sequence[Gate],
    measurements: Sequence[Measurement],
    *,
    old: Sequence[Measurement] | None,
    variants: Sequence[str],
    strict: bool,
    github: bool,
) -> int:
    """Evaluates gates and says how each came out.

    Returns:
        The exit code.
    """
    if not gates:
        return EXIT_FINE
    from edgeq.benchmark.gates import evaluate, to_github

    results = [
        result
        for gate in gates
        for result in evaluate(gate, measurements, old=old, variants=variants or None, strict=strict)
    ]
    annotations = to_github(results) if github else ""
    if annotations:
        print_result(annotations)
    for result in results:
        if result.outcome != "passed" or not github:
            say(f"gate {result.outcome}: {result.message}")
    outcomes = {result.outcome for result in results}
    if "failed" in outcomes:
        return EXIT_GATE
    return EXIT_BAD_INPUT if "error" in outcomes else EXIT_FINE
