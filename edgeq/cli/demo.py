"""``edgeq demo``: the whole path on what ships with edgeq."""

from __future__ import annotations

from pathlib import Path

import click

from edgeq.cli.convert import show
from edgeq.cli.options import PATH, verbose
from edgeq.cli.results import Outputs, print_table
from edgeq.cli.terminal import print_result, progress_bar, say
from edgeq.errors import EXIT_FINE, EXIT_PARTIAL, MissingExtraError


@click.command(name="demo", epilog="\b\nExample:\n  edgeq demo -o edgeq-demo")
@click.option(
    "-o", "--output", type=PATH, default=Path("edgeq-demo"), show_default=True, help="Folder to write."
)
@click.option("--force", is_flag=True, help="Replace an earlier demo.")
@verbose
def command(output: Path, force: bool, verbose: bool) -> int:
    """Converts a small trained network at all schemes, measures every file and writes a report.

    The network tells ten kinds of clothing apart (Fashion-MNIST). Without TensorFlow its ready bundle is measured.
    """
    from edgeq.bundle import is_bundle
    from edgeq.demo import assets
    from edgeq.files import check_target

    bundle = output / "bundle"
    check_target(bundle, force=force, replaceable=is_bundle)
    sink, page = _outputs(output)
    failed = False
    try:
        from edgeq.convert.options import Options
        from edgeq.convert.pipeline import convert

        say("converting the demo model at all schemes …")
        with progress_bar() as progress:
            conversion = convert(
                assets.model_path(),
                calibration=assets.calibration(),
                output=bundle,
                options=Options(
                    name=assets.NAME, schemes=("all",), labels=assets.LABELS, force=force, verbose=verbose
                ),
                progress=progress,
            )
        show(conversion)
        failed = bool(conversion.failures)
    except MissingExtraError as error:
        say(f"{error}; measuring the bundle that ships with edgeq instead")
        bundle = assets.bundle_path()
    return max(_measure(bundle, sink, page), EXIT_PARTIAL if failed else EXIT_FINE)


def _outputs(folder: Path) -> tuple[Outputs, Path]:
    """Where the results go, and the page to open: HTML, or Markdown where the packages for it are missing."""
    results, page = str(folder / "results.jsonl"), folder / "report.html"
    try:
        return Outputs([results, str(page)], append=False), page
    except MissingExtraError as error:
        say(f"no HTML report: {error}")
        page = page.with_suffix(".md")
        return Outputs([results, str(page)], append=False), page


def _measure(bundle: Path, sink: Outputs, page: Path) -> int:
    from edgeq.benchmark.latency import DEFAULT
    from edgeq.benchmark.session import measure
    from edgeq.benchmark.targets import find_targets
    from edgeq.demo import assets

    say("\nmeasuring every variant on 2,000 test images …")
    with progress_bar() as progress:
        session = measure(find_targets([bundle]), data=assets.test_data(), plan=DEFAULT, progress=progress)
    print_table(session.measurements)
    sink.write(session.measurements)
    print_result(f"\nopen {page}")
    print_result(
        "your own model: edgeq convert MODEL.keras --data PHOTOS/ && edgeq benchmark MODEL-edgeq --data PHOTOS/"
    )
    return EXIT_PARTIAL if session.failures else EXIT_FINE
