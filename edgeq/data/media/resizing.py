"""An image to another size, with the pixels of ``tf.image.resize``.

Half-pixel centres throughout. Pixels are rounded to uint8, and what a cubic or Lanczos kernel throws beyond 0 and 255
is clipped. Largest distance to the float32 of TensorFlow 2.21 in grey levels, as ``tests/data/test_resizing.py`` finds
it: 0 for nearest, 1.0 for bilinear with antialiasing, 0.51 for all others, of which 0.5 is the rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_Pixels = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]

_RADIUS = {"bilinear": 1, "bicubic": 2, "lanczos3": 3}
"""Pixels to each side that a kernel reaches over."""


def resize(image: Image.Image, size: tuple[int, int], method: str, antialias: bool) -> _Pixels:
    """An image in another size, as ``tf.image.resize(image, size, method, antialias=antialias)``.

    Milliseconds from 500 × 375 to 224 × 224 pixels on one x86 core (NumPy 2.4, Pillow 13): nearest 0.25, bilinear
    0.65, area 2.0, bicubic 2.3, lanczos3 2.9; with antialiasing bilinear 1.1, bicubic 3.3, lanczos3 4.7.

    Args:
        image: of mode L or RGB.
        size: height and width of the result.
        method: one of `image_preparation.METHODS`.
        antialias: whether a kernel widens where the image shrinks. Nearest and area know no such thing and ignore
            it, as in TensorFlow.

    Returns:
        uint8[height, width, C], C being 1 for L and 3 for RGB.
    """
    height, width = size
    if image.size == (width, height):
        return _array(image, copy=True)
    if method == "nearest":
        rows, columns = _nearest(image.height, height), _nearest(image.width, width)
        return np.take(_array(image)[rows], columns, axis=1)
    if method == "bilinear" and antialias:
        # Its weights are those of TensorFlow, none is negative, and so its rounding between the two passes costs
        # no more than half a level. The other kernels overshoot, which Pillow clips after the first pass: up to
        # 43 levels off. In two calls, because which pass Pillow makes first depends on its version (13 goes down the
        # columns first where the height shrinks most), and the order makes a difference of a level.
        narrow = image.resize((width, image.height), Image.Resampling.BILINEAR)
        return _array(narrow.resize((width, height), Image.Resampling.BILINEAR), copy=True)
    if method == "bilinear" and height <= image.height and width <= image.width:
        return _shrink_bilinear(image, height, width)
    if method == "area":
        down, across = _area_taps(image.height, height), _area_taps(image.width, width)
    else:
        down = _kernel_taps(image.height, height, method, antialias)
        across = _kernel_taps(image.width, width, method, antialias)
    return _weighted(_array(image), down, across)


def _array(image: Image.Image, *, copy: bool = False) -> _Pixels:
    """uint8[H, W, C] of an image; without a copy of its own it is read-only."""
    pixels = np.array(image) if copy else np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _positions(result: int, scale: np.float32) -> npt.NDArray[np.float64]:
    """Where the centre of each pixel of the result lies in the source, in TensorFlow's float32.

    Exact positions would be up to 0.35 grey levels off in a photo of 4,000 pixels, and take other pixels as nearest.

    Args:
        result: number of pixels.
        scale: source pixels for one of them.
    """
    return ((np.arange(result, dtype=np.float32) + np.float32(0.5)) * scale).astype(np.float64)


def _nearest(size: int, result: int) -> npt.NDArray[np.intp]:
    """The source pixel of each pixel."""
    position = _positions(result, np.float32(size) / np.float32(result))
    return np.minimum(position.astype(np.intp), size - 1)


def _shrink_bilinear(image: Image.Image, height: int, width: int) -> _Pixels:
    """Bilinear without antialiasing to a size that is nowhere larger: the most used case.

    Pillow gathers the four neighbours of each position, NumPy blends them. Only these pixels leave Pillow's
    memory, and so a photo of 4000 × 3000 takes 0.7 ms and not the 60 ms that a copy of it takes. Of 500 × 375 to
    224 × 224 it takes 0.65 ms; gathering in NumPy takes 0.1 ms more, blending whole rows before columns are gathered
    1.8 ms. Pillow's own bilinear ``transform`` takes 1.1 ms and truncates instead of rounding: half a level too dark.
    """
    above = _fractions(image.height, height)[:, None]
    # Repeated, so that NumPy's inner loop runs over a row and not over three values.
    left = np.repeat(_fractions(image.width, width), len(image.getbands()))
    # In one piece of memory: several small ones, which the C library may give back and get cleared for each image,
    # cost up to 1 ms.
    corners = np.empty((2, 2, height, left.size), np.float32)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        corners[row, column] = _gathered(image, height, width, row, column)
    result = np.empty((height, left.size), np.uint8)
    for block in _blocks(result):
        start, blended = corners[:, 0, block], corners[:, 1, block]
        blended -= start
        blended *= left
        blended += start
        upper, lower = blended
        lower -= upper
        lower *= above[block]
        lower += upper
        result[block] = np.rint(lower, out=lower)
    return result.reshape(height, width, -1)


def _blocks(rows: npt.NDArray[Any]) -> Iterator[slice]:
    """Rows in blocks of 80 KB of float32: larger ones leave the cache, and the system clears their memory anew."""
    step = max(1, 20_000 // rows.shape[1])
    for start in range(0, len(rows), step):
        yield slice(start, start + step)


def _fractions(size: int, result: int) -> _Floats:
    """How far each position lies behind the centre of the pixel that `_gathered` takes for the one before it."""
    before = ((2 * np.arange(result) + 1) * size - result) // (2 * result)
    position = _positions(result, np.float32(size) / np.float32(result))
    return (position - 0.5 - before).astype(np.float32)


def _gathered(image: Image.Image, height: int, width: int, row: int, column: int) -> _Pixels:
    """The pixel before each position, or the one after it where ``row`` or ``column`` is 1: uint8[height, width × C].

    Positions are multiples of 1 / (2 × result), and Pillow takes the pixel that one falls into. A quarter of such a
    step keeps them clear of the edges between pixels, where the rounding of a sum would decide.
    """
    scale_y, scale_x = image.height / height, image.width / width
    shift_y, shift_x = row - 0.5 + 0.25 / height, column - 0.5 + 0.25 / width
    picked = image.transform(
        (width, height),
        Image.Transform.AFFINE,
        (scale_x, 0, shift_x, 0, scale_y, shift_y),
        Image.Resampling.NEAREST,
    )
    return np.asarray(picked).reshape(height, -1)


@dataclass(frozen=True)
class _Taps:
    """Which source positions make up each position of the result.

    Attributes:
        index: intp[result, K].
        weight: float32[result, K]; a row sums to 1.
    """

    index: npt.NDArray[np.intp]
    weight: _Floats


def _kernel_taps(size: int, result: int, method: str, antialias: bool) -> _Taps:
    """Taps of a kernel: normalised over those that lie inside the image, as ``scale_and_translate`` does it."""
    radius = _RADIUS[method]
    stretch = max(size / result, 1.0) if antialias else 1.0
    scale = np.float32(size) / np.float32(result)
    if antialias or method == "lanczos3":
        # That operation is given the inverse.
        scale = 1 / (np.float32(result) / np.float32(size))
    centre = _positions(result, scale) - 0.5
    if method == "bicubic" and not antialias:
        # TensorFlow looks this one's weights up in a table of 1,024 steps.
        centre = np.rint(centre * 1024) / 1024
    first = np.floor(centre - radius * stretch) + 1
    index = first[:, None] + np.arange(math.ceil(2 * radius * stretch))
    weight = _kernel(method, (index - centre[:, None]) / stretch)
    weight[(index < 0) | (index >= size)] = 0
    weight /= weight.sum(axis=1, keepdims=True)
    return _Taps(index.clip(0, size - 1).astype(np.intp), weight.astype(np.float32))


def _kernel(method: str, distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights by distance in pixels: a triangle, Keys' cubic with a = −0.5, or Lanczos' window of 3 lobes.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE ASSP 29, 1981, equation 15;
    Duchon, "Lanczos Filtering in One and Two Dimensions", Journal of Applied Meteorology 18, 1979, equation 12.
    """
    x = np.minimum(np.abs(distance), _RADIUS[method])
    if method == "bilinear":
        return 1 - x
    if method == "bicubic":
        return np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, ((2.5 - 0.5 * x) * x - 4) * x + 2)
    return np.sinc(x) * np.sinc(x / 3)


