"""Inspects a file: reads its structure, and runs it once in a process of its own."""

from __future__ import annotations

from pathlib import Path

from edgeq.inspection.structure import Inspection


def inspect_file(path: Path, *, run: bool = True, runtime: str | None = None) -> Inspection:
    """Finds out what a ``.tflite`` is made of. Nothing in it is trusted.

    Args:
        path: the file.
        run: whether it is run here on zeros, in a process of its own, for delegation and memory.
        runtime: which runtime; None for the best installed.

    Raises:
        ModelError: it is missing, damaged, or no TensorFlow Lite model.
    """
    raise NotImplementedError
