"""``edgeq convert``: a model in, a bundle out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeq.cli.options import PATH, Size, as_argument, json_flag, on_bad_input, preprocess, task, verbose
from edgeq.cli.quantization_options import methods_of, quantization_options
from edgeq.cli.terminal import print_result, progress_bar, say, stdout_console, warn
from edgeq.errors import EXIT_FINE, EXIT_PARTIAL
from edgeq.schemes import SCHEMES, help_lines, io_choices

if TYPE_CHECKING:
    from edgeq.convert.job import Conversion

_SCHEME_NAMES = ", ".join(scheme.name for scheme in SCHEMES)


@click.command(
    name="convert",
    epilog="\b\nExamples:\n"
    "  edgeq convert model.keras\n"
    "  edgeq convert model.keras --data photos/ --preprocess=-1..1\n"
    "  edgeq convert model.keras --data data.npz --scheme int8 --io uint8 -o bundle\n"
    "  edgeq convert model.keras --data photos/ --scheme int8 --ranges mse --rounding error-feedback\n"
    "  edgeq convert model.keras --data photos/ --recipe optimize.json\n"
    f"\n\b\nSchemes:\n{help_lines()}",
)
@click.argument("model", type=PATH)
@click.option(
    "--data", type=PATH, help="Folder, manifest, .npz, COCO .json or script: calibration is drawn from it."
)
@click.option("--calibration", type=PATH, help="Data that are used for calibration whole, instead of --data.")
@click.option(
    "--scheme", "schemes", multiple=True, metavar="NAME", help=f"{_SCHEME_NAMES}, or all; repeatable."
)
@click.option(
    "--io",
    multiple=True,
    metavar="TYPE",
    help=f"Inputs and outputs of integer files: {', '.join(io_choices())}.",
)
@preprocess
@click.option("--labels", type=PATH, help="Class names, one a line.")
@click.option("--batch", type=click.IntRange(1), help="Size of a free batch dimension; 1 by default.")
@click.option("--size", type=Size(), default=(), help="Size of other free dimensions, such as 224x224.")
@click.option("--calibration-items", type=click.IntRange(1), default=200, show_default=True, help="To draw.")
@click.option(
    "--calibration-draw",
    type=click.Choice(["random", "coverage"]),
    default="random",
    show_default=True,
    help="At random, or such that activations are covered.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draw.")
@quantization_options
@click.option(
    "--recipe", type=PATH, help="optimize.json, or a recipe of its own, to rebuild a tuned file from."
)
@task
@on_bad_input
@click.option("--signature", help="Of a SavedModel; its serving signature by default.")
@click.option(
    "--allow-flex", is_flag=True, help="Keep TensorFlow's own operators; the app needs their delegate."
)
@click.option("--allow-lambda", is_flag=True, help="Load Lambda layers, which run code from the file.")
@click.option("--name", help="Of the model in files and reports; MODEL's by default.")
@click.option("-o", "--output", type=PATH, help="Folder of the bundle; MODEL-edgeq by default.")
@click.option("--force", is_flag=True, help="Replace an existing bundle.")
@json_flag
@verbose
def command(
    model: Path,
    data: Path | None,
    calibration: Path | None,
    schemes: tuple[str, ...],
    io: tuple[str, ...],
    preprocess: str | None,
    labels: Path | None,
    batch: int | None,
    size: tuple[int, ...],
    calibration_items: int,
    calibration_draw: str,
    seed: int,
    ranges: str | None,
    weight_scales: str | None,
    rounding: str | None,
    bias_correction: bool,
    compensate: bool,
    rewrites: tuple[str, ...],
    recipe: Path | None,
    task: str | None,
    on_bad_input: str,
    signature: str | None,
    allow_flex: bool,
    allow_lambda: bool,
    name: str | None,
    output: Path | None,
    force: bool,
    as_json: bool,
    verbose: bool,
) -> int:
    """Converts MODEL to .tflite files at several precisions.

    MODEL is a .keras or legacy .h5 file, a SavedModel folder, a float .tflite or a converter script. Each file
    is run on the real runtime and compared with the model before it is written. The result is a bundle, a
    folder that edgeq benchmark takes.
    """
    from edgeq.benchmark.tasks.choosing import read_task
    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert
    from edgeq.convert.saved_recipe import read_recipe
    from edgeq.data.labels import read_labels_file

    options = Options(
        name=name,
        schemes=schemes,
        io=io,
        preprocess=preprocess,
        labels=None if labels is None else read_labels_file(labels),
        batch=batch,
        size=size,
        calibration_items=calibration_items,
        calibration_draw=calibration_draw,
        seed=seed,
        methods=methods_of(ranges, weight_scales, rounding, bias_correction, compensate, rewrites),
        recipe=None if recipe is None else read_recipe(recipe),
        task=read_task(task),
        on_bad_input=on_bad_input,
        allow_flex=allow_flex,
        allow_lambda=allow_lambda,
        signature=signature,
        force=force,
        verbose=verbose,
    )
    with progress_bar() as progress:
        conversion = convert(
            model, data=data, calibration=calibration, output=output, options=options, progress=progress
        )
    if as_json:
        print_result(json.dumps(_as_json(conversion), indent=1))
    else:
        show(conversion)
        folder = as_argument(conversion.bundle.folder)
        # A converter script brings its own data.
        measured_on = data or (model if model.suffix == ".py" else None)
        print_result(
            f"next: edgeq benchmark {folder} --data {'…' if measured_on is None else as_argument(measured_on)}"
        )
    return EXIT_PARTIAL if conversion.failures else EXIT_FINE


def show(conversion: Conversion) -> None:
    """Prints the files that were made and what is to be said of them."""
    from rich.table import Table

    from edgeq.report.findings.lines import one_line_a_rule, summary_line

    table = Table(box=None, pad_edge=False)
    table.add_column("variant")
    for heading in ("size", "of FP32", "agreement", "SQNR"):
        table.add_column(heading, justify="right")
    table.add_column("file")
    variants = conversion.bundle.manifest.variants
    baseline = variants[0].size_bytes
    for variant in variants:
        agreement = variant.check.agreement
        table.add_row(
            variant.name,
            f"{variant.size_bytes / 1000:,.1f} kB",
            f"{variant.size_bytes / baseline:.0%}",
            "–" if agreement is None else f"{agreement:.0%} of {variant.check.n}",
            f"{variant.check.sqnr_db:.1f} dB",
            variant.file,
        )
    for note in conversion.notes:
        say(note)
    for warning in (*conversion.warnings, *one_line_a_rule(conversion.examination)):
        warn(warning)
    stdout_console().print(table)
    for failure in conversion.failures:
        say(f"not made: {failure.name}: {failure.reason}")
    folder = conversion.bundle.folder
    print_result(
        f"\n{folder}: every file was run and compared with the model on {variants[0].check.n} inputs\n"
        f"{summary_line(conversion.examination)}"
    )


def _as_json(conversion: Conversion) -> dict[str, object]:
    from edgeq.report.findings.json_format import diagnosis_as_json

    manifest = conversion.bundle.manifest
    return {
        "bundle": str(conversion.bundle.folder),
        "variants": [
            {
                "name": variant.name,
                "file": variant.file,
                "scheme": variant.scheme,
                "io": variant.io,
                "size_bytes": variant.size_bytes,
                "sha256": variant.sha256,
                "sqnr_db": variant.check.sqnr_db,
                "agreement": variant.check.agreement,
                "n": variant.check.n,
            }
            for variant in manifest.variants
        ],
        "failures": [{"name": failure.name, "reason": failure.reason} for failure in manifest.failures],
        "notes": list(conversion.notes),
        "warnings": list(conversion.warnings),
        "findings": [diagnosis_as_json(diagnosis) for diagnosis in conversion.examination.diagnoses],
        "rules_checked": [rule.code for rule in conversion.examination.checked],
    }
