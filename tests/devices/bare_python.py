"""A Python with NumPy and a runtime and nothing else, as on a device."""

from __future__ import annotations

import importlib.metadata
import venv
from pathlib import Path

NEEDED = ("numpy", "ai-edge-litert")


def make_bare_python(folder: Path, packages: tuple[str, ...] = NEEDED) -> Path:
    """A virtual environment that has some of this one's packages, by links.

    Args:
        folder: to make it in.
        packages: names of distributions.

    Returns:
        Its interpreter.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for package in packages:
        distribution = importlib.metadata.distribution(package)
        tops = {
            file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")
        }
        for top in sorted(tops):
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "bin" / "python"
