"""Mask files: the class of each pixel, as the file's numbers say."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeq.errors import DataError
from edgeq.printing import printable

# Not GIF: its writers, Pillow among them, sort the palette, and with it the numbers.
_FORMATS = ("BMP", "PNG")
# What Pillow raises on damaged files.
_DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError),
    *(struct.error, zlib.error, IndexError, KeyError, TypeError, OverflowError),
)
_MODES = ("1", "L", "P", "I", "I;16", "I;16L", "I;16B")


def read_mask(path: Path) -> npt.NDArray[np.int32]:
    """Reads a mask whose pixel values are classes: palette indices, or grey of 1 to 16 bits.

    Args:
        path: of a PNG or BMP file.

    Returns:
        int32[height, width].

    Raises:
        DataError: the file is no image, is damaged, too large to be one, or in colours.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            pixels, mode, format_name = np.array(image), image.mode, image.format
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{printable(path)} cannot be read as a mask, expected PNG or BMP: {reason}"
        ) from error
    if mode not in _MODES:
        raise DataError(
            f"{printable(path)} is an image of mode {mode}: expected a mask with a palette or in grey, whose values "
            "are the numbers of classes"
        )
    classes: npt.NDArray[np.int32] = pixels.astype(np.int32)
    return classes * _levels(content) // 255 if (format_name, mode) == ("PNG", "L") else classes


def _levels(content: bytes) -> int:
    """The largest value of a grey PNG: Pillow spreads the values of 2 and 4 bits to 0 to 255.

    Bytes 24 and 25 are bits and colour type (PNG specification, third edition, section 11.2.1).
    """
    bits, colour = content[24], content[25]
    return (1 << bits) - 1 if colour == 0 and bits < 8 else 255
