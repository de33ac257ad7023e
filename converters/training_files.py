"""What the training scripts beside this file share: Keras, the cache, and files with the same bytes each time."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import platform
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeq.cache import cache_folder
from edgeq.errors import MissingExtraError

if TYPE_CHECKING:
    import keras


def import_keras() -> Any:
    """Keras on TensorFlow.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # must be set before TensorFlow is imported
    try:
        import tensorflow  # noqa: F401  Keras would fall back to another backend without a word
    except ImportError as error:
        raise MissingExtraError("TensorFlow", "convert") from error
    import keras

    return keras


def seeded_keras(seed: int) -> Any:
    """Keras whose training gives the same weights every time on the same machine.

    To be called before TensorFlow computes anything.
    """
    keras = import_keras()
    import tensorflow as tf

    # With more, three trainings of the segmentation network gave three results in spite of the next two lines.
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return keras


def cached_folder(name: str, sources: Sequence[Path], write: Callable[[Path], None]) -> Path:
    """A folder in the user's cache, written where it is not there yet.

    Args:
        name: of the folder; a digest of the sources is added.
        sources: files that decide what is in it, so that a change of them makes another folder.
        write: gets an empty folder and fills it; the folder gets its name when it is complete.
    """
    digest = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sources))
    name = f"{name}-{digest.hexdigest()[:12]}"
    folder = cache_folder(name)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        unfinished = Path(temporary) / name
        unfinished.mkdir()
        write(unfinished)
        try:
            unfinished.rename(folder)
        except OSError:
            # Another process was quicker; what it wrote is the same.
            if not folder.is_dir():
                raise
    return folder


def zip_bytes(contents: Mapping[str, bytes]) -> bytes:
    """A zip archive in the order of the names, every entry dated 1980."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(name), contents[name], zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def model_bytes(bare: keras.Model) -> bytes:
    """The ``.keras`` file of a model that was never compiled: the same bytes for the same weights.

    Keras writes the date and, as ``shared_object_id``, memory addresses of dtype policies; both are left out.
    """
    with tempfile.TemporaryDirectory() as temporary:
        saved = Path(temporary) / "model.keras"
        bare.save(saved)
        with zipfile.ZipFile(saved) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(contents["config.json"], object_hook=_without_addresses)
    contents["config.json"] = json.dumps(config).encode()
    contents["metadata.json"] = json.dumps({"keras_version": import_keras().__version__}).encode()
    return zip_bytes(contents)


def _without_addresses(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "shared_object_id"}


def versions() -> dict[str, str]:
    """Of Python and of the packages that decide which weights come out."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "keras": import_keras().__version__,
        "tensorflow": importlib.metadata.version("tensorflow"),
    }


def write_training(folder: Path, bare: keras.Model, facts: Mapping[str, Any]) -> None:
    """Writes ``model.keras`` and ``training.json``.

    Args:
        folder: made where it is not there.
        bare: the trained model, never compiled.
        facts: what was trained how, and what was measured.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.keras").write_bytes(model_bytes(bare))
    complete = {**facts, "parameters": bare.count_params(), "versions": versions()}
    (folder / "training.json").write_text(json.dumps(complete, indent=2) + "\n", encoding="utf-8")
