"""``edgeq android``: a bundle into an Android app, or a new app around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeq.cli.options import PATH, as_argument, json_flag
from edgeq.cli.terminal import print_result, say, warn
from edgeq.errors import EXIT_FINE, EXIT_PARTIAL, BundleError, EdgeqError, UsageError

if TYPE_CHECKING:
    from edgeq.android.metadata import MetadataOutcome
    from edgeq.android.putting import AppWithBundle
    from edgeq.bundle import Bundle


@dataclass(frozen=True)
class _Wish:
    """What was asked for.

    Attributes:
        bundle: to take variants from.
        into: module or project of an existing app; None for a new one.
        new: folder of a new app; None for an existing one.
        variants: names; empty to have one chosen.
        results: files that a variant is chosen by.
        min_runtime: the oldest runtime of the app, as typed.
        photos: that some go into the app for photo parity; None for none.
        metadata_to: folder for copies with metadata; None for none.
        force: whether changed files are overwritten.
    """

    bundle: Path
    into: Path | None
    new: Path | None
    variants: tuple[str, ...]
    results: tuple[Path, ...]
    min_runtime: str | None
    photos: Path | None
    metadata_to: Path | None
    force: bool


@click.command(
    name="android",
    epilog="\b\nExamples:\n"
    "  edgeq android model-edgeq --into MyApp/app\n"
    "  edgeq android model-edgeq --into MyApp/app --results phone.jsonl --min-runtime 2.16.1\n"
    "  edgeq android model-edgeq --new DemoApp --variant int8 --variant dynamic --photos photos/",
)
@click.argument("bundle", type=PATH)
@click.option(
    "--into", type=PATH, metavar="APP", help="A module of an existing app, or a project with one app."
)
@click.option(
    "--new", type=PATH, metavar="DIR", help="Write the demo app there: parity, benchmark, classify."
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="To put, the one to use first; repeatable; or all that can run.",
)
@click.option(
    "--results",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="Results of edgeq benchmark, best of the phone: put the variant that they recommend; repeatable.",
)
@click.option(
    "--min-runtime",
    metavar="VERSION",
    help="Oldest runtime of the app, such as 2.16.1 or 'litert 2.1.0': convert for it what can be, refuse the rest.",
)
@click.option(
    "--photos",
    type=PATH,
    metavar="DATA",
    help="Folder or manifest of images: put up to 8 with the answers of here, so that the app checks itself from the "
    "photo on.",
)
@click.option(
    "--metadata-to",
    type=PATH,
    metavar="DIR",
    help="Write copies of the variants with TensorFlow Lite metadata there.",
)
@click.option("--force", is_flag=True, help="Overwrite edgeq's files in the app that a person changed.")
@json_flag
def command(
    bundle: Path,
    into: Path | None,
    new: Path | None,
    variants: tuple[str, ...],
    results: tuple[Path, ...],
    min_runtime: str | None,
    photos: Path | None,
    metadata_to: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Puts variants of BUNDLE into an Android app: model, labels, bundle.json and parity data as assets.

    With --into also a class with file names, sizes, scales and zero points beside the app's sources, and noCompress for
    .tflite in its build file. Without --variant and --results one variant is chosen by a rule, which is said. A second
    run updates what the first put, and refuses to overwrite what a person changed. Needs no TensorFlow.
    """
    import json

    wish = _Wish(bundle, into, new, variants, results, min_runtime, photos, metadata_to, force)
    _check(wish)
    app = _put(wish)
    metadata, problem = None, ""
    try:
        metadata = _metadata(wish, app)
    except EdgeqError as error:
        if app is None:
            raise
        # The app is done, and what was put into it is still to be said.
        problem = str(error)
    if as_json:
        from edgeq.android.wording import as_json as described

        print_result(json.dumps(described(app, metadata), indent=1, ensure_ascii=False))
    else:
        _print(app, metadata, wish)
    if problem:
        warn(f"no copies with metadata: {problem}")
    unedited = app is not None and app.gradle is not None and app.gradle.problem
    refused = metadata is not None and metadata.refused
    return EXIT_PARTIAL if unedited or refused or problem else EXIT_FINE


def _check(wish: _Wish) -> None:
    if wish.into is not None and wish.new is not None:
        raise UsageError("expected --into APP or --new DIR, not both")
    if wish.into is None and wish.new is None and wish.metadata_to is None:
        raise UsageError("expected --into APP, --new DIR or --metadata-to DIR: where the bundle is to go")
    if wish.new is not None and wish.force:
        raise UsageError("--force goes with --into: a new app overwrites nothing")


def _put(wish: _Wish) -> AppWithBundle | None:
    from edgeq.android.putting import new_app, put_into_app

    if wish.into is None and wish.new is None:
        return None
    bundle = _bundle(wish.bundle)
    asked: dict[str, Any] = {
        "variants": wish.variants,
        "results": wish.results,
        "min_runtime": wish.min_runtime,
        "photos": wish.photos,
    }
    if wish.into is not None:
        return put_into_app(bundle, wish.into, force=wish.force, **asked)
    assert wish.new is not None  # noqa: S101 - narrows the type for mypy
    return new_app(bundle, wish.new, **asked)


def _metadata(wish: _Wish, app: AppWithBundle | None) -> MetadataOutcome | None:
    if wish.metadata_to is None:
        return None
    from edgeq.android.choosing import named_variants
    from edgeq.android.metadata import write_with_metadata

    if app is not None:
        # What the app has may be converted for an older runtime.
        names = [variant.name for variant in app.bundle.manifest.variants]
        return write_with_metadata(app.bundle, names, wish.metadata_to, force=wish.force)
    if wish.results or wish.min_runtime or wish.photos:
        raise UsageError("--results, --min-runtime and --photos go with --into or --new")
    bundle = _bundle(wish.bundle)
    names = [variant.name for variant in named_variants(bundle.manifest, wish.variants or ("all",))]
    return write_with_metadata(bundle, names, wish.metadata_to, force=wish.force)


def _bundle(path: Path) -> Bundle:
    from edgeq.bundle import read_bundle

    if path.is_file():
        raise BundleError(f"{path} is a file, expected a bundle: the folder that edgeq convert writes")
    return read_bundle(path)


def _print(app: AppWithBundle | None, metadata: MetadataOutcome | None, wish: _Wish) -> None:
    from edgeq.android.wording import describe, describe_metadata, next_step

    if app is not None:
        print_result("\n".join(describe(app)))
        for note in app.notes:
            say(note)
        for warning in app.warnings:
            warn(warning)
        if app.gradle is not None and app.gradle.problem:
            warn(_by_hand(app))
    if metadata is not None:
        print_result("\n".join(describe_metadata(metadata)))
        for file in metadata.files:
            for note in file.notes:
                say(f"{file.variant}: {note}")
        for variant, reason in metadata.refused.items():
            warn(f"{variant} has no copy with metadata: {reason}")
    if app is not None:
        say(next_step(app, as_argument(app.folder.parent)))


def _by_hand(app: AppWithBundle) -> str:
    assert app.gradle is not None  # noqa: S101 - narrows the type for mypy
    return (
        f"{app.build_file} was left as it is, for {app.gradle.problem}: add the line {app.gradle.by_hand} yourself, "
        "and leave it out with version 4.1 or newer of the Android plugin"
    )
