"""A converter script's model(): any source, made by the user's own code."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeq.data.script import Script
from edgeq.errors import ModelError
from edgeq.files import sha256_file
from edgeq.sources.graph import SourceGraph


def from_script(script: Script, open_made: Callable[[Any], SourceGraph]) -> SourceGraph:
    """Calls the script's model() and opens what it returns.

    Args:
        script: as read.
        open_made: opens a ``keras.Model`` or the path of a model.

    Returns:
        The graph, named after the script; its digest covers the script and the model.

    Raises:
        ModelError: the script has no model(), it fails, or what it returns is no model.
    """
    graph = open_made(_absolute(script, script.call_model()))
    digest = hashlib.sha256(f"{sha256_file(script.path)} {graph.digest}".encode()).hexdigest()
    return dataclasses.replace(graph, name=script.path.stem, digest=digest, labels=script.labels)


def _absolute(script: Script, made: Any) -> Any:
    if made is None:
        raise ModelError(
            f"{script.path}: model() returns nothing, expected a keras.Model or the path of a model"
        )
    if not isinstance(made, str | Path):
        return made
    path = script.folder / made
    if path.suffix == ".py":
        raise ModelError(
            f"{script.path}: model() names another script, {made}: expected a keras.Model or a model's path"
        )
    return path
