"""A tiny network, data for it, and its bundle with every variant, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgeq.data.dataset import ArrayDataset

if TYPE_CHECKING:
    from edgeq.convert.job import Conversion


@pytest.fixture(scope="session")
def keras() -> Any:
    pytest.importorskip("tensorflow")
    return pytest.importorskip("keras")


@pytest.fixture(scope="session")
def pixels() -> ArrayDataset:
    """64 images of 12×12 pixels with the classes 0 to 3."""
    random = np.random.default_rng(0)
    return ArrayDataset(
        {"image": random.integers(0, 256, (64, 12, 12, 3), dtype=np.uint8)},
        np.arange(64) % 4,
        source="pixels",
        class_names=("one", "two", "three", "four"),
    )


@pytest.fixture(scope="session")
def tiny(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``image`` of 12×12 pixels to four ``scores``; its layers are large enough for dynamic range."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3), name="image"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.DepthwiseConv2D(3, activation="relu"),
            layers.Conv2D(64, 1, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, activation="relu"),
            layers.Dense(4, activation="softmax", name="scores"),
        ]
    )
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    model.save(path)
    return Path(path)


@pytest.fixture(scope="session")
def convert_all() -> Callable[[Path, ArrayDataset, Path], Conversion]:
    """Converts a model at all schemes."""

    def convert_to(model: Path, data: ArrayDataset, folder: Path) -> Conversion:
        from edgeq.convert.options import Options
        from edgeq.convert.pipeline import convert

        options = Options(schemes=("all",), preprocess="-1..1", calibration_items=32)
        return convert(model, data=data, output=folder, options=options)

    return convert_to


@pytest.fixture(scope="session")
def conversion(
    tiny: Path,
    pixels: ArrayDataset,
    convert_all: Callable[[Path, ArrayDataset, Path], Conversion],
    tmp_path_factory: pytest.TempPathFactory,
) -> Conversion:
    """The tiny network at all schemes."""
    return convert_all(tiny, pixels, tmp_path_factory.mktemp("converted") / "bundle")
