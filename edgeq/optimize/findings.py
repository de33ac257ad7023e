"""What is found out about a candidate: its file, its quality and its speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeq.quantize.recipe import Range

AGREEMENT = "agreement"
"""The metric where there are no labels."""


@dataclass(frozen=True)
class BuiltFile:
    """A file that was made.

    Attributes:
        path: where it lies.
        size_bytes: of the file.
        gzip_bytes: about what a download costs.
        error: of its outputs on held-back calibration items, as `edgeq.quantize.output_error` has it.
        ranges: of every activation, by name of the tensor, so that the recipe can be repeated.
        operators: how many it has.
        delegated: how many of them XNNPACK takes; None where that is not known.
        float_layers: that compute in float although they were not asked to, by name of the output.
        notes: what was noticed in making it.
        sha256: of its content; empty where that is not known.
    """

    path: Path
    size_bytes: int
    gzip_bytes: int
    error: float
    ranges: Mapping[str, Range]
    operators: int
    delegated: int | None
    float_layers: tuple[str, ...]
    notes: tuple[str, ...]
    sha256: str = ""


@dataclass(frozen=True)
class Quality:
    """What a file is worth on the validation set.

    Attributes:
        metric: name; ``agreement`` without labels.
        value: of the file.
        reference: of the float32 file.
        drop_pp: how much it loses, in percentage points; below 0 it gains. Without labels 100 · (1 − agreement).
        low_pp: lower end of the paired 95 % interval of the drop.
        high_pp: upper end.
        agreement: share of items with the float32 file's top-1; None where the model does not classify.
        n: items.
    """

    metric: str
    value: float
    reference: float
    drop_pp: float
    low_pp: float
    high_pp: float
    agreement: float | None
    n: int

    @property
    def half_width_pp(self) -> float:
        """Half the width of the drop's interval, in percentage points."""
        return (self.high_pp - self.low_pp) / 2


@dataclass(frozen=True)
class Speed:
    """How fast a file runs on the named device.

    Attributes:
        latency_ms: median.
        ratio: of its latency to the float32 file's in the same run.
        low: lower end of the ratio's 95 % interval.
        high: upper end.
        device: that was measured.
        threads: of the runtime.
        runtime: name and version.
    """

    latency_ms: float
    ratio: float
    low: float
    high: float
    device: str
    threads: int
    runtime: str

    def is_faster_than(self, other: Speed) -> bool:
        """Whether it was measured faster: the intervals of the two ratios do not overlap."""
        return self.high < other.low
