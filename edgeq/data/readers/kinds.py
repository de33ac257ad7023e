"""Which files are items: images or sounds, by their suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeq.data.columns import AudioColumn, Column, ImageColumn
from edgeq.data.media.audio import AUDIO_SUFFIXES
from edgeq.data.media.image_preparation import IMAGE_SUFFIXES
from edgeq.data.readers.listing import suffix_of
from edgeq.errors import DataError
from edgeq.printing import printable

IMAGE, SOUND = "image", "sound"

# They count as items, which turn out to be bad: a data set must not shrink in silence because half of it is in a
# format that is not read.
_UNREAD_IMAGES = (
    ".avif",
    ".heic",
    ".heif",
    ".jfif",
    ".jp2",
    ".jxl",
    ".pbm",
    ".pgm",
    ".pnm",
    ".ppm",
    ".tif",
    ".tiff",
)
_UNREAD_SOUNDS = (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wma")

_KINDS = {
    **dict.fromkeys((*IMAGE_SUFFIXES, *_UNREAD_IMAGES), IMAGE),
    **dict.fromkeys((*AUDIO_SUFFIXES, *_UNREAD_SOUNDS), SOUND),
}

MEDIA_SUFFIXES = frozenset(_KINDS)
"""Suffixes of files that are items, also of those that turn out to be bad."""

EXPECTED_FILES = f"images ({', '.join(IMAGE_SUFFIXES)}) or sounds ({', '.join(AUDIO_SUFFIXES)})"
"""For messages."""


def kind_of(name: str) -> str | None:
    """`IMAGE` or `SOUND` by the suffix of a file's name; None where it is neither."""
    return _KINDS.get(suffix_of(name))


def media_column(paths: Sequence[Path], source: str) -> Column:
    """Files as one input.

    Args:
        paths: of files that `kind_of` knows; at least one.
        source: of the paths, for messages.

    Raises:
        DataError: some are images and some are sounds.
    """
    kinds = [kind_of(path.name) for path in paths]
    if len(set(kinds)) > 1:
        one, other = (paths[kinds.index(kind)] for kind in (IMAGE, SOUND))
        raise DataError(
            f"{source} holds images ({printable(one)}) and sounds ({printable(other)}): expected one of both, or a "
            "manifest with columns input:NAME for a model with both"
        )
    return ImageColumn(tuple(paths)) if kinds[0] == IMAGE else AudioColumn(tuple(paths))
