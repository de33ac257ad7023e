"""Where the demo's files lie, and what is in them; their origin stands in README.md beside them."""

from __future__ import annotations

from pathlib import Path

from edgeq.data.dataset import Dataset
from edgeq.data.reading import read_dataset

_FOLDER = Path(__file__).resolve().parent

NAME = "fashion_mnist"
"""Of the model, in files and reports."""

LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""The classes of Fashion-MNIST in the order of the model's outputs."""


def model_path() -> Path:
    """The trained Keras model."""
    return _FOLDER / "model.keras"


def bundle_path() -> Path:
    """The bundle that was made of it."""
    return _FOLDER / "bundle"


def calibration() -> Dataset:
    """256 images of the training split."""
    return read_dataset(_FOLDER / "calibration.npz")


def test_data() -> Dataset:
    """2,000 images of the test split, 200 a class."""
    return read_dataset(_FOLDER / "test.npz")
