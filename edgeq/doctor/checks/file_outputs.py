"""F306 and F315: outputs that no longer depend on the input, or are not those that they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.benchmark.classification import classifies, top1
from edgeq.benchmark.parity import same_outputs
from edgeq.bundle import Parity, Variant
from edgeq.doctor.case import Case, FileCase
from edgeq.doctor.checks.file_reading import inspected, runs
from edgeq.doctor.rule import Finding
from edgeq.errors import WorkerError
from edgeq.inspection.structure import Inspection
from edgeq.runtime.interpreter import Array
from edgeq.runtime.running import Ran
from edgeq.schemes import SCHEMES

LEAST_SPREAD = 0.1
"""Of the standard deviation over items, file's over float32's. All 21 files that edgeq made of five networks are
between 0.97 and 1.00; the demo's network, calibrated on pixels divided by 255 once too often, is at 0.06."""

_ANSWERS_ALIKE = 0.8
"""Share of the float32 file's most frequent answer up to which one answer for all items is a collapse, not chance."""

_FEWEST_ITEMS = 4
_FEWEST_ANSWERS = 10

_RANKING = frozenset(
    {
        "TFLite_Detection_PostProcess",
        "NON_MAX_SUPPRESSION_V4",
        "NON_MAX_SUPPRESSION_V5",
        "TOPK_V2",
        "ARG_MAX",
        "ARG_MIN",
    }
)
"""Operators after which a small change swaps whole rows: decibels mean nothing there."""


def collapsed_outputs(case: Case) -> Iterator[Finding]:
    """F306: a file gives the same outputs for all items, although they and the float32 file's outputs differ."""
    reference = case.reference if isinstance(case.reference, Ran) else None
    for file, _ in inspected(case):
        ran = case.ran(file)
        if not isinstance(ran, Ran) or not _items_differ(case):
            continue
        values = _real(ran)
        if reference is None or file.path == case.float32_file:
            yield from _constant(file, values)
        else:
            yield from _narrower(file, values, _real(reference))


def _real(ran: Ran) -> dict[str, Array]:
    """Outputs as real numbers, float64[n, values] by name."""
    return {
        info.name: np.asarray(info.decode(ran.stored[info.name]), dtype=np.float64).reshape(
            len(ran.stored[info.name]), -1
        )
        for info in ran.outputs
    }


def _items_differ(case: Case) -> bool:
    items = case.probed_items()
    count = min((len(values) for values in items.values()), default=0)
    rows = {b"".join(values[row].tobytes() for values in items.values()) for row in range(count)}
    return len(rows) >= _FEWEST_ITEMS


def _constant(file: FileCase, values: Mapping[str, Array]) -> Iterator[Finding]:
    """Without another file to compare with: every output is exactly the same for all items."""
    if all(output.size and (output == output[0]).all() for output in values.values()):
        n = len(next(iter(values.values())))
        yield Finding(
            file.path.name,
            f"expected outputs that depend on the input, found the same for all of {n} different items: check "
            "--preprocess and the calibration data, and convert it again",
            file.path,
            {"items": n, "outputs": list(values)},
        )


def _narrower(
    file: FileCase, values: Mapping[str, Array], reference: Mapping[str, Array]
) -> Iterator[Finding]:
    for name, expected in reference.items():
        output = values.get(name)
        if output is None or output.shape != expected.shape:
            continue
        if not (np.isfinite(expected).all() and np.isfinite(output).all()):
            continue
        full = float(np.sqrt(expected.var(axis=0).sum()))
        if full <= 1e-3 * float(np.abs(expected).max(initial=0.0)):
            # The float32 outputs hardly differ themselves: that is the model's, not the file's.
            continue
        share = float(np.sqrt(output.var(axis=0).sum())) / full
        answers = _answers(reference, expected, output)
        if share < LEAST_SPREAD or answers == 1:
            yield _collapsed(file, name, len(output), share, answers)


def _answers(reference: Mapping[str, Array], expected: Array, output: Array) -> int | None:
    """How many different classes the file answers; None where that says nothing."""
    n = len(expected)
    if not classifies([array.shape for array in reference.values()]) or n < _FEWEST_ANSWERS:
        return None
    most_frequent = np.bincount(top1(expected).astype(np.intp)).max() / n
    return len(set(top1(output).tolist())) if most_frequent <= _ANSWERS_ALIKE else None


