"""COCO annotation files: images and the boxes of the objects in them.

The format is that of https://cocodataset.org/#format-data: ``images``, ``annotations`` and ``categories``, a box being
``[x, y, width, height]`` in pixels from the upper left corner of the upright image.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.data.columns import ImageColumn, read_regular
from edgeq.data.dataset import Dataset
from edgeq.data.readers.coco_images import find_image_folder, sizes_of
from edgeq.data.readers.listing import Listing, is_file_name, suffix_of
from edgeq.data.readers.rows import shown
from edgeq.data.truth import Boxes, ObjectBoxes
from edgeq.errors import DataError, NoItemsError
from edgeq.printing import printable

_KEYS = ("images", "annotations", "categories")

_ROUNDING = 1.0
"""Pixels that a box may stick out of its image: tools round its corner and its size one by one."""

_LARGEST = 1e15
"""Pixels; what is more, or NaN, is damage, and integers beyond 1e308 are no floats."""

_MOST_FILES = 10
"""JSON files in a folder that are looked into; labelme writes one an image."""

_SHOWN = 3


@dataclass(frozen=True)
class _Image:
    """One of ``images``; `size` is height and width, None where the file does not say."""

    name: str
    size: tuple[int, int] | None


def read_coco(path: Path) -> Dataset:
    """Reads a COCO annotation file; its images lie beside it, see `edgeq.data.readers.coco_images.find_image_folder`.

    Args:
        path: of the ``.json`` file.

    Returns:
        All of its images in its order, also those without objects. Images that do not exist are bad items.

    Raises:
        DataError: it is no such file, an annotation in it is broken, or images have another size than it says.
    """
    return _read(path, read_regular(path))


def read_coco_folder(folder: Path, listing: Listing) -> Dataset | None:
    """Reads the COCO file that lies in a folder; None where there is none.

    Args:
        folder: the folder.
        listing: what is in it.

    Raises:
        DataError: there are several, or it is broken.
    """
    names = [name for name in listing.files if suffix_of(name) == ".json"]
    if not 1 <= len(names) <= _MOST_FILES:
        return None
    contents = {name: read_regular(folder / name) for name in names}
    found = [
        name for name, content in contents.items() if all(f'"{key}"'.encode() in content for key in _KEYS)
    ]
    if len(found) > 1:
        raise DataError(f"{printable(folder)} holds the COCO files {', '.join(found)}: name the one to read")
    return _read(folder / found[0], contents[found[0]]) if found else None


def _read(path: Path, content: bytes) -> Dataset:
    source = printable(path)
    value = _parsed(source, content)
    categories = _categories(source, value["categories"])
    images = _images(source, value["images"])
    folder = find_image_folder(path, [image.name for image in images.values()])
    paths = [folder / image.name for image in images.values()]
    sizes = sizes_of(source, paths, [image.size for image in images.values()])
    objects = _objects(source, value["annotations"], dict(zip(images, sizes, strict=True)), categories)
    truth = Boxes(tuple(objects), tuple(categories.values()), tuple(categories))
    return Dataset({"": ImageColumn(tuple(paths))}, truth, source=source)


def _parsed(source: str, content: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{source} cannot be read as JSON: {' '.join(str(error).split())}; save or copy it again"
        ) from error
    if not isinstance(value, dict) or not all(isinstance(value.get(key), list) for key in _KEYS):
        raise DataError(
            f"{source} is no COCO file: expected an object with the lists {', '.join(_KEYS)}, "
            f"found {shown(sorted(value)) if isinstance(value, dict) else type(value).__name__}"
        )
    return value


def _entries(source: str, key: str, values: Sequence[Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Objects with their ids.

    Raises:
        DataError: one is no object, has no whole number as its id, or the id of another.
    """
    seen = set()
    for place, value in enumerate(values):
        number = value.get("id") if isinstance(value, dict) else None
        if isinstance(number, bool) or not isinstance(number, int) or number in seen:
            raise DataError(
                f"{source}: expected objects with different whole numbers as id in {key}, found {shown(value)} "
                f"at place {place}"
            )
        seen.add(number)
        yield number, value


