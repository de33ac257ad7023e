"""``edgeq layers``: what each layer costs in accuracy, time and size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeq.cli.options import PATH, json_flag, preprocess, verbose
from edgeq.cli.terminal import print_result, progress_bar, say, stdout_console
from edgeq.errors import EXIT_FINE, UsageError

if TYPE_CHECKING:
    from edgeq.data.preprocessing import Preprocessing
    from edgeq.layers.structure import LayerAnalysis


@click.command(
    name="layers",
    epilog="\b\nExamples:\n"
    "  edgeq layers model-edgeq --data photos/\n"
    "  edgeq layers model-edgeq --variant int8 --data photos/ -o layers.html\n"
    "  edgeq layers model-edgeq --data data.npz --model-explorer layers.json\n"
    "  edgeq layers somebody-elses.tflite",
)
@click.argument("target", type=PATH, metavar="BUNDLE|FILE")
@click.option("--variant", metavar="NAME", help="Which to look into; int8 by default.")
@click.option(
    "--data",
    type=PATH,
    help="Where the items come from: the calibration set. The bundle's parity inputs by default.",
)
@preprocess
@click.option(
    "--items", type=click.IntRange(1), help="Measure damage on at most so many items; 64 by default."
)
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="Rows to list.")
@click.option("--no-profile", is_flag=True, help="Do not time operators.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="For timing operators.")
@click.option("--runtime", metavar="NAME", help="litert or tflite-runtime; the best installed by default.")
@click.option(
    "-o", "--output", "outputs", multiple=True, help=".html, .json, .txt or - for JSON; repeatable."
)
@click.option(
    "--model-explorer",
    type=PATH,
    metavar="FILE.json",
    help="Write values of layers that Google's Model Explorer draws onto the graph.",
)
@json_flag
@verbose
def command(
    target: Path,
    variant: str | None,
    data: Path | None,
    preprocess: str | None,
    items: int | None,
    top: int,
    no_profile: bool,
    threads: int,
    runtime: str | None,
    outputs: tuple[str, ...],
    model_explorer: Path | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Ranks the layers of a variant of BUNDLE by the damage that quantizing them does, with what can be done.

    Each layer of the float32 file is quantized alone as in the variant, and the model's outputs are compared. Operators
    are timed as run here. Of a lone .tflite FILE, time and size.
    """
    from edgeq.layers.analysis import ITEMS, analyse_layers

    _check(data, preprocess)
    sink = _Sink(outputs, model_explorer, as_json=as_json)
    with progress_bar() as progress:
        analysis = analyse_layers(
            target,
            variant=variant,
            data=data,
            preprocess=None if preprocess is None else _preprocessing(preprocess),
            items=ITEMS if items is None else items,
            runtime=runtime,
            profile=not no_profile,
            threads=threads,
            verbose=verbose,
            progress=progress,
        )
    sink.write(analysis, target, top)
    return EXIT_FINE


def _preprocessing(name: str) -> Preprocessing:
    from edgeq.data.preprocessing import find_preprocessing

    return find_preprocessing(name)


def _check(data: Path | None, preprocess: str | None) -> None:
    """Refuses options that do not go together."""
    if preprocess is not None and data is None:
        raise UsageError("--preprocess is for the items of --data: add --data FOLDER or --data FILE.npz")


class _Sink:
    """The ``-o`` options and ``--model-explorer``, checked before the work begins."""

    def __init__(self, paths: Sequence[str], model_explorer: Path | None, *, as_json: bool) -> None:
        from edgeq.files import check_file
        from edgeq.report.html_page import require_packages
        from edgeq.report.layers.render import format_of

        self._files = [(path, format_of(path)) for path in paths if path != "-"]
        self._prints_json = as_json or "-" in paths
        self._model_explorer = model_explorer
        for path, chosen in self._files:
            if chosen == "html":
                require_packages()
            check_file(Path(path))
        if model_explorer is not None:
            if model_explorer.suffix != ".json":
                # Model Explorer takes no other.
                raise UsageError(f"--model-explorer {model_explorer}: expected a file that ends in .json")
            check_file(model_explorer)

    def write(self, analysis: LayerAnalysis, target: Path, top: int) -> None:
        """Prints, and writes every output."""
        from edgeq.files import write_atomic
        from edgeq.report.layers.console import print_analysis
        from edgeq.report.layers.render import render

        if not self._prints_json:
            print_analysis(analysis, stdout_console(), target=str(target), top=top)
        for path, chosen in self._files:
            write_atomic(Path(path), render(analysis, chosen, target=str(target)))
            say(f"written: {path}")
        if self._model_explorer is not None:
            self._write_node_data(analysis, target, self._model_explorer)
        if self._prints_json:
            print_result(render(analysis, "json", target=str(target)), newline=False)

    def _write_node_data(self, analysis: LayerAnalysis, target: Path, path: Path) -> None:
        from edgeq.cli.options import as_argument
        from edgeq.files import write_atomic
        from edgeq.layers.model_explorer import node_data, node_data_paths

        file = _analysed_file(target, analysis.variant)
        found = node_data(analysis, file)
        paths = node_data_paths(path, list(found))
        for key, text in found.items():
            write_atomic(paths[key], text)
            say(f"written: {paths[key]}")
        shown = ",".join(as_argument(one) for one in paths.values())
        say(f"see them: model-explorer {as_argument(file)} --node_data_paths={shown}")


def _analysed_file(target: Path, variant: str) -> Path:
    from edgeq.bundle import read_bundle

    if target.is_file() and target.suffix == ".tflite":
        return target
    bundle = read_bundle(target)
    return bundle.path(next(one for one in bundle.manifest.variants if one.name == variant))
