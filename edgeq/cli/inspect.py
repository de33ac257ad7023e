"""``edgeq inspect``: what a .tflite is made of, and how two differ."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeq.cli.options import PATH, json_flag, preprocess, verbose
from edgeq.cli.terminal import print_result, progress_bar, say, stdout_console
from edgeq.errors import EXIT_FINE, UsageError

if TYPE_CHECKING:
    from edgeq.report.inspection.document import Document, FileView


@dataclass(frozen=True)
class _Wish:
    """What was asked for.

    Attributes:
        target: a file or a bundle.
        variant: of the bundle; None for all.
        other: to compare with; None for no comparison.
        histograms: whether of weights, and with data of activations.
        data: for activations; None for none.
        preprocess: of the data; None for what is found.
        run: whether files are run here.
        runtime: which; None for the best installed.
        verbose: whether the runtime's own output is let through.
    """

    target: Path
    variant: str | None
    other: Path | None
    histograms: bool
    data: Path | None
    preprocess: str | None
    run: bool
    runtime: str | None
    verbose: bool


@click.command(
    name="inspect",
    epilog="\b\nExamples:\n"
    "  edgeq inspect model.tflite\n"
    "  edgeq inspect model-edgeq --variant int8 --layers -o int8.html\n"
    "  edgeq inspect yesterday.tflite --diff today.tflite\n"
    "  edgeq inspect model.int8.tflite --histograms --data photos/",
)
@click.argument("target", type=PATH, metavar="FILE|BUNDLE")
@click.option("--variant", metavar="NAME", help="Of a bundle: show this one whole instead of a table of all.")
@click.option(
    "--diff",
    "other",
    type=PATH,
    metavar="OTHER",
    help="Say how OTHER differs; exits 0 whether it does or not.",
)
@click.option(
    "--layers/--no-layers", default=None, help="List all layers, or none; the first 60 lines by default."
)
@click.option(
    "--histograms", is_flag=True, help="Show how weights are distributed; with --data, activations too."
)
@click.option("--data", type=PATH, help="Folder, manifest, .npz, COCO .json or script: 64 items are run.")
@preprocess
@click.option("--no-run", is_flag=True, help="Read the file only: nothing about delegation.")
@click.option("--runtime", metavar="NAME", help="litert or tflite-runtime; the best installed by default.")
@click.option(
    "-o", "--output", "outputs", multiple=True, help=".html, .json, .txt or - for JSON; repeatable."
)
@json_flag
@verbose
def command(
    target: Path,
    variant: str | None,
    other: Path | None,
    layers: bool | None,
    histograms: bool,
    data: Path | None,
    preprocess: str | None,
    no_run: bool,
    runtime: str | None,
    outputs: tuple[str, ...],
    as_json: bool,
    verbose: bool,
) -> int:
    """Shows what a .tflite FILE is made of: inputs and outputs, operators, layers, memory, and what can run it.

    Of a BUNDLE, a table of its variants. A file that the runtime refuses is shown all the same, with the reason.
    """
    wish = _Wish(target, variant, other, histograms, data, preprocess, not no_run, runtime, verbose)
    _check(wish)
    sink = _Sink(outputs, as_json=as_json)
    document = _document(wish)
    sink.write(document, layers)
    return EXIT_FINE


def _check(wish: _Wish) -> None:
    """Refuses options that do not go together."""
    if wish.data is not None and not wish.histograms:
        raise UsageError("--data is for histograms of activations: add --histograms")
    if wish.preprocess is not None and wish.data is None:
        raise UsageError("--preprocess is for the items of --data: add --data FOLDER or --data FILE.npz")
    if wish.data is not None and not wish.run:
        raise UsageError("--data runs the file: leave out --no-run")
    if wish.other is not None and wish.histograms:
        raise UsageError("--diff compares no histograms: leave out --histograms, or inspect both files")


class _Sink:
    """The ``-o`` options, checked before the work begins."""

    def __init__(self, paths: Sequence[str], *, as_json: bool) -> None:
        from edgeq.files import check_file
        from edgeq.report.html_page import require_packages
        from edgeq.report.inspection.render import format_of

        self._files = [(path, format_of(path)) for path in paths if path != "-"]
        self._prints_json = as_json or "-" in paths
        for path, chosen in self._files:
            if chosen == "html":
                require_packages()
            check_file(Path(path))

    def write(self, document: Document, layers: bool | None) -> None:
        """Prints, and writes every output."""
        from edgeq.files import write_atomic
        from edgeq.report.inspection.console import print_document
        from edgeq.report.inspection.render import render

        if not self._prints_json:
            print_document(document, stdout_console(), layers=layers)
        for path, chosen in self._files:
            write_atomic(Path(path), render(document, chosen, layers=layers))
            say(f"written: {path}")
        if self._prints_json:
            print_result(render(document, "json"), newline=False)


def _document(wish: _Wish) -> Document:
    from edgeq.report.inspection.document import Document
    from edgeq.report.inspection.gathering import compare, view_file

    name, paths = _files(wish.target, wish.variant)
    if wish.other is not None and len(paths) > 1:
        raise UsageError(
            f"--diff compares one file: add --variant with one of {', '.join(paths)}, or name a .tflite"
        )
    view = functools.partial(view_file, run=wish.run, runtime=wish.runtime, verbose=wish.verbose)
    views = {title: view(path, title) for title, path in paths.items()}
    if wish.other is None:
        return Document(_with_histograms(wish, views, paths), name)
    ((title, path),) = paths.items()
    _, others = _files(wish.other, wish.variant if wish.other.is_dir() else None)
    if len(others) > 1:
        raise UsageError(f"--diff compares one file: name a .tflite instead of the bundle {wish.other}")
    ((other_title, other),) = others.items()
    second = view(other, other_title)
    return Document((views[title],), name, compare(views[title], path, second, other))


def _files(target: Path, variant: str | None) -> tuple[str | None, dict[str, Path]]:
    """Name of the bundle, and its files by variant; a lone file by its name."""
    from edgeq.bundle import read_bundle

    if not target.is_dir():
        if variant is not None:
            raise UsageError(f"--variant is for bundles, and {target} is a file: leave it out")
        return None, {target.name: target}
    bundle = read_bundle(target)
    paths = {one.name: bundle.path(one) for one in bundle.manifest.variants}
    if variant is not None and variant not in paths:
        raise UsageError(f"no variant {variant}: there are {', '.join(paths)}")
    chosen = paths if variant is None else {variant: paths[variant]}
    return bundle.manifest.name, chosen


def _with_histograms(wish: _Wish, views: dict[str, FileView], paths: dict[str, Path]) -> tuple[FileView, ...]:
    if not wish.histograms:
        return tuple(views.values())
    if len(views) > 1:
        raise UsageError(f"--histograms are of one file: add --variant with one of {', '.join(paths)}")
    from edgeq.report.inspection.gathering import with_weights

    ((title, view),) = views.items()
    view = with_weights(view, paths[title])
    return (view if wish.data is None else _with_activations(wish, view, paths[title]),)


def _with_activations(wish: _Wish, view: FileView, path: Path) -> FileView:
    from edgeq.data.preprocessing import find_preprocessing
    from edgeq.data.reading import read_dataset
    from edgeq.report.inspection.gathering import feed_for, with_activations

    assert wish.data is not None  # noqa: S101 - narrows the type
    chosen = None if wish.preprocess is None else find_preprocessing(wish.preprocess)
    feed = feed_for(wish.target, read_dataset(wish.data), chosen)
    with progress_bar() as progress:
        return with_activations(
            view,
            path,
            feed,
            runtime=wish.runtime,
            verbose=wish.verbose,
            progress=lambda done, total: progress("activations", done, total),
        )
