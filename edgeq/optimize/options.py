"""How to optimize, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgeq.bundle import Bundle
from edgeq.devices.job_options import JobOptions
from edgeq.devices.measuring import DeviceAccess
from edgeq.devices.specs import LOCAL, DeviceSpec
from edgeq.optimize.result import SearchResult
from edgeq.optimize.workshop import LayerFacts

if TYPE_CHECKING:
    from edgeq.convert.options import Options

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and how many there are."""


@dataclass(frozen=True)
class OptimizeOptions:
    """How to optimize, beside the goal.

    Attributes:
        conversion: how the model is opened and its data are read; schemes, I/O types and the name of the output are the
            search's own. None for the defaults.
        keep: ``LAYER=PRECISION`` each, see `edgeq.optimize.keeping`.
        on: the device that latencies are measured on.
        job: how they are measured: with the first of its ``threads``, 1 where there are none.
        access: how hosts and phones are used.
        limit: largest number of validation items; None for all.
        runtime: that judges here; None for the best installed.
        cache: whether what an earlier search made and measured is taken, and this one's is kept for the next.
    """

    conversion: Options | None = None
    keep: tuple[str, ...] = ()
    on: DeviceSpec = field(default_factory=lambda: DeviceSpec(LOCAL))
    job: JobOptions = field(default_factory=JobOptions)
    access: DeviceAccess = field(default_factory=DeviceAccess)
    limit: int | None = None
    runtime: str | None = None
    cache: bool = True


@dataclass(frozen=True)
class Optimization:
    """What came of a search.

    Attributes:
        bundle: as written: the chosen variant first, then the rest of the front, and float32.
        result: of the search.
        names: variant by key, of the candidates that are in the bundle.
        layers: whose precision could be set.
        notes: what was chosen, left out or assumed on the way, one sentence each.
        warnings: what a user should look at, one sentence each.
        made: candidates that were made; the others of the search were known from one before.
    """

    bundle: Bundle
    result: SearchResult
    names: Mapping[str, str]
    layers: tuple[LayerFacts, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    made: int = 0
