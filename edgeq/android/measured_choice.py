"""The variant that measurements recommend, by the rule of `edgeq.report.recommend`.

A phone's own tool measures times and no accuracy. Accuracy that was measured elsewhere, of the very same file, is lent
to such times then: how good a file is depends little on where it runs, how fast it is depends on that alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from edgeq.android.choosing import Chosen
from edgeq.benchmark.measurement import Accuracy, Measurement
from edgeq.bundle import Manifest, Variant
from edgeq.errors import UsageError
from edgeq.report.recommend import Recommendation, recommend
from edgeq.report.results import read_results
from edgeq.report.tables import build_tables
from edgeq.report.wording import visible


def choose_by_results(manifest: Manifest, paths: Sequence[Path]) -> Chosen:
    """The variant that a report of these results recommends.

    Args:
        manifest: of the bundle.
        paths: result files of ``edgeq benchmark``, or of the app.

    Raises:
        ResultsError: a file is no results.
        UsageError: they are of other files, recommend nothing, or devices disagree.
    """
    measured = _of_bundle(manifest, read_results(paths), paths)
    counted, notes = _phones_first(measured)
    advice = [one for table in build_tables(counted) for one in recommend(table)]
    picked = [one for one in advice if one.variant is not None]
    names = tuple(dict.fromkeys(one.variant for one in picked if one.variant is not None))
    if not names:
        said = "; ".join(dict.fromkeys(_said(one) for one in advice))
        raise UsageError(f"the results recommend no variant: {said}; name one with --variant")
    if len(names) > 1:
        said = "; ".join(dict.fromkeys(_said(one) for one in picked))
        raise UsageError(f"the results disagree on what to ship: {said}; name one with --variant")
    variant = _by_visible_name(manifest, names[0])
    notes += tuple(_said(one) for one in advice if one.variant is None)
    return Chosen((variant,), f"{picked[0].device}: {picked[0].text}".rstrip("."), notes)


def _of_bundle(
    manifest: Manifest, measurements: Sequence[Measurement], paths: Sequence[Path]
) -> tuple[Measurement, ...]:
    """Those of the bundle's own files."""
    digests = {variant.name: variant.sha256 for variant in manifest.variants}
    of_model = [one for one in measurements if one.variant.model == manifest.name]
    for one in of_model:
        expected = digests.get(one.variant.name)
        if expected is not None and expected != one.variant.sha256:
            raise UsageError(
                f"the results are of another {one.variant.name} than the bundle's: expected SHA-256 {expected[:12]}…, "
                f"found {one.variant.sha256[:12]}…; measure this bundle with edgeq benchmark"
            )
    found = tuple(one for one in of_model if one.variant.name in digests)
    if not found:
        models = ", ".join(sorted({visible(one.variant.model) for one in measurements})[:4]) or "nothing"
        raise UsageError(
            f"{', '.join(map(str, paths))}: expected results of {manifest.name}, found {models}; measure this bundle "
            "with edgeq benchmark"
        )
    return found


def _phones_first(measured: tuple[Measurement, ...]) -> tuple[tuple[Measurement, ...], tuple[str, ...]]:
    """Measurements of phones alone where there are any, with accuracy from elsewhere where they have none."""
    phones = tuple(one for one in measured if is_phone(one))
    if not phones:
        return measured, ()
    lent: dict[str, tuple[str, Accuracy]] = {}
    for one in measured:
        if one.accuracy is not None:
            lent.setdefault(one.variant.sha256, (one.environment.device, one.accuracy))
    lenders = sorted(
        {lent[one.variant.sha256][0] for one in phones if one.accuracy is None and one.variant.sha256 in lent}
    )
    notes = (
        [f"accuracy is that measured on {visible(', '.join(lenders))}, of the same files"] if lenders else []
    )
    return tuple(_with_accuracy(one, lent) for one in phones), tuple(notes)


def is_phone(measurement: Measurement) -> bool:
    """Whether it was made on an Android device, over adb or by the app."""
    environment = measurement.environment
    return environment.reached_by.startswith("adb:") or environment.os.lower().startswith("android")


def _with_accuracy(one: Measurement, lent: dict[str, tuple[str, Accuracy]]) -> Measurement:
    if one.accuracy is not None or one.variant.sha256 not in lent:
        return one
    return dataclasses.replace(one, accuracy=lent[one.variant.sha256][1])


def _by_visible_name(manifest: Manifest, name: str) -> Variant:
    return next(variant for variant in manifest.variants if visible(variant.name) == name)


def _said(advice: Recommendation) -> str:
    return f"{advice.device}: {advice.text}".rstrip(".")