def _collapsed(file: FileCase, name: str, n: int, share: float, answers: int | None) -> Finding:
    what = (
        f"outputs that vary {100 * share:.0f} % as much"
        if answers != 1
        else "one and the same answer for all of them"
    )
    return Finding(
        file.path.name,
        f"expected output {name!r} to differ between {n} items as in float32, found {what}: check --preprocess and the "
        "calibration data, and convert it again",
        file.path,
        {"output": name, "items": n, "spread_of_float32": round(share, 4), "answers": answers},
    )


def outputs_differ(case: Case) -> Iterator[Finding]:
    """F315: a file does not compute what its bundle recorded, or is far from the float32 file."""
    collapsed = {finding.subject for finding in collapsed_outputs(case)} if case.probe is not None else set()
    for file, inspection in inspected(case):
        if not runs(inspection):
            continue
        yield from _not_as_recorded(case, file)
        if file.path.name not in collapsed:
            yield from _too_far(case, file, inspection)


def _not_as_recorded(case: Case, file: FileCase) -> Iterator[Finding]:
    if case.bundle is None or case.parity is None:
        return
    bundle, parity = case.bundle, case.parity
    variant = next((one for one in bundle.manifest.variants if bundle.path(one) == file.path), None)
    if variant is None or variant.name not in parity.stored:
        return
    ran = _on_parity(case, file, parity)
    if not isinstance(ran, Ran) or ran.kernel_path != variant.check.kernel_path:
        # Other kernels round otherwise: up to 42 steps of int8 were measured on good files.
        return
    for name, recorded in parity.stored[variant.name].items():
        found = ran.stored.get(name)
        if found is None or found.shape != recorded.shape or not same_outputs(recorded, found):
            yield _altered(file, variant, name, recorded, found)


def _on_parity(case: Case, file: FileCase, parity: Parity) -> Ran | WorkerError | None:
    if case.dataset is None and case.calibration is None and case.data_problem is None:
        return case.ran(file)
    try:
        return file.outputs(parity.inputs)
    except WorkerError as error:
        return error


def _altered(file: FileCase, variant: Variant, name: str, recorded: Array, found: Array | None) -> Finding:
    if found is None or found.shape != recorded.shape:
        what = "no such output" if found is None else f"one of shape {list(found.shape)}"
    else:
        what = (
            f"{np.count_nonzero(recorded != found):,} of {recorded.size:,} values of output {name!r} changed"
        )
    return Finding(
        file.path.name,
        f"expected the outputs that the bundle recorded with these very kernels ({variant.check.kernel_path}), found "
        f"{what}: the machine computes wrongly, or the bundle was put together by hand; convert the model again",
        file.path,
        {"output": name, "kernel_path": variant.check.kernel_path},
    )


def _too_far(case: Case, file: FileCase, inspection: Inspection) -> Iterator[Finding]:
    ran, reference = case.ran(file), case.reference
    scheme = next((one for one in SCHEMES if one.name == inspection.scheme), None)
    if (
        scheme is None
        or file.path == case.float32_file
        or not (isinstance(ran, Ran) and isinstance(reference, Ran))
    ):
        return
    if any(layer.operator in _RANKING for layer in inspection.layers):
        return
    expected, values = _real(reference), _real(ran)
    if {name: array.shape for name, array in expected.items()} != {
        name: array.shape for name, array in values.items()
    }:
        return
    if not any(np.isfinite(array).any() for array in expected.values()):
        return
    noise = sqnr_db(_flat(expected, expected), _flat(expected, values))
    # Conversion warns at the scheme's floor; half of its decibels is no matter of taste any more.
    least = scheme.least_sqnr_db / 2
    if noise < least:
        n = len(next(iter(values.values())))
        yield Finding(
            file.path.name,
            f"expected an SQNR of {least:.0f} dB or more against float32, found {noise:.1f} dB on {n} items: rank the "
            "layers by damage with edgeq layers",
            file.path,
            {"sqnr_db": round(noise, 2), "least_sqnr_db": least, "scheme": scheme.name, "items": n},
        )


def _flat(order: Mapping[str, Array], values: Mapping[str, Array]) -> Array:
    return np.concatenate([values[name].ravel() for name in order])
