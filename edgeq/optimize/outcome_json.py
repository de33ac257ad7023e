"""One candidate of ``optimize.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import BuiltFile, Quality, Speed
from edgeq.optimize.result import STATUSES, Outcome
from edgeq.printing import printable
from edgeq.quantize.recipe import Recipe

_SHOWN = 120
"""Characters of a foreign text that an error shows."""


def outcome_to_json(one: Outcome, names: Mapping[str, str]) -> dict[str, Any]:
    """As `outcome_from_json` reads it.

    Args:
        one: the candidate's fate.
        names: of variants in the bundle, by key of the candidate.
    """
    recipe = one.candidate.recipe
    return {
        "key": one.key,
        "name": names.get(one.key),
        "title": one.candidate.title,
        "variant": one.candidate.variant,
        "recipe": None if recipe is None else recipe.to_json(),
        "origin": one.candidate.origin,
        "status": one.status,
        "reason": one.reason,
        "built": None if one.built is None else _built_to_json(one.built),
        "quality": None if one.quality is None else asdict(one.quality),
        "speed": None if one.speed is None else asdict(one.speed),
        "report": None if one.report is None else asdict(one.report),
    }


def _built_to_json(built: BuiltFile) -> dict[str, Any]:
    return asdict(built) | {
        "path": built.path.name,
        "ranges": {name: list(built.ranges[name]) for name in sorted(built.ranges)},
    }


def outcome_from_json(value: Any) -> Outcome:
    """Reads a candidate's fate.

    Raises:
        UsageError: its recipe is none, or of a newer version.
        ValueError: it is damaged, as are a KeyError, a TypeError, an AttributeError and an OverflowError.
    """
    recipe = value["recipe"]
    candidate = Candidate(
        recipe=None if recipe is None else Recipe.from_json(recipe),
        variant=None if value["variant"] is None else str(value["variant"]),
        origin=str(value["origin"]),
    )
    if candidate.key != value["key"]:
        raise ValueError(f"candidate {short(str(value['key']))} is another than its recipe says")
    if value["status"] not in STATUSES:
        raise ValueError(f"unknown status {short(str(value['status']))}")
    return Outcome(
        candidate=candidate,
        status=value["status"],
        reason=str(value["reason"]),
        built=None if value["built"] is None else _built_from_json(value["built"]),
        quality=None if value["quality"] is None else _quality_from_json(value["quality"]),
        speed=None if value["speed"] is None else _speed_from_json(value["speed"]),
        report=None if value["report"] is None else _quality_from_json(value["report"]),
    )


def _built_from_json(value: Any) -> BuiltFile:
    return BuiltFile(
        path=Path(Path(str(value["path"])).name),
        size_bytes=int(value["size_bytes"]),
        gzip_bytes=int(value["gzip_bytes"]),
        error=math.inf if value["error"] is None else float(value["error"]),
        ranges={str(name): (float(low), float(high)) for name, (low, high) in value["ranges"].items()},
        operators=int(value["operators"]),
        delegated=None if value["delegated"] is None else int(value["delegated"]),
        float_layers=tuple(map(str, value["float_layers"])),
        notes=tuple(map(str, value["notes"])),
        sha256=str(value.get("sha256", "")),
    )


def _quality_from_json(value: Any) -> Quality:
    return Quality(
        metric=str(value["metric"]),
        value=float(value["value"]),
        reference=float(value["reference"]),
        drop_pp=float(value["drop_pp"]),
        low_pp=float(value["low_pp"]),
        high_pp=float(value["high_pp"]),
        agreement=None if value["agreement"] is None else float(value["agreement"]),
        n=int(value["n"]),
    )


def _speed_from_json(value: Any) -> Speed:
    return Speed(
        latency_ms=float(value["latency_ms"]),
        ratio=float(value["ratio"]),
        low=float(value["low"]),
        high=float(value["high"]),
        device=str(value["device"]),
        threads=int(value["threads"]),
        runtime=str(value["runtime"]),
    )


def short(what: object) -> str:
    """The beginning of a foreign text, in one line."""
    return printable(" ".join(str(what).split()))[:_SHOWN]
