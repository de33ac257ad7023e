"""Opens .keras and legacy .h5 files; nothing in them is trusted, and what cannot be a model is named."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeq.errors import ModelError
from edgeq.scratch import scratch_folder
from edgeq.sources import legacy_h5
from edgeq.sources.graph import first_line, import_keras

SUFFIXES = (".keras", ".h5", ".hdf5")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def load(path: Path, *, allow_lambda: bool = False) -> Any:
    """Loads a model in Keras' safe mode.

    Args:
        path: a .keras or legacy .h5 file.
        allow_lambda: loads Lambda layers, which run code that the file carries.

    Returns:
        The ``keras.Model``, not compiled.

    Raises:
        ModelError: the file is damaged, no model, or needs `allow_lambda` or a converter script.
    """
    legacy = path.suffix != ".keras"
    # A file that is none is told before TensorFlow is loaded, which takes seconds.
    if legacy:
        _require_hdf5(path)
    config = None if legacy else _config(path)
    keras = import_keras()
    if legacy:
        config = _legacy_config(path)
    # Keras' own safe mode has had gaps, in legacy files above all, so that it is not relied upon alone.
    if not allow_lambda and any(_is_code(entry) for entry in legacy_h5.entries(config)):
        raise ModelError(
            f"{path} has a Lambda layer, which runs code from the file: add --allow-lambda if you trust it"
        )
    with scratch_folder("legacy") as folder:
        try:
            readable = legacy_h5.readable(path, config, folder) if legacy else path
            return keras.models.load_model(readable, compile=False, safe_mode=not allow_lambda)
        except Exception as error:
            # Keras raises whatever the layers' constructors raise.
            raise ModelError(f"{path} cannot be loaded: {_explain(error)}") from error


def _config(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{path} is not a Keras model: expected a zip archive as model.save() writes it, {_found(path)}"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except KeyError as error:
        raise ModelError(
            f"{path} is a zip archive and no Keras model: expected config.json in it, as model.save() writes it"
        ) from error
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(f"{path} is damaged: {first_line(error)}; save or download it again") from error


def _require_hdf5(path: Path) -> None:
    if _head(path) != _HDF5:
        raise ModelError(f"{path} is not a Keras model: expected an HDF5 file, {_found(path)}")


def _legacy_config(path: Path) -> Any:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            names = {*file.attrs, *file}
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {first_line(error)}; save or download it again") from error
    if text is None:
        if {"layer_names", "layers", "_layer_checkpoint_dependencies", "vars"} & names:
            raise ModelError(
                f"{path} holds weights only: save the whole model with model.save('NAME.keras'), or build it "
                "and load the weights in a converter script (edgeq init NAME.py)"
            )
        raise ModelError(f"{path} is an HDF5 file and no Keras model: expected the attribute model_config")
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} is damaged: its model_config is no JSON; save it again") from error


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _found(path: Path) -> str:
    head = _head(path)
    if not head:
        return "found an empty file"
    if head == _HDF5:
        return "found an HDF5 file: rename it to .h5"
    if zipfile.is_zipfile(path):
        return "found a zip archive: rename it to .keras if Keras saved it"
    if head.startswith(b"PK"):
        return f"found a damaged zip archive of {path.stat().st_size} bytes (was the download complete?)"
    return f"found one that begins with {head!r}"


def _is_code(entry: Mapping[str, Any]) -> bool:
    return entry.get("class_name") in ("Lambda", "__lambda__")


def _explain(error: Exception) -> str:
    text = " ".join(str(error).split())
    unknown = re.search(r"(?:Could not locate \w+|Unknown (?:layer|object|\w+)):? '([^']+)'", text)
    if unknown:
        return (
            f"it has {unknown.group(1)!r}, which Keras does not know: import its code in the model() of a "
            "converter script (edgeq init NAME.py)"
        )
    return first_line(error)
