"""Segmentation: which pixels are ground, circle, square or triangle, in images of our own.

``edgeq convert converters/shapes_segmentation.py`` reads the well-known names (converters/README.md says what each
means). ``python converters/shapes_segmentation.py --train`` draws the images, trains the network and writes what
lies in the folder beside this script; ``--masks FOLDER`` writes the test images and their masks.

The network is a U-Net in small (Ronneberger et al. 2015, arXiv:1505.04597) from depthwise-separable convolutions:
down to an eighth of the size and up again to half of it, each time beside what was there on the way down. The
last step up is of the logits alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import command_line
import numpy as np
import numpy.typing as npt
import training_loop
from shapes_scenes import (
    CALIBRATION_IMAGES,
    SHAPES,
    SIZE,
    TEST_IMAGES,
    TEST_SEED,
    TRAINING_IMAGES,
    TRAINING_SEED,
    Scene,
    draw_many,
    images_of,
    write_masks,
)
from training_files import cached_folder, import_keras, write_training

if TYPE_CHECKING:
    import keras

Pixels = npt.NDArray[np.uint8]

FOLDER = Path(__file__).parent / "shapes_segmentation"
SEED = 0
EPOCHS = 10
BATCH = 32
LEARNING_RATE = 5e-3

preprocess = "raw"  # the network begins with its own Rescaling layer: float32[N, 96, 96, 3], values 0..255

labels = ["background", *SHAPES]


def model() -> keras.Model:
    """The trained network: image float32[N, 96, 96, 3], 0..255, to class float32[N, 96, 96, 4], probabilities."""
    return import_keras().saving.load_model(FOLDER / "model.keras", compile=False)


def data() -> Path:
    """A folder with 500 PNG files in ``images`` and as many of the same names in ``masks``: grey, value = class."""
    return cached_folder(
        f"shapes-segmentation-{TEST_IMAGES}",
        [Path(__file__).with_name("shapes_scenes.py")],
        lambda folder: write_masks(draw_many(TEST_SEED, TEST_IMAGES), folder),
    )


def calibration() -> Pixels:
    """The first 128 training images, uint8[128, 96, 96, 3]."""
    return images_of(draw_many(TRAINING_SEED, CALIBRATION_IMAGES))


def _masks(scenes: Sequence[Scene]) -> Pixels:
    return np.stack([scene.mask for scene in scenes])


def network(keras: Any) -> keras.Model:
    """The network with fresh weights."""
    layers = keras.layers

    def block(x: Any, name: str, filters: int, stride: int = 1) -> Any:
        x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
        x = layers.BatchNormalization(name=f"{name}_depthwise_bn")(x)
        x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_pointwise")(x)
        x = layers.BatchNormalization(name=f"{name}_pointwise_bn")(x)
        return layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x)

    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(image)
    x = layers.Conv2D(16, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.ReLU(max_value=6.0, name="stem_relu6")(x)
    half = block(x, "half", 24)
    quarter = block(block(half, "down1a", 48, stride=2), "down1b", 48)
    x = block(quarter, "down2a", 96, stride=2)
    for number in (1, 2, 3):
        x = block(x, f"bottom{number}", 96)
    for number, (beside, filters) in enumerate(((quarter, 48), (half, 32)), start=1):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"up{number}")(x)
        x = layers.Concatenate(name=f"beside{number}")([x, beside])
        x = block(block(x, f"up{number}a", filters), f"up{number}b", filters)
    x = layers.Conv2D(len(labels), 1, name="logits")(x)
    x = layers.UpSampling2D(interpolation="bilinear", name="up3")(x)
    return keras.Model(image, layers.Softmax(name="class")(x), name="shapes_segmentation")


def train(scenes: Sequence[Scene], epochs: int = EPOCHS) -> keras.Model:
    """Trains the network on all scenes given; a random half of the images is mirrored in every epoch."""
    recipe = training_loop.Recipe(SEED, epochs, BATCH, LEARNING_RATE)
    return training_loop.train(network, recipe, len(scenes), _epochs(scenes, epochs))


def _epochs(scenes: Sequence[Scene], epochs: int) -> Iterator[tuple[Pixels, Pixels]]:
    images, masks = images_of(scenes), _masks(scenes)
    rng = np.random.default_rng(SEED)
    for _ in range(epochs):
        order = rng.permutation(len(images))
        chosen = order[rng.random(len(order)) < 0.5]
        images[chosen], masks[chosen] = images[chosen, :, ::-1], masks[chosen, :, ::-1]
        yield images[order], masks[order]


def intersections_over_unions(predicted: Pixels, masks: Pixels) -> npt.NDArray[np.float64]:
    """Of each class, float64[4], over the pixels of all images together.

    Args:
        predicted: classes uint8[N, 96, 96].
        masks: what they should be, uint8[N, 96, 96].
    """
    count = len(labels)
    pairs = np.bincount(masks.ravel().astype(np.int64) * count + predicted.ravel(), minlength=count * count)
    confusion = pairs.reshape(count, count)
    both = np.diag(confusion)
    return np.asarray(both / (confusion.sum(0) + confusion.sum(1) - both))


def predict(trained: keras.Model, scenes: Sequence[Scene]) -> Pixels:
    """The most probable class of each pixel, uint8[N, 96, 96]."""
    probabilities = trained.predict(images_of(scenes), batch_size=50, verbose=0)
    classes: Pixels = np.argmax(probabilities, axis=-1).astype(np.uint8)
    return classes


def main() -> None:
    """Trains and evaluates, or writes the test images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--train", action="store_true", help="train anew and write the weights")
    parser.add_argument("--masks", type=Path, metavar="FOLDER", help="write images and masks there")
    parser.add_argument("--images", type=int, default=TEST_IMAGES, help="how many (default: %(default)s)")
    options = parser.parse_args()
    if options.masks:
        write_masks(draw_many(TEST_SEED, options.images), options.masks)
    if options.train:
        trained = train(draw_many(TRAINING_SEED, TRAINING_IMAGES))
        test = draw_many(TEST_SEED, TEST_IMAGES)
        predicted, masks = predict(trained, test), _masks(test)
        classes = intersections_over_unions(predicted, masks)
        measured = {
            "mean_iou": round(float(classes.mean()), 4),
            "iou": {name: round(float(value), 4) for name, value in zip(labels, classes, strict=True)},
            "pixel_accuracy": round(float(np.mean(predicted == masks)), 4),
            "n": len(test),
        }
        facts = {"seed": SEED, "epochs": EPOCHS, "training_images": TRAINING_IMAGES, "test": measured}
        write_training(FOLDER, trained, facts)
        print(f"test: mean IoU {measured['mean_iou']:.4f} (n = {len(test)})")
    if not options.masks and not options.train:
        parser.print_help()


if __name__ == "__main__":
    command_line.run(main)
