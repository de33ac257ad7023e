"""Models whose outputs mean nothing to edgeq: they are only compared with the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task
from edgeq.data.truth import Truth


@dataclass(frozen=True)
class Comparison(Task):
    """Nothing but how close the outputs are to the baseline's, which every task measures."""

    name = "comparison"

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        return nothing(outputs)

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        return Score()


def nothing(outputs: Mapping[str, Array]) -> dict[str, Array]:
    """The observation of a task that has nothing to observe, such as one without labels: uint8[n] of zeros.

    Args:
        outputs: float32[n, …] by name.
    """
    return {"n": np.zeros(len(next(iter(outputs.values()))), np.uint8)}
