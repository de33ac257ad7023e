"""Fashion-MNIST: the small model that ships with edgeq, as a converter script and as its training script.

``edgeq convert converters/fashion_mnist.py`` reads the well-known names `model`, `preprocess`, `labels`,
`calibration` and `data` (converters/README.md says what each means).
``python converters/fashion_mnist.py`` fetches the data set from Debian, trains the network and writes
everything that ``edgeq/demo`` ships: the model, calibration and test images, and the facts in training.json.

The network is a MobileNetV1 in small (Howard et al. 2017, arXiv:1704.04861, section 3.1): a convolution, then
depthwise-separable blocks with batch normalization and ReLU6, global average pooling and one dense layer.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import importlib.resources
import io
import json
import math
import os
import platform
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgeq import cache
from edgeq.demo.assets import LABELS
from edgeq.errors import DataError, EdgeqError, MissingExtraError

if TYPE_CHECKING:
    import keras

Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Images uint8[N, 28, 28, 1] and class numbers int64[N]."""

PACKAGE = "dataset-fashion-mnist"
SPLITS = {"train": 60_000, "t10k": 10_000}
SEED = 0
EPOCHS = 20
BATCH = 128
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.01
SHIFT = 2  # pixels
CALIBRATION_IMAGES = 256
TEST_IMAGES_PER_CLASS = 200

preprocess = "raw"  # the network begins with its own Rescaling layer: float32[N, 28, 28, 1], values 0..255

labels = list(LABELS)


def model() -> keras.Model:
    """The trained network: image float32[N, 28, 28, 1], 0..255, to class float32[N, 10], probabilities."""
    with importlib.resources.as_file(_shipped("model.keras")) as path:
        return _keras().saving.load_model(path, compile=False)


def calibration() -> Arrays:
    """256 images of the training split, each class as often as any other (25 or 26 times)."""
    return _read_npz("calibration.npz")


def data() -> Arrays:
    """All 10,000 test images where the data set is in the cache, else the 2,000 that ship with edgeq."""
    folder = cache_folder()
    return read_split(folder, "t10k") if folder.is_dir() else _read_npz("test.npz")


def _shipped(name: str) -> Any:
    return importlib.resources.files("edgeq.demo") / name


def _read_npz(name: str) -> Arrays:
    with _shipped(name).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return arrays["image"], arrays["labels"]


def _keras() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # must be set before TensorFlow is imported
    try:
        import tensorflow  # noqa: F401  Keras would fall back to another backend without a word
    except ImportError as error:
        raise MissingExtraError("TensorFlow", "convert") from error
    import keras

    return keras


# The data set.


def cache_folder() -> Path:
    """Where the data set lies, or would lie."""
    return cache.cache_folder("fashion-mnist")


def fetch(folder: Path) -> None:
    """Fetches Debian's package into a folder, without root; does nothing where the folder is there.

    Raises:
        DataError: apt is not there or cannot fetch it.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        _command(["apt-get", "download", PACKAGE], temporary)
        package = next(Path(temporary).glob(f"{PACKAGE}_*.deb"))
        _command(["dpkg-deb", "-x", package.name, "unpacked"], temporary)
        (Path(temporary) / "unpacked" / "usr" / "share" / "datasets" / "fashion-mnist").rename(folder)


def _command(arguments: list[str], folder: str) -> None:
    advice = f"copy the four .gz files of Debian's package {PACKAGE} to {cache_folder()}"
    try:
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise DataError(
            f"fetching Fashion-MNIST needs {arguments[0]}, which is not installed here: {advice}"
        ) from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DataError(f"{' '.join(arguments)} failed ({reason}): run apt-get update, or {advice}")


def read_split(folder: Path, split: str) -> Arrays:
    """One split, ``train`` or ``t10k``, from its IDX files (yann.lecun.com/exdb/mnist gives the format).

    Raises:
        DataError: a file is missing or is not what its name says.
    """
    count = SPLITS[split]
    images = _read_idx(folder / f"{split}-images-idx3-ubyte.gz", (count, 28, 28))
    classes = _read_idx(folder / f"{split}-labels-idx1-ubyte.gz", (count,))
    return images[..., np.newaxis], classes.astype(np.int64)


def _read_idx(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): remove {path.parent} and fetch again") from error
    # The magic number's third byte says uint8, its fourth how many dimensions follow.
    header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
    if not content.startswith(header) or len(content) != len(header) + math.prod(shape):
        raise DataError(
            f"{path} is not an IDX file of uint8{list(shape)}: remove {path.parent} and fetch again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(shape)


def calibration_draw(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Positions of the calibration images, int64[256]: drawn per class with the seed, ascending."""
    rng = np.random.default_rng(SEED)
    counts = [len(part) for part in np.array_split(np.arange(CALIBRATION_IMAGES), len(labels))]
    drawn = [rng.choice(np.flatnonzero(classes == c), count, replace=False) for c, count in enumerate(counts)]
    return np.sort(np.concatenate(drawn))


