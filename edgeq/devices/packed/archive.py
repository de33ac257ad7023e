"""The parts of a packed bundle, and how one is opened."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

from edgeq.errors import BundleError

BUNDLE_FOLDER = "bundle"
INPUTS_NPZ = "inputs.npz"
COMMENT = 64
"""Bytes of the archive's comment: a SHA-256 in hexadecimal digits."""

MAIN = """\
import sys

if sys.version_info < (3, 10):
    sys.stderr.write("edgeq: expected Python 3.10 or newer, this is Python %d.%d\\n" % sys.version_info[:2])
    sys.exit(2)

import hashlib
import importlib.util
import os
import signal


def interrupted(*_):
    # Importing takes seconds from a memory card: until the program itself runs, Ctrl-C just ends it.
    os.write(2, b"edgeq: interrupted\\n")
    os._exit(130)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, interrupted)

HERE = os.path.dirname(os.path.abspath(__file__))
with open(HERE, "rb") as file:
    content = file.read()
if hashlib.sha256(content[:-64]).hexdigest().encode() != content[-64:]:
    sys.stderr.write("edgeq: " + os.path.basename(HERE) + " was altered or cut off on its way: copy it again\\n")
    sys.exit(2)
del content
if importlib.util.find_spec("numpy") is None:
    sys.stderr.write("edgeq: NumPy is not installed for " + sys.executable + ": sudo apt install python3-numpy, or "
                     "pip install numpy in a virtual environment\\n")
    sys.exit(2)

from edgeq.devices.packed.program import main

sys.exit(main(HERE))
"""
"""The archive's ``__main__.py``. It is plain enough for any Python 3 to read, so as to refuse an old one."""


def extract_bundle(archive: Path, folder: Path) -> tuple[Path, Path | None]:
    """Writes the files that are measured, for a runtime maps files and reads no archives.

    Args:
        archive: the packed bundle.
        folder: to write to.

    Returns:
        The bundle's folder, and the validation inputs; None where there are none.

    Raises:
        BundleError: the archive is damaged.
        OSError: there is not enough room.
    """
    bundle = folder / BUNDLE_FOLDER
    bundle.mkdir()
    inputs = None
    try:
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                parent, _, name = entry.filename.rpartition("/")
                if parent == BUNDLE_FOLDER and name:
                    (bundle / Path(name).name).write_bytes(opened.read(entry))
                elif entry.filename == INPUTS_NPZ:
                    inputs = folder / INPUTS_NPZ
                    inputs.write_bytes(opened.read(entry))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BundleError(f"{archive.name} is damaged ({error}): copy it again") from error
    return bundle, inputs


def is_intact(archive: Path) -> bool:
    """Whether the archive's comment is the digest of what lies before it."""
    content = archive.read_bytes()
    return hashlib.sha256(content[:-COMMENT]).hexdigest().encode() == content[-COMMENT:]
