"""Copies of a bundle's variants with TensorFlow Lite model metadata: normalisation of pixels, and names of classes.

MediaPipe Tasks, ML Kit and Android Studio's model binding read them. They are written with the schema itself: of
Google's writers, ``tflite-support`` has had no release since 2023, and that in ``mediapipe`` imports a module that its
wheels have lacked since 0.10.30 (found in 0.10.35, 1.0.0 and 1.2.2) and comes with 400 MB of other packages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeq.android.metadata_file import with_metadata
from edgeq.android.metadata_normalisation import normalisation_of
from edgeq.android.metadata_rules import check_labels, is_probability, notes_on_file, notes_on_labels, refusal
from edgeq.android.metadata_schema import ClassOutput, ImageInput, pack_metadata
from edgeq.bundle import Bundle, Manifest, Variant, is_bundle
from edgeq.errors import ModelError, OutputError, UsageError, joined_reasons
from edgeq.files import write_atomic
from edgeq.printing import printable
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import TfliteModel, read_model

LABEL_FILE = "labels.txt"


@dataclass(frozen=True)
class FileWithMetadata:
    """A file that was written.

    Attributes:
        variant: that it is a copy of.
        path: of it.
        notes: what a user should know of it, one sentence each; may be empty.
    """

    variant: str
    path: Path
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetadataOutcome:
    """What came of writing.

    Attributes:
        files: that were written, at least one.
        refused: reason by variant of those that cannot have metadata; may be empty.
    """

    files: tuple[FileWithMetadata, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


def write_with_metadata(
    bundle: Bundle, variants: Sequence[str], folder: Path, *, force: bool = False
) -> MetadataOutcome:
    """Writes copies of variants with metadata, ``NAME.SCHEME.tflite`` each.

    A copy computes the same bits, and holds the whole old file. Each file is written whole or not at all; before the
    first one is written, all are checked.

    Args:
        bundle: with labels and preprocessing.
        variants: names of its variants.
        folder: where to; it is made where it does not exist, and what else is in it stays.
        force: whether files of these names are replaced.

    Raises:
        UsageError: the bundle has no variant of a name, or metadata can be written into none of them.
        ModelError: a file is damaged.
        OutputError: a file exists, or cannot be written.
    """
    manifest = bundle.manifest
    chosen = _chosen(manifest, variants)
    check_labels(manifest.labels)
    models = {variant.name: read_model(bundle.path(variant)) for variant in chosen}
    reasons = {name: refusal(model, *model_io(model), manifest) for name, model in models.items()}
    refused = {name: reason for name, reason in reasons.items() if reason}
    if len(refused) == len(chosen):
        raise UsageError(f"no file can have metadata: {joined_reasons(refused)}")
    kept = [variant for variant in chosen if variant.name not in refused]
    _check_folder(folder, kept, force=force)
    files = tuple(_written(bundle, variant, models[variant.name], folder) for variant in kept)
    return MetadataOutcome(files, refused)


def _chosen(manifest: Manifest, names: Sequence[str]) -> list[Variant]:
    by_name = {variant.name: variant for variant in manifest.variants}
    unknown = next((name for name in names if name not in by_name), None)
    if unknown is not None or not names:
        asked = "no variant" if unknown is None else f"the variant '{printable(unknown)}'"
        raise UsageError(f"metadata for {asked}: expected some of {printable(', '.join(by_name))}")
    return [by_name[name] for name in dict.fromkeys(names)]


def _check_folder(folder: Path, variants: Sequence[Variant], *, force: bool) -> None:
    """Refuses what may not be replaced: files without `force`, and those of a bundle in any case."""
    name = printable(folder)
    if is_bundle(folder):
        raise OutputError(f"{name} is a bundle, whose files are not to change: name another folder")
    existing = next((folder / variant.file for variant in variants if (folder / variant.file).exists()), None)
    if existing is not None and not force:
        raise OutputError(f"{printable(existing)} exists: add --force to replace it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{name} cannot be made: {error.strerror or error}; name another folder") from error


def _written(bundle: Bundle, variant: Variant, model: TfliteModel, folder: Path) -> FileWithMetadata:
    manifest, source = bundle.manifest, bundle.path(variant)
    (image,), (scores,) = model_io(model)
    try:
        metadata = _metadata(manifest, variant, model, image, scores)
        names = "".join(f"{label}\n" for label in manifest.labels).encode()
        content = with_metadata(source.read_bytes(), metadata, {LABEL_FILE: names})
    except OSError as error:
        raise ModelError(f"{printable(source)} cannot be read: {error.strerror}") from error
    except ModelError as error:
        raise ModelError(f"{printable(source)}: {error}") from error
    path = folder / variant.file
    write_atomic(path, content)
    preprocessing = manifest.preprocessing.of(image.name)
    notes = (*notes_on_file(model, image, preprocessing), *notes_on_labels(manifest.labels))
    return FileWithMetadata(variant.name, path, notes)


def _metadata(
    manifest: Manifest, variant: Variant, model: TfliteModel, image: TensorInfo, scores: TensorInfo
) -> bytes:
    normalisation = normalisation_of(manifest.preprocessing.of(image.name))
    _, height, width, channels = image.shape
    colours = "RGB" if channels == 3 else "Grey"
    stored = image.dtype == "uint8"
    return pack_metadata(
        manifest.name,
        f"Classifies images into {len(manifest.labels)} classes. Variant {variant.name}.",
        ImageInput(
            description=f"{colours} image of {width} x {height} pixels, normalised as (pixel - mean) / std.",
            width=width,
            height=height,
            channels=channels,
            mean=normalisation.mean,
            std=normalisation.std,
            least=(0.0,) if stored else normalisation.least,
            largest=(255.0,) if stored else normalisation.largest,
        ),
        ClassOutput("Score of each class.", LABEL_FILE, _span(model, scores)),
    )


def _span(model: TfliteModel, scores: TensorInfo) -> tuple[float, float] | None:
    if scores.dtype == "uint8":
        return 0.0, 255.0
    return (0.0, 1.0) if is_probability(model) else None
