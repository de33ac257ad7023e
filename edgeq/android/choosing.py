"""Which variants of a bundle an app gets: those asked for, the one that was measured to be best, else one by a rule.

The rule without measurements: the first of `PREFERRED` that the bundle has, that runs on the runtime asked for, and
whose recorded outputs are near the float model's, by the limits of its scheme (`Scheme.least_sqnr_db`) and by top-1,
which may differ for as many recorded inputs as parity lets a device differ (`edgeq.benchmark.parity`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeq.benchmark.parity import MORE_DISAGREEING
from edgeq.bundle import Manifest, Variant
from edgeq.errors import UsageError
from edgeq.schemes import BASELINE, SCHEMES

ALL = "all"

PREFERRED = ("int8", "int8-io-uint8", "int8-io-float32", "dynamic", "float16", "float32", "int16x8")
"""Int8 is fastest on phones' CPUs and smallest; int16x8 is last, for kernels of phones' CPUs take none of it."""

NOT_MEASURED = "nothing was measured: --results FILE.jsonl of edgeq benchmark decides by what was"


@dataclass(frozen=True)
class Chosen:
    """What goes into the app.

    Attributes:
        variants: the one to use first.
        reason: why that one, as a sentence without full stop.
        notes: what a user should know of the choice, one sentence each.
        optional: names of variants that are left out where they cannot run, for ``all`` asked for them.
    """

    variants: tuple[Variant, ...]
    reason: str
    notes: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()


def asked_for(manifest: Manifest, names: Sequence[str]) -> Chosen:
    """The variants that a user named.

    Args:
        manifest: of the bundle.
        names: as in `named_variants`.

    Raises:
        UsageError: the bundle has none of a name.
    """
    variants = named_variants(manifest, names)
    if ALL not in names:
        return Chosen(variants, f"{variants[0].name} was asked for")
    optional = frozenset(variant.name for variant in variants) - frozenset(names)
    if variants[0].name in names:
        return Chosen(variants, f"{variants[0].name} was asked for, and all others", optional=optional)
    return Chosen(
        variants, "all were asked for, in the order that the rule would try them", optional=optional
    )


def named_variants(manifest: Manifest, names: Sequence[str]) -> tuple[Variant, ...]:
    """The variants of those names, in that order.

    Args:
        manifest: of the bundle.
        names: as typed; ``all`` stands for all others.

    Raises:
        UsageError: the bundle has none of a name.
    """
    by_name = {variant.name: variant for variant in manifest.variants}
    unknown = [name for name in names if name not in by_name and name != ALL]
    if unknown:
        said = ", ".join(name or "''" for name in unknown)
        raise UsageError(f"no variant {said}: there are {', '.join(by_name)}, and all")
    asked = [by_name[name] for name in names if name != ALL]
    if ALL in names:
        asked += preferred_first(manifest.variants) if not asked else manifest.variants
    return tuple(dict.fromkeys(asked))


def preferred_first(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """In the order of `PREFERRED`; others keep theirs, behind."""
    rank = {name: place for place, name in enumerate(PREFERRED)}
    return tuple(sorted(variants, key=lambda variant: rank.get(variant.name, len(rank))))


def choose_by_rule(manifest: Manifest, why_not: Callable[[Variant], str | None]) -> Chosen:
    """The variant to ship where nothing was measured.

    Args:
        manifest: of the bundle.
        why_not: why a variant cannot run where it must; None where it can.

    Raises:
        UsageError: none fits.
    """
    passed_over: list[str] = []
    for variant in preferred_first(manifest.variants):
        reason = _too_far(variant) or _cannot_ship(variant) or why_not(variant)
        if reason is None:
            return Chosen(
                (variant,), f"{variant.name} by the rule: {_in_words(passed_over)}", (NOT_MEASURED,)
            )
        passed_over.append(f"{variant.name}: {reason}")
    raise UsageError(f"no variant can be chosen: {'; '.join(passed_over)}; name one with --variant")


def with_baseline(manifest: Manifest, variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants, and the float32 one that an app compares with where the bundle has it."""
    baseline = [variant for variant in manifest.variants if variant.scheme == BASELINE]
    return tuple(dict.fromkeys((*variants, *baseline[:1])))


def _in_words(passed_over: Sequence[str]) -> str:
    if not passed_over:
        return f"the first of {', '.join(PREFERRED[:6])} that the bundle has"
    return f"passed over {'; '.join(passed_over)}"


def _cannot_ship(variant: Variant) -> str | None:
    return "it has TensorFlow's own (Flex) operators" if variant.needs_flex else None


def _too_far(variant: Variant) -> str | None:
    """Why a variant's recorded outputs speak against it; None where they do not."""
    check = variant.check
    least = next((scheme.least_sqnr_db for scheme in SCHEMES if scheme.name == variant.scheme), None)
    if least is None:
        return f"its scheme {variant.scheme} is not known here"
    if math.isnan(check.sqnr_db) or check.sqnr_db < least:
        return (
            f"its outputs are {check.sqnr_db:.1f} dB from the float model's, expected at least {least:.0f} dB"
        )
    if check.agreement is not None:
        differing = check.n - round(check.agreement * check.n)
        if differing > MORE_DISAGREEING:
            return f"its top-1 differs from the float model's for {differing} of {check.n} recorded inputs"
    return None
