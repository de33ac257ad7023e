"""What a process does for one candidate: make its file and measure the error of its outputs.

Files and items come by digest from a store on the machine that the process runs on. One that lacks them says so, and is
asked again with their content: no folder needs to be shared.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeq.errors import ConversionError, ModelError
from edgeq.memory import memory_share
from edgeq.optimize.candidate_cache import (
    CANDIDATES,
    FLOAT32,
    ITEMS,
    MODEL,
    STATISTICS,
    Store,
    kernels,
    makers,
    open_store,
)
from edgeq.pool import ProcessPool
from edgeq.printing import printable
from edgeq.quantize.building import Built, build
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.local_run import Floats, LocalModel
from edgeq.quantize.output_error import SOFTMAX, WatchedTensor, output_error, watched_tensors, watched_values
from edgeq.quantize.recipe import Recipe
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel
from edgeq.runtime.process import environment
from edgeq.scratch import scratch_folder
from edgeq.tflite.io import model_io
from edgeq.tflite.model import read_model

TIMEOUT_S = 1800.0
"""For one candidate: AdaRound of a network of 5 MB takes minutes on a slow core."""

Content = tuple[str, str, dict[str, bytes]]
"""An entry of a store: its kind, its name, and its files by name."""

_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


def build_candidate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Makes the file of a candidate.

    Args:
        request: ``store``: the folder of a `Store`; ``float32`` and ``items``: names of its entries; ``count`` and
            ``held_back``: of the items, the last of which the file is judged on; ``recipe``: as JSON, or None where
            ``file``, the name of an entry, is the file of a variant that was made before.

    Returns:
        ``missing``: entries that the store lacks, as kind and name. Where it lacks none: ``content`` in base64,
        ``output_error``, ``ranges``, ``operators``, ``delegated``, ``float_layers`` and ``notes`` as in `BuiltFile`,
        or ``failed``, why the file cannot be made or does not run; ``makers`` and ``kernels``: what made it.

    Raises:
        EdgeqError: the items or the recipe cannot be read.
    """
    store = Store(Path(request["store"]))
    wanted = [(FLOAT32, request["float32"]), (ITEMS, request["items"])]
    wanted += [] if request["file"] is None else [(CANDIDATES, request["file"])]
    found = [store.find(kind, name) for kind, name in wanted]
    missing = [list(entry) for entry, folder in zip(wanted, found, strict=True) if folder is None]
    if missing:
        return {"missing": missing}
    folders = [folder for folder in found if folder is not None]
    float32 = (folders[0] / MODEL).read_bytes()
    learned, judged = CalibrationItems(folders[1], request["count"]).split(request["held_back"])
    by = {"missing": [], "makers": dict(makers()), "kernels": kernels()}
    try:
        if request["recipe"] is None:
            made = Built((folders[2] / MODEL).read_bytes(), {}, (), ())
        else:
            recipe = Recipe.from_json(request["recipe"])
            made = build(float32, recipe, learned, cache=store.root / STATISTICS)
        return {**by, **_answer(made, float32, judged)}
    except (ConversionError, ModelError) as error:
        # It would be so again: worth keeping, other than a lack of memory.
        return {**by, "failed": printable(str(error))}


def build_elsewhere(request: Mapping[str, Any], contents: Sequence[Content]) -> dict[str, Any]:
    """Likewise on a machine of a cluster, in a process of its own: a crash there leaves the cluster's worker alone.

    Args:
        request: as of `build_candidate`, without ``store``.
        contents: entries that a machine was found to lack.
    """
    with open_store() as store:
        for kind, name, files in contents:
            if store.find(kind, name) is None:
                store.keep(kind, name, files)
        with ProcessPool(
            1,
            "the runtime",
            activity="build",
            environment=environment(verbose=False),
            timeout_s=TIMEOUT_S,
            most_bytes=memory_share(),
        ) as pool:
            answer = pool.submit(build_candidate, {**request, "store": str(store.root)}).result()
    return answer


def _answer(made: Built, float32: bytes, judged: CalibrationItems) -> dict[str, Any]:
    error = measured_error(float32, made.content, judged)
    if not math.isfinite(error):
        raise ModelError("its outputs are NaN or infinite on calibration items")
    operators, delegated = _delegation(made.content)
    return {
        "content": base64.b64encode(made.content).decode("ascii"),
        "output_error": error,
        "ranges": {name: list(made.ranges[name]) for name in sorted(made.ranges)},
        "operators": operators,
        "delegated": delegated,
        "float_layers": list(made.float_layers),
        "notes": list(made.notes),
    }


def measured_error(float32: bytes, content: bytes, items: CalibrationItems) -> float:
    """Error of a file's outputs on items, see `edgeq.quantize.output_error`.

    Raises:
        ModelError: a file does not run, or has other outputs than the float32 file.
    """
    watched, inputs = watched_tensors(float32), items.inputs()
    reference = watched_values(LocalModel(float32), watched, inputs)
    names = _names_in(content, float32, watched)
    found = LocalModel(content).activations(list(names.values()), inputs)
    values: dict[str, Floats] = {ours: found[theirs] for ours, theirs in names.items()}
    return output_error(watched, reference, values)


def _names_in(content: bytes, float32: bytes, watched: Sequence[WatchedTensor]) -> dict[str, str]:
    """What a file calls the watched tensors, by the name in the float32 file."""
    ours, theirs = (model_io(read_model(each))[1] for each in (float32, content))
    by_name = {info.name: info.index for info in theirs}
    if set(by_name) != {info.name for info in ours}:
        if len(ours) != 1 or len(theirs) != 1:
            raise ModelError(f"its outputs are {', '.join(by_name)}: expected those of the float32 file")
        by_name = {ours[0].name: theirs[0].index}
    model = EditableModel(content)
    makers_ = {int(index): operator for operator in model.graph.operators for index in operator.outputs}
    names = {}
    for info, tensor in zip(ours, watched, strict=True):
        index = by_name[info.name]
        if tensor.kind == SOFTMAX:
            # A file with float outputs has a conversion behind the softmax.
            while index in makers_ and model.kind(makers_[index]) in _CONVERSIONS:
                index = int(makers_[index].inputs[0])
            if index not in makers_ or model.kind(makers_[index]) != "SOFTMAX":
                raise ModelError(f"its output {info.name!r} is not made by the softmax of the float32 file")
            index = int(makers_[index].inputs[0])
        names[tensor.name] = model.name(index)
    return names


def _delegation(content: bytes) -> tuple[int, int | None]:
    """Operators of a file, and how many of them the default delegate takes."""
    with scratch_folder("delegation") as folder:
        path = folder / MODEL
        path.write_bytes(content)
        found = LoadedModel(path, find_runtime()).delegation
    total = found.total if found.total is not None else len(read_model(content).subgraphs[0].operators)
    return total, found.delegated
