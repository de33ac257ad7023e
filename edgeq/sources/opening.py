"""From what a user names to one graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeq.errors import ModelError
from edgeq.sources import keras_model
from edgeq.sources.graph import Dimensions, SourceGraph

KINDS = ".keras, legacy .h5, a SavedModel folder, a float .tflite, or a converter script (.py)"


def open_source(
    source: Any, dimensions: Dimensions, *, allow_lambda: bool = False, signature: str | None = None
) -> SourceGraph:
    """Opens any source.

    Args:
        source: a path or a ``keras.Model``.
        dimensions: what fixes free dimensions.
        allow_lambda: loads Lambda layers of Keras files, which run code that the file carries.
        signature: of a SavedModel; its serving signature by default.

    Raises:
        ModelError: there is no such file, or it is no model that edgeq reads.
    """
    if not isinstance(source, str | Path):
        return keras_model.from_model(source, dimensions)
    path = Path(source)
    if not path.exists():
        raise ModelError(f"{path} does not exist: expected {KINDS}")
    if path.suffix in (".keras", ".h5", ".hdf5"):
        return keras_model.from_file(path, dimensions, allow_lambda=allow_lambda)
    raise ModelError(f"{path} is no model that edgeq reads: expected {KINDS}")
