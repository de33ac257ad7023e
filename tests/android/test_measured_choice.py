from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from edgeq.android.measured_choice import choose_by_results
from edgeq.benchmark.measurement import Measurement
from edgeq.bundle import Bundle
from edgeq.errors import UsageError
from edgeq.report.results import append_results
from tests.report.sample_measurements import change, night

PHONE = {
    "environment__reached_by": "adb:R58N",
    "environment__device": "Pixel 8",
    "environment__device_id": "c0ffee",
    "environment__os": "Android 15",
}


@pytest.fixture
def measured(demo_bundle: Bundle, tmp_path: Path) -> Callable[..., Path]:
    """Writes results as if the bundle's files had been measured."""
    digests = {variant.name: variant.sha256 for variant in demo_bundle.manifest.variants}

    def write(edit: Callable[[Measurement], Measurement] = lambda one: one, **night_options: Any) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        ours = (
            change(one, variant__model="fashion_mnist", variant__sha256=digests[one.variant.name])
            for one in night(**night_options)
        )
        append_results(path, [edit(one) for one in ours])
        return path

    return write


def chosen(bundle: Bundle, paths: Iterable[Path]) -> tuple[str, str, tuple[str, ...]]:
    choice = choose_by_results(bundle.manifest, list(paths))
    (variant,) = choice.variants
    return variant.name, choice.reason, choice.notes


def test_the_reports_recommendation_is_taken(demo_bundle: Bundle, measured: Callable[..., Path]) -> None:
    name, reason, notes = chosen(demo_bundle, [measured()])
    assert name == "int8"
    assert reason.startswith("Cortex-A72, 4 cores: Ship int8: ")
    assert notes == ()


def test_other_models_in_the_results_do_not_count(
    demo_bundle: Bundle, measured: Callable[..., Path], tmp_path: Path
) -> None:
    append_results(tmp_path / "others.jsonl", night())
    assert chosen(demo_bundle, [tmp_path / "others.jsonl", measured()])[0] == "int8"
    with pytest.raises(
        UsageError, match="expected results of fashion_mnist, found mobilenet_v2; measure this bundle"
    ):
        chosen(demo_bundle, [tmp_path / "others.jsonl"])


def test_results_of_another_file_are_refused(demo_bundle: Bundle, measured: Callable[..., Path]) -> None:
    path = measured(lambda one: change(one, variant__sha256="0" * 64) if one.variant.name == "int8" else one)
    with pytest.raises(
        UsageError, match=r"another int8 than the bundle's: expected SHA-256 ae706a6eb35e…, found 0000"
    ):
        chosen(demo_bundle, [path])


def test_a_phones_times_are_judged_with_the_accuracy_of_the_desktop(
    demo_bundle: Bundle, measured: Callable[..., Path]
) -> None:
    phone = measured(lambda one: change(one, **PHONE, accuracy=None))
    name, reason, notes = chosen(demo_bundle, [phone, measured()])
    assert name == "int8"
    assert reason.startswith("Pixel 8: Ship int8: ")
    assert notes == ("accuracy is that measured on Cortex-A72, 4 cores, of the same files",)


def test_a_phones_times_alone_recommend_nothing(demo_bundle: Bundle, measured: Callable[..., Path]) -> None:
    phone = measured(lambda one: change(one, **PHONE, accuracy=None))
    with pytest.raises(UsageError, match=r"recommend no variant: Pixel 8: .*; name one with --variant"):
        chosen(demo_bundle, [phone])


def test_on_a_phone_counts_what_is_fast_there(demo_bundle: Bundle, measured: Callable[..., Path]) -> None:
    def slow(one: Measurement) -> Measurement:
        """Int8 is slower there than float32, as on cores without dot products."""
        if one.variant.scheme != "int8" or one.latency is None or one.latency.ratio is None:
            return change(one, **PHONE, accuracy=None)
        ratio = type(one.latency.ratio)(1.5, 1.4, 1.6, 8)
        return change(one, **PHONE, accuracy=None, latency__verdict="slower", latency__ratio=ratio)

    name, reason, _ = chosen(demo_bundle, [measured(slow), measured()])
    assert name == "float16"
    assert reason.startswith("Pixel 8: ")


def test_devices_that_disagree_are_named(demo_bundle: Bundle, measured: Callable[..., Path]) -> None:
    def elsewhere(one: Measurement) -> Measurement:
        return change(one, environment__device="Old board", environment__device_id="feed")

    path = measured(elsewhere, variants=("float32", "float16"))
    with pytest.raises(
        UsageError, match=r"disagree on what to ship: Cortex-A72.*int8.*; Old board: .*; name one"
    ):
        chosen(demo_bundle, [measured(), path])


def test_one_device_without_advice_is_mentioned(demo_bundle: Bundle, measured: Callable[..., Path]) -> None:
    def elsewhere(one: Measurement) -> Measurement:
        return change(one, environment__device="Old board", environment__device_id="feed")

    _, _, notes = chosen(demo_bundle, [measured(), measured(elsewhere, variants=("float32",))])
    assert notes == ("Old board: Nothing to compare yet: only float32 was measured",)