def test_draw(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Positions of the test images that ship, int64[2000]: the first 200 of each class, ascending."""
    first = [np.flatnonzero(classes == c)[:TEST_IMAGES_PER_CLASS] for c in range(len(labels))]
    return np.sort(np.concatenate(first))


# The network and its training.


def network(keras: Any) -> keras.Model:
    """The network with fresh weights."""
    layers = keras.layers

    def activated(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        return layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x)

    image = keras.Input((28, 28, 1), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(image)
    x = layers.Conv2D(24, 3, padding="same", use_bias=False, name="stem")(x)
    x = activated(x, "stem")
    blocks = [(48, 2), (64, 1), (128, 2), (128, 1), (192, 1)]
    for number, (filters, stride) in enumerate(blocks, start=1):
        depthwise, pointwise = f"block{number}_depthwise", f"block{number}_pointwise"
        x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=depthwise)(x)
        x = activated(x, depthwise)
        x = layers.Conv2D(filters, 1, use_bias=False, name=pointwise)(x)
        x = activated(x, pointwise)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(len(labels), name="logits")(x)
    return keras.Model(image, layers.Softmax(name="class")(x), name="fashion_mnist")


def augmented(images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The images, each shifted by up to two pixels either way, and a random half of them mirrored."""
    padded = np.pad(images[..., 0], ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (28, 28), axis=(1, 2))
    count = len(images)
    dy, dx = rng.integers(0, 2 * SHIFT + 1, size=(2, count))
    moved: npt.NDArray[np.uint8] = windows[np.arange(count), dy, dx]
    mirror = rng.random(count) < 0.5
    moved[mirror] = moved[mirror, :, ::-1]
    return moved.reshape(-1, 28, 28, 1)


def train(images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64], epochs: int = EPOCHS) -> keras.Model:
    """Trains the network on all images given; the last weights are kept, no test image is looked at.

    Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), one epoch of warm-up,
    then a cosine down to zero.
    """
    keras = _keras()
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    steps = math.ceil(len(images) / BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, (epochs - 1) * steps, warmup_target=LEARNING_RATE, warmup_steps=steps
    )
    trained = network(keras)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
    trained.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(SEED)
    for epoch in range(epochs):
        order = rng.permutation(len(images))
        trained.fit(
            augmented(images[order], rng),
            classes[order],
            batch_size=BATCH,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=2,
        )
    return trained


def count_correct(trained: keras.Model, images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64]) -> int:
    """On how many images the most probable class is the right one."""
    probabilities = trained.predict(images, batch_size=500, verbose=0)
    return int(np.sum(np.argmax(probabilities, axis=1) == classes))


# What ships.


def model_bytes(trained: keras.Model) -> bytes:
    """The ``.keras`` file: without the optimizer's state, and the same bytes for the same weights.

    Keras writes the date and, as ``shared_object_id``, memory addresses of dtype policies; both are left out.
    """
    keras = _keras()
    bare = network(keras)
    bare.set_weights(trained.get_weights())
    with tempfile.TemporaryDirectory() as temporary:
        saved = Path(temporary) / "model.keras"
        bare.save(saved)
        buffer = io.BytesIO()
        with zipfile.ZipFile(saved) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "config.json":
                    content = json.dumps(json.loads(content, object_hook=_without_addresses)).encode()
                elif name == "metadata.json":
                    content = json.dumps({"keras_version": keras.__version__}).encode()
                target.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _without_addresses(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "shared_object_id"}


def npz_bytes(images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64]) -> bytes:
    """A compressed ``.npz`` with ``image`` and ``labels``; NumPy dates every entry 1980."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, image=images, labels=classes)
    return buffer.getvalue()


def main() -> None:
    """Fetches, trains, evaluates and writes what ships."""
    parser = argparse.ArgumentParser(description="Train the model that ships with edgeq.")
    parser.add_argument("--out", type=Path, default=Path(str(importlib.resources.files("edgeq.demo"))))
    options = parser.parse_args()

    folder = cache_folder()
    fetch(folder)
    images, classes = read_split(folder, "train")
    test_images, test_classes = read_split(folder, "t10k")
    calibrating, shipped = calibration_draw(classes), test_draw(test_classes)

    trained = train(images, classes)
    facts = {
        "seed": SEED,
        "epochs": EPOCHS,
        "parameters": trained.count_params(),
        "test": {"correct": count_correct(trained, test_images, test_classes), "n": len(test_classes)},
        "shipped": {
            "correct": count_correct(trained, test_images[shipped], test_classes[shipped]),
            "n": len(shipped),
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "keras": _keras().__version__,
            "tensorflow": importlib.metadata.version("tensorflow"),
        },
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "model.keras").write_bytes(model_bytes(trained))
    (options.out / "calibration.npz").write_bytes(npz_bytes(images[calibrating], classes[calibrating]))
    (options.out / "test.npz").write_bytes(npz_bytes(test_images[shipped], test_classes[shipped]))
    (options.out / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    for name in ("test", "shipped"):
        correct, n = facts[name]["correct"], facts[name]["n"]
        print(f"{name}: top-1 {100 * correct / n:.2f} % (n = {n})")


if __name__ == "__main__":
    try:
        main()
    except EdgeqError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
