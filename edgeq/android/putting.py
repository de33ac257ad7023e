"""Puts a bundle into an Android app, or writes a new app around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.android.app_module import AppModule, find_module
from edgeq.android.choosing import Chosen, asked_for, choose_by_rule, with_baseline
from edgeq.android.constants import ASSETS, CLASS
from edgeq.android.cutting import Cut, write_cut
from edgeq.android.demo_app import APP_MODULE, copy_demo
from edgeq.android.gradle_edit import Edit, with_no_compress
from edgeq.android.java_source import java_source
from edgeq.android.kotlin_source import kotlin_source
from edgeq.android.measured_choice import choose_by_results
from edgeq.android.older_runtime import reason_against
from edgeq.android.photos import PHOTOS_ZIP
from edgeq.android.placing import REMOVED, WRITTEN, PlacedFile, in_its_place, place
from edgeq.android.record import RECORD, Record, content_digest, known_record
from edgeq.android.runtime_advice import advise
from edgeq.android.runtimes import Needs, RuntimeVersion, read_runtime_version, runtime_needs
from edgeq.android.surroundings import notes_on_assets, refuse_other_class
from edgeq.bundle import Bundle, read_bundle
from edgeq.data.dataset import Dataset
from edgeq.data.reading import read_dataset
from edgeq.errors import OutputError, UsageError
from edgeq.files import atomic_directory
from edgeq.scratch import scratch_folder
from edgeq.tflite.model import read_model

_ASSETS_FOLDER = f"src/main/assets/{ASSETS}"


@dataclass(frozen=True)
class AppWithBundle:
    """An app that has a bundle in its assets.

    Attributes:
        folder: of the module with the assets.
        bundle: in the assets.
        files: what was put, or removed.
        reason: why the first variant is the one to use, as a sentence without full stop.
        needs: of each variant by name, what it needs of the runtime.
        changes: what was changed in a variant's file for an older runtime, by name.
        notes: what else a user should know, one sentence each.
        package: of the generated class; None where there is none, as in the demo app.
        gradle: the build file with what was added; None for a new app, which needs nothing added.
        build_file: that `gradle` is of.
        is_demo: whether it is the demo app.
        dependency: the runtime to write among its dependencies; None where it has one, or none is known that will do.
        warnings: what will not work as it is, one sentence each.
    """

    folder: Path
    bundle: Bundle
    files: tuple[PlacedFile, ...]
    reason: str
    needs: dict[str, Needs]
    changes: dict[str, str]
    notes: tuple[str, ...]
    package: str | None = None
    gradle: Edit | None = None
    build_file: Path | None = None
    is_demo: bool = False
    dependency: RuntimeVersion | None = None
    warnings: tuple[str, ...] = ()


def put_into_app(
    bundle: Bundle,
    app: Path | str,
    *,
    variants: Sequence[str] = (),
    results: Sequence[Path | str] = (),
    min_runtime: str | None = None,
    photos: Dataset | Path | str | None = None,
    force: bool = False,
) -> AppWithBundle:
    """Puts variants of a bundle into the assets of an app's module, and a class that describes them beside its sources.

    Args:
        bundle: whose variants.
        app: folder of a module, or of a project with one such module. In the demo app float32 stays for comparison, and
            no class is written.
        variants: names, the one to use first; ``all`` stands for all others that can run. None at all lets measurements
            or a rule choose one, see `edgeq.android.choosing`.
        results: result files that a variant is chosen by.
        min_runtime: the oldest runtime of the app, such as ``2.16.1`` or ``litert 2.1.0``.
        photos: data set, or where it is, of image files that some are drawn from for photo parity; None puts none, and
            removes those that an earlier run put.
        force: whether files are overwritten that a person changed.

    Raises:
        UsageError: the folder is no module of an app, or no variant can be chosen.
        DataError: there are no photos that can be taken.
        ConversionError: a variant cannot run on that runtime.
        OutputError: a person changed edgeq's files, or something cannot be written.
    """
    module = find_module(Path(app))
    asked = read_runtime_version(min_runtime)
    shown = read_dataset(photos) if isinstance(photos, (Path, str)) else photos
    chosen = _choose(bundle, variants, results, asked)
    edit = with_no_compress(module.build_text, module.language, module.plugin_version)
    record = known_record(module.folder, force=force)
    wanted = with_baseline(bundle.manifest, chosen.variants) if record.is_demo else chosen.variants
    with in_its_place(), scratch_folder("android") as folder:
        cut = write_cut(bundle, wanted, folder / "bundle", asked, shown, chosen.optional)
        files = _assets(folder / "bundle")
        if not record.is_demo:
            files |= _source(cut, module)
            refuse_other_class(module, {*files, *record.files})
        texts = {module.build_file: edit.text} if edit.line else {}
        placed = place(module.folder, bundle.manifest.name, files, texts, force=force)
        needs = _needs(cut.bundle)
    advice = advise(needs, asked, module.runtimes)
    notes = (
        *module.notes,
        *chosen.notes,
        *cut.notes,
        *_removed_photos(placed),
        *notes_on_assets(module, files),
    )
    return AppWithBundle(
        folder=module.folder,
        bundle=dataclasses.replace(cut.bundle, folder=module.folder / _ASSETS_FOLDER),
        files=placed,
        reason=chosen.reason,
        needs=needs,
        changes=cut.changes,
        notes=(*notes, edit.note) if edit.note else notes,
        package=None if record.is_demo else module.namespace,
        gradle=edit,
        build_file=module.build_file,
        is_demo=record.is_demo,
        dependency=None if record.is_demo else advice.add,
        warnings=() if record.is_demo else advice.warnings,
    )


def new_app(
    bundle: Bundle,
    folder: Path | str,
    *,
    variants: Sequence[str] = (),
    results: Sequence[Path | str] = (),
    min_runtime: str | None = None,
    photos: Dataset | Path | str | None = None,
) -> AppWithBundle:
    """Writes the demo app with variants of a bundle; float32 is always among them, for comparison.

    Args:
        bundle: whose variants.
        folder: to make, or an empty one.
        variants: as in `put_into_app`.
        results: likewise.
        min_runtime: likewise.
        photos: likewise.

    Raises:
        UsageError: the folder is not empty, or no variant can be chosen.
        DataError: there are no photos that can be taken.
        ConversionError: a variant cannot run on that runtime.
        OutputError: the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} is not an empty folder: name a new one, or put the bundle into the app that is there with --into"
        )
    asked = read_runtime_version(min_runtime)
    shown = read_dataset(photos) if isinstance(photos, (Path, str)) else photos
    chosen = _choose(bundle, variants, results, asked)
    wanted = with_baseline(bundle.manifest, chosen.variants)
    with in_its_place(), scratch_folder("android") as scratch:
        cut = write_cut(bundle, wanted, scratch / "bundle", asked, shown, chosen.optional)
        files = _assets(scratch / "bundle")
        needs = _needs(cut.bundle)
    with in_its_place(), atomic_directory(folder) as temporary:
        paths = copy_demo(temporary)
        _write_assets(temporary / APP_MODULE, bundle.manifest.name, files)
    module = folder / APP_MODULE
    own = [folder / path for path in paths] + [module / name for name in files] + [module / RECORD]
    return AppWithBundle(
        folder=module,
        bundle=read_bundle(module / _ASSETS_FOLDER),
        files=tuple(PlacedFile(path, path.stat().st_size, WRITTEN) for path in own),
        reason=chosen.reason,
        needs=needs,
        changes=cut.changes,
        notes=(*chosen.notes, *cut.notes),
        is_demo=True,
    )


