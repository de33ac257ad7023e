"""Where ``edgeq benchmark``, ``report`` and ``demo`` send measurements: the terminal, files, stdout; and gates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeq.cli.terminal import say, stdout_console
from edgeq.errors import EXIT_FINE, EXIT_GATE

if TYPE_CHECKING:
    from edgeq.benchmark.gates import Gate
    from edgeq.benchmark.measurement import Measurement
    from edgeq.report.compare import Comparison


class Outputs:
    """The ``-o`` options of a command, checked before the work begins."""

    def __init__(self, paths: Sequence[str], format: str | None, *, append: bool) -> None:  # noqa: A002
        """Resolves formats and refuses what cannot be written.

        Args:
            paths: files; ``-`` is stdout.
            format: instead of the suffix.
            append: whether .jsonl files are appended to instead of replaced.

        Raises:
            UsageError: an unknown format.
            OutputError: a file that cannot be written.
        """
        from edgeq.report.render import FORMATS, format_of
        from edgeq.report.results import check_appendable

        self._append = append
        self._targets: list[tuple[str, str]] = []
        for path in paths:
            by_suffix = "jsonl" if path == "-" else None
            asked = format if format in FORMATS else by_suffix
            self._targets.append((path, asked or format_of(path)))
            if append and self._targets[-1] == (path, "jsonl") and path != "-":
                check_appendable(path)
        if format == "github":
            self._targets = [(path, chosen) for path, chosen in self._targets if path != "-"]

    @property
    def uses_stdout(self) -> bool:
        """Whether something else than the console table goes to stdout."""
        return any(path == "-" for path, _ in self._targets)

    def write(self, measurements: Sequence[Measurement], compare: Comparison | None = None) -> None:
        """Writes every output."""
        from edgeq.files import write_atomic
        from edgeq.report.render import render
        from edgeq.report.results import append_results

        for path, chosen in self._targets:
            if path == "-":
                click.echo(render(measurements, chosen, compare=compare), nl=False)
            elif chosen == "jsonl" and self._append:
                append_results(path, measurements)
            else:
                write_atomic(Path(path), render(measurements, chosen, compare=compare))
            if path != "-":
                say(f"written: {path}")


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
    if github:
        click.echo(to_github(results))
    for result in results:
        if result.outcome != "passed" or not github:
            say(f"gate {result.outcome}: {result.message}")
    return EXIT_GATE if any(result.outcome == "failed" for result in results) else EXIT_FINE
