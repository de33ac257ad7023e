"""Inputs of one shape are told apart by name: in calibration, in every file, and in an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tiny_models

from edgeq.benchmark.session import measure
from edgeq.benchmark.targets import find_targets
from edgeq.data.dataset import ArrayDataset

pytestmark = pytest.mark.tensorflow


def functional(folder: Path) -> Any:
    return tiny_models.difference()


def functional_with_its_inputs_swapped(folder: Path) -> Any:
    return tiny_models.difference(swapped=True)


def saved_model(folder: Path) -> Any:
    tiny_models.difference(swapped=True).export(folder / "subtract", verbose=False)
    return folder / "subtract"


@pytest.mark.parametrize("source", [functional, functional_with_its_inputs_swapped, saved_model])
def test_every_file_is_calibrated_and_fed_by_name(
    source: Callable[[Path], Any],
    tmp_path: Path,
    convert: Callable[..., Any],
    run: Callable[..., dict[str, Any]],
) -> None:
    data = tiny_models.difference_data()
    conversion = convert(
        source(tmp_path), ArrayDataset(data), schemes=("float16", "dynamic", "int8", "int16x8")
    )
    manifest = conversion.bundle.manifest
    assert conversion.failures == ()
    assert [variant.name for variant in manifest.variants] == [
        "float32", "float16", "dynamic", "int8", "int16x8",
    ]  # fmt: skip

    scales = {tensor.name: tensor.scale for tensor in manifest.variants[3].inputs}
    assert scales["b"] == pytest.approx(20 / 255, rel=0.05)
    assert scales["a"] == pytest.approx(2 / 255, rel=0.05)

    item = {name: values[:1] for name, values in data.items()}
    expected = tiny_models.outputs(tiny_models.difference(), item)
    tolerance = 0.05 * np.abs(expected).max()
    swapped = {"a": item["b"], "b": item["a"]}
    for variant in manifest.variants:
        (right,) = run(conversion.bundle, variant.name, item).values()
        (wrong,) = run(conversion.bundle, variant.name, swapped).values()
        assert np.abs(right - expected).max() < tolerance, variant.name
        # The test would notice: the other way round the result is another one.
        assert np.abs(wrong - expected).max() > tolerance, variant.name


def test_an_evaluation_feeds_by_name(convert: Callable[..., Any]) -> None:
    model = tiny_models.difference()
    data = tiny_models.difference_data()
    labels = tiny_models.outputs(model, data).argmax(axis=1)
    bundle = convert(model, ArrayDataset(data), schemes=("int8",)).bundle
    fresh = {name: values[::-1] * 0.99 for name, values in data.items()}
    session = measure(find_targets([bundle.folder]), data=ArrayDataset(fresh, labels[::-1].copy()), plan=None)
    found = {each.variant.name: each.accuracy for each in session.measurements}
    assert set(found) == {"float32", "int8"}
    assert all(accuracy is not None and accuracy.primary.value.value > 0.95 for accuracy in found.values()), (
        found
    )
