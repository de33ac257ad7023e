"""Writes a packed bundle: one file that ``python3`` runs, with the .tflite files, inputs and the code that measures.

It is a zip archive behind a line that names its interpreter. Its comment is the SHA-256 of all that lies before the
comment, which the program checks before anything else. Equal bundles, inputs and versions give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeq.benchmark.accuracy import bound_feed, validation_items
from edgeq.benchmark.targets import Targets
from edgeq.benchmark.tasks.choosing import (
    ANOMALY,
    CLASSIFICATION,
    COMPARISON,
    EMBEDDING,
    MULTI_LABEL,
    REGRESSION,
)
from edgeq.bundle import BUNDLE_JSON, Bundle
from edgeq.data.dataset import FAIL, Dataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.devices.packed.archive import BUNDLE_FOLDER, COMMENT, INPUTS_NPZ, MAIN
from edgeq.devices.packed.code import packed_sources
from edgeq.devices.packed.inputs import PackedInputs, collect_inputs, packable
from edgeq.errors import OutputError, UsageError
from edgeq.files import check_file, write_atomic

ITEMS = 200
"""Validation inputs in a packed bundle: a minute or two of a Raspberry Pi's time, 30 MB of photos at 224 × 224."""

NO_DATA = (
    "packed without validation inputs: a device measures latency and parity, no accuracy; --data packs some"
)
"""What a packed bundle without inputs cannot do."""

_PORTABLE_TASKS = frozenset({CLASSIFICATION, MULTI_LABEL, REGRESSION, ANOMALY, EMBEDDING, COMPARISON})
"""What can be scored with NumPy alone, from arrays."""

_NO_DATE = (1980, 1, 1, 0, 0, 0)
_SHEBANG = b"#!/usr/bin/env python3\n"


@dataclass(frozen=True)
class Packed:
    """What was packed.

    Attributes:
        content: the file.
        sha256: of the file.
        items: validation inputs in it.
        labelled: whether they have labels, so that accuracy is measured, not agreement alone.
        notes: what was left out, one sentence each.
    """

    content: bytes
    sha256: str
    items: int
    labelled: bool
    notes: tuple[str, ...]


def pack_bundle(
    targets: Targets,
    *,
    data: Dataset | None = None,
    preprocessing: Preprocessing | None = None,
    task: str | Mapping[str, object] | None = None,
    items: int = ITEMS,
    on_bad_input: str = FAIL,
    progress: Callable[[int, int], None] | None = None,
) -> Packed:
    """Packs a bundle and some of its validation data.

    Args:
        targets: of a bundle, all of whose variants are packed.
        data: the validation set; items that the bundle was calibrated on are left out, and `items` of the others,
            evenly spread, are packed. None packs none, so that the device measures latency and parity alone.
        preprocessing: of the data instead of the bundle's.
        task: what the model does instead of what the bundle says.
        items: largest number of inputs.
        on_bad_input: ``fail``, or ``skip`` to leave out items that cannot be read.
        progress: called with the number of inputs read and their total.

    Raises:
        EdgeqError: it is no bundle, or data and model do not go together.
    """
    if targets.bundle is None:
        raise UsageError("expected a bundle to pack: a lone .tflite file has no inputs that prove it")
    notes: list[str] = []
    inputs = None
    if data is not None:
        inputs = _inputs(targets, data, preprocessing, task, items, on_bad_input, notes, progress)
    content = _archive(targets.bundle, inputs)
    return Packed(
        content,
        hashlib.sha256(content).hexdigest(),
        0 if inputs is None else len(inputs),
        inputs is not None and inputs.truth is not None,
        tuple(notes),
    )


def check_packed_path(path: Path) -> None:
    """Makes sure that a packed bundle can be written, and takes the place of nothing but a packed bundle.

    Raises:
        OutputError: it cannot, or something else is there.
    """
    check_file(path)
    if path.is_file() and path.stat().st_size and not path.read_bytes()[: len(_SHEBANG)] == _SHEBANG:
        raise OutputError(f"{path} exists and is no packed bundle: remove it, or write elsewhere with -o")


def write_packed(path: Path, packed: Packed) -> None:
    """Writes the file, whole or not at all, so that it can be started by its name.

    Raises:
        OutputError: it cannot be written, or something else than a packed bundle is there.
    """
    check_packed_path(path)
    write_atomic(path, packed.content)
    mode = path.stat().st_mode
    # Whoever may read it may run it.
    path.chmod(mode | (mode & 0o444) >> 2)


def _inputs(
    targets: Targets,
    data: Dataset,
    preprocessing: Preprocessing | None,
    task: str | Mapping[str, object] | None,
    items: int,
    on_bad_input: str,
    notes: list[str],
    progress: Callable[[int, int], None] | None,
) -> PackedInputs:
    feed = bound_feed(targets, data, preprocessing or targets.preprocessing_of(data), on_bad_input)
    chosen, _ = validation_items(targets, feed.dataset, items, notes)
    said = task or targets.task or data.task
    if data.script is not None or not packable(chosen.truth) or not (said is None or said in _PORTABLE_TASKS):
        notes.append(
            "a device cannot score these labels: it compares outputs with float32's (edgeq benchmark without --on "
            "measures the metric)"
        )
        chosen, said = chosen.with_truth(None), COMPARISON
        chosen.script = chosen.task = None
    return collect_inputs(feed.over(chosen), said, progress)


def _archive(bundle: Bundle, inputs: PackedInputs | None) -> bytes:
    content = {"__main__.py": MAIN.encode(), **packed_sources()}
    # All variants, whichever are to be measured: a bundle is verified as a whole.
    names = (BUNDLE_JSON, *bundle.manifest.files, *(variant.file for variant in bundle.manifest.variants))
    content |= {f"{BUNDLE_FOLDER}/{name}": (bundle.folder / name).read_bytes() for name in names}
    if inputs is not None:
        content[INPUTS_NPZ] = inputs.to_bytes()
    buffer = io.BytesIO()
    buffer.write(_SHEBANG)
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, _NO_DATE)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".npz") else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, compresslevel=zlib.Z_BEST_COMPRESSION)
        # The length of the comment is part of what is hashed.
        archive.comment = b"0" * COMMENT
    whole = bytearray(buffer.getvalue())
    whole[-COMMENT:] = hashlib.sha256(bytes(whole[:-COMMENT])).hexdigest().encode()
    return bytes(whole)
