"""``optimize.json``: what a search found, and the recipe that makes its winner again.

Format history (``version``):

* 1: first version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeq.convert.saved_recipe import FORMAT, MOST_BYTES, VERSION
from edgeq.errors import UsageError
from edgeq.files import write_atomic
from edgeq.optimize.outcome_json import outcome_from_json, outcome_to_json, short
from edgeq.optimize.result import Goal, SearchResult

OPTIMIZE_JSON = "optimize.json"

_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, StopIteration)


@dataclass(frozen=True)
class Document:
    """A search's result and its surroundings.

    Attributes:
        result: what was found.
        model: name.
        names: of variants in the bundle, by key of the candidate.
        calibration: ``digests`` of the items, how many were ``held_back``, ``seed``.
        validation: what the candidates were measured on.
        provenance: versions.
    """

    result: SearchResult
    model: str
    names: Mapping[str, str] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


def to_json(document: Document) -> dict[str, Any]:
    """As `from_json` reads it; of files the names alone, no folders."""
    result = document.result
    winner = result.winner
    recipe = None if winner is None else winner.explicit_recipe
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": document.model,
        "goal": asdict(result.goal) | {"kept": dict(sorted(result.goal.kept.items()))},
        "meets": result.meets,
        "cut_short": result.cut_short,
        "chosen": None
        if winner is None
        else {
            "key": winner.key,
            "variant": document.names.get(winner.key) or winner.candidate.variant,
            "recipe": None if recipe is None else recipe.to_json(),
        },
        "front": list(result.front),
        "candidates": [outcome_to_json(one, document.names) for one in result.outcomes],
        "calibration": dict(document.calibration),
        "validation": dict(document.validation),
        "evaluations": result.evaluations,
        "grid": result.grid,
        "sentences": list(result.sentences),
        "provenance": dict(document.provenance),
    }


def from_json(value: Any) -> Document:
    """Reads what `to_json` made.

    Raises:
        UsageError: it is none, is damaged, or is of a newer version.
    """
    _require_version(value)
    try:
        outcomes = tuple(outcome_from_json(one) for one in value["candidates"])
        chosen = value["chosen"]
        result = SearchResult(
            goal=Goal(**value["goal"]),
            outcomes=outcomes,
            chosen=None if chosen is None else str(chosen["key"]),
            front=tuple(map(str, value["front"])),
            meets=bool(value["meets"]),
            cut_short=None if value["cut_short"] is None else str(value["cut_short"]),
            evaluations=int(value["evaluations"]),
            grid=int(value["grid"]),
            sentences=tuple(map(str, value["sentences"])),
        )
        known = {one.key for one in outcomes}
        if not known.issuperset([*result.front, *filter(None, [result.chosen])]):
            raise ValueError("it names a candidate that it does not have")
        return Document(
            result=result,
            model=str(value["model"]),
            names={
                one.key: str(entry["name"])
                for one, entry in zip(outcomes, value["candidates"], strict=True)
                if entry["name"] is not None
            },
            calibration=dict(value["calibration"]),
            validation=dict(value["validation"]),
            provenance=dict(value["provenance"]),
        )
    except _DAMAGED as error:
        raise UsageError(f"it is damaged ({type(error).__name__}: {short(error)})") from error


def write_document(path: Path, document: Document) -> None:
    """Writes ``optimize.json``, whole or not at all; equal documents are equal bytes.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(_finite(to_json(document)), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(path, text + "\n")


def read_document(path: Path) -> Document:
    """Reads ``optimize.json``.

    Raises:
        UsageError: it is missing, is none, is damaged, or is of a newer version.
    """
    value = _value(path)
    try:
        return from_json(value)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _value(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(
                f"{path}: larger than {MOST_BYTES >> 20} MB, so it is no result of edgeq optimize"
            )
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: edgeq optimize writes one into its bundle") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read as JSON: {short(error)}") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _require_version(value: Any) -> None:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise UsageError(f"expected a result of edgeq optimize, an object of the format {FORMAT!r}")
    version = value.get("version")
    if type(version) is not int or version < 1:
        raise UsageError(f"it is damaged: its version is {short(repr(version))}")
    if version > VERSION:
        raise UsageError(f"it has version {version}, this edgeq reads up to {VERSION}: update edgeq")


def _finite(value: Any) -> Any:
    """With null for numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value
