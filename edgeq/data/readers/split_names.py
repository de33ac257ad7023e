"""What folders and manifests call the parts of a data set."""

from __future__ import annotations

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
"""The parts in the order in which they are read."""

_BY_NAME = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def split_of(name: str) -> str | None:
    """``train``, ``validation`` or ``test`` where a folder's or a part's name means it, else None."""
    return _BY_NAME.get(name.lower())
