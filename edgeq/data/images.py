"""One image file to one array."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from edgeq.errors import DataError

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")

# Whatever a file's suffix: Pillow reads many more formats, some of them by starting other programs.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Decoding:
    """What an image file becomes.

    The resize is bilinear without antialiasing and with half-pixel centres, as Keras'
    ``image_dataset_from_directory`` does it by default.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 1 for grey, 3 for RGB.
    """

    height: int
    width: int
    channels: int

    @staticmethod
    def for_shape(shape: tuple[int, ...], source: str) -> Decoding:
        """The decoding that a model's input needs.

        Args:
            shape: [H, W, C] of one item.
            source: of the images, for messages.

        Raises:
            DataError: the input is no image.
        """
        if len(shape) != 3 or shape[2] not in (1, 3):
            raise DataError(
                f"{source} holds images, but the model's input is {list(shape)}: "
                "expected [height, width, 1 or 3]"
            )
        return Decoding(*shape)


def decode(path: Path, decoding: Decoding) -> npt.NDArray[np.uint8]:
    """Reads an image, turns it upright by its EXIF orientation, converts colour and resizes.

    Args:
        path: the file.
        decoding: size and colour.

    Returns:
        uint8[H, W, C].

    Raises:
        DataError: the file is no image, is damaged or too large to be one.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            upright = _eight_bits(ImageOps.exif_transpose(image))
            converted = upright.convert("L" if decoding.channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as an image: {' '.join(str(error).split())}") from error
    pixels = np.asarray(converted)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[:2] != (decoding.height, decoding.width):
        pixels = resize_bilinear(pixels, decoding.height, decoding.width)
    return pixels


def _eight_bits(image: Image.Image) -> Image.Image:
    """The upper 8 of 16 bits, as ``tf.io.decode_png`` takes them; Pillow would make all above 255 white."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))


def resize_bilinear(pixels: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Bilinear resize without antialiasing, half-pixel centres, edges repeated, rounded to uint8.

    Pillow's own bilinear filter widens its support when it shrinks an image (antialiasing), so that a model
    trained on ``tf.image.resize`` would see other pixels than it was trained on.

    Args:
        pixels: uint8[H, W, C].
        height: of the result.
        width: of the result.

    Returns:
        uint8[height, width, C].
    """
    top, bottom, down = _neighbours(pixels.shape[0], height)
    left, right, across = _neighbours(pixels.shape[1], width)
    values = pixels.astype(np.float32)
    across = across[None, :, None]
    upper = values[top][:, left] * (1 - across) + values[top][:, right] * across
    lower = values[bottom][:, left] * (1 - across) + values[bottom][:, right] * across
    down = down[:, None, None]
    blended = upper * (1 - down) + lower * down
    return np.rint(blended).astype(np.uint8)


def _neighbours(
    size: int, result: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Lower and upper source position of each result position, and the upper one's weight."""
    position = (np.arange(result, dtype=np.float32) + 0.5) * (size / result) - 0.5
    position = np.clip(position, 0, size - 1)
    lower = np.floor(position).astype(np.int64)
    return lower, np.minimum(lower + 1, size - 1), (position - lower).astype(np.float32)
