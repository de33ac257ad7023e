"""From what a search made to what is shown of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeq.bundle import Manifest
from edgeq.optimize.document import OPTIMIZE_JSON
from edgeq.optimize.page.view import View
from edgeq.report import wording
from edgeq.schemes import BASELINE

if TYPE_CHECKING:
    from edgeq.optimize.pipeline import Optimization

_DIGITS = 12
"""Of a digest that a person compares."""


def view_of(
    made: Optimization,
    data: Path | None = None,
    *,
    measuring: Sequence[str] = (),
    looking: Sequence[str] = (),
) -> View:
    """What is shown of a search.

    Args:
        made: by `edgeq.optimize.pipeline.optimize`.
        data: what was searched on, as the user named it; None where the model brings its own.
        measuring: options with which the next command measures what was measured here.
        looking: options with which it looks into layers.

    Raises:
        BundleError: the bundle was altered meanwhile.
        OSError: it cannot be read.
    """
    manifest = made.bundle.manifest
    document = (made.bundle.folder / OPTIMIZE_JSON).read_text(encoding="utf-8")
    float32 = next((one for one in manifest.variants if one.name == BASELINE), None)
    return View(
        result=made.result,
        model=manifest.name,
        float32_bytes=0 if float32 is None else float32.size_bytes,
        bundle=made.bundle.folder,
        data=data,
        measuring=tuple(measuring),
        looking=tuple(looking),
        names=made.names,
        layers=made.layers,
        notes=made.notes,
        warnings=made.warnings,
        provenance=_provenance(manifest, json.loads(document), made),
        document=document,
    )


def _provenance(
    manifest: Manifest, document: Mapping[str, Any], made: Optimization
) -> tuple[tuple[str, str], ...]:
    """What the files were made from and with."""
    judged = next((one.quality for one in made.result.outcomes if one.quality is not None), None)
    timed = next((one.speed for one in made.result.outcomes if one.speed is not None), None)
    source = manifest.provenance.get("source", {})
    found = {
        "model": f"{source.get('kind', '')} {str(source.get('sha256', ''))[:_DIGITS]}".strip(),
        "calibration": wording.count(len(manifest.calibration), "item"),
        "judged on": "" if judged is None else wording.count(judged.n, "item"),
        "timed on": ""
        if timed is None
        else f"{timed.device}, {wording.threads(timed.threads)}, {timed.runtime}",
        "seed": str(document.get("calibration", {}).get("seed", "")),
        "made": f"{wording.count(made.made, 'candidate')}; the rest was known from an earlier search",
        "versions": _versions(manifest.provenance, document),
    }
    if made.made >= made.result.evaluations:
        del found["made"]
    return tuple((name, wording.visible(text)) for name, text in found.items() if text)


def _versions(provenance: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    known = {**provenance.get("versions", {}), **document.get("provenance", {}).get("versions", {})}
    return ", ".join(f"{name} {version}" for name, version in known.items())
