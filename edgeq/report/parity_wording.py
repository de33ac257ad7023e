"""Whether a device computes what the bundle recorded, in words: a cell, a warning, and the details."""

from __future__ import annotations

from collections.abc import Sequence

from edgeq.benchmark.measurement import Parity
from edgeq.report import wording

FOOTNOTE = (
    "parity: what the bundle recorded is computed again, bit by bit on the same kernels, else by SQNR and top-1 "
    "agreement with the float model"
)


def parity_cell(parity: Parity) -> str:
    """``✓ bit-exact``, ``✓ as recorded``, ``✓ 41.2 dB, 100 %``, ``✗ 3.1 % differ`` or ``✗ 12.1 dB, 81 %``."""
    sign = "✓" if parity.passed else "✗"
    if parity.passed and parity.differing == 0:
        return f"{sign} bit-exact"
    if parity.same_kernels:
        # Floats pass that are as good as equal.
        return f"{sign} as recorded" if parity.passed else f"{sign} {_share(parity.differing)} differ"
    parts = [f"{wording.decimal(parity.sqnr_db, 1)} dB"]
    if parity.agreement is not None:
        parts.append(_share(parity.agreement))
    return f"{sign} {', '.join(parts)}"


def parity_phrase(parity: Parity) -> str:
    """The same within a sentence, without signs."""
    if not parity.passed:
        return "fails parity"
    if parity.differing == 0:
        return "parity bit-exact"
    return "parity as recorded" if parity.same_kernels else "parity within its limits"


def parity_warnings(checked: Sequence[tuple[str, Parity | None]]) -> list[str]:
    """A sentence for each variant that failed.

    Args:
        checked: variants with what came of the check; one at several thread counts stands there several times.
    """
    failed = {variant: parity for variant, parity in checked if parity is not None and not parity.passed}
    return [
        f"{variant} {_failure(parity)}: do not ship it on this device" for variant, parity in failed.items()
    ]


def parity_details(parity: Parity) -> list[tuple[str, str]]:
    """Names and texts of all that the check found."""
    kernels = "the recorded kernels" if parity.same_kernels else "other kernels"
    pairs = [
        (
            "Result",
            f"{'passed' if parity.passed else 'failed'} on {kernels}, {wording.count(parity.n, 'input')}",
        ),
        ("Recorded on", wording.visible(parity.recorded_kernel_path)),
        ("Differing values", _differing(parity)),
        (
            "SQNR to the float model",
            _limited(_decibels(parity.sqnr_db), _decibels(parity.least_sqnr_db), parity),
        ),
    ]
    if parity.agreement is not None:
        least = "" if parity.least_agreement is None else _share(parity.least_agreement)
        pairs.append(("Top-1 agreement with it", _limited(_share(parity.agreement), least, parity)))
    return [(name, text) for name, text in pairs if text]


def _failure(parity: Parity) -> str:
    if parity.same_kernels:
        return (
            f"does not compute what the bundle recorded: {_differing(parity)}, although the kernels "
            f"({wording.visible(parity.recorded_kernel_path)}) are the recorded ones"
        )
    parts = []
    if parity.sqnr_db < parity.least_sqnr_db:
        parts.append(
            f"SQNR {_decibels(parity.sqnr_db)}, at least {_decibels(parity.least_sqnr_db)} asked for"
        )
    least = parity.least_agreement
    if parity.agreement is not None and least is not None and parity.agreement < least:
        parts.append(f"top-1 agreement {_share(parity.agreement)}, at least {_share(least)} asked for")
    why = wording.enumeration(parts) or _differing(parity)
    return f"is too far from the float model on {wording.count(parity.n, 'recorded input')}: {why}"


def _differing(parity: Parity) -> str:
    if parity.differing == 0:
        return "none of the output values differs"
    text = f"{_share(parity.differing)} of the output values differ"
    if parity.largest_difference is not None:
        text += f", by at most {wording.count(parity.largest_difference, 'integer step')}"
    return text


def _limited(text: str, least: str, parity: Parity) -> str:
    # On the recorded kernels the bits decide and the limits say nothing.
    return f"{text} (at least {least} asked for)" if least and not parity.same_kernels else text


def _decibels(value: float) -> str:
    return f"{wording.decimal(value, 1)} dB"


def _share(share: float) -> str:
    """In percent with three digits; never ``0 %`` or ``100 %`` of what is not quite that."""
    percent = 100 * share
    if share in (0.0, 1.0):
        return f"{percent:.0f} %"
    if percent < 0.01:
        return "< 0.01 %"
    text = wording.significant(percent)
    return f"{'> 99.9' if text == '100' else text} %"
