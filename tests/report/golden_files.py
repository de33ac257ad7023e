"""Texts that a test expects byte by byte, in ``golden`` beside it; EDGEQ_UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

REPORT = Path(__file__).parent / "golden"


def check_golden(path: Path, text: str) -> None:
    """Compares a text with a golden file."""
    if os.environ.get("EDGEQ_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode(), f"{path.name} differs: if that is meant, EDGEQ_UPDATE_GOLDEN=1"


def check_printed(path: Path, text: str) -> None:
    """Likewise; spaces at the ends of lines do not count."""
    check_golden(path, "".join(f"{line.rstrip()}\n" for line in text.splitlines()))
