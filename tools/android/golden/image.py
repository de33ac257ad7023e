#!/usr/bin/env python3
"""Golden vectors for the app's images: photos as decoded pixels, and what edgeq makes of them.

    .venv/bin/python tools/android/golden/image.py android_demo/core/src/test/resources/golden/image

``images.zip`` holds ``index.json`` and three files of values one after the other in its order: ``photos`` and
``prepared`` are uint8, ``values`` little-endian float32. Photos too large to be stored are a formula, of whose prepared
pixels the index has the SHA-256.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeq.data.media.image_preparation import METHODS, ImagePreparation
from edgeq.data.media.images import read_image
from edgeq.data.preprocessing import CAFFE, MINUS_ONE_TO_ONE, RAW, TORCH, ZERO_TO_ONE, Preprocessing
from edgeq.files import sha256_bytes, write_atomic

Pixels = npt.NDArray[np.uint8]

FILE = "images.zip"

_SEED = 20240607
_EXIF_ORIENTATION = 0x0112

# Height, width and channels; odd ones, lines and points among them.
_SHAPES = (
    *((48, 64, 3), (64, 48, 3), (37, 53, 3), (61, 29, 3), (45, 45, 3)),
    *((33, 80, 3), (96, 31, 3), (50, 75, 1), (23, 41, 3), (72, 54, 3)),
    *((17, 90, 3), (56, 56, 1), (7, 5, 3), (66, 41, 3), (40, 60, 3)),
    *((1, 1, 3), (1, 37, 3), (53, 1, 3), (2, 3, 1), (51, 68, 3)),
)

# Of models' inputs: smaller, larger, of another aspect, with odd sides, a point.
_INPUTS = (
    *((12, 12, 3), (9, 16, 3), (16, 9, 3), (11, 7, 1), (13, 13, 3), (14, 14, 1)),
    *((20, 5, 3), (5, 20, 3), (1, 1, 3), (24, 18, 1), (8, 15, 3)),
)

_FITS: tuple[dict[str, Any], ...] = (
    {},
    {"fit": "crop"},
    {"fit": "crop", "crop_fraction": 0.875},
    {"fit": "letterbox", "pad": 114},
)

# A photo whose weights are sums of more than 8 and more than 128 values, which NumPy adds in another order.
_FORMULA = (1021, 767, 3)
_FORMULA_INPUTS = ((224, 224, 3), (7, 299, 3), (5, 3, 3))

_VALUES = (
    RAW,
    ZERO_TO_ONE,
    MINUS_ONE_TO_ONE,
    TORCH,
    CAFFE,
    Preprocessing("one a channel", (0.1, 1 / 3, 7e-3), (1e-3, -2.7, 1e5)),
    Preprocessing("one scale", (1 / 58.395,), (-2.1, -2.0, -1.8)),
)


@dataclass(frozen=True)
class Vectors:
    """What the archive holds.

    Attributes:
        index: of the others: ``photos``, ``prepared``, ``values`` and ``formula``, a list of cases each.
        photos: pixels of each photo, uint8[H, W, C].
        prepared: those of each case, uint8[H, W, C].
        values: what a model sees, float32[H, W, C] by case.
    """

    index: dict[str, Any]
    photos: list[Pixels]
    prepared: list[Pixels]
    values: list[npt.NDArray[np.float32]]


def write(folder: Path) -> None:
    """Writes the vectors.

    Args:
        folder: where; it is made where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / FILE, _packed(compute()))


def compute() -> Vectors:
    """What edgeq makes of the photos now."""
    photos = _photos()
    with tempfile.TemporaryDirectory() as folder:
        files = _Files(Path(folder), photos)
        cases, values = list(_cases()), list(_value_cases())
        prepared = [files.prepared(case) for case in cases]
        seen = [_apply(case["preprocessing"], files.prepared(case)) for case in values]
        formula = list(_formula_cases(Path(folder)))
    index = {
        "photos": [list(photo.shape) for photo in photos],
        "prepared": cases,
        "values": values,
        "formula": formula,
    }
    return Vectors(index, photos, prepared, seen)


def read(path: Path) -> Vectors:
    """Reads what `write` wrote."""
    with zipfile.ZipFile(path) as archive:
        index = json.loads(archive.read("index.json"))
        photos = np.frombuffer(archive.read("photos"), np.uint8)
        prepared = np.frombuffer(archive.read("prepared"), np.uint8)
        values = np.frombuffer(archive.read("values"), "<f4")
    return Vectors(
        index,
        _split(photos, index["photos"]),
        _split(prepared, [case["input"] for case in index["prepared"]]),
        _split(values, [case["input"] for case in index["values"]]),
    )


