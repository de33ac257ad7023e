"""Texts that a test expects byte by byte, in ``golden/``; EDGEQ_UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str) -> None:
    """Compares a text with the golden file of that name; spaces at the ends of lines do not count."""
    path = _FOLDER / name
    bare = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    if os.environ.get("EDGEQ_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bare.encode())
    assert bare == path.read_bytes().decode(), f"{path.name} differs: if that is meant, EDGEQ_UPDATE_GOLDEN=1"
