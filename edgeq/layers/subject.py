"""A variant and the float32 file that it is compared with, and what is known of them before anything is simulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeq.errors import ModelError, WorkerError
from edgeq.inspection.layers import inspect_layers
from edgeq.inspection.structure import Layer as FileLayer
from edgeq.layers.control_flow import called_subgraphs
from edgeq.layers.edits import Grid
from edgeq.layers.profile import OperatorProfile, profile_operators
from edgeq.layers.ranges import CHANNEL_AXES
from edgeq.layers.recipe import LayerRecipe, input_grids, layer_recipes
from edgeq.tflite.model import TfliteModel, read_model

Progress = Callable[[str, int, int], None]
"""Called with what is being done, what is done of it, and the total."""


@dataclass(frozen=True)
class Subject:
    """Both files and what is read from them.

    Attributes:
        name: of the bundle's model.
        variant_name: of the variant.
        floats: the float32 file.
        float_model: its structure.
        variant: the variant's file.
        model: its structure.
        recipes: what the variant does to each operator of the float32 file, in order.
        grids: how it quantizes the inputs, by name; None for not at all.
    """

    name: str
    variant_name: str
    floats: Path
    float_model: TfliteModel
    variant: Path
    model: TfliteModel
    recipes: tuple[LayerRecipe, ...]
    grids: Mapping[str, Grid | None]

    @property
    def per_tensor(self) -> frozenset[int]:
        """Operators of the float32 file whose weights have one scale in the variant although there are channels."""
        return frozenset(recipe.operator.index for recipe in self.recipes if self._has_one_scale(recipe))

    def _has_one_scale(self, recipe: LayerRecipe) -> bool:
        axis = CHANNEL_AXES.get(recipe.operator.name)
        if axis is None or recipe.counterpart is None:
            return False
        graph = self.model.subgraphs[0]
        inputs = graph.operators[recipe.counterpart].inputs
        if len(inputs) < 2 or inputs[1] < 0:
            return False
        weights = graph.tensors[inputs[1]]
        return (
            weights.is_constant
            and weights.quantization is not None
            and len(weights.quantization.scales) == 1
            and len(weights.shape) > axis
            and weights.shape[axis] > 1
        )


def read_subject(name: str, variant_name: str, floats: Path, variant: Path) -> Subject:
    """Reads both files.

    Args:
        name: of the bundle's model.
        variant_name: of the variant.
        floats: the float32 file.
        variant: the variant's file.

    Raises:
        ModelError: one is damaged.
    """
    float_model, model = read_model(floats), read_model(variant)
    recipes = layer_recipes(floats, float_model, variant, model)
    return Subject(name, variant_name, floats, float_model, variant, model, recipes, input_grids(model))


@dataclass(frozen=True)
class Latencies:
    """What operators take; empty where they were not timed.

    Attributes:
        profile: of the variant's file.
        variant_us: by operator of it.
        floats_us: by operator of the float32 file.
        note: why there are none; empty where there are, or where none were wanted.
    """

    profile: OperatorProfile | None = None
    variant_us: Mapping[int, float] = field(default_factory=dict)
    floats_us: Mapping[int, float] = field(default_factory=dict)
    note: str = ""


def time_operators(
    subject: Subject, runtime: str | None, report: Progress, *, threads: int = 1, verbose: bool = False
) -> Latencies:
    """Times the operators of both files; says why not where that fails, for the rest needs no times."""
    report("timing", 0, 2)
    try:
        variant = profile_operators(subject.variant, runtime=runtime, threads=threads, verbose=verbose)
        report("timing", 1, 2)
        floats = profile_operators(subject.floats, runtime=runtime, threads=threads, verbose=verbose)
    except (ModelError, WorkerError) as error:
        return Latencies(note=f"operators were not timed: {error}")
    report("timing", 2, 2)
    return Latencies(
        variant,
        latency_by_operator(variant, file_layers(subject.variant, subject.model)),
        latency_by_operator(floats, file_layers(subject.floats, subject.float_model)),
    )


def latency_by_operator(profile: OperatorProfile, layers: Sequence[FileLayer]) -> dict[int, float]:
    """Microseconds by operator; operators that run in one piece share by their work."""
    return profile.by_operator({layer.index: float(layer.macs) for layer in layers})


def file_layers(path: Path, model: TfliteModel) -> tuple[FileLayer, ...]:
    """Layers of the first subgraph, in order, with the bytes of the subgraphs that they call.

    Args:
        path: the file.
        model: its structure.

    Raises:
        ModelError: the file is damaged, or is missing by now.
    """
    layers, called = inspect_layers(model), called_subgraphs(path, model)
    size_bytes: Counter[int] = Counter()
    for layer in layers:
        size_bytes[layer.subgraph] += layer.size_bytes
    return tuple(
        replace(
            layer,
            size_bytes=layer.size_bytes + sum(size_bytes[inner] for inner in called.get(layer.index, ())),
        )
        for layer in layers
        if layer.subgraph == 0
    )


def share(part: float | None, whole: float) -> float | None:
    """A part as a share; None where one of the two is unknown."""
    return None if part is None or whole <= 0 else part / whole
