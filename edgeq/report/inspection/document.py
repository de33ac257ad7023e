"""What is to be shown: one file, the variants of a bundle, or two files and their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeq.inspection.difference import Difference
from edgeq.inspection.structure import Inspection

WEIGHTS, ACTIVATION = "weights", "activation"


@dataclass(frozen=True)
class Histogram:
    """How the values of a constant or of an activation are distributed, in real values.

    Attributes:
        kind: `WEIGHTS` or `ACTIVATION`.
        layer: name of the layer that has it; of an activation, of the layer that computes it or ``input``.
        tensor: its name in the file.
        dtype: as stored.
        count: of finite values.
        not_finite: of NaN and infinite values.
        minimum: of the finite values.
        maximum: likewise.
        mean: likewise.
        deviation: standard deviation, likewise.
        counts: of each bin.
        edges: of the bins, one more than counts, rising.
        clipped_low: share of values stored as the smallest integer of the dtype; None where that says nothing.
        clipped_high: likewise for the largest.
        zeros: share of values that are 0; None where it was not counted.
        channel_spread: the widest channel's largest absolute value over the narrowest one's; None where there are
            no two channels.
    """

    kind: str
    layer: str
    tensor: str
    dtype: str
    count: int
    not_finite: int
    minimum: float
    maximum: float
    mean: float
    deviation: float
    counts: tuple[int, ...]
    edges: tuple[float, ...]
    clipped_low: float | None = None
    clipped_high: float | None = None
    zeros: float | None = None
    channel_spread: float | None = None


@dataclass(frozen=True)
class FileView:
    """A file with all that is to be shown of it.

    Attributes:
        title: name of the variant or of the file.
        inspection: of it.
        histograms: of its weights, then of its activations; empty where none were asked for.
        items: that activations were measured on; 0 for none.
        notes: sentences on what could not be shown.
    """

    title: str
    inspection: Inspection
    histograms: tuple[Histogram, ...] = ()
    items: int = 0
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The inspection's warnings, and that the file does not run here where they do not say so."""
        run, found = self.inspection.run, self.inspection.warnings
        if run is None or run.error is None or any(run.error in warning for warning in found):
            return found
        return (f"it does not run here: {run.error}", *found)


@dataclass(frozen=True)
class Document:
    """What one call of `edgeq inspect` shows.

    Attributes:
        files: one, or the variants of a bundle.
        bundle: the bundle's name; None for a lone file.
        difference: between the file and another; None where none was asked for.
    """

    files: Sequence[FileView]
    bundle: str | None = None
    difference: Difference | None = None

    @property
    def is_overview(self) -> bool:
        """Whether several files are shown side by side instead of one whole."""
        return len(self.files) != 1
