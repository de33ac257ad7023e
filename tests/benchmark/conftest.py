"""Real ``.tflite`` files made from the demo's by changing a few bytes: no TensorFlow is needed for it."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tflite

from edgeq.data.dataset import ArrayDataset
from edgeq.demo import assets

# Helper modules beside the tests are importable: test folders are no packages here.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

SAMPLES = Path(__file__).parents[1] / "tflite" / "data"


@pytest.fixture(scope="session")
def demo_file() -> Callable[[str], Path]:
    """The demo's file of a variant."""

    def path(variant: str) -> Path:
        return assets.bundle_path() / f"{assets.NAME}.{variant}.tflite"

    return path


@pytest.fixture
def batched(tmp_path: Path, demo_file: Callable[[str], Path]) -> Callable[[str, int], Path]:
    """The demo's file of a variant with another batch size: the runtime derives all other shapes from it."""

    def make(variant: str, batch: int) -> Path:
        content = demo_file(variant).read_bytes()
        shape = struct.pack("<5i", 4, 1, 28, 28, 1)
        assert shape in content
        path = tmp_path / f"batch{batch}.{variant}.tflite"
        path.write_bytes(content.replace(shape, struct.pack("<5i", 4, batch, 28, 28, 1)))
        return path

    return make


@pytest.fixture
def refused(tmp_path: Path, demo_file: Callable[[str], Path]) -> Path:
    """A file in good order with an operator of a version that no runtime has."""
    content = bytearray(demo_file("int8").read_bytes())
    model = tflite.Model.GetRootAs(content, 0)
    for position in range(model.OperatorCodesLength()):
        table = model.OperatorCodes(position)._tab
        version = table.Offset(8)
        if version:
            struct.pack_into("<i", content, table.Pos + version, 99)
            break
    path = tmp_path / "refused.tflite"
    path.write_bytes(content)
    return path


@pytest.fixture(scope="session")
def two_inputs() -> Path:
    """int8, the inputs ``left`` and ``right`` of one shape, the outputs ``total`` and ``hidden``."""
    return SAMPLES / "two_inputs.int8.tflite"


@pytest.fixture(scope="session")
def clothes() -> Callable[[int], ArrayDataset]:
    """The first items of the demo's test data, uint8 with labels."""
    data = assets.test_data()
    (name,) = data.input_names()
    assert data.labels is not None
    order = np.random.default_rng(0).permutation(len(data))
    pixels, labels = data.columns[name].rows(order), data.labels[order]

    def first(count: int) -> ArrayDataset:
        return ArrayDataset({"image": pixels[:count]}, labels[:count], source="clothes")

    return first


@pytest.fixture
def crashing(tmp_path: Path, crashing_model: bytes) -> Path:
    """A file in good order that ends the process that loads it."""
    path = tmp_path / "crashing.tflite"
    path.write_bytes(crashing_model)
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted evaluations of a developer's own are none of the tests' business."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
