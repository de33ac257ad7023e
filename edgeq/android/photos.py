"""Photos in an app's assets with what edgeq makes of them here: the app checks itself by them from the file on.

The inputs of ``parity.npz`` begin behind the preprocessing. ``photos.zip`` holds the files themselves, their pixels as
they are prepared here, and what each variant answers here, so that a device can say at which step it goes wrong.

Format history (``version`` in photos.json):

* 1: first version.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.android.photo_choice import MOST_PHOTOS, ChosenPhotos, choose_photos
from edgeq.bundle import Array, Manifest, Variant
from edgeq.data.columns import read_regular
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.errors import DataError, ModelError
from edgeq.files import sha256_bytes
from edgeq.printing import printable
from edgeq.runtime.running import Ran, run_file
from edgeq.scratch import scratch_folder

PHOTOS_ZIP = "photos.zip"
PHOTOS_JSON = "photos.json"
VERSION = 1

_MOST_PREPARED_BYTES = 4 << 20
"""Of all prepared pixels: models with large inputs get fewer photos."""

_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""A ZIP archive can hold no earlier date; a later one would make equal photos different archives."""

_UNIX = 3

_LOSSLESS = {"PNG": "png", "BMP": "bmp"}
_LOSSY = {"JPEG": "jpg", "MPO": "jpg", "WEBP": "webp", "GIF": "gif"}


@dataclass(frozen=True)
class RecordedPhotos:
    """An archive of photos with what was recorded of them.

    Attributes:
        content: of ``photos.zip``.
        count: of photos.
        notes: what a user should know of them, one sentence each.
    """

    content: bytes
    count: int
    notes: tuple[str, ...]


def record_photos(
    manifest: Manifest,
    models: Mapping[str, tuple[Variant, bytes]],
    reference: tuple[Variant, bytes],
    dataset: Dataset,
) -> RecordedPhotos:
    """Draws photos, prepares them and runs every variant on them, each in a process of its own.

    Args:
        manifest: of the bundle.
        models: by the variant's name, the variant and the content of its file.
        reference: the float file that the others are compared with, likewise.
        dataset: to draw from, see `edgeq.android.photo_choice`.

    Raises:
        DataError: the data set holds no photos that can be taken.
        ModelError: the model's input is no picture, or it has several.
        EdgeqError: a variant does not run here.
    """
    spec = _image_input(manifest, [variant for variant, _ in models.values()])
    size = math.prod(spec.item_shape)
    most = max(1, min(MOST_PHOTOS, _MOST_PREPARED_BYTES // size))
    photos = choose_photos(dataset, manifest, most)
    feed = Feed(photos.dataset, (spec,), manifest.preprocessing)
    every = range(len(photos.paths))
    pixels = feed.stored(spec, every)
    items = {spec.name: feed.items(every)[spec.name][:, np.newaxis]}
    ran = {name: _run(variant, content, items) for name, (variant, content) in models.items()}
    exact = ran.get(reference[0].name) or _run(*reference, items)
    entries = _entries(manifest, photos, spec, pixels, ran, exact)
    return RecordedPhotos(_archive(entries), len(photos.paths), photos.notes)


def _image_input(manifest: Manifest, variants: Sequence[Variant]) -> ModelInput:
    """The one input, [height, width, 1 or 3] for each item and with a batch of 1 in every file."""
    tensors = manifest.inputs
    shapes = {tensor.shape for variant in variants for tensor in variant.inputs}
    shape = next(iter(shapes), ())
    if len(tensors) != 1 or len(shapes) != 1 or len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3):
        found = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in tensors)
        raise ModelError(
            f"{manifest.name} takes no single picture: --photos expects one input [1, height, width, 1 or 3], found "
            f"{printable(found)}"
        )
    return ModelInput(tensors[0].name, shape[1:], tensors[0].dtype)


def _run(variant: Variant, content: bytes, items: Mapping[str, Array]) -> Ran:
    with scratch_folder("photos") as folder:
        path = folder / Path(variant.file).name
        path.write_bytes(content)
        return run_file(path, variant.name, items)


def _entries(
    manifest: Manifest,
    photos: ChosenPhotos,
    spec: ModelInput,
    pixels: npt.NDArray[np.uint8],
    ran: Mapping[str, Ran],
    exact: Ran,
) -> dict[str, bytes]:
    entries: dict[str, bytes] = {}
    listed = []
    for number, path in enumerate(photos.paths, 1):
        content = read_regular(path)
        described = _described(path, content, exif=manifest.preprocessing.of(spec.name).image.exif)
        file, prepared = f"photo-{number}.{described.pop('suffix')}", f"photo-{number}.npy"
        entries |= {file: content, prepared: _npy(pixels[number - 1])}
        listed.append({"file": file, "sha256": sha256_bytes(content), **described, "pixels": prepared})
    reference = {output: f"reference-{place}.npy" for place, output in enumerate(exact.stored, 1)}
    entries |= {file: _npy(exact.stored[output]) for output, file in reference.items()}
    variants = []
    for number, (name, one) in enumerate(ran.items(), 1):
        outputs = {output: f"variant-{number}-{place}.npy" for place, output in enumerate(one.stored, 1)}
        entries |= {file: _npy(one.stored[output]) for output, file in outputs.items()}
        variants.append({"name": name, "kernel_path": one.kernel_path, "outputs": outputs})
    value = {
        "format": "edgeq-photos",
        "version": VERSION,
        "input": spec.name,
        "photos": listed,
        "reference": reference,
        "variants": variants,
    }
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    return {PHOTOS_JSON: text.encode("utf-8", "backslashreplace"), **entries}


def _described(path: Path, content: bytes, *, exif: bool) -> dict[str, Any]:
    from edgeq.data.media.image_files import open_image, orientation

    image = open_image(path, content)
    kind = str(image.format)
    # Of 16 bits a channel decoders take the upper 8 or round them.
    is_exact = kind in _LOSSLESS and not image.mode.startswith("I")
    if kind not in _LOSSLESS | _LOSSY:
        raise DataError(f"{printable(path)} is {kind}: expected a photo that phones decode")
    return {
        "suffix": (_LOSSLESS | _LOSSY)[kind],
        "name": printable(f"{path.parent.name}/{path.name}".removeprefix("/")),
        "lossless": is_exact,
        "orientation": orientation(path, image, content) if exif else 1,
        "size": [image.height, image.width],
    }


def _npy(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _archive(entries: Mapping[str, bytes]) -> bytes:
    """Stored, for photos do not shrink and the app's package compresses the rest: equal entries are equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, _EARLIEST)
            info.create_system = _UNIX
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()
