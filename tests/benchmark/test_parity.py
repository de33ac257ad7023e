from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.parity import check_parity, same_outputs
from edgeq.bundle import Bundle, read_bundle
from edgeq.runtime.interpreter import TensorInfo
from edgeq.runtime.quantization import Quantization

BUNDLE = Path(__file__).parents[2] / "edgeq" / "demo" / "bundle"
OTHER_KERNELS = "litert 2.3.0, XNNPACK, aarch64+asimddp"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(BUNDLE)


def outputs_of(bundle: Bundle, name: str) -> tuple[TensorInfo, ...]:
    (variant,) = (one for one in bundle.manifest.variants if one.name == name)
    return tuple(
        TensorInfo(
            tensor.name,
            0,
            tensor.shape,
            tensor.dtype,
            None if tensor.scale is None else Quantization(tensor.scale, tensor.zero_point or 0),
        )
        for tensor in variant.outputs
    )


def recorded_kernels(bundle: Bundle, name: str) -> str:
    return next(one.check.kernel_path for one in bundle.manifest.variants if one.name == name)


def parity_of(bundle: Bundle, name: str, change=lambda array: array, kernels: str | None = None):
    recorded = bundle.parity()
    stored = {output: change(array.copy()) for output, array in recorded.stored[name].items()}
    path = recorded_kernels(bundle, name) if kernels is None else kernels
    return check_parity(bundle, recorded, name, outputs_of(bundle, name), stored, path)


def one_step_up(array):
    array.flat[3] += 1
    return array


def swapped(array):
    """The largest and the smallest score of every item change places."""
    flat = array.reshape(len(array), -1)
    rows = np.arange(len(flat))
    high, low = flat.argmax(axis=1), flat.argmin(axis=1)
    flat[rows, high], flat[rows, low] = flat[rows, low].copy(), flat[rows, high].copy()
    return array


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"])
@pytest.mark.parametrize("kernels", [None, OTHER_KERNELS])
def test_what_was_recorded_passes_on_any_kernels(bundle: Bundle, name: str, kernels: str | None) -> None:
    parity = parity_of(bundle, name, kernels=kernels)
    assert parity is not None
    assert parity.passed
    assert parity.same_kernels is (kernels is None)
    assert parity.differing == 0.0
    assert parity.n == 16
    assert parity.recorded_kernel_path == recorded_kernels(bundle, name)


def test_one_step_of_one_integer_fails_on_the_recorded_kernels_and_passes_on_others(bundle: Bundle) -> None:
    same, other = (parity_of(bundle, "int8", one_step_up, kernels) for kernels in (None, OTHER_KERNELS))
    assert same is not None
    assert other is not None
    assert (same.passed, other.passed) == (False, True)
    assert same.differing == other.differing == 1 / 160
    assert same.largest_difference == other.largest_difference == 1


def test_floats_of_the_recorded_kernels_may_differ_in_their_last_bits_alone(bundle: Bundle) -> None:
    nearly = parity_of(bundle, "float32", lambda array: array * np.float32(1 + 1e-7))
    away = parity_of(bundle, "float32", lambda array: array * np.float32(1.001))
    assert nearly is not None
    assert away is not None
    assert (nearly.passed, away.passed) == (True, False)
    assert nearly.largest_difference is None


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_wrong_answers_fail_on_any_kernels(bundle: Bundle, name: str) -> None:
    parity = parity_of(bundle, name, swapped, OTHER_KERNELS)
    assert parity is not None
    assert not parity.passed
    assert parity.agreement == 0.0
    assert parity.sqnr_db < parity.least_sqnr_db


def test_twice_the_recorded_noise_is_the_limit_on_other_kernels(bundle: Bundle) -> None:
    recorded = bundle.parity()
    (info,) = outputs_of(bundle, "int8-io-float32")
    reference = recorded.reference[info.name]
    noise = recorded.stored["int8-io-float32"][info.name] - reference

    def louder(times: float):
        return lambda array: (reference + times * noise).astype(array.dtype)

    passed = [
        parity_of(bundle, "int8-io-float32", louder(times), OTHER_KERNELS).passed
        for times in (1.0, 1.39, 1.45)
    ]
    assert passed == [True, True, False]


def test_one_more_answer_may_differ_from_the_float_models_and_no_second(bundle: Bundle) -> None:
    recorded = bundle.parity()
    exact = dataclasses.replace(recorded, stored={"float32": dict(recorded.reference)})
    (info,) = outputs_of(bundle, "float32")

    def passed(items: int) -> bool:
        stored = recorded.reference[info.name].copy()
        for item in range(items):
            best = stored[item, 0].argsort()
            # A tie that is broken the other way: hardly any noise, another answer.
            stored[item, 0, best[-2]] = np.nextafter(stored[item, 0, best[-1]], np.float32(np.inf))
        limits = check_parity(bundle, exact, "float32", (info,), {info.name: stored}, OTHER_KERNELS)
        assert limits is not None
        return limits.agreement >= limits.least_agreement

    assert [passed(items) for items in (0, 1, 2)] == [True, True, False]


def test_the_limit_itself_passes_whatever_floats_make_of_shares(bundle: Bundle) -> None:
    recorded = bundle.parity()
    (info,) = outputs_of(bundle, "float32")
    reference = recorded.reference[info.name][:9]

    def with_others(items: int):
        """Outputs whose top-1 is another one, by a hair, in some items."""
        stored = reference.copy()
        for item in range(items):
            best = stored[item, 0].argsort()
            stored[item, 0, best[-2]] = np.nextafter(stored[item, 0, best[-1]], np.float32(np.inf))
        return stored

    # 7/9 when recorded and 6/9 now: as floats, 7/9 − 1/9 is more than 6/9. Swaps of unlike scores are far in dB.
    before = dataclasses.replace(
        recorded,
        inputs={name: array[:9] for name, array in recorded.inputs.items()},
        reference={info.name: reference},
        stored={"float32": {info.name: with_others(2)}},
    )
    parity = check_parity(bundle, before, "float32", (info,), {info.name: with_others(3)}, OTHER_KERNELS)
    assert parity is not None
    assert parity.agreement == parity.least_agreement == 6 / 9


def test_outputs_of_another_shape_or_type_cannot_be_compared(bundle: Bundle) -> None:
    assert parity_of(bundle, "int8", lambda array: array[..., :-1]) is None
    assert parity_of(bundle, "int8", lambda array: array.astype(np.int16)) is None


def test_a_variant_that_recorded_nothing_cannot_be_compared(bundle: Bundle) -> None:
    recorded = dataclasses.replace(bundle.parity(), stored={})
    assert check_parity(bundle, recorded, "int8", (), {}, OTHER_KERNELS) is None


def test_outputs_that_were_nan_are_the_same_only_where_they_are_nan_again() -> None:
    nan = np.full(3, np.nan, np.float32)
    assert same_outputs(nan, nan.copy())
    assert not same_outputs(nan, np.zeros(3, np.float32))
