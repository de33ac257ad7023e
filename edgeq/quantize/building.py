"""A float32 file, a recipe and calibration items to a quantized file: every method of this package, in its order."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgeq.errors import MissingExtraError, UsageError
from edgeq.pool import ProcessPool
from edgeq.quantize.io_types import require_io, with_io
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.lowering import lower
from edgeq.quantize.precision_plan import plan_of
from edgeq.quantize.range_setting import ranges_for
from edgeq.quantize.recipe import FLOAT32, Range, Recipe
from edgeq.quantize.rewrites.applying import rewrite
from edgeq.quantize.weights.correcting import correct_weights
from edgeq.runtime.process import environment
from edgeq.tflite.model import read_model
from edgeq.tflite.precision import compute_types


@dataclass(frozen=True, eq=False)
class Built:
    """A quantized file.

    Attributes:
        content: of the file.
        ranges: of every float activation as they were used, by name of the tensor in the rewritten float32 file; a
            recipe that has them makes the same file and needs no statistics.
        notes: what was done or left out and why, one sentence each.
        float_layers: outputs of the operators that compute in float although they were not asked to.
    """

    content: bytes
    ranges: Mapping[str, Range]
    notes: tuple[str, ...]
    float_layers: tuple[str, ...]


def build(
    float32: bytes,
    recipe: Recipe,
    items: CalibrationItems,
    *,
    held_back: CalibrationItems | None = None,
    cache: Path | None = None,
) -> Built:
    """Quantizes in this process, which a damaged file may crash: `quantize_file` does it in one of its own.

    Args:
        float32: content of the float32 file.
        recipe: how.
        items: that rewrites, ranges and weights learn from.
        held_back: items that chosen ranges are judged on; None holds back the last quarter of `items` for it.
        cache: folder for statistics of activations, which are gathered once for a file and its items; None keeps none.

    Returns:
        The file: the same bytes for the same arguments.

    Raises:
        ConversionError: litert-quantizer refuses.
        DataError: too few items.
        MissingExtraError: litert-quantizer is not installed.
        ModelError: the runtime refuses a file.
        UsageError: a layer or a tensor that the file does not have, or what its inputs and outputs cannot be.
    """
    require_io(recipe.scheme, recipe.io)
    plan_of(float32, recipe)
    rewritten = rewrite(float32, recipe.rewrites, items)
    plan = plan_of(rewritten.content, recipe)
    ranges, notes = ranges_for(rewritten.content, recipe, plan, items, held_back=held_back, cache=cache)
    content = lower(rewritten.content, ranges, plan)
    if not recipe.weights.is_plain:
        content = correct_weights(rewritten.content, content, recipe.weights, items)
    return Built(
        content=with_io(content, recipe.io),
        ranges=ranges,
        notes=(*rewritten.notes, *notes),
        float_layers=_float_layers(content, recipe),
    )


def quantize_file(
    float32: Path,
    recipe: Recipe,
    items: CalibrationItems,
    *,
    held_back: CalibrationItems | None = None,
    cache: Path | None = None,
) -> Built:
    """Quantizes a file in a worker process; arguments, result and errors are those of `build`.

    Raises:
        WorkerError: what `build` raises once it runs the file; the process died.
    """
    if importlib.util.find_spec("litert_quantizer") is None:
        raise MissingExtraError("litert-quantizer, which quantizes with chosen ranges,", "optimize")
    require_io(recipe.scheme, recipe.io)
    plan_of(float32.read_bytes(), recipe)
    with (
        TemporaryDirectory(prefix="edgeq-") as folder,
        ProcessPool(1, "the quantizer", activity="quantize", environment=environment(verbose=False)) as pool,
    ):
        path = Path(folder) / "quantized.tflite"
        answer = pool.submit(
            build_to_path,
            str(float32),
            recipe.to_json(),
            _described(items),
            None if held_back is None else _described(held_back),
            None if cache is None else str(cache),
            str(path),
        ).result()
        if "unusable" in answer:
            raise UsageError(answer["unusable"])
        return Built(
            content=path.read_bytes(),
            ranges={name: (low, high) for name, (low, high) in answer["ranges"].items()},
            notes=tuple(answer["notes"]),
            float_layers=tuple(answer["float_layers"]),
        )


def build_to_path(
    float32: str,
    recipe: Mapping[str, Any],
    items: Mapping[str, Any],
    held_back: Mapping[str, Any] | None,
    cache: str | None,
    path: str,
) -> dict[str, Any]:
    """`build` with what JSON can hold: for worker processes.

    Args:
        float32: path of the file.
        recipe: as JSON.
        items: fields of `CalibrationItems`.
        held_back: likewise.
        cache: path of the folder.
        path: where the quantized file is written.

    Returns:
        All of `Built` but the content; or ``unusable``, why the recipe does not go with the file.
    """
    try:
        built = build(
            Path(float32).read_bytes(),
            Recipe.from_json(recipe),
            _items(items),
            held_back=None if held_back is None else _items(held_back),
            cache=None if cache is None else Path(cache),
        )
    except UsageError as error:
        return {"unusable": str(error)}
    Path(path).write_bytes(built.content)
    return {"ranges": dict(built.ranges), "notes": built.notes, "float_layers": built.float_layers}


def _described(items: CalibrationItems) -> dict[str, Any]:
    return {"folder": str(items.folder), "count": items.count, "start": items.start}


def _items(described: Mapping[str, Any]) -> CalibrationItems:
    return CalibrationItems(Path(described["folder"]), described["count"], described["start"])


def _float_layers(content: bytes, recipe: Recipe) -> tuple[str, ...]:
    """Outputs of the operators that compute in float and are not float32 by the recipe."""
    model = read_model(content)
    tensors = model.subgraphs[0].tensors
    names = (
        tensors[index].name
        for operator in compute_types(model).get("float32", ())
        for index in operator.outputs[:1]
    )
    return tuple(name for name in names if recipe.layers.get(name) != FLOAT32)
