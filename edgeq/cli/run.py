"""``edgeq run``: predictions of every variant side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeq.cli.options import PATH, json_flag, preprocess, verbose
from edgeq.cli.terminal import print_result, say, stdout_console
from edgeq.errors import EXIT_FINE, EXIT_PARTIAL, UsageError

if TYPE_CHECKING:
    from edgeq.benchmark.prediction import Predictions


@click.command(
    name="run",
    epilog="\b\nExamples:\n  edgeq run model-edgeq cat.jpg\n  edgeq run model.int8.tflite input.npy --top 3",
)
@click.argument("target", type=PATH, metavar="BUNDLE|FILE")
@click.argument("inputs", type=PATH, nargs=-1, required=True, metavar="INPUT…")
@preprocess
@click.option("--labels", type=PATH, help="Class names, one a line, instead of the bundle's.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to show.")
@click.option("--variant", "variants", multiple=True, help="Only these; repeatable.")
@click.option("--runtime", metavar="NAME", help="litert or tflite-runtime; the best installed by default.")
@json_flag
@verbose
def command(
    target: Path,
    inputs: tuple[Path, ...],
    preprocess: str | None,
    labels: Path | None,
    top: int,
    variants: tuple[str, ...],
    runtime: str | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Runs every variant of BUNDLE, or a .tflite FILE, on each INPUT.

    An INPUT is an image, a WAV, or an .npy or .npz of one item.
    """
    from edgeq.benchmark.prediction import predict
    from edgeq.benchmark.targets import find_targets
    from edgeq.data.labels import read_labels_file
    from edgeq.data.preprocessing import find_preprocessing
    from edgeq.report.predictions import print_predictions, to_json

    targets = find_targets([target], variants)
    names = None if labels is None else read_labels_file(labels)
    predictions = predict(
        targets,
        inputs,
        preprocessing=None if preprocess is None else find_preprocessing(preprocess),
        runtime=runtime,
        verbose=verbose,
    )
    if names is not None:
        _check_labels(names, predictions)
    shown = tuple(names) if names is not None else targets.labels
    if as_json:
        print_result(json.dumps(to_json(predictions, shown, top), indent=1))
    else:
        print_predictions(predictions, shown, top, stdout_console())
    for note in predictions.notes:
        say(note)
    for variant, reason in predictions.failures.items():
        say(f"not run: {variant}: {reason.removeprefix(f'{variant}: ')}")
    return EXIT_PARTIAL if predictions.failures else EXIT_FINE


def _check_labels(labels: Sequence[str], predictions: Predictions) -> None:
    from edgeq.benchmark.classification import classifies

    outputs = next(iter(predictions.outputs.values()))
    shapes = [tuple(values.shape) for values in outputs.values()]
    if classifies(shapes) and shapes[0][-1] != len(labels):
        raise UsageError(
            f"--labels has {len(labels)} class{'es' * (len(labels) > 1)}, the model's output has {shapes[0][-1]}: "
            "expected one name an output, in its order"
        )
