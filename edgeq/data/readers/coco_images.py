"""The images of a COCO file: where they lie, and how large they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.errors import DataError
from edgeq.printing import printable

_SHOWN = 3


def find_image_folder(path: Path, names: Sequence[str]) -> Path:
    """The folder that a COCO file's images are in.

    Looked at are, in this order, the file's own folder, ``images`` in it, and folders that are called like the
    file or like the last part of its name (``val2017`` for ``instances_val2017.json``), in it, beside it and in an
    ``images`` beside it; the first that holds one of the images is it.

    Args:
        path: of the COCO file.
        names: of the images as the file has them; may have folders in front.

    Raises:
        DataError: none holds any.
    """
    own = path.parent
    beside = own.parent if own.name not in ("", os.pardir) else own / os.pardir
    stems = dict.fromkeys((path.stem, path.stem.rpartition("_")[2]))
    candidates = [
        own,
        own / "images",
        *(own / stem for stem in stems),
        *(own / "images" / stem for stem in stems),
        *(beside / stem for stem in stems),
        beside / "images",
        *(beside / "images" / stem for stem in stems),
    ]
    for folder in candidates:
        # Not Path: there may be 100,000 names and 9 folders.
        if any(os.path.lexists(os.path.join(folder, name)) for name in names):  # noqa: PTH118
            return folder
    raise DataError(
        f"{printable(path)}: none of its {len(names)} images ({', '.join(names[:_SHOWN])}"
        f"{', …' * (len(names) > _SHOWN)}) lies beside it: expected them in its folder, in images/ or in "
        f"{list(stems)[-1]}/"
    )


def sizes_of(
    source: str, paths: Sequence[Path], expected: Sequence[tuple[int, int] | None]
) -> list[tuple[int, int]]:
    """Height and width of upright images; those of bad ones are as expected, or 0 where nothing is known.

    Args:
        source: of the annotations, for messages.
        paths: of the images.
        expected: height and width as the annotations have them; None where they do not say.

    Raises:
        DataError: images have another size than expected, so that the boxes would not fit them.
    """
    found = [_upright_size(path) for path in paths]
    sizes = [size or other or (0, 0) for size, other in zip(found, expected, strict=True)]
    wrong = [index for index, other in enumerate(expected) if other is not None and sizes[index] != other]
    if wrong:
        first = wrong[0]
        (height, width), other = sizes[first], expected[first] or (0, 0)
        raise DataError(
            f"{source}: {len(wrong)} of {len(paths)} images have another size than the annotations say "
            f"({printable(paths[first])} has {width}×{height} pixels upright, expected {other[1]}×{other[0]}): boxes "
            "would not fit; annotate these images, or take those that were annotated"
        )
    return sizes


def _upright_size(path: Path) -> tuple[int, int] | None:
    """Height and width of an image as a person sees it; None where it is bad, which its inspection tells."""
    from edgeq.data.media.images import original_size

    try:
        return original_size(path, ImagePreparation())
    except DataError:
        return None
