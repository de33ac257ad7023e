"""Cases that the tests of the doctor share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import ModelInput
from edgeq.demo.assets import bundle_path
from edgeq.doctor.case import Case
from edgeq.doctor.opening import open_files_case

DEMO = bundle_path()


@pytest.fixture(scope="session")
def demo_bundle() -> Path:
    """The bundle that ships with edgeq: a trained network in all schemes."""
    return DEMO


@pytest.fixture
def demo_case() -> Case:
    """The demo's bundle without data."""
    return open_files_case(DEMO)


@pytest.fixture
def demo_file() -> Callable[[str], Path]:
    """The demo's .tflite of a variant."""
    return lambda variant: DEMO / f"fashion_mnist.{variant}.tflite"


@pytest.fixture
def case_of() -> Callable[..., Case]:
    """A case of arrays by input name, for a model that takes them."""

    def make(arrays: Mapping[str, np.ndarray], labels: np.ndarray | None = None, **fields: object) -> Case:
        dataset = ArrayDataset(arrays, labels, source="arrays")
        inputs = tuple(ModelInput(name, array.shape[1:], "float32") for name, array in arrays.items())
        case = Case(Path("model.keras"), "model", inputs, dict.fromkeys(arrays, True), dataset=dataset)
        return dataclasses.replace(case, **fields)

    return make
