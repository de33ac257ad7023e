"""Which photos go into an app to check it by: few, small, of different classes, and none that was calibrated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.bundle import Manifest
from edgeq.data.columns import ImageColumn, read_regular
from edgeq.data.dataset import SKIP, Dataset
from edgeq.data.splitting import CALIBRATION_SPLITS, draw
from edgeq.errors import DataError

MOST_PHOTOS = 8
"""Enough to tell a mistake from a photo on the border of two classes, and looked at in a moment on a phone."""

MOST_BYTES = 2 << 20
"""Of all photos together: they make the app larger for everybody who installs it."""

MOST_PIXELS = 4096 * 3072
"""Of one photo: the demo app halves larger ones while it decodes them, so that their pixels come out otherwise."""

_SEED = 0


@dataclass(frozen=True)
class ChosenPhotos:
    """Photos to check an app by.

    Attributes:
        dataset: of them alone.
        paths: of their files, in the data set's order.
        notes: on what was left out, one sentence each.
    """

    dataset: Dataset
    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def choose_photos(dataset: Dataset, manifest: Manifest, most: int = MOST_PHOTOS) -> ChosenPhotos:
    """Draws photos by their content and a fixed seed, from those that are small where there are enough of them.

    Args:
        dataset: of image files.
        manifest: of the bundle, which names the calibration items.
        most: number of photos.

    Raises:
        DataError: the data set holds no image files, or none that is small enough and was not calibrated on.
    """
    _paths(dataset)
    inspected = dataset.inspected(SKIP)
    paths, digests = _paths(inspected), inspected.digests()
    notes = [f"{item.reason}: left out of the photos" for item in inspected.skipped[:1]]
    pool = _not_calibrated_on(inspected, digests, manifest)
    sizes = {index: paths[index].stat().st_size for index in pool}
    drawn = _drawn(inspected, digests, _small(pool, sizes, most, dataset.source), most, paths)
    if not drawn:
        raise DataError(
            f"{dataset.source}: all small photos have more than {MOST_PIXELS / 1e6:.1f} million pixels, which phones "
            "halve: save a few of them smaller"
        )
    if len(drawn) < most:
        notes.append(
            f"{len(drawn)} photo{'s' * (len(drawn) != 1)} of {dataset.source} to check the app by: {most} different "
            f"ones of together at most {MOST_BYTES >> 20} MB, not calibrated on, say more"
        )
    chosen = inspected.take(drawn)
    return ChosenPhotos(chosen, tuple(paths[index] for index in drawn), tuple(notes))


def _paths(dataset: Dataset) -> tuple[Path, ...]:
    columns = list(dataset.columns.values())
    if len(columns) != 1 or not isinstance(columns[0], ImageColumn):
        raise DataError(
            f"{dataset.source}: --photos expects image files, one an item, in a folder or a manifest; found other data"
        )
    return columns[0].paths


def _not_calibrated_on(dataset: Dataset, digests: Sequence[str], manifest: Manifest) -> list[int]:
    known = set(manifest.calibration)
    left = [index for index, digest in enumerate(digests) if digest not in known]
    if not left:
        raise DataError(
            f"{dataset.source}: all {len(digests)} photos were calibrated on, on which a model is better than on "
            "others: give other photos"
        )
    if not dataset.splits:
        return left
    return [index for index in left if dataset.splits[index] not in CALIBRATION_SPLITS] or left


def _small(pool: Sequence[int], sizes: dict[int, int], most: int, source: str) -> list[int]:
    """Those of a fair share of the bytes; where they are too few, the smallest that fit together."""
    small = [index for index in pool if sizes[index] <= MOST_BYTES // most]
    if len(small) >= most:
        return small
    fitting: list[int] = []
    taken = 0
    for index in sorted(pool, key=lambda index: sizes[index]):
        taken += sizes[index]
        if taken > MOST_BYTES:
            break
        fitting.append(index)
    if not fitting:
        least = min(sizes.values())
        raise DataError(
            f"{source}: the smallest photo has {least / 1e6:.1f} MB, expected at most {MOST_BYTES / 1e6:.1f} MB "
            "in all: save a few of them smaller"
        )
    return fitting if len(fitting) <= most else fitting[:most]


def _drawn(
    dataset: Dataset, digests: Sequence[str], pool: Sequence[int], most: int, paths: Sequence[Path]
) -> list[int]:
    left = list(pool)
    while left:
        labels = None if dataset.labels is None else dataset.labels[left]
        drawn = [left[place] for place in draw([digests[index] for index in left], labels, most, _SEED)]
        large = {index for index in drawn if _pixels(paths[index]) > MOST_PIXELS}
        if not large:
            return drawn
        left = [index for index in left if index not in large]
    return []


def _pixels(path: Path) -> int:
    # Pillow is imported where it is used: bundles are put into apps without it.
    from edgeq.data.media.image_files import open_image

    image = open_image(path, read_regular(path))
    return image.width * image.height