def _split(values: npt.NDArray[Any], shapes: Sequence[Sequence[int]]) -> list[npt.NDArray[Any]]:
    ends = list(itertools.accumulate(int(np.prod(shape)) for shape in shapes))
    if ends[-1] != values.size:
        raise ValueError(f"expected {ends[-1]} values, found {values.size}")
    parts = np.split(values, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _packed(vectors: Vectors) -> bytes:
    lists = [
        f'"{key}": [\n' + ",\n".join(json.dumps(one) for one in cases) + "\n]"
        for key, cases in vectors.index.items()
    ]
    entries = {
        "index.json": ("{\n" + ",\n".join(lists) + "\n}\n").encode(),
        "photos": b"".join(photo.tobytes() for photo in vectors.photos),
        "prepared": b"".join(pixels.tobytes() for pixels in vectors.prepared),
        "values": b"".join(values.astype("<f4").tobytes() for values in vectors.values),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in entries.items():
            # Without the time, so that the same vectors are the same file.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


def _photos() -> list[Pixels]:
    # The stream of this generator is the same in every version of NumPy.
    random = np.random.RandomState(_SEED)
    kinds = (_scenery, _noise, _writing, _gradient)
    return [kinds[number % len(kinds)](random, *shape) for number, shape in enumerate(_SHAPES)]


def _scenery(random: np.random.RandomState, height: int, width: int, channels: int) -> Pixels:
    """Smooth surfaces, two of them with an edge between, and a sensor's noise."""
    y, x = np.mgrid[0:height, 0:width]
    y, x = y[..., None], x[..., None]
    slopes = random.uniform(-2, 2, (2, channels))
    surface = random.uniform(60, 190, channels) + slopes[0] * y + slopes[1] * x
    shade = np.where(x + y > 0.4 * (height + width), -55, 30)
    return _levels(surface + shade + random.normal(0, 4, (height, width, channels)))


def _noise(random: np.random.RandomState, height: int, width: int, channels: int) -> Pixels:
    return random.randint(0, 256, (height, width, channels)).astype(np.uint8)


def _writing(random: np.random.RandomState, height: int, width: int, channels: int) -> Pixels:
    """Strokes of one and two pixels, black on white and coloured: what kernels overshoot at."""
    page = np.full((height, width, channels), 250.0)
    for _ in range(height * width // 25):
        y, x = random.randint(0, height), random.randint(0, width)
        tall, wide = (
            (random.randint(3, 9), random.randint(1, 3)) if random.rand() < 0.6 else (1, random.randint(2, 6))
        )
        page[y : y + tall, x : x + wide] = random.choice((0, 0, 0, 255)) + random.uniform(0, 40, channels)
    return _levels(page)


def _gradient(random: np.random.RandomState, height: int, width: int, channels: int) -> Pixels:
    """A plane that wraps around; its middles between levels are ties."""
    steps = random.randint(1, 12, (2, channels))
    y, x = np.mgrid[0:height, 0:width]
    plane: npt.NDArray[np.int64] = (
        y[..., None] * steps[0] + x[..., None] * steps[1] + 40 * np.arange(channels)
    )
    return (plane % 256).astype(np.uint8)


def _levels(values: npt.NDArray[np.float64]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def formula() -> Pixels:
    """The photo that is not stored: integers only, so that it is the same in every language."""
    height, width, channels = _FORMULA
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    pixels: Pixels = (((x * 7 + y * 3 + c * 50) ^ (x * y // 32)) % 256).astype(np.uint8)
    return pixels


def _methods() -> list[dict[str, Any]]:
    """Every method, with antialiasing where it makes a difference."""
    plain = [{"resize": method} for method in METHODS]
    return plain + [{"resize": method, "antialias": True} for method in ("bilinear", "bicubic", "lanczos3")]


def _cases() -> Iterator[dict[str, Any]]:
    """Every method and fit for each photo; orientations, inputs and orders of channels take turns."""
    turns = itertools.count()
    for photo in range(len(_SHAPES)):
        for fit, method in itertools.product(_FITS, _methods()):
            # 8 orientations, 11 inputs and 3 orders (one of them twice) have no common divisor.
            turn = next(turns)
            yield {
                "photo": photo,
                "exif": 1 + (turn + turn // 8) % 8,
                "input": list(_INPUTS[turn % len(_INPUTS)]),
                "image": {
                    **method,
                    **fit,
                    "channels": ("rgb", "bgr", "rgb")[turn % 3],
                    "exif": turn % 7 != 0,
                },
            }


def _value_cases() -> Iterator[dict[str, Any]]:
    """Values as a model sees them, the preprocessing being what a bundle holds."""
    for photo in range(len(_SHAPES)):
        preprocessing = _VALUES[photo % len(_VALUES)]
        yield {"photo": photo, "exif": 1, "input": [9, 9, 3], "preprocessing": preprocessing.to_json()}


def _apply(preprocessing: dict[str, Any], pixels: Pixels) -> npt.NDArray[np.float32]:
    return Preprocessing.from_json(preprocessing).apply(pixels).astype(np.float32)


def _formula_cases(folder: Path) -> Iterator[dict[str, Any]]:
    path = folder / "formula.bmp"
    Image.fromarray(formula()).save(path)
    for shape, method in itertools.product(_FORMULA_INPUTS, _methods()):
        pixels = read_image(path, ImagePreparation.from_json(method), shape)
        yield {
            "photo": list(_FORMULA),
            "exif": 1,
            "input": list(shape),
            "image": method,
            "sha256": sha256_bytes(pixels.tobytes()),
        }


class _Files:
    """Photos as PNG files with an EXIF orientation, which edgeq reads as it reads a user's."""

    def __init__(self, folder: Path, photos: Sequence[Pixels]) -> None:
        self._folder = folder
        self._photos = photos

    def prepared(self, case: dict[str, Any]) -> Pixels:
        """What edgeq makes of a case's photo."""
        image = case["image"] if "image" in case else case["preprocessing"]["image"]
        return read_image(
            self._path(case["photo"], case["exif"]), ImagePreparation.from_json(image), tuple(case["input"])
        )

    def _path(self, photo: int, orientation: int) -> Path:
        path = self._folder / f"{photo}-{orientation}.png"
        if not path.exists():
            pixels = self._photos[photo]
            exif = Image.Exif()
            exif[_EXIF_ORIENTATION] = orientation
            Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path, exif=exif)
        return path


if __name__ == "__main__":
    write(Path(sys.argv[1]))
