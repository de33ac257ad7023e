"""Image files as they should not be, by name."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)


@dataclass(frozen=True)
class BadImage:
    """A file that is no image to learn from or to measure on.

    Attributes:
        name: of the file.
        content: its bytes.
        reason: a part of what edgeq says of it.
        shows: whether that shows without decoding pixels.
    """

    name: str
    content: bytes
    reason: str
    shows: bool = True


def encoded(kind: str, *more: np.ndarray, **options: object) -> bytes:
    """`PIXELS` as a file of some format, with further pictures of an animation if any."""
    stream = io.BytesIO()
    if more:
        options |= {"save_all": True, "append_images": [Image.fromarray(pixels) for pixels in more]}
    Image.fromarray(PIXELS).save(stream, kind, **options)
    return stream.getvalue()


def png(height: int, width: int, depth: int, colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of given chunks behind its header, with an end."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), *chunks, (b"IEND", b""))
    )


def bad_images() -> tuple[BadImage, ...]:
    """One file of each kind of badness."""
    jpeg, whole_png, gif, webp, bmp = (encoded(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP"))
    animated = "it is an animation"
    return (
        BadImage("empty.jpg", b"", "it is empty"),
        BadImage("text.jpg", b"404 not found\n", "it is text, expected BMP, GIF, JPEG, PNG, WEBP"),
        BadImage("zeros.png", bytes(1000), "it is no known format, expected"),
        BadImage("page.png", b"<!DOCTYPE html><html></html>", "it is HTML or XML, expected"),
        BadImage("scan.jpg", encoded("TIFF"), "it is TIFF, expected"),
        BadImage("phone.jpg", b"\0\0\0\x24ftypheic" + bytes(24), "it is HEIC, AVIF or a film, expected"),
        BadImage("sound.png", b"RIFF\x24\0\0\0WAVEfmt " + bytes(24), "it is a sound or a film, expected"),
        # Pillow starts Ghostscript to read PostScript.
        BadImage(
            "print.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "it is PostScript, expected"
        ),
        BadImage("beginning.jpg", jpeg[:30], "it is damaged (Truncated File Read)"),
        BadImage("start.jpg", jpeg[:3], "it is a JPEG whose header is damaged or cut off"),
        BadImage("beginning.png", whole_png[:20], "it is damaged (Truncated File Read)"),
        BadImage("half.jpg", jpeg[: len(jpeg) // 2], "it is cut off (a JPEG without an end marker)"),
        BadImage("half.png", whole_png[: len(whole_png) // 2], "it is cut off (a PNG without an IEND chunk)"),
        BadImage("half.gif", gif[: len(gif) // 2] + b"\0", "it is cut off (a GIF without a trailer)"),
        BadImage("half.bmp", bmp[: len(bmp) // 2], "it is cut off (a BMP without its last row)"),
        BadImage("half.webp", webp[: len(webp) // 2], "it is damaged (could not create decoder object)"),
        BadImage("animated.gif", encoded("GIF", PIXELS[::-1]), animated),
        BadImage("animated.webp", encoded("WEBP", PIXELS[::-1]), animated),
        BadImage("animated.png", encoded("PNG", PIXELS[::-1]), animated),
        # Pillow warns of the first, and refuses the second itself.
        BadImage(
            "large.png", png(10_000, 9_000, 1, 0), "it has 9000 × 10000 pixels, expected at most 89,478,485"
        ),
        BadImage(
            "bomb.png", png(50_000, 50_000, 1, 0), "it has more than 178,956,970 pixels, expected at most"
        ),
        BadImage("holed.png", png(4, 4, 8, 0, (b"IDAT", b"no zlib")), "it is damaged (", shows=False),
    )
