"""``edgeq pack``: a bundle as one file that measures itself on a bare device."""

from __future__ import annotations

from pathlib import Path

import click

from edgeq.cli.options import PATH, as_argument, json_flag, on_bad_input, preprocess, task
from edgeq.cli.terminal import print_result, progress_bar, say
from edgeq.errors import EXIT_FINE, UsageError


@click.command(
    name="pack",
    epilog="\b\nExamples:\n"
    "  edgeq pack model-edgeq --data photos/\n"
    "  edgeq pack model-edgeq --data data.npz --items 50 -o model.pyz\n"
    "  scp model.pyz pi@raspberrypi: && ssh pi@raspberrypi python3 model.pyz",
)
@click.argument("bundle", type=PATH)
@click.option("--data", type=PATH, help="Folder, manifest, .npz or script: validation inputs, for accuracy.")
@click.option(
    "--items", type=click.IntRange(1), default=200, show_default=True, help="Validation inputs at most."
)
@preprocess
@task
@on_bad_input
@click.option("-o", "--output", type=PATH, help="NAME.pyz by default.")
@json_flag
def command(
    bundle: Path,
    data: Path | None,
    items: int,
    preprocess: str | None,
    task: str | None,
    on_bad_input: str,
    output: Path | None,
    as_json: bool,
) -> int:
    """Packs BUNDLE, validation inputs and the code that measures into one file.

    A device needs Python 3.10, NumPy and a runtime, and nothing of edgeq: python3 NAME.pyz verifies the files, checks
    that the device computes what was recorded, measures, prints the table and writes JSON Lines for edgeq report.
    """
    import json

    from edgeq.benchmark.targets import find_targets
    from edgeq.benchmark.tasks.choosing import read_task
    from edgeq.data.preprocessing import find_preprocessing
    from edgeq.data.reading import read_dataset
    from edgeq.devices.packed.packing import NO_DATA, check_packed_path, pack_bundle, write_packed

    targets = find_targets([bundle])
    name = bundle.resolve().name if targets.bundle is None else Path(targets.bundle.manifest.name).name
    if str(output) == "-":
        raise UsageError(
            "-o -: a packed bundle is a file to copy, not a text: give it a name such as model.pyz"
        )
    path = output or Path(f"{name}.pyz")
    check_packed_path(path)
    with progress_bar() as progress:
        packed = pack_bundle(
            targets,
            data=None if data is None else read_dataset(data),
            preprocessing=None if preprocess is None else find_preprocessing(preprocess),
            task=read_task(task),
            items=items,
            on_bad_input=on_bad_input,
            progress=lambda done, total: progress("reading inputs", done, total),
        )
    write_packed(path, packed)
    for note in (*packed.notes, *([NO_DATA] if data is None else [])):
        say(note)
    if as_json:
        said = {
            "file": str(path),
            "size_bytes": len(packed.content),
            "sha256": packed.sha256,
            "items": packed.items,
            "labelled": packed.labelled,
            "notes": list(packed.notes),
        }
        print_result(json.dumps(said, indent=1, ensure_ascii=False))
        return EXIT_FINE
    print_result(
        f"{path}: {len(packed.content) / 1e6:.1f} MB, {len(targets.files)} variants"
        + (
            f", {packed.items:,} {'labelled ' if packed.labelled else ''}input{'s' * (packed.items > 1)}"
            if packed.items
            else ""
        )
    )
    say(f"on the device: python3 {as_argument(Path(path.name))}")
    return EXIT_FINE
