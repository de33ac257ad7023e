"""Outputs kept as they are, for a few items."""

from __future__ import annotations

from collections.abc import Mapping

from edgeq.benchmark.tasks.base import Array, Inputs, Observed, Score, Task
from edgeq.data.truth import Truth


class Outputs(Task):
    """Observes the outputs themselves and scores nothing."""

    name = "outputs"

    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        """See `Task.observe`."""
        return dict(outputs)

    def score(
        self, observed: Observed, truth: Truth | None, baseline: Observed | None, *, seed: int = 0
    ) -> Score:
        """See `Task.score`."""
        return Score()
