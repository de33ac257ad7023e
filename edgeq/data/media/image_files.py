"""An image file before its pixels are decoded: one whole picture of a format that edgeq reads, or the reason why not.

Every complaint is a `DataError` of one line with the file's name.
"""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from edgeq.errors import DataError
from edgeq.printing import printable

MAX_PIXELS = 89_478_485
"""Of one image: where Pillow begins to warn of decompression bombs, a quarter of a GiB at 3 bytes a pixel."""

# Whatever a file's suffix: Pillow reads many more formats, some of them by starting other programs. A JPEG with
# more than one picture, as some cameras write it, comes out as MPO; the first one is the photo.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")

_BEGINNINGS = {
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%!PS": "PostScript",
    b"%PDF": "PDF",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"8BPS": "Photoshop",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself",
    b"<": "HTML or XML",
}

# Exif 3.0, section 4.6.5.1 (tag 0x0112): what turns the stored pixels upright.
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)
"""Orientations whose height and width change places."""

# PNG says it in a chunk that may follow the pixels; these names stand in the file unpacked.
_PNG_ORIENTATION = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")

# What Pillow raises on damaged files. Those of the first line came up among 100,000 files damaged at random, with
# Pillow 10 and 13; its parsers can raise the others.
_DAMAGE = (
    *(OSError, ValueError, SyntaxError),
    *(EOFError, IndexError, KeyError, OverflowError, TypeError, struct.error, zlib.error),
)

_FILTERS = threading.Lock()


def read_content(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        DataError: it cannot be read, or is a folder, a pipe or a device.
    """
    try:
        mode = path.stat().st_mode
        # Before it is opened: a pipe would be waited for.
        if not stat.S_ISREG(mode):
            raise _refused(path, "it is a folder" if stat.S_ISDIR(mode) else "it is no regular file")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise _refused(path, getattr(error, "strerror", None) or str(error)) from error


def open_image(path: Path, content: bytes) -> ImageFile:
    """An image whose pixels are not decoded yet.

    Args:
        path: of the file, for messages.
        content: its bytes.

    Raises:
        DataError: it is empty, no image, of a format that edgeq does not read, animated, too large or cut off.
    """
    if not content:
        raise _refused(path, "it is empty: copy or save it again")
    stream = io.BytesIO(content)
    with explained(path, content), _no_warnings():
        image = Image.open(stream, formats=_FORMATS)
        animated = image.format != "MPO" and getattr(image, "is_animated", False)
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, f"{image.width} × {image.height} pixels")
    if animated:
        raise _refused(
            path, "it is an animation, and no label says of which picture: save the one that is meant as PNG"
        )
    missing = _missing(image, content, stream.tell())
    if missing:
        raise _refused(path, f"it is cut off ({missing}): copy or save it again")
    return image


def orientation(path: Path, image: ImageFile, content: bytes) -> int:
    """What EXIF or XMP says of how an image lies: 1 to 8, 1 being upright.

    Args:
        path: of the file, for messages.
        image: from `open_image`.
        content: its bytes.

    Raises:
        DataError: that part of the file is damaged.
    """
    # Pillow would decode a PNG's pixels to find that there is none.
    if image.format == "PNG" and not any(mark in content for mark in _PNG_ORIENTATION):
        return 1
    with explained(path, content), _no_warnings():
        found = image.getexif().get(_ORIENTATION, 1)
    return found if found in _TURNS else 1


def turned(image: Image.Image, found: int) -> Image.Image:
    """An image turned upright by its orientation."""
    return image.transpose(_TURNS[found]) if found in _TURNS else image


@contextlib.contextmanager
def explained(path: Path, content: bytes) -> Iterator[None]:
    """What Pillow raises on a damaged file becomes a `DataError`.

    Args:
        path: of the file, for messages.
        content: its bytes.
    """
    try:
        yield
    except UnidentifiedImageError as error:
        raise _refused(path, _kind(content)) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path, f"more than {2 * MAX_PIXELS:,} pixels") from error
    except MemoryError as error:
        raise _refused(path, "it takes more memory than is free") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _refused(path, f"it is damaged ({reason}): copy or save it again") from error


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Keeps Pillow's warnings of bombs and of odd metadata off the screen; what matters is an error here.

    Filters belong to the process: two threads that put them back in the wrong order would leave them changed.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        yield


def _missing(image: ImageFile, content: bytes, end: int) -> str:
    """What a file lacks that was cut off, as far as that shows without decoding; empty where nothing is missing.

    Pillow itself refuses a WebP that is shorter than it says.

    Args:
        image: of the file.
        content: its bytes.
        end: how far Pillow read it: past a JPEG's first scan header, or all of a GIF's blocks.
    """
    if image.format in ("JPEG", "MPO") and content.rfind(b"\xff\xd9") < end:
        return "a JPEG without an end marker"
    # With its check sum, which is always the same.
    if image.format == "PNG" and content.rfind(b"IEND\xae\x42\x60\x82") < 0:
        return "a PNG without an IEND chunk"
    if image.format == "GIF" and content[end - 1 : end] != b";":
        return "a GIF without a trailer"
    if image.format == "BMP" and image.tile:
        codec, _, start, parameters = image.tile[0]
        # Uncompressed; the second parameter is the bytes of a row, and the last one may lack its padding.
        if (
            codec == "raw"
            and isinstance(parameters, tuple)
            and start + parameters[1] * (image.height - 1) >= len(content)
        ):
            return "a BMP without its last row"
    return ""


def _kind(content: bytes) -> str:
    """Why Pillow found no image."""
    kind = next((name for start, name in _BEGINNINGS.items() if content.startswith(start)), "")
    if kind in _FORMATS or content[8:12] == b"WEBP":
        return f"it is a {kind or 'WEBP'} whose header is damaged or cut off: copy or save it again"
    if content[4:8] == b"ftyp":
        kind = "HEIC, AVIF or a film"
    if content.startswith(b"RIFF"):
        kind = "a sound or a film"
    if not kind:
        kind = "text" if _is_text(content[:100]) else "no known format"
    return f"it is {kind}, expected {', '.join(_FORMATS)}"


def _is_text(content: bytes) -> bool:
    text = content.decode("utf-8", "ignore")
    return text != "" and all(sign.isprintable() or sign.isspace() for sign in text)


def _too_large(path: Path, found: str) -> DataError:
    return _refused(path, f"it has {found}, expected at most {MAX_PIXELS:,}: save it smaller")


def _refused(path: Path, reason: str) -> DataError:
    return DataError(f"{printable(path)} cannot be read as an image: {reason}")
