"""``edgeq report``: merge, compare, gate and render results."""

from __future__ import annotations

from pathlib import Path

import click

from edgeq.cli.options import PATH, json_flag
from edgeq.cli.results import GITHUB, Earlier, Outputs, judge, print_table, read_gates


@click.command(
    name="report",
    epilog="\b\nExamples:\n"
    "  edgeq report results.jsonl -o report.html\n"
    "  edgeq report laptop.jsonl raspberry.jsonl -o report.md\n"
    "  edgeq report today.jsonl --baseline yesterday.jsonl --fail-if 'latency>+10%' --format github",
)
@click.argument("results", type=PATH, nargs=-1, required=True)
@click.option(
    "-o", "--output", "outputs", multiple=True, help=".jsonl, .json, .csv, .md, .html or -; repeatable."
)
@click.option(
    "--format", "format_name", metavar="NAME", help="Of the outputs instead of their suffix; or github."
)
@click.option(
    "--fail-if", "fail_if", multiple=True, metavar="GATE", help="'drop>1pp', 'size>+5%', 'latency>+10%'."
)
@click.option("--baseline", type=PATH, help="Results of an earlier run to compare and gate against.")
@click.option("--variant", "variants", multiple=True, help="Gate only these; repeatable.")
@click.option("--strict", is_flag=True, help="Gate on the point estimate instead of the interval.")
@json_flag
def command(
    results: tuple[Path, ...],
    outputs: tuple[str, ...],
    format_name: str | None,
    fail_if: tuple[str, ...],
    baseline: Path | None,
    variants: tuple[str, ...],
    strict: bool,
    as_json: bool,
) -> int:
    """Merges RESULTS (JSON Lines of edgeq benchmark), renders them, compares them with an earlier run."""
    from edgeq.report.results import read_results

    sink = Outputs(outputs, format_name, as_json=as_json, append=False)
    gates = read_gates(fail_if)
    earlier = Earlier(baseline)
    measurements = read_results(results)
    compared = earlier.compare(measurements)
    if not sink.uses_stdout and format_name != GITHUB:
        print_table(measurements, compared)
    sink.write(measurements, compared)
    return judge(
        gates,
        measurements,
        old=earlier.measurements,
        variants=variants,
        strict=strict,
        github=format_name == GITHUB,
    )
