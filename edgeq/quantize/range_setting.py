"""The range of every float activation, as a recipe says: written in it, by one method, or chosen tensor by tensor."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.errors import ConversionError, ModelError, OutputError, UsageError
from edgeq.files import sha256_bytes
from edgeq.printing import printable
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import CalibrationItems
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.lowering import lower
from edgeq.quantize.output_error import SOFTMAX, item_errors, watched_tensors, watched_values
from edgeq.quantize.precision_plan import PrecisionPlan
from edgeq.quantize.range_choice import choose_ranges
from edgeq.quantize.ranges.by_method import ranges_by
from edgeq.quantize.ranges.gated import least_useful_values, without_useless_values
from edgeq.quantize.recipe import CHOSEN, Range, Recipe
from edgeq.quantize.statistics import TensorStatistics, gather_statistics, load_statistics, save_statistics

CANDIDATES = (
    "minmax",
    "averaged",
    "percentile:99.999",
    "percentile:99.99",
    "percentile:99.9",
    "mse",
    "entropy",
)
"""Methods that chosen ranges are chosen from, the start first."""

_HELD_BACK = 4
"""One item in so many is held back for the choice of ranges where nobody said which."""

_MOST_TRIALS = 200
"""Files that are made and run for a choice: the 400 that an unrolled LSTM would take take six minutes."""


def ranges_for(
    float32: bytes,
    recipe: Recipe,
    plan: PrecisionPlan,
    items: CalibrationItems,
    *,
    held_back: CalibrationItems | None,
    cache: Path | None,
) -> tuple[dict[str, Range], tuple[str, ...]]:
    """Finds the ranges.

    Args:
        float32: content of the file that is quantized.
        recipe: of which the ranges and their method count.
        plan: what operators compute in, for trial files of chosen ranges.
        items: to learn from.
        held_back: to judge chosen ranges on; None for the last quarter of `items`.
        cache: folder for statistics; None keeps none.

    Returns:
        Ranges of all float activations by name, and notes.

    Raises:
        UsageError: the recipe has ranges of tensors that the file does not have.
    """
    needed = float_activations(float32)
    _refuse_unknown(recipe.ranges, needed)
    given = {name: recipe.ranges[name] for name in needed if name in recipe.ranges}
    if len(given) == len(needed):
        return given, ()
    least = least_useful_values(float32)
    if recipe.range_method != CHOSEN:
        statistics = cached_statistics(float32, items, cache)
        found = without_useless_values(ranges_by(recipe.range_method, statistics, recipe.scheme), least)
        return _complete(float32, needed, found | given), ()
    if held_back is None:
        items, held_back = items.split(max(1, items.count // _HELD_BACK))
    statistics = cached_statistics(float32, items, cache)
    candidates = {
        method: {
            name: found
            for name, found in without_useless_values(
                ranges_by(method, statistics, recipe.scheme), least
            ).items()
            if name not in given
        }
        for method in CANDIDATES
    }
    trial = _Trial(float32, plan, held_back)
    chosen = choose_ranges(
        lambda ranges: trial.errors(_complete(float32, needed, {**ranges, **given})),
        statistics,
        candidates,
        candidates[CANDIDATES[0]],
        logits=trial.logits,
        most_evaluations=_MOST_TRIALS,
        precision=recipe.scheme,
    )
    note = f"ranges are chosen tensor by tensor with {chosen.evaluations} trial files"
    return _complete(float32, needed, {**chosen.ranges, **given}), (note,)


def _refuse_unknown(ranges: Mapping[str, Range], needed: Sequence[str]) -> None:
    unknown = sorted(set(ranges) - set(needed))
    if not unknown:
        return
    close = difflib.get_close_matches(unknown[0], needed, 1)
    hint = f"did you mean {printable(close[0])}" if close else f"such as {printable(needed[0])}"
    raise UsageError(
        f"the recipe has ranges of {len(unknown)} tensor{'s' * (len(unknown) > 1)} that the model does not have, the "
        f"first is {printable(unknown[0][:80])!r}: expected names of float activations of the rewritten float32 file, "
        f"{hint}; mend the recipe or search again"
    )


def float_activations(float32: bytes) -> tuple[str, ...]:
    """Names of the first subgraph's float tensors that are no constants, in the order of their indices."""
    model = EditableModel(float32)
    used = {
        int(index) for operator in model.graph.operators for index in (*operator.inputs, *operator.outputs)
    }
    used |= {int(index) for index in (*model.graph.inputs, *model.graph.outputs)}
    return tuple(
        model.name(index)
        for index in sorted(used)
        if index >= 0 and model.dtype(index) == "FLOAT32" and not model.is_constant(index)
    )


def cached_statistics(
    float32: bytes, items: CalibrationItems, cache: Path | None
) -> Mapping[str, TensorStatistics]:
    """Statistics of a file's activations, gathered once for the same file and items."""
    if cache is None:
        return gather_statistics(float32, items)
    path = cache / f"statistics-{sha256_bytes(float32)[:32]}-{_digest(items)[:32]}.npz"
    if path.is_file():
        # A damaged one is made again.
        with suppress(ModelError):
            return load_statistics(path)
    statistics = gather_statistics(float32, items)
    # Without room for it, it is gathered again the next time.
    with suppress(OSError, OutputError):
        cache.mkdir(parents=True, exist_ok=True)
        save_statistics(path, statistics)
    return statistics


class _Trial:
    """Files with other ranges, judged by their outputs on held-back items."""

    def __init__(self, float32: bytes, plan: PrecisionPlan, items: CalibrationItems) -> None:
        self._float32, self._plan = float32, plan
        self._watched = watched_tensors(float32)
        self._inputs = {name: np.asarray(values) for name, values in items.inputs().items()}
        self._reference = watched_values(LocalModel(float32), self._watched, self._inputs)

    @property
    def logits(self) -> tuple[str, ...]:
        """Tensors that a softmax reads."""
        return tuple(tensor.name for tensor in self._watched if tensor.kind == SOFTMAX)

    def errors(self, ranges: Mapping[str, Range]) -> npt.NDArray[np.float64]:
        """Of a file with these ranges, float64[items]."""
        content = lower(self._float32, ranges, self._plan)
        values = watched_values(LocalModel(content), self._watched, self._inputs)
        return item_errors(self._watched, self._reference, values)


def _complete(float32: bytes, needed: tuple[str, ...], found: Mapping[str, Range]) -> dict[str, Range]:
    """Ranges for all of `needed`; an output that nothing reads takes the range of its operator's input."""
    model = EditableModel(float32)
    ranges = dict(found)
    read = {int(index) for operator in model.graph.operators for index in operator.inputs}
    read |= {int(index) for index in model.graph.outputs}
    for operator in model.graph.operators:
        for index in map(int, operator.outputs):
            sources = [ranges[name] for name in map(model.name, map(int, operator.inputs)) if name in ranges]
            if model.name(index) not in ranges and index not in read and sources:
                ranges[model.name(index)] = sources[0]
    missing = [name for name in needed if name not in ranges]
    if missing:
        raise ConversionError(
            f"no range was measured for {len(missing)} of {len(needed)} activations, the first is "
            f"{printable(missing[0])!r}"
        )
    return {name: ranges[name] for name in needed}


def _digest(items: CalibrationItems) -> str:
    """Of the items' values and the names of their inputs."""
    digest = hashlib.sha256()
    for name, values in sorted(items.inputs().items()):
        digest.update(f"{name}\0{values.dtype.str}\0{values.shape}\0".encode())
        for row in values:
            digest.update(np.ascontiguousarray(row).tobytes())
    return digest.hexdigest()
