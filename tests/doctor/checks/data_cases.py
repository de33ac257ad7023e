"""Cases of data: the demo's images and what is done to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgeq.data.dataset import ArrayDataset, Dataset
from edgeq.data.feeding import ModelInput
from edgeq.demo.assets import bundle_path
from edgeq.doctor.case import Case
from edgeq.doctor.rule import Finding

FLOAT32 = bundle_path() / "fashion_mnist.float32.tflite"
IMAGE = ModelInput("image", (28, 28, 1), "float32")

Check = Callable[[Case], Iterator[Finding]]


def demo_images(part: str = "test", count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """uint8[n, 28, 28, 1] and int64[n] of the data that ship with the demo."""
    with np.load(bundle_path().parent / f"{part}.npz") as archive:
        return archive["image"][:count], archive["labels"][:count]


def demo_case(images: np.ndarray | Dataset, labels: np.ndarray | None = None, **fields: Any) -> Case:
    """The demo's float32 file with these images."""
    if not isinstance(images, Dataset):
        images = ArrayDataset({"image": images}, labels, source="images.npz")
    return case_of(images, (IMAGE,), float32_file=FLOAT32, **fields)


def case_of(dataset: Dataset | None, inputs: tuple[ModelInput, ...], **fields: Any) -> Case:
    """A case of a data set for a model with these inputs."""
    case = Case(Path("model.tflite"), "model", inputs, {spec.name: True for spec in inputs}, dataset=dataset)
    return dataclasses.replace(case, **fields)


def array_case(arrays: dict[str, np.ndarray], labels: np.ndarray | None = None, **fields: Any) -> Case:
    """A case of arrays for a model that takes them, of which there is no file."""
    inputs = tuple(ModelInput(name, array.shape[1:], "float32") for name, array in arrays.items())
    return case_of(ArrayDataset(arrays, labels, source="arrays.npz"), inputs, **fields)


def write_pngs(folder: Path, images: np.ndarray, labels: np.ndarray | None = None) -> Path:
    """Grey images, in a folder a class where there are labels."""
    for number, image in enumerate(images):
        place = folder if labels is None else folder / f"class-{labels[number]}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(place / f"{number:04}.png")
    return folder


def severities(check: Check, case: Case) -> list[str]:
    """The severity of each finding that has one of its own."""
    return [finding.severity for finding in check(case)]
