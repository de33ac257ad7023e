"""A bundle with some of its variants: smaller, and valid by itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import edgeq
from edgeq.android.older_runtime import NEXT_STEP, Fitted, fit_variant
from edgeq.android.photos import PHOTOS_ZIP, record_photos
from edgeq.android.runtimes import RuntimeVersion
from edgeq.bundle import Bundle, Manifest, Parity, Variant, read_bundle, write_bundle
from edgeq.data.dataset import Dataset
from edgeq.errors import BundleError, ConversionError, UsageError, joined_reasons
from edgeq.schemes import BASELINE

LABELS = "labels.txt"

_LINE_BREAKS = dict.fromkeys(map(ord, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")
"""What Python's ``splitlines`` takes for the end of a line; Java's ``readLine`` takes the first two."""


@dataclass(frozen=True)
class Cut:
    """A smaller bundle that was written.

    Attributes:
        bundle: as it was read back.
        changes: what was changed in a variant's file, by name; may be empty.
        notes: what else a user should know of it, one sentence each.
    """

    bundle: Bundle
    changes: dict[str, str]
    notes: tuple[str, ...]


def write_cut(
    bundle: Bundle,
    variants: Sequence[Variant],
    folder: Path,
    asked: RuntimeVersion | None = None,
    photos: Dataset | None = None,
    optional: Collection[str] = (),
) -> Cut:
    """Writes a bundle with some variants of another, and ``labels.txt`` beside its files where it has labels.

    Args:
        bundle: the whole one.
        variants: of it, in the order that the new one has them.
        folder: to make.
        asked: the oldest runtime that they must run on, for which they are converted where needed; None asks for
            nothing.
        optional: names of those that are left out where they cannot run on it, with a note.
        photos: that some are drawn from to be put beside, see `edgeq.android.photos`; None for none.

    Raises:
        ConversionError: a variant cannot run on that runtime.
        EdgeqError: the bundle is damaged, there are no fitting photos, or the folder cannot be written.
    """
    recorded = bundle.parity()
    fitted, left_out = _fitted(bundle, recorded, variants, asked, optional)
    manifest = _manifest(bundle.manifest, fitted, asked)
    parity = Parity(recorded.inputs, recorded.reference, {one.variant.name: one.stored for one in fitted})
    labels, notes = _label_lines(manifest.labels)
    notes = (*left_out, *notes)
    others: dict[str, bytes] = {}
    if photos is not None:
        models = {one.variant.name: (one.variant, one.content) for one in fitted}
        taken = record_photos(manifest, models, _float_file(bundle), photos)
        others[PHOTOS_ZIP] = taken.content
        notes = (*notes, *taken.notes)
    try:
        files = {one.variant.file: one.content for one in fitted}
        write_bundle(folder, manifest, files, parity, others=others)
        if labels:
            (folder / LABELS).write_bytes("".join(f"{label}\n" for label in labels).encode())
    except UnicodeEncodeError as error:
        raise BundleError(
            f"{bundle.folder} has a name that is no Unicode text ({error.reason}): convert again"
        ) from error
    changes = {one.variant.name: one.change for one in fitted if one.change}
    return Cut(read_bundle(folder), changes, notes)


def _fitted(
    bundle: Bundle,
    recorded: Parity,
    variants: Sequence[Variant],
    asked: RuntimeVersion | None,
    optional: Collection[str],
) -> tuple[list[Fitted], tuple[str, ...]]:
    """The variants as the app gets them, and why some of the optional ones are left out."""
    fitted: list[Fitted] = []
    reasons: dict[str, str] = {}
    for variant in variants:
        try:
            fitted.append(fit_variant(bundle, recorded, variant, asked))
        except ConversionError as error:
            if variant.name not in optional:
                raise
            reasons[variant.name] = str(error).removesuffix(f"; {NEXT_STEP}")
    if not fitted:
        raise ConversionError(f"no variant can be put: {joined_reasons(reasons)}")
    return fitted, tuple(f"left out: {reason}" for reason in reasons.values())


def _float_file(bundle: Bundle) -> tuple[Variant, bytes]:
    """What stands for the source model where photos are answered."""
    variant = next((one for one in bundle.manifest.variants if one.name == BASELINE), None)
    if variant is None:
        there = ", ".join(one.name for one in bundle.manifest.variants)
        raise UsageError(
            f"--photos compares answers with those of {BASELINE}, which {bundle.folder} lacks: it has {there}; convert "
            f"the model again with {BASELINE}"
        )
    return variant, bundle.path(variant).read_bytes()


def _manifest(manifest: Manifest, fitted: Sequence[Fitted], asked: RuntimeVersion | None) -> Manifest:
    provenance = dict(manifest.provenance)
    changes = {one.variant.name: one.change for one in fitted if one.change}
    provenance["android"] = {"edgeq": edgeq.__version__} | (
        {"min_runtime": asked.text, "converted": changes} if changes and asked is not None else {}
    )
    variants = tuple(one.variant for one in fitted)
    return replace(manifest, variants=variants, failures=(), provenance=provenance)


def _label_lines(labels: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """One line a label, without line breaks of its own, and a note where one had any."""
    lines = [label.translate(_LINE_BREAKS) for label in labels]
    broken = [place for place, (line, label) in enumerate(zip(lines, labels, strict=True)) if line != label]
    if not broken:
        return lines, ()
    return lines, (
        f"label {broken[0]} has a line break, which is a blank in {LABELS}; bundle.json has it as it is",
    )
