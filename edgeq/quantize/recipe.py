"""How a float32 file is quantized, as data: the rewrites, the ranges, the weights and each layer's precision.

Format history (``version``):

* 1: first version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeq.errors import UsageError

VERSION = 1

Range = tuple[float, float]
"""The smallest and the largest real number that a tensor must be able to hold."""

INT8, INT8X4, INT16X8, FLOAT32 = "int8", "int8x4", "int16x8", "float32"

PRECISIONS = (INT8, INT8X4, INT16X8, FLOAT32)
"""What a layer can compute in; as schemes, they are what most layers compute in."""

SCHEMES = (INT8, INT8X4, INT16X8)

REWRITES = ("pool-to-mean", "hard-swish", "scale-gates", "equalize")
"""In the order in which they are made."""

CHOSEN = "chosen"
"""Ranges of the methods of least output error, tensor by tensor: `edgeq.quantize.range_choice`."""

RANGE_METHODS = ("minmax", "averaged", "percentile", "mse", "entropy", CHOSEN)
"""Modules of `edgeq.quantize.ranges`, and `CHOSEN`; ``percentile`` takes a number, as in ``percentile:99.99``."""

MAX, MSE = "max", "mse"
SCALES = (MAX, MSE)

NEAREST, ERROR_FEEDBACK, ADAROUND = "nearest", "error-feedback", "adaround"
ROUNDINGS = (NEAREST, ERROR_FEEDBACK, ADAROUND)


@dataclass(frozen=True)
class WeightMethod:
    """How weights become integers.

    Attributes:
        scales: ``max``, so that each channel's largest weight is the largest integer, or ``mse``, the scale of least
            error.
        rounding: ``nearest``, ``error-feedback`` or ``adaround``.
        correct_bias: whether biases are set so that each layer's mean output is the float model's.
        compensate: whether weights are first moved towards what makes up for the errors of the layers before.
    """

    scales: str = MAX
    rounding: str = NEAREST
    correct_bias: bool = False
    compensate: bool = False

    def __post_init__(self) -> None:
        """Refuses names that do not exist."""
        for what, value, known in (("scales", self.scales, SCALES), ("rounding", self.rounding, ROUNDINGS)):
            if value not in known:
                raise UsageError(f"unknown {what} of weights {value!r}: expected one of {', '.join(known)}")

    @property
    def is_plain(self) -> bool:
        """Whether the weights are what every converter makes of them."""
        return self == WeightMethod()


@dataclass(frozen=True)
class Recipe:
    """How a float32 file is quantized.

    Attributes:
        scheme: what a layer computes in where `layers` does not say otherwise: one of `SCHEMES`.
        io: dtype of inputs and outputs.
        rewrites: of the float graph, in the order of `REWRITES`.
        range_method: for activations that `ranges` does not name.
        ranges: by name of the tensor in the rewritten float32 file.
        weights: how weights become integers.
        layers: precision of a layer where it is not the scheme's, by name of its output in the float32 file.
    """

    scheme: str = INT8
    io: str = "int8"
    rewrites: tuple[str, ...] = ()
    range_method: str = "minmax"
    ranges: Mapping[str, Range] = field(default_factory=dict)
    weights: WeightMethod = WeightMethod()
    layers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses names that do not exist and ranges that are none."""
        if self.scheme not in SCHEMES:
            raise UsageError(f"a recipe has the scheme {self.scheme!r}: expected one of {', '.join(SCHEMES)}")
        for name in self.rewrites:
            if name not in REWRITES:
                raise UsageError(f"unknown rewrite {name!r}: expected one of {', '.join(REWRITES)}")
        for name, precision in self.layers.items():
            if precision not in PRECISIONS:
                raise UsageError(
                    f"layer {name!r} has the precision {precision!r}: expected one of {', '.join(PRECISIONS)}"
                )
        for name, (low, high) in self.ranges.items():
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise UsageError(
                    f"tensor {name!r} has the range {low} to {high}: expected two numbers in rising order"
                )

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it; equal recipes are equal texts."""
        return {
            "version": VERSION,
            "scheme": self.scheme,
            "io": self.io,
            "rewrites": list(self.rewrites),
            "range_method": self.range_method,
            "ranges": {name: list(self.ranges[name]) for name in sorted(self.ranges)},
            "weights": asdict(self.weights),
            "layers": {name: self.layers[name] for name in sorted(self.layers)},
        }

    @staticmethod
    def from_json(value: Any) -> Recipe:
        """Reads a recipe.

        Raises:
            UsageError: it is none, or of a newer version.
        """
        if not isinstance(value, dict) or "scheme" not in value:
            raise UsageError(f"expected a recipe, an object with a scheme, found {str(value)[:60]!r}")
        version = value.get("version")
        if type(version) is not int or not 1 <= version <= VERSION:
            raise UsageError(
                f"the recipe has version {version!r}, this edgeq reads up to {VERSION}: update edgeq"
            )
        try:
            return Recipe(
                scheme=str(value["scheme"]),
                io=str(value["io"]),
                rewrites=tuple(map(str, value["rewrites"])),
                range_method=str(value["range_method"]),
                ranges={
                    str(name): (float(low), float(high)) for name, (low, high) in value["ranges"].items()
                },
                weights=WeightMethod(**value["weights"]),
                layers={str(name): str(precision) for name, precision in value["layers"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UsageError(f"the recipe is damaged ({type(error).__name__}: {error})") from error
