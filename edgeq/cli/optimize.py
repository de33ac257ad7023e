"""``edgeq optimize``: the best variant within an accuracy budget."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeq.cli.device_options import DeviceOptions, device_options
from edgeq.cli.options import PATH, Size, json_flag, on_bad_input, preprocess, task, verbose
from edgeq.cli.search_progress import search_progress
from edgeq.cli.terminal import print_result, say, stdout_console
from edgeq.errors import EXIT_FINE, EXIT_GATE, UsageError

if TYPE_CHECKING:
    from edgeq.devices.specs import DeviceSpec
    from edgeq.optimize.budget import Budget
    from edgeq.optimize.page.view import View


_REPORT = "--report"


class Drop(click.ParamType[float]):
    """``1pp`` or ``0.5 pp``: an accuracy budget in percentage points."""

    name = "PP"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """The percentage points."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(
            r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*pp", str(value).strip(), re.ASCII | re.IGNORECASE
        )
        if found is None or float(found[1]) > 100:
            self.fail(
                f"expected percentage points from 0 to 100 such as 1pp or 0.5pp, found {str(value)[:40]!r}; "
                "pp is lost accuracy in percentage points, % would be a ratio",
                parameter,
                context,
            )
        return float(found[1])


@click.command(
    name="optimize",
    epilog="\b\nExamples:\n"
    "  edgeq optimize model.keras --data photos/ --max-drop 1pp --objective size\n"
    "  edgeq optimize model.keras --data photos/ --max-drop 0.5pp --confident --budget 10m --report front.html\n"
    "  edgeq optimize model-edgeq --data data.npz --max-drop 1pp --objective latency --on ssh:pi@raspberrypi\n"
    "  edgeq optimize model-edgeq --data data.npz --keep 'stem*=int16x8' -o model-small",
)
@click.argument("model", type=PATH, metavar="MODEL|BUNDLE")
@click.option(
    "--data", type=PATH, help="Folder, manifest, .npz, COCO .json or script: files are judged on it, "
    "and calibration is drawn from it.",
)  # fmt: skip
@click.option(
    "--max-drop",
    type=Drop(),
    default="1pp",
    show_default=True,
    help="What may be lost of the metric, in percentage points; without labels, of agreement.",
)
@click.option(
    "--objective",
    type=click.Choice(["latency", "size"]),
    default="size",
    show_default=True,
    help="What is wanted within that: the fastest file, or the smallest.",
)
@click.option(
    "--confident", is_flag=True, help="Hold the upper end of the drop's 95 % interval against --max-drop."
)
@click.option(
    "--holdout", is_flag=True, help="Choose on one half of the validation items and report on the other."
)
@click.option(
    "--keep",
    multiple=True,
    metavar="LAYER=PRECISION",
    help="Leave layers at int8, int8x4, int16x8 or float32; * matches any name; repeatable.",
)
@click.option("--budget", metavar="10m", help="Time after which nothing more is tried.")
@click.option(
    "--max-candidates", type=click.IntRange(1), help="Recipes to build at most, beside the converter's files."
)
@click.option(
    "--executor",
    default="local",
    show_default=True,
    metavar="WHERE",
    help="local, or dask:tcp://HOST:PORT for a cluster.",
)
@click.option("--no-cache", is_flag=True, help="Make and measure everything anew.")
@click.option("--calibration", type=PATH, help="Data that are used for calibration whole, instead of --data.")
@click.option("--calibration-items", type=click.IntRange(1), default=200, show_default=True, help="To draw.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@preprocess
@click.option("--labels", type=PATH, help="Class names, one a line.")
@task
@on_bad_input
@click.option("--limit", type=click.IntRange(1), help="Judge on at most so many items.")
@click.option(
    "--io",
    type=click.Choice(["int8", "uint8", "float32"]),
    default="int8",
    show_default=True,
    help="Inputs and outputs of integer files.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="For latency.")
@click.option("--batch", type=click.IntRange(1), help="Size of a free batch dimension; 1 by default.")
@click.option("--size", type=Size(), default=(), help="Size of other free dimensions, such as 224x224.")
@click.option("--signature", help="Of a SavedModel; its serving signature by default.")
@click.option("--allow-lambda", is_flag=True, help="Load Lambda layers, which run code from the file.")
@click.option("--name", help="Of the model in files and reports; MODEL's by default.")
@click.option("-o", "--output", type=PATH, help="Folder of the bundle; MODEL-optimized by default.")
@click.option(_REPORT, type=PATH, metavar="PAGE.html", help="Write a page with the front drawn.")
@click.option("--force", is_flag=True, help="Replace an existing bundle.")
@device_options
@json_flag
@verbose
def command(
    model: Path,
    data: Path | None,
    max_drop: float,
    objective: str,
    confident: bool,
    holdout: bool,
    keep: tuple[str, ...],
    budget: str | None,
    max_candidates: int | None,
    executor: str,
    no_cache: bool,
    calibration: Path | None,
    calibration_items: int,
    seed: int,
    preprocess: str | None,
    labels: Path | None,
    task: str | None,
    on_bad_input: str,
    limit: int | None,
    io: str,
    threads: int,
    batch: int | None,
    size: tuple[int, ...],
    signature: str | None,
    allow_lambda: bool,
    name: str | None,
    output: Path | None,
    report: Path | None,
    force: bool,
    devices: DeviceOptions,
    as_json: bool,
    verbose: bool,
) -> int:
    """Searches for the smallest or fastest file of MODEL that loses at most --max-drop.

    Ranges, weights, rewrites and the precision of each layer are tried, judged on the data and, for latency, timed on
    the device that is named. The result is a bundle: the chosen variant first, then what else may be worth its price,
    and optimize.json with everything that was tried. Ctrl-C keeps what was found. Exit code 1: nothing meets the
    budget, and the nearest was written.
    """
    from edgeq.benchmark.tasks.choosing import read_task
    from edgeq.convert.options import Options
    from edgeq.data.labels import read_labels_file
    from edgeq.devices.job_options import JobOptions
    from edgeq.optimize.pipeline import OptimizeOptions, optimize
    from edgeq.optimize.result import Goal

    goal = Goal(max_drop, objective, confident=confident, holdout=holdout, io=io)
    limits = _budget(budget, max_candidates)
    _check_report(report)
    job = JobOptions(threads=(threads,), seed=seed, verbose=verbose)
    options = OptimizeOptions(
        conversion=Options(
            name=name,
            preprocess=preprocess,
            labels=None if labels is None else read_labels_file(labels),
            batch=batch,
            size=size,
            calibration_items=calibration_items,
            seed=seed,
            task=read_task(task),
            on_bad_input=on_bad_input,
            allow_lambda=allow_lambda,
            signature=signature,
            force=force,
            verbose=verbose,
        ),
        keep=keep,
        on=_one_device(devices),
        job=job,
        access=devices.access(job, big_cores=False),
        limit=limit,
        cache=not no_cache,
    )
    with search_progress() as (progress, show):
        made = optimize(
            model,
            goal=goal,
            data=data,
            calibration=calibration,
            output=output,
            options=options,
            budget=limits,
            executor=executor,
            progress=progress,
            say=show,
        )
    from edgeq.data.script import is_script
    from edgeq.optimize.page.viewing import view_of

    # A converter script brings its own data, for the next command too.
    brought = model if data is None and is_script(model) else data
    given = _override(model, preprocess, task)
    further = _further(on_bad_input, limit, threads)
    view = view_of(made, brought, measuring=(*given, *further, *devices.typed()), looking=given[:1])
    _write(view, report, as_json=as_json)
    return EXIT_FINE if made.result.meets else EXIT_GATE


def _override(model: Path, preprocess: str | None, task: str | None) -> tuple[str, ...]:
    """What a bundle that was given does not say, nor the one that was made of it; a new one says it itself."""
    from edgeq.bundle import is_bundle

    pairs = {"--preprocess": preprocess, "--task": task} if is_bundle(model) else {}
    return tuple(f"{name}={value}" for name, value in pairs.items() if value is not None)


def _further(on_bad_input: str, limit: int | None, threads: int) -> tuple[str, ...]:
    """What the next command needs so that it measures on the same items and in the same way."""
    found = {"--on-bad-input": on_bad_input, "--limit": limit, "--threads": threads}
    usual = {"--on-bad-input": "fail", "--limit": None, "--threads": 1}
    return tuple(f"{name}={value}" for name, value in found.items() if value != usual[name])


def _one_device(devices: DeviceOptions) -> DeviceSpec:
    specs = devices.specs()
    if len(specs) != 1:
        raise UsageError(f"--on: expected one device to choose for, found {len(specs)}")
    return specs[0]


def _budget(duration: str | None, candidates: int | None) -> Budget:
    from edgeq.benchmark.durations import parse_duration
    from edgeq.optimize.budget import Budget

    # The clock starts with it, so that reading the model counts too.
    return Budget(None if duration is None else parse_duration(duration), candidates)


def _check_report(path: Path | None) -> None:
    """Refuses a page that could not be written, before the work begins."""
    from edgeq.files import check_file
    from edgeq.report.html_page import require_packages

    if path is None:
        return
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {path}: expected a file that ends in .html")
    require_packages()
    check_file(path, option=_REPORT)


def _write(view: View, report: Path | None, *, as_json: bool) -> None:
    """Prints, and writes the page."""
    from edgeq.files import write_atomic
    from edgeq.optimize.page.console import print_view

    if as_json:
        print_result(view.document, newline=not view.document.endswith("\n"))
    else:
        print_view(view, stdout_console())
    if report is not None:
        from edgeq.optimize.page.html import to_html

        write_atomic(report, to_html(view), option=_REPORT)
        say(f"written: {report}")
