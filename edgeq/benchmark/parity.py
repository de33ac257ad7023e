"""Whether a device computes what the bundle recorded: the same bits, or outputs as good as those.

Integer outputs are bit-exact only within one kernel path (runtime, version, delegate and CPU family). Elsewhere
kernels round otherwise: up to 42 steps of int8 were measured on good files, so that no tolerance of single values
tells right from wrong. There a variant must be as near to the float model as it was when it was recorded, within the
limits below, on the very inputs that were recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.benchmark.classification import classifies, top1
from edgeq.benchmark.measurement import Measurement, Parity
from edgeq.bundle import Bundle
from edgeq.bundle import Parity as Recorded
from edgeq.errors import EXIT_FINE, EXIT_GATE
from edgeq.runtime.interpreter import Array, TensorInfo

MORE_NOISE_DB = 3.0
"""How much nearer the recorded outputs may be to the float model than a device's: twice the noise. Quantization made
the noise that was recorded; rounding otherwise must not add more than there was."""

ENOUGH_DB = 50.0
"""An SQNR from which on a device need not be as near as the recorded outputs: float kernels that sum in another order,
or in half precision, are far above."""

MORE_DISAGREEING = 1
"""Inputs whose top-1 may be another than the float model's beside those where it was so when recorded: kernel paths
agree on 99 % of inputs, and a few recorded ones may lie on a border."""

_SAME_FLOATS_DB = 100.0
"""Float outputs of one kernel path are the same bits; float32 itself ends at 140 dB."""


def check_parity(
    bundle: Bundle,
    recorded: Recorded,
    variant: str,
    outputs: Sequence[TensorInfo],
    stored: Mapping[str, Array],
    kernel_path: str,
) -> Parity | None:
    """Compares what a device computed from the recorded inputs with what was recorded.

    Args:
        bundle: that recorded it.
        recorded: its inputs and outputs.
        variant: name of the variant that ran.
        outputs: of the file, as the device's runtime sees them.
        stored: what the device computed, as the file stores it, [n, *shape] by output name.
        kernel_path: that computed it.

    Returns:
        The comparison; None where the bundle recorded nothing that can be compared.
    """
    before = recorded.stored.get(variant)
    made = next((one for one in bundle.manifest.variants if one.name == variant), None)
    if before is None or made is None or _shapes(before) != _shapes(stored):
        return None
    infos = {info.name: info for info in outputs}
    if set(infos) != set(before) or set(before) != set(recorded.reference):
        return None
    now_db, now_agreement = _against_float(recorded.reference, infos, stored)
    then_db, then_agreement = _against_float(recorded.reference, infos, before)
    n = len(next(iter(before.values())))
    same_kernels = kernel_path == made.check.kernel_path
    least_db = min(then_db - MORE_NOISE_DB, ENOUGH_DB)
    # Counted in inputs: shares of floats would make 6/9 smaller than 7/9 − 1/9.
    least_agreement = (
        None if then_agreement is None else max(0, round(then_agreement * n) - MORE_DISAGREEING) / n
    )
    agrees = now_agreement is None or least_agreement is None or now_agreement >= least_agreement
    return Parity(
        n=n,
        passed=all(same_outputs(before[name], stored[name]) for name in before)
        if same_kernels
        else now_db >= least_db and agrees,
        same_kernels=same_kernels,
        recorded_kernel_path=made.check.kernel_path,
        differing=_differing(before, stored),
        largest_difference=_largest_step(before, stored),
        sqnr_db=now_db,
        least_sqnr_db=least_db,
        agreement=now_agreement,
        least_agreement=least_agreement,
    )


def same_outputs(recorded: Array, found: Array) -> bool:
    """Whether outputs are those that one kernel path gives: equal integers, and floats that are as good as equal.

    Args:
        recorded: as stored, of any shape.
        found: of the same shape.
    """
    if recorded.dtype.kind != "f":
        return bool(np.array_equal(recorded, found))
    if not np.isfinite(recorded).any():
        return bool(np.array_equal(recorded, found, equal_nan=True))
    return sqnr_db(recorded, found) >= _SAME_FLOATS_DB


def parity_code(measurements: Sequence[Measurement]) -> int:
    """The exit code for what devices compute: that of a gate where a variant does not compute what was recorded."""
    wrong = any(one.parity is not None and not one.parity.passed for one in measurements)
    return EXIT_GATE if wrong else EXIT_FINE


def _against_float(
    reference: Mapping[str, Array], infos: Mapping[str, TensorInfo], stored: Mapping[str, Array]
) -> tuple[float, float | None]:
    """SQNR of all outputs together, and top-1 agreement where the model classifies."""
    real = {name: np.asarray(infos[name].decode(stored[name]), dtype=np.float64) for name in reference}
    noise = sqnr_db(
        np.concatenate([np.ravel(reference[name]) for name in reference]),
        np.concatenate([np.ravel(real[name]) for name in reference]),
    )
    if not classifies([array.shape[1:] for array in reference.values()]):
        return noise, None
    (name,) = reference
    return noise, float(np.mean(top1(reference[name]) == top1(real[name])))


def _shapes(arrays: Mapping[str, Array]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (array.shape, array.dtype.str) for name, array in arrays.items()}


def _differing(before: Mapping[str, Array], now: Mapping[str, Array]) -> float:
    values = sum(array.size for array in before.values())
    return sum(int(np.count_nonzero(before[name] != now[name])) for name in before) / max(values, 1)


def _largest_step(before: Mapping[str, Array], now: Mapping[str, Array]) -> int | None:
    steps = [
        int(np.abs(array.astype(np.int64) - now[name].astype(np.int64)).max(initial=0))
        for name, array in before.items()
        if array.dtype.kind in "iu"
    ]
    return max(steps, default=None)
