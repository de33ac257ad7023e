"""Small float graphs and items for them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeq.quantize.items import CalibrationItems, write_arrays

sys.path.insert(0, str(Path(__file__).parent))

DEMO = Path(__file__).parents[3] / "edgeq" / "demo"


@pytest.fixture
def items_of(tmp_path: Path) -> Callable[..., CalibrationItems]:
    """Normal items of a shape for the input ``x``."""

    def made(*shape: int, count: int = 12) -> CalibrationItems:
        values = np.random.default_rng(7).normal(size=(count, *shape)).astype(np.float32)
        return write_arrays({"x": values}, tmp_path / "items")

    return made


@pytest.fixture(scope="session")
def demo() -> bytes:
    """A trained network with ReLU6 and a mean."""
    return (DEMO / "bundle" / "fashion_mnist.float32.tflite").read_bytes()


@pytest.fixture
def demo_items(tmp_path: Path) -> CalibrationItems:
    """Twelve images as the demo's network takes them."""
    with np.load(DEMO / "calibration.npz") as arrays:
        images = next(arrays[name] for name in arrays.files if arrays[name].ndim > 1)[:12]
    return write_arrays({"image": images.reshape(-1, 28, 28, 1).astype(np.float32)}, tmp_path / "demo")
