"""Legacy .h5 files as Keras 1 and 2 wrote them, made readable for Keras 3.

Keras 3 refuses arguments that older layers stored with their only possible value, names with a slash, and the
numbers by which a model says which call of a model in it it means. All stand in the file's JSON configuration;
weights are found by the order of the layers and not by their names, so that a copy of the file with another
configuration is the same model.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "CuDNNLSTM", "CuDNNGRU")

_MEANINGLESS: dict[str, tuple[tuple[str, ...], tuple[Any, ...] | None]] = {
    "groups": (_DEPTHWISE + _TRANSPOSED + _SEPARABLE, (1,)),
    "time_major": (_RECURRENT, (False,)),
    # Separable layers inherited these from Conv2D and never used them.
    "kernel_initializer": (_SEPARABLE, None),
    "kernel_regularizer": (_SEPARABLE, None),
    "kernel_constraint": (_SEPARABLE, None),
}
"""Arguments by name: the layers that Keras 3 does not take them in, and the values without meaning (None: any)."""


def readable(path: Path, config: Any, folder: Path) -> Path:
    """The file, or a copy of it that Keras 3 reads.

    Args:
        path: the .h5 file.
        config: its ``model_config``, parsed.
        folder: for the copy; the caller removes it.
    """
    import h5py

    slashed = {
        name: name.replace("/", "_")
        for entry in entries(config)
        if isinstance(name := entry.get("name"), str) and "/" in name
    }
    changed = _translated(config, slashed)
    with h5py.File(path, "r") as file:
        version = file.attrs.get("keras_version", "")
    if str(version).startswith(("1.", "2.")):
        for entry in entries(changed):
            _count_calls_from_zero(entry)
    if changed == config:
        return path
    copy = folder / path.name
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = json.dumps(changed)
    return copy


def entries(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every JSON object of a configuration; without recursion, which a hostile file could exhaust."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _translated(value: Any, names: Mapping[str, str], layer: str = "") -> Any:
    """A copy with other names, and without arguments that mean nothing."""
    if isinstance(value, dict):
        own = value.get("class_name")
        return {
            key: _translated(item, names, own if key == "config" and isinstance(own, str) else "")
            for key, item in value.items()
            if not _is_meaningless(layer, key, item)
        }
    if isinstance(value, list):
        return [_translated(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _is_meaningless(layer: str, key: str, value: Any) -> bool:
    layers, values = _MEANINGLESS.get(key, ((), None))
    return layer in layers and (values is None or value in values)


def _count_calls_from_zero(model: Mapping[str, Any]) -> None:
    """Renumbers the calls of models inside a functional one, in place.

    Keras 2 counted the making of an inner model as its call 0, so that the first call in the outer model is 1. Keras 3
    counts from 0, and subtracts 1 itself only for inner functional models that are outputs.

    Args:
        model: the ``config`` of a functional model; anything else is left alone.
    """
    layers, outputs = model.get("layers"), model.get("output_layers")
    if not isinstance(layers, list) or not isinstance(outputs, list):
        return
    inner = {
        layer.get("name"): layer.get("class_name")
        for layer in layers
        if isinstance(layer, dict) and isinstance(layer.get("config"), dict) and "layers" in layer["config"]
    }
    for name, kind in inner.items():
        nodes = [layer.get("inbound_nodes") for layer in layers if isinstance(layer, dict)]
        calls = [*_calls(nodes, name), *(_calls(outputs, name) if kind == "Sequential" else ())]
        if calls and min(call[1] for call in calls) > 0:
            for call in calls:
                call[1] -= 1


def _calls(value: Any, name: Any) -> Iterator[list[Any]]:
    """Every ``[name, call, tensor, …]`` in nested lists."""
    if not isinstance(value, list):
        return
    if len(value) > 2 and value[0] == name and isinstance(value[1], int):
        yield value
        return
    for item in value:
        yield from _calls(item, name)
