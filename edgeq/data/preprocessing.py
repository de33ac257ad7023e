"""Preprocessing as data: stored in the bundle and run identically on desktop and device.

Format history (``version``): 1: first version, an affine map of pixel values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import BundleError, UsageError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Preprocessing:
    """What happens to stored values before the model sees them: ``value * scale + offset`` in float32.

    Attributes:
        name: as users type it after ``--preprocess``.
        scale: factor.
        offset: summand, after the factor.
    """

    name: str
    scale: float
    offset: float

    def apply(self, values: Array) -> Array:
        """Float32 values as the model sees them; integer inputs of a model stay as they are when raw."""
        if self.is_raw:
            return values
        return values.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)

    @property
    def is_raw(self) -> bool:
        """Whether it changes nothing."""
        return self.scale == 1.0 and self.offset == 0.0

    def to_json(self) -> dict[str, Any]:
        """For the bundle."""
        return {"version": 1, "name": self.name, "scale": self.scale, "offset": self.offset}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Preprocessing:
        """Reads what `to_json` wrote.

        Raises:
            BundleError: it is damaged or of a newer version.
        """
        if value.get("version") != 1:
            raise BundleError(
                f"preprocessing of version {value.get('version')!r}, this edgeq reads 1: update edgeq"
            )
        try:
            return Preprocessing(str(value["name"]), float(value["scale"]), float(value["offset"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the preprocessing in the bundle is damaged: {error}") from error


PREPROCESSINGS = (
    Preprocessing("raw", 1.0, 0.0),
    Preprocessing("0..1", 1 / 255, 0.0),
    Preprocessing("-1..1", 1 / 127.5, -1.0),
)
RAW = PREPROCESSINGS[0]


def find_preprocessing(name: str) -> Preprocessing:
    """The preprocessing of that name.

    Raises:
        UsageError: there is none.
    """
    for preprocessing in PREPROCESSINGS:
        if preprocessing.name == name:
            return preprocessing
    known = ", ".join(preprocessing.name for preprocessing in PREPROCESSINGS)
    raise UsageError(f"unknown preprocessing {name!r}: expected one of {known}")
