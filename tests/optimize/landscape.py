"""A workshop without files: errors, sizes and latencies follow formulas, with interactions, noise and failures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import BuiltFile, Quality, Speed
from edgeq.optimize.workshop import CHOICE, LayerFacts
from edgeq.quantize.recipe import FLOAT32, INT8, INT8X4, INT16X8, Recipe

_RANGES = {"minmax": 3.0, "averaged": 2.4, "percentile:99.99": 1.2, "mse": 1.1, "entropy": 1.6, "chosen": 1.0}
_BYTES = {INT8X4: 0.5, INT8: 1.0, INT16X8: 1.0, FLOAT32: 4.0}
_HARM = {INT8X4: 1.0, INT8: 0.02, INT16X8: 0.004, FLOAT32: 0.0}
_FLOATS = {"float32": (0.0, 4.0), "float16": (0.0005, 2.0), "dynamic": (0.006, 1.0), "int8": (0.08, 1.0)}


def layers(count: int = 12) -> tuple[LayerFacts, ...]:
    """Layers that grow; their harms are in `Landscape.harms`."""
    return tuple(
        LayerFacts(f"tensor_{i}", f"block_{i}/conv", "CONV_2D", 500 * (i + 1), 10_000 * (i + 1))
        for i in range(count)
    )


def harms(count: int = 12) -> dict[str, float]:
    """A few layers do most of the harm."""
    return {f"tensor_{i}": 0.5 if i in (0, count - 1) else 0.03 + 0.002 * i for i in range(count)}


@dataclass
class Landscape:
    """As `edgeq.optimize.workshop.Workshop` has it.

    Attributes:
        layers: of the model.
        harms: by layer, what its precision adds to the error.
        drop_per_error: percentage points that an error of 1 costs.
        noise_pp: of the measured drop, up and down.
        seed: of the noise.
        fails: why a candidate cannot be built; empty where it can.
        at_call: is told what is about to be done, and may raise.
        half_width_pp: of every interval.
        slow: latency in parts of float32's for schemes and variants.
        split_pp: what is added to the drop on the other half.
        built: keys of what was built, in order.
        workers: that build side by side.
    """

    layers: Sequence[LayerFacts] = field(default_factory=layers)
    harms: Mapping[str, float] = field(default_factory=harms)
    drop_per_error: float = 10.0
    noise_pp: float = 0.0
    seed: int = 0
    fails: Callable[[Candidate], str] = lambda candidate: ""
    at_call: Callable[[str, Sequence[Candidate]], None] = lambda what, candidates: None
    half_width_pp: float = 0.1
    slow: Mapping[str, float] = field(
        default_factory=lambda: {"float32": 1.0, "float16": 1.1, "dynamic": 2.0, "int8": 0.5, INT8X4: 3.0}
    )
    split_pp: float = 0.0
    built: list[str] = field(default_factory=list)
    workers: int = 2

    def build(self, candidates: Sequence[Candidate]) -> dict[str, BuiltFile | str]:
        """Files of formulas."""
        self.at_call("build", candidates)
        self.built += [one.key for one in candidates]
        return {one.key: self.fails(one) or self._file(one) for one in candidates}

    def judge(self, candidates: Sequence[Candidate], half: str = CHOICE) -> dict[str, Quality | str]:
        """The drop is the error with noise."""
        self.at_call("judge", candidates)
        return {one.key: self._quality(one, half) for one in candidates}

    def time(self, candidates: Sequence[Candidate]) -> dict[str, Speed | str]:
        """Layers at another precision cost a tenth each."""
        self.at_call("time", candidates)
        return {one.key: self._speed(one) for one in candidates}

    def error(self, candidate: Candidate) -> float:
        """Without noise."""
        if candidate.recipe is None:
            return _FLOATS[candidate.variant or ""][0]
        return self._method_error(candidate.recipe) + self._layer_error(candidate.recipe)

    def drop_pp(self, candidate: Candidate) -> float:
        """With the noise of the measurement, which is the same whenever it is measured."""
        drop = self.drop_per_error * self.error(candidate)
        if candidate.variant == "float32":
            return 0.0
        return drop + self.noise_pp * (2 * _chance(f"{self.seed} {candidate.key}") - 1)

    def _method_error(self, recipe: Recipe) -> float:
        spread = 4.0 if "equalize" not in recipe.rewrites else 1.0
        if "equalize" in recipe.rewrites and recipe.range_method == "minmax":
            spread = 5.0  # Scaled channels with the wrong ranges are worse than none.
        pool = 1.0 if "pool-to-mean" in recipe.rewrites else 2.0
        error = 0.002 * spread * pool * _RANGES[recipe.range_method]
        if recipe.weights.correct_bias:
            error *= 0.9 if recipe.weights.rounding != "nearest" else 0.95
        return error

    def _layer_error(self, recipe: Recipe) -> float:
        weights = recipe.weights
        rounding = {"nearest": 1.0, "error-feedback": 0.5, "adaround": 0.55}[weights.rounding]
        scales = 1.0 if weights.scales == "max" else 0.7
        total = 0.0
        for layer in self.layers:
            precision = recipe.layers.get(layer.name, recipe.scheme)
            compensated = (0.8 if precision == INT8X4 else 1.05) if weights.compensate else 1.0
            total += self.harms[layer.name] * _HARM[precision] * rounding * scales * compensated
        return total

    def _file(self, candidate: Candidate) -> BuiltFile:
        if candidate.recipe is None:
            size = sum(layer.weights for layer in self.layers) * _FLOATS[candidate.variant or ""][1]
            ranges: dict[str, tuple[float, float]] = {}
        else:
            by_layer = (
                layer.weights * _BYTES[candidate.recipe.layers.get(layer.name, candidate.recipe.scheme)]
                for layer in self.layers
            )
            size, ranges = sum(by_layer), {"tensor_0": (-1.0, 1.5)}
        size = int(size) + 4000
        path = Path(f"{candidate.key}.tflite")
        return BuiltFile(path, size, size // 2, self.error(candidate), ranges, 20, 19, (), ())

    def _quality(self, candidate: Candidate, half: str) -> Quality:
        drop = self.drop_pp(candidate) + (self.split_pp if half != CHOICE else 0)
        low, high = drop - self.half_width_pp, drop + self.half_width_pp
        return Quality("top-1", 0.8 - drop / 100, 0.8, drop, low, high, 0.99, 10_000)

    def _speed(self, candidate: Candidate) -> Speed:
        recipe = candidate.recipe
        ratio = self.slow[candidate.variant or (recipe.scheme if recipe else "")]
        if recipe is not None:
            ratio += 0.1 * sum(1.0 if p != INT16X8 else 5.0 for p in recipe.layers.values())
        return Speed(2 * ratio, ratio, ratio * 0.97, ratio * 1.03, "this machine", 1, "litert 2.1")


def _chance(text: str) -> float:
    """A number from 0 to 1 that is always the same."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / (1 << 48)


def lines() -> tuple[list[str], Callable[[str], None]]:
    """A progress callback and what it was told."""
    told: list[str] = []
    return told, told.append
