"""From candidates to a bundle: each file is run and compared before it goes in; stock variants stay what they were."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.bundle import Array, Bundle, Manifest, Parity, Variant, write_bundle
from edgeq.data.feeding import Feed
from edgeq.data.splitting import draw
from edgeq.errors import BundleError, ModelError
from edgeq.files import gzip_bytes, sha256_bytes
from edgeq.optimize.candidate import Candidate
from edgeq.quantize.recipe import INT8, INT8X4, Recipe
from edgeq.runtime.running import run_file
from edgeq.schemes import BASELINE, TUNED, Scheme, VariantSpec, find
from edgeq.tflite.model import read_model
from edgeq.tflite.precision import scheme_of

CHECKED_ITEMS = 16
"""Inputs that every file is compared on, as `edgeq convert` does it."""


@dataclass(frozen=True, eq=False)
class ReadyVariant:
    """A file that was run and compared.

    Attributes:
        variant: as the bundle describes it.
        content: of the file.
        stored: its outputs on the bundle's recorded inputs, as it stores them, [n, *shape] by name.
        warning: what a user should know of the comparison; None if nothing.
    """

    variant: Variant
    content: bytes
    stored: Mapping[str, Array]
    warning: str | None = None


class VariantChecker:
    """Runs files and compares them with the source model, as far as a bundle recorded it, and with float32 beyond."""

    def __init__(self, base: Bundle, further: Mapping[str, Array]) -> None:
        """Runs float32 on further inputs.

        Args:
            base: that recorded inputs and the source model's outputs.
            further: more inputs, real values by name, [n, *shape with batch axis]; n may be 0.

        Raises:
            WorkerError: float32 does not run.
        """
        self._base = base
        self._recorded = base.parity()
        self._kept = len(next(iter(self._recorded.inputs.values())))
        float32 = float32_of(base)
        reference = dict(self._recorded.reference)
        inputs = dict(self._recorded.inputs)
        if len(next(iter(further.values()))):
            ran = run_file(base.path(float32), BASELINE, further)
            real = {info.name: info.decode(ran.stored[info.name]) for info in ran.outputs}
            inputs = {name: np.concatenate([array, further[name]]) for name, array in inputs.items()}
            reference = {name: np.concatenate([array, real[name]]) for name, array in reference.items()}
        self._inputs, self._reference = inputs, reference

    def stock(self, variant: Variant) -> ReadyVariant:
        """A variant of the base bundle, as it is."""
        return ReadyVariant(
            variant, self._base.path(variant).read_bytes(), self._recorded.stored.get(variant.name, {})
        )

    def tuned(self, name: str, candidate: Candidate, path: Path) -> ReadyVariant:
        """A file with a recipe.

        Args:
            name: of the variant.
            candidate: with the recipe.
            path: of the file.

        Raises:
            ConversionError: it has other inputs or outputs, or computes nothing in integers.
            WorkerError: it does not run.
        """
        from edgeq.convert.check import check_scheme, run_and_compare

        assert candidate.recipe is not None  # noqa: S101 - others are stock
        content = path.read_bytes()
        spec = VariantSpec(scheme_in(content, candidate.recipe), candidate.recipe.io, TUNED)
        floating = check_scheme(content, spec)
        checked = run_and_compare(path, spec, self._inputs, self._reference, runtime=None)
        scheme = scheme_of(read_model(content))
        warning = checked.warning
        return ReadyVariant(
            Variant(
                name=name,
                file=f"{self._base.manifest.name}.{name}.tflite",
                scheme=spec.scheme.name if scheme is None else scheme.name,
                io=candidate.recipe.io,
                sha256=sha256_bytes(content),
                size_bytes=len(content),
                inputs=checked.inputs,
                outputs=checked.outputs,
                check=checked.check,
                float_operators=floating,
                gzip_bytes=gzip_bytes(content),
            ),
            content,
            {output: array[: self._kept] for output, array in checked.stored.items()},
            None if warning is None else warning.replace(f"{spec.name}:", f"{name}:", 1),
        )


def float32_of(bundle: Bundle) -> Variant:
    """The float32 variant.

    Raises:
        BundleError: there is none.
        ModelError: it has TensorFlow's own operators.
    """
    found = next((one for one in bundle.manifest.variants if one.scheme == BASELINE), None)
    if found is None:
        there = ", ".join(variant.name for variant in bundle.manifest.variants)
        raise BundleError(
            f"{bundle.folder} has no float32 variant to quantize, it has {there}: convert the model again"
        )
    if found.needs_flex:
        raise ModelError(
            f"{found.file} has TensorFlow's own operators, which no runtime here runs and nothing quantizes: replace "
            "them in the model (edgeq inspect FILE names them)"
        )
    return found


def stock_variant(bundle: Bundle, name: str, io: str) -> Variant | None:
    """The variant of a scheme in a bundle, with that I/O type where there is a choice; None where there is none."""
    of_scheme = [one for one in bundle.manifest.variants if name in (one.scheme, one.name)]
    return next((one for one in of_scheme if one.io == io), of_scheme[0] if of_scheme else None)


def scheme_in(content: bytes, recipe: Recipe) -> Scheme:
    """What a recipe's file is called by: with ``--keep``, most weights may have another width than the recipe's scheme.

    Files of other schemes, such as one whose layers are all kept in float, are called by their recipe's.
    """
    found = scheme_of(read_model(content))
    return found if found is not None and found.name in (INT8, INT8X4) else find(recipe.scheme)


def variant_names(
    candidates: Sequence[Candidate], stock: Mapping[str, Variant], schemes: Mapping[str, Scheme] | None = None
) -> dict[str, str]:
    """What candidates are called in a bundle: ``int8-tuned``, the next of its kind ``int8-tuned-2``.

    Args:
        candidates: each once, in the bundle's order.
        stock: the bundle's variants, by key of the candidates that they are.
        schemes: by key, what files were found to be, see `scheme_in`; a recipe's own where one is missing.

    Returns:
        Names by key.
    """
    names: dict[str, str] = {}
    for candidate in candidates:
        if candidate.recipe is None:
            names[candidate.key] = stock[candidate.key].name
            continue
        scheme = (schemes or {}).get(candidate.key) or find(candidate.recipe.scheme)
        name = VariantSpec(scheme, candidate.recipe.io, TUNED).name
        taken = [one for one in names.values() if one == name or one.startswith(f"{name}-")]
        names[candidate.key] = f"{name}-{len(taken) + 1}" if taken else name
    return names


def further_inputs(base: Bundle, feed: Feed, calibrated: Sequence[int], seed: int) -> dict[str, Array]:
    """Inputs to compare files on beside those that the base bundle recorded, `CHECKED_ITEMS` in all.

    Args:
        base: the base bundle.
        feed: the data.
        calibrated: items that are taken only where there are no others.
        seed: of the draw.

    Returns:
        Real values by name, [n, *shape with batch axis], each item filling its batch alone; n may be 0.
    """
    known = set(calibrated)
    digests, labels = feed.dataset.digests(), feed.dataset.labels
    rest = [index for index in range(len(digests)) if index not in known] or sorted(known)
    count = max(0, CHECKED_ITEMS - len(next(iter(base.parity().inputs.values()))))
    own_labels = None if labels is None else labels[rest]
    drawn = [rest[index] for index in draw([digests[i] for i in rest], own_labels, count, seed + 1)]
    if not drawn:
        return {spec.name: np.zeros((0, *spec.shape), spec.dtype) for spec in base.manifest.inputs}
    values = feed.items(drawn)
    return {
        spec.name: np.repeat(values[spec.name][:, None], max(1, spec.shape[0]), axis=1)
        if base.manifest.batched.get(spec.name)
        else values[spec.name]
        for spec in base.manifest.inputs
    }


def write_variants(
    folder: Path,
    base: Bundle,
    variants: Sequence[ReadyVariant],
    *,
    calibration: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
    others: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Writes a bundle of variants that were checked.

    Args:
        folder: to be made.
        base: whose model it is.
        variants: in their order.
        calibration: digests of items beside those that the base bundle was calibrated on.
        provenance: beside the base bundle's.
        others: further files by name.

    Raises:
        OutputError: it cannot be written.
    """
    recorded = base.parity()
    manifest: Manifest = dataclasses.replace(
        base.manifest,
        calibration=tuple(dict.fromkeys((*base.manifest.calibration, *calibration))),
        variants=tuple(one.variant for one in variants),
        failures=(),
        provenance={**base.manifest.provenance, **(provenance or {})},
        files={},
    )
    parity = Parity(recorded.inputs, recorded.reference, {one.variant.name: one.stored for one in variants})
    models = {one.variant.file: one.content for one in variants}
    return write_bundle(folder, manifest, models, parity, others=others)