def _categories(source: str, values: Sequence[Any]) -> dict[int, str]:
    """Names by id, in the order of the ids."""
    names: dict[int, str] = {}
    for number, value in _entries(source, "categories", values):
        if not isinstance(value.get("name"), str):
            raise DataError(
                f"{source}: expected a name in category {number}, found {shown(value.get('name'))}"
            )
        names[number] = value["name"]
    return dict(sorted(names.items()))


def _images(source: str, values: Sequence[Any]) -> dict[int, _Image]:
    images: dict[int, _Image] = {}
    for number, value in _entries(source, "images", values):
        name = value.get("file_name")
        if not isinstance(name, str) or not is_file_name(name):
            raise DataError(f"{source}: expected a file_name in image {number}, found {shown(name)}")
        size: Any = (value.get("height"), value.get("width"))
        if size != (None, None) and not all(type(side) is int and side > 0 for side in size):
            raise DataError(
                f"{source}: expected height and width in pixels in image {number}, found {shown(list(size))}"
            )
        images[number] = _Image(name, None if size == (None, None) else size)
    if not images:
        raise NoItemsError(f"{source} lists no image: expected at least one")
    twice = [name for name, count in Counter(image.name for image in images.values()).items() if count > 1]
    if twice:
        raise DataError(f"{source} lists {shown(twice[0])} more than once: expected one image a file")
    return images


def _objects(
    source: str,
    values: Sequence[Any],
    sizes: Mapping[int, tuple[int, int]],
    categories: Mapping[int, str],
) -> list[ObjectBoxes]:
    """The objects of each image, in the order of the images."""
    classes = {number: position for position, number in enumerate(categories)}
    rows: dict[int, list[tuple[float, ...]]] = {number: [] for number in sizes}
    broken: dict[str, list[Any]] = {}
    for place, value in enumerate(values):
        problem = _problem(value, sizes, classes)
        if problem is not None:
            broken.setdefault(problem, []).append(
                value.get("id", place) if isinstance(value, dict) else place
            )
            continue
        x, y, width, height = value["bbox"]
        area, crowd = value.get("area", width * height), value.get("iscrowd", 0)
        box = (y, x, y + height, x + width)
        rows[value["image_id"]].append((*box, classes[value["category_id"]], crowd, area))
    if broken:
        raise DataError(_broken_message(source, broken, len(values)))
    return [_boxes(rows[number], size) for number, size in sizes.items()]


def _boxes(rows: Sequence[tuple[float, ...]], size: tuple[int, int]) -> ObjectBoxes:
    table = np.array(rows, np.float64).reshape(-1, 7)
    return ObjectBoxes(
        np.ascontiguousarray(table[:, :4]),
        table[:, 4].astype(np.int64),
        table[:, 5] != 0,
        table[:, 6].copy(),
        size,
    )


def _problem(value: Any, sizes: Mapping[int, tuple[int, int]], classes: Mapping[int, int]) -> str | None:
    """What is wrong with an annotation; None where nothing is."""
    if not isinstance(value, dict):
        return "no object"
    if not isinstance(value.get("image_id"), int) or value["image_id"] not in sizes:
        return "an unknown image_id"
    if not isinstance(value.get("category_id"), int) or value["category_id"] not in classes:
        return "an unknown category_id"
    box = value.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        return "no box of four numbers"
    if value.get("iscrowd", 0) not in (0, 1):
        return "an iscrowd that is neither 0 nor 1"
    if not _is_number(value.get("area", 0)) or value.get("area", 0) < 0:
        return "an area that is no number from 0"
    x, y, width, height = box
    if width < 0 or height < 0:
        return "a box of negative size"
    rows, columns = sizes[value["image_id"]]
    inside = min(x, y) >= -_ROUNDING and x + width <= columns + _ROUNDING and y + height <= rows + _ROUNDING
    # An image that cannot be read, and whose size nobody says, is a bad item already.
    return None if inside or rows == 0 else "a box outside of its image"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _broken_message(source: str, broken: Mapping[str, Sequence[Any]], count: int) -> str:
    total = sum(map(len, broken.values()))
    parts = [
        f"{len(ids)} with {problem} (id {', '.join(shown(one) for one in ids[:_SHOWN])}{', …' * (len(ids) > _SHOWN)})"
        for problem, ids in broken.items()
    ]
    return (
        f"{source}: {total} of {count} annotations {'is' if total == 1 else 'are'} broken: {'; '.join(parts)}; mend or "
        f"remove {'it' if total == 1 else 'them'}"
    )