def _area_taps(size: int, result: int) -> _Taps:
    """Taps that weigh each source pixel by its share of the area that becomes one pixel."""
    scale = np.float32(size) / np.float32(result)
    edges = (np.arange(result + 1, dtype=np.float32) * scale).astype(np.float64)[:, None]
    index = np.floor(edges[:-1]) + np.arange(math.ceil(size / result) + 1)
    weight = (np.minimum(index + 1, edges[1:]) - np.maximum(index, edges[:-1])).clip(0) / scale
    return _Taps(index.clip(0, size - 1).astype(np.intp), weight.astype(np.float32))


def _weighted(pixels: _Pixels, down: _Taps, across: _Taps) -> _Pixels:
    """uint8[len(down), len(across), C]: first down the columns, then across the rows."""
    _, width, channels = pixels.shape
    narrow = _sum_of_rows(pixels.reshape(len(pixels), -1), down).reshape(-1, width, channels)
    turned = np.ascontiguousarray(narrow.swapaxes(0, 1)).reshape(width, -1)
    both = _sum_of_rows(turned, across).reshape(len(across.index), -1, channels)
    rounded = np.rint(both, out=both).clip(0, 255, out=both).astype(np.uint8)
    return np.ascontiguousarray(rounded.swapaxes(0, 1))


def _sum_of_rows(rows: npt.NDArray[Any], taps: _Taps) -> _Floats:
    total = np.zeros((len(taps.index), rows.shape[1]), np.float32)
    for block in _blocks(total):
        for index, weight in zip(taps.index[block].T, taps.weight[block].T, strict=True):
            part = rows[index].astype(np.float32, copy=False)
            part *= weight[:, None]
            total[block] += part
    return total