def _choose(
    bundle: Bundle, names: Sequence[str], results: Sequence[Path | str], asked: RuntimeVersion | None
) -> Chosen:
    if names and results:
        raise UsageError(
            "expected --variant or --results, not both: one names the variant, the other chooses it"
        )
    if names:
        return asked_for(bundle.manifest, names)
    if results:
        return choose_by_results(bundle.manifest, [Path(path) for path in results])
    return choose_by_rule(bundle.manifest, lambda variant: reason_against(bundle, variant, asked))


def _removed_photos(placed: Sequence[PlacedFile]) -> tuple[str, ...]:
    """What to know where an earlier run put photos: their recorded answers are those of other files."""
    if any(file.state == REMOVED and file.path.name == PHOTOS_ZIP for file in placed):
        return (f"{PHOTOS_ZIP} of the earlier run was removed: --photos DATA records photos anew",)
    return ()


def _assets(folder: Path) -> dict[str, bytes]:
    """The files of a bundle by their path in the module."""
    return {f"{_ASSETS_FOLDER}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}


def _source(cut: Cut, module: AppModule) -> dict[str, bytes]:
    write, suffix = (kotlin_source, ".kt") if module.writes_kotlin else (java_source, ".java")
    path = module.source_folder.joinpath(*module.namespace.split("."), f"{CLASS}{suffix}")
    name = path.relative_to(module.folder).as_posix()
    return {name: write(cut.bundle.manifest, module.namespace).encode()}


def _needs(bundle: Bundle) -> dict[str, Needs]:
    return {
        variant.name: runtime_needs(read_model(bundle.path(variant))) for variant in bundle.manifest.variants
    }


def _write_assets(module: Path, model: str, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (module / name).parent.mkdir(parents=True, exist_ok=True)
        (module / name).write_bytes(content)
    record = Record(
        model, {name: (content_digest(name, content),) for name, content in files.items()}, is_demo=True
    )
    (module / RECORD).write_text(record.to_text(), encoding="utf-8")
    if not (module / "src" / "main").is_dir():
        raise OutputError("the demo app has no folder src/main: install edgeq again")
