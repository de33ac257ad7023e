"""What every task does: observe a few items in a worker, score all of them at the end.

Data sets do not fit into memory, so nothing here ever sees all outputs at once. A worker boils the outputs of a few
items down to *observations*, small arrays with one row an item; the scores come from the observations of all items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import ClassScore, Metric
from edgeq.data.truth import Truth

Array = npt.NDArray[Any]

Observed = Mapping[str, Array]
"""Observations by key; the first axis of each array is the items."""

Inputs = Callable[[], Mapping[str, Array]]
"""Makes the inputs as the model saw them, float32[n, …] by name: most tasks never ask."""


@dataclass(frozen=True)
class Score:
    """What came of scoring one variant.

    Attributes:
        metrics: the first is what the drop and the recommendation refer to; empty without labels.
        correct: bool[n], where an item is right or wrong.
        item_values: float64[n], the first metric of each item, where it is their mean.
        classes: the per-class table.
        confusion: items by class (rows) and answer (columns).
    """

    metrics: tuple[Metric, ...] = ()
    correct: npt.NDArray[np.bool_] | None = None
    item_values: npt.NDArray[np.float64] | None = None
    classes: tuple[ClassScore, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()


class Task(ABC):
    """What a model does. Tasks are plain values: they travel to workers by pickle.

    Attributes:
        name: as users type it after ``--task``.
    """

    name: str

    def check(self, truth: Truth | None, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:  # noqa: B027 - most have nothing to check
        """Checks that labels and outputs go together, before anything is measured.

        Args:
            truth: of the data set; None without labels.
            shapes: of the outputs by name, without batch axis.
            source: of the data, for messages.

        Raises:
            DataError: they do not, such as another number of classes than the model has outputs.
        """

    @abstractmethod
    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """Boils the outputs of a few items down; runs in a worker.

        Args:
            outputs: float32[n, …] by name, without batch axis.
            truth: of the same n items; None without labels.
            inputs: makes the inputs of these items.

        Returns:
            Arrays by key with n rows each; dtype and row shape are the same for every call.
        """

    def agreement(self, observed: Observed, baseline: Observed) -> npt.NDArray[np.bool_] | None:
        """bool[n], on which items the answer is the baseline's; None where outputs are no answers."""
        return None

    def require_sound(self, observed: Observed, truth: Truth, variant: str) -> None:  # noqa: B027 - likewise
        """Checks that the baseline knows what the labels say: a drop from chance would mean nothing.

        Args:
            observed: the baseline's observations of all items.
            truth: of all items.
            variant: the baseline's name, for the message.

        Raises:
            DataError: it does no better than guessing; says what is likely wrong.
        """

    @abstractmethod
    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """Scores one variant on all items.

        Args:
            observed: the variant's observations.
            truth: of the items; None without labels.
            baseline: the baseline's observations; None for the baseline itself and a lone file.
            seed: of the bootstrap.

        Returns:
            Metrics, each with n and a 95 % interval, and with drop and p-value where there is a baseline.
        """


def class_name(names: Sequence[str], index: int) -> str:
    """The name of a class, or its number where it has none."""
    return names[index] if index < len(names) else str(index)
