"""Images of circles, squares and triangles on a textured ground, for shapes_detection.py and shapes_segmentation.py.

Every scene is drawn from its seed and number alone, so that none need be stored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float64]

SIZE = 96  # pixels, height and width
SHAPES = ("circle", "square", "triangle")
MOST = 4  # shapes in a scene
RADII = (8.0, 22.0)  # pixels
LEAST_CONTRAST = 60.0  # between the colours of a shape and of the ground: Euclidean distance in RGB, 0 to 442
LEAST_LEFT = 0.75  # of what is seen of a shape, after the next one was put on top

TRAINING_SEED, TEST_SEED = 0, 1
TRAINING_IMAGES, TEST_IMAGES, CALIBRATION_IMAGES = 4000, 500, 128

_ROWS, _COLUMNS = np.mgrid[0:SIZE, 0:SIZE] + 0.5


@dataclass(frozen=True)
class Scene:
    """One image and what is in it.

    Attributes:
        image: uint8[96, 96, 3].
        objects: uint8[96, 96], 0 where the ground is seen, else the number of the shape, from 1.
        classes: int64[shapes], positions in `SHAPES`.
    """

    image: npt.NDArray[np.uint8]
    objects: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.int64]

    @property
    def mask(self) -> npt.NDArray[np.uint8]:
        """The class of each pixel, uint8[96, 96]: 0 for the ground, else the class of the shape plus 1."""
        return np.concatenate([[0], self.classes + 1]).astype(np.uint8)[self.objects]

    @property
    def boxes(self) -> Floats:
        """Boxes around what is seen of each shape, float64[shapes, 4]: ymin, xmin, ymax, xmax in pixels."""
        boxes = []
        for number in range(1, len(self.classes) + 1):
            rows, columns = np.nonzero(self.objects == number)
            boxes.append([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
        return np.asarray(boxes, np.float64)


def draw(seed: int, number: int) -> Scene:
    """A scene of one to four shapes."""
    rng = np.random.default_rng([seed, number])
    image, ground = _ground(rng)
    objects = np.zeros((SIZE, SIZE), np.uint8)
    classes: list[int] = []
    for _ in range(int(rng.integers(1, MOST + 1))):
        kind = int(rng.integers(len(SHAPES)))
        coverage = _placed(kind, objects, rng)
        if coverage is not None:
            classes.append(kind)
            objects[coverage > 0.5] = len(classes)
            image += coverage[..., None] * (_colour(ground, rng) - image)
    image += rng.standard_normal(image.shape) * rng.uniform(2, 16)
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return Scene(pixels, objects, np.asarray(classes, np.int64))


def draw_many(seed: int, count: int) -> list[Scene]:
    """The scenes 0 to ``count`` - 1."""
    return [draw(seed, number) for number in range(count)]


def images_of(scenes: Sequence[Scene]) -> npt.NDArray[np.uint8]:
    """uint8[N, 96, 96, 3]."""
    return np.stack([scene.image for scene in scenes])


def _ground(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A ground float64[96, 96, 3] of blotches, stripes and scratches, and its mean colour float64[3]."""
    colour = rng.uniform(30, 225, 3)
    blotches = rng.uniform(-1, 1, (6, 6, 3)).repeat(SIZE // 6, 0).repeat(SIZE // 6, 1)
    angle, wavelength = rng.uniform(0, np.pi), rng.uniform(6, 40)
    along = _COLUMNS * np.cos(angle) + _ROWS * np.sin(angle)
    stripes = np.sin(2 * np.pi * along / wavelength + rng.uniform(0, 2 * np.pi))
    image = colour + rng.uniform(0, 25) * blotches + rng.uniform(0, 20) * stripes[..., None]
    for _ in range(int(rng.integers(4))):
        image += _scratch(rng)[..., None] * (rng.uniform(0, 255, 3) - image)
    return image, colour


def _scratch(rng: np.random.Generator) -> Floats:
    """Coverage float64[96, 96] of a straight line of two pixels across the whole image."""
    angle = rng.uniform(0, np.pi)
    row, column = rng.uniform(0, SIZE, 2)
    away = np.abs((_ROWS - row) * np.cos(angle) - (_COLUMNS - column) * np.sin(angle))
    coverage: Floats = np.clip(1.5 - away, 0, 1)
    return coverage


def _colour(ground: Floats, rng: np.random.Generator) -> Floats:
    while True:
        colour = rng.uniform(0, 255, 3)
        if np.linalg.norm(colour - ground) >= LEAST_CONTRAST:
            return colour


def _placed(kind: int, objects: npt.NDArray[np.uint8], rng: np.random.Generator) -> Floats | None:
    """Coverage float64[96, 96] of a shape that leaves enough of the others; None where 20 places are too full."""
    before = np.bincount(objects.ravel(), minlength=MOST + 1)[1:]
    for _ in range(20):
        radius = rng.uniform(*RADII)
        row, column = rng.uniform(radius + 1, SIZE - radius - 1, 2)
        coverage = _shape(kind, row, column, radius, rng.uniform(0, 2 * np.pi))
        left = np.bincount(objects[coverage <= 0.5], minlength=MOST + 1)[1:]
        if np.all(left >= LEAST_LEFT * before):
            return coverage
    return None


def _shape(kind: int, row: float, column: float, radius: float, angle: float) -> Floats:
    """Coverage of each pixel, 0 to 1, from its distance to the nearest edge; all corners lie on the radius."""
    down, across = _ROWS - row, _COLUMNS - column
    if SHAPES[kind] == "circle":
        inside = radius - np.hypot(down, across)
    else:
        corners = 4 if SHAPES[kind] == "square" else 3
        directions = angle + 2 * np.pi * np.arange(corners) / corners
        beyond = [across * np.cos(direction) + down * np.sin(direction) for direction in directions]
        inside = radius * np.cos(np.pi / corners) - np.max(beyond, axis=0)
    coverage: Floats = np.clip(0.5 + inside, 0, 1)
    return coverage


# Folders for edgeq and other tools.


def write_images(scenes: list[Scene], folder: Path) -> None:
    """Writes ``000000.png`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, scene in enumerate(scenes):
        Image.fromarray(scene.image).save(folder / f"{number:06d}.png")


def write_masks(scenes: list[Scene], folder: Path) -> None:
    """Writes ``images`` and ``masks``: PNG files of the same names, the masks grey with the class as value."""
    write_images(scenes, folder / "images")
    (folder / "masks").mkdir(exist_ok=True)
    for number, scene in enumerate(scenes):
        Image.fromarray(scene.mask).save(folder / "masks" / f"{number:06d}.png")


def write_coco(scenes: list[Scene], folder: Path) -> None:
    """Writes ``images`` and ``instances.json``, as COCO has them (cocodataset.org/#format-data)."""
    write_images(scenes, folder / "images")
    (folder / "instances.json").write_text(json.dumps(coco(scenes)) + "\n", encoding="utf-8")


def coco(scenes: list[Scene]) -> dict[str, list[dict[str, object]]]:
    """The annotations: boxes x, y, width, height in pixels, categories and images from 1."""
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, scene in enumerate(scenes):
        images.append({"id": number + 1, "file_name": f"{number:06d}.png", "height": SIZE, "width": SIZE})
        areas = np.bincount(scene.objects.ravel(), minlength=len(scene.classes) + 1)[1:]
        for (top, left, bottom, right), kind, area in zip(scene.boxes, scene.classes, areas, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number + 1,
                    "category_id": int(kind) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": int(area),
                    "iscrowd": 0,
                }
            )
    categories: list[dict[str, object]] = [{"id": id_ + 1, "name": name} for id_, name in enumerate(SHAPES)]
    return {"images": images, "annotations": annotations, "categories": categories}
