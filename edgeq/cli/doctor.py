"""``edgeq doctor``: lints a model with its data, a bundle, or a .tflite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeq.cli.options import PATH, Size, json_flag, preprocess, verbose
from edgeq.cli.terminal import print_result, progress_bar, say, stdout_console
from edgeq.errors import EXIT_FINE, EXIT_GATE, EXIT_PARTIAL, UsageError

if TYPE_CHECKING:
    from edgeq.doctor.examination import Examination

_ALL = "all"


@click.command(
    name="doctor",
    epilog="\b\nExamples:\n"
    "  edgeq doctor model.keras --data photos/\n"
    "  edgeq doctor model-edgeq --data photos/ --ignore D106\n"
    "  edgeq doctor model.int8.tflite --format github\n"
    "  edgeq doctor --explain D104",
)
@click.argument("target", type=PATH, required=False)
@click.option("--data", type=PATH, help="Folder, manifest, .npz, COCO .json or script, as for edgeq convert.")
@click.option("--calibration", type=PATH, help="Data that calibration uses whole, where --data has the rest.")
@preprocess
@click.option("--select", multiple=True, metavar="CODE", help="Only these rules, such as F,D104; repeatable.")
@click.option("--ignore", multiple=True, metavar="CODE", help="Not these rules, likewise; repeatable.")
@click.option("--variant", "variants", multiple=True, help="Of a bundle, only these; repeatable.")
@click.option("--size", type=Size(), default=(), help="Size of a model's free dimensions, such as 224x224.")
@click.option("--allow-lambda", is_flag=True, help="Load Lambda layers, which run code from the file.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw of calibration items.")
@click.option("--runtime", metavar="NAME", help="litert or tflite-runtime; the best installed by default.")
@click.option(
    "--target-runtime",
    metavar="NAME",
    help="That the files are to run on elsewhere: 'tflite-runtime 2.14', 'android 2.16'.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="Of what is printed; github prints annotations of a workflow.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@click.option("--fix", is_flag=True, help="Write mended copies beside what is mechanical to mend.")
@click.option("--explain", metavar="CODE", help=f"Print the page of a rule, or the list of {_ALL}, and exit.")
@json_flag
@verbose
def command(
    target: Path | None,
    data: Path | None,
    calibration: Path | None,
    preprocess: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    variants: tuple[str, ...],
    size: tuple[int, ...],
    allow_lambda: bool,
    seed: int,
    runtime: str | None,
    target_runtime: str | None,
    format_name: str,
    strict: bool,
    fix: bool,
    explain: str | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Looks for what makes models wrong or slow on a device.

    TARGET is a model (with its --data), a bundle, or a .tflite file. Every finding has a code; --explain prints its
    page. Exit code 1 says that there are errors, 3 that a rule could not finish.
    """
    from edgeq.convert.examine import open_target
    from edgeq.doctor.examination import examine, selected_rules
    from edgeq.doctor.fixes import mend

    if explain is not None:
        _explain(explain)
        return EXIT_FINE
    if target is None:
        raise UsageError(
            "expected a model, a bundle or a .tflite file (or --explain CODE): see edgeq doctor --help"
        )
    rules = selected_rules(select, ignore)
    with (
        progress_bar() as progress,
        open_target(
            target,
            data=data,
            calibration=calibration,
            preprocess=preprocess,
            variants=variants,
            size=size,
            allow_lambda=allow_lambda,
            runtime=runtime,
            target_runtime=target_runtime,
            seed=seed,
            verbose=verbose,
            progress=progress,
        ) as case,
    ):
        examination = examine(case, rules, progress)
        mended = mend(case, examination.diagnoses) if fix else ()
    _print(examination, "json" if as_json else format_name)
    for note in mended:
        say(note)
    if examination.errors or (strict and examination.warnings):
        return EXIT_GATE
    return EXIT_PARTIAL if examination.failed else EXIT_FINE


def _explain(code: str) -> None:
    """Prints the page of one rule, or one line for each of all."""
    from edgeq.doctor.examination import selected_rules
    from edgeq.doctor.pages import page, rule_list
    from edgeq.doctor.rules import RULES

    if code.lower() == _ALL:
        print_result(rule_list(RULES))
        return
    rules = selected_rules([code])
    if len(rules) > 1:
        print_result(rule_list(rules))
        return
    console = stdout_console()
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(page(rules[0])))
    else:
        print_result(page(rules[0]), newline=False)


def _print(examination: Examination, format_name: str) -> None:
    if format_name == "json":
        from edgeq.report.findings.json_format import examination_as_json

        print_result(examination_as_json(examination), newline=False)
    elif format_name == "github":
        from edgeq.report.findings.github import examination_as_github

        print_result(examination_as_github(examination), newline=False)
    else:
        from edgeq.report.findings.console import print_examination

        print_examination(examination, stdout_console())
