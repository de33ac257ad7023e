"""Object detection: where circles, squares and triangles are, in images of our own.

``edgeq convert converters/shapes_detection.py`` reads the well-known names (converters/README.md says what each
means). ``python converters/shapes_detection.py --train`` draws the images, trains the network and writes what lies
in the folder beside this script; ``--coco FOLDER`` writes the test images with their annotations.

What comes out is what YOLOv8 exports, with its last two axes exchanged: float32[N, 144, 7], for each of 12 × 12
cells of 8 pixels the box (centre x, centre y, width, height, in 0..1 of the image) and then the score of each
class after its own sigmoid, 0..1. There is no score for "anything at all", and boxes of one object overlap:
non-maximum suppression is up to the caller. Boxes in 0..1 rather than in pixels keep one int8 tensor usable: its
256 steps are shared by boxes and scores.

The network is anchor-free with one level: MobileNetV1's blocks (Howard et al. 2017, arXiv:1704.04861), a box
coded as in YOLOv5, the focal loss of RetinaNet (Lin et al. 2017, arXiv:1708.02002) for the scores and generalized
IoU (Rezatofighi et al. 2019, arXiv:1902.09630) for the boxes.
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
from shapes_precision import mean_average_precision
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
    write_coco,
)
from training_files import cached_folder, import_keras, write_training

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float32]

FOLDER = Path(__file__).parent / "shapes_detection"
SEED = 0
EPOCHS = 30
BATCH = 32
LEARNING_RATE = 3e-3

STRIDE = 8
CELLS = SIZE // STRIDE
NEAR = 0.75  # cells: whose centre is nearer to an object's, in both directions, predict it
BOX_WEIGHT = 2.0
FOCUS, BALANCE = 2.0, 0.25  # gamma and alpha of the focal loss, as the paper found best (table 1b)

preprocess = "raw"  # the network begins with its own Rescaling layer: float32[N, 96, 96, 3], values 0..255

labels = list(SHAPES)


def model() -> keras.Model:
    """The trained network: image float32[N, 96, 96, 3], 0..255, to boxes and scores float32[N, 144, 7]."""
    return import_keras().saving.load_model(FOLDER / "model.keras", compile=False)


def data() -> Path:
    """A folder in COCO's format, 500 images in ``images`` and their boxes in ``instances.json``."""
    return cached_folder(
        f"shapes-detection-{TEST_IMAGES}",
        [Path(__file__).with_name("shapes_scenes.py")],
        lambda folder: write_coco(draw_many(TEST_SEED, TEST_IMAGES), folder),
    )


def calibration() -> npt.NDArray[np.uint8]:
    """The first 128 training images, uint8[128, 96, 96, 3]."""
    return images_of(draw_many(TRAINING_SEED, CALIBRATION_IMAGES))


# The network.


def network(keras: Any) -> keras.Model:
    """The network with fresh weights."""
    layers = keras.layers

    def activated(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        return layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x)

    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(image)
    x = layers.Conv2D(16, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = activated(x, "stem")
    blocks = [(32, 2), (48, 1), (96, 2), (96, 1), (96, 1), (96, 1)]
    for number, (filters, stride) in enumerate(blocks, start=1):
        depthwise, pointwise = f"block{number}_depthwise", f"block{number}_pointwise"
        x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=depthwise)(x)
        x = activated(x, depthwise)
        x = layers.Conv2D(filters, 1, use_bias=False, name=pointwise)(x)
        x = activated(x, pointwise)
    # Scores begin near 0.01: nearly all cells are empty (RetinaNet, section 4.1).
    prior = keras.initializers.Constant(-4.6)
    scores = layers.Conv2D(len(SHAPES), 1, activation="sigmoid", bias_initializer=prior, name="scores")(x)
    boxes = layers.Conv2D(4, 1, activation="sigmoid", name="boxes")(x)
    boxes = layers.Reshape((CELLS * CELLS, 4), name="flat_boxes")(boxes)
    scores = layers.Reshape((CELLS * CELLS, len(SHAPES)), name="flat_scores")(scores)
    scale, offset = box_code()
    boxes = layers.Rescaling(scale.tolist(), offset.tolist(), name="decode")(boxes)
    detections = layers.Concatenate(name="detections")([boxes, scores])
    return keras.Model(image, detections, name="shapes_detection")


def box_code() -> tuple[Floats, Floats]:
    """What turns sigmoids into boxes: a factor float32[4] and a summand float32[144, 4].

    A centre lies up to one cell from the middle of the cell that predicts it; a size is any part of the image.
    """
    columns, rows = np.meshgrid(np.arange(CELLS), np.arange(CELLS))
    corners = np.stack([columns.ravel(), rows.ravel()], axis=1)
    offset = np.concatenate([(corners - 0.5) / CELLS, np.zeros_like(corners, float)], axis=1)
    return np.array([2 / CELLS, 2 / CELLS, 1, 1], np.float32), offset.astype(np.float32)


# Its training.


def targets(scene: Scene) -> Floats:
    """What each cell shall predict, float32[144, 7]: a box x, y, width, height and one-hot scores; zeros for none."""
    result = np.zeros((CELLS * CELLS, 4 + len(SHAPES)), np.float32)
    rows, columns = np.divmod(np.arange(CELLS * CELLS), CELLS)
    nearest = np.full(CELLS * CELLS, np.inf)
    for (top, left, bottom, right), kind in zip(scene.boxes, scene.classes, strict=True):
        box = np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]) / SIZE
        away = np.maximum(np.abs(columns + 0.5 - box[0] * CELLS), np.abs(rows + 0.5 - box[1] * CELLS))
        mine = (away < NEAR) & (away < nearest)
        nearest[mine] = away[mine]
        result[mine, :4] = box
        result[mine, 4:] = np.eye(len(SHAPES))[kind]
    return result


def loss(truth: Any, predicted: Any) -> Any:
    """Focal loss of all scores and generalized IoU of the boxes of cells with an object, for each of these."""
    from keras import ops

    boxes, wanted = truth[..., :4], truth[..., 4:]
    positive = ops.max(wanted, axis=-1)
    count = ops.maximum(ops.sum(positive), 1.0)
    score = ops.clip(predicted[..., 4:], 1e-6, 1 - 1e-6)
    hit = BALANCE * wanted * (1 - score) ** FOCUS * ops.log(score)
    miss = (1 - BALANCE) * (1 - wanted) * score**FOCUS * ops.log(1 - score)
    box = ops.sum(positive * (1 - _generalized_iou(boxes, predicted[..., :4])))
    return (BOX_WEIGHT * box - ops.sum(hit + miss)) / count


def _generalized_iou(first: Any, second: Any) -> Any:
    """Of boxes [..., 4] with x, y, width, height: -1..1."""
    from keras import ops

    def area(size: Any) -> Any:
        return size[..., 0] * size[..., 1]

    low1, high1 = first[..., :2] - first[..., 2:] / 2, first[..., :2] + first[..., 2:] / 2
    low2, high2 = second[..., :2] - second[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2
    both = area(ops.relu(ops.minimum(high1, high2) - ops.maximum(low1, low2)))
    union = area(first[..., 2:]) + area(second[..., 2:]) - both
    hull = area(ops.maximum(high1, high2) - ops.minimum(low1, low2))
    return both / (union + 1e-7) - (hull - union) / (hull + 1e-7)


def train(scenes: Sequence[Scene], epochs: int = EPOCHS) -> keras.Model:
    """Trains the network on all scenes given; a random half of the images is mirrored in every epoch."""
    recipe = training_loop.Recipe(SEED, epochs, BATCH, LEARNING_RATE, loss, metrics=())
    return training_loop.train(network, recipe, len(scenes), _epochs(scenes, epochs))


def _epochs(scenes: Sequence[Scene], epochs: int) -> Iterator[tuple[npt.NDArray[np.uint8], Floats]]:
    images, wanted = images_of(scenes), np.stack([targets(scene) for scene in scenes])
    rng = np.random.default_rng(SEED)
    for _ in range(epochs):
        order = rng.permutation(len(images))
        yield mirrored(images[order], wanted[order], rng)


def mirrored(
    images: npt.NDArray[np.uint8], wanted: Floats, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Floats]:
    """The images and targets, a random half of them with left and right exchanged."""
    chosen = rng.random(len(images)) < 0.5
    images, wanted = images.copy(), wanted.copy()
    images[chosen] = images[chosen, :, ::-1]
    cells = wanted[chosen].reshape(-1, CELLS, CELLS, wanted.shape[-1])[:, :, ::-1]
    cells[..., 0] = np.where(cells[..., 4:].any(axis=-1), 1 - cells[..., 0], 0)
    wanted[chosen] = cells.reshape(-1, CELLS * CELLS, wanted.shape[-1])
    return images, wanted


def precision(trained: keras.Model, scenes: Sequence[Scene], threshold: float = 0.5) -> float:
    """Mean average precision, 0..1, at one IoU."""
    outputs = trained.predict(images_of(scenes), batch_size=100, verbose=0)
    truths = [(scene.boxes, scene.classes) for scene in scenes]
    return mean_average_precision(outputs, truths, SIZE, threshold)


def main() -> None:
    """Trains and evaluates, or writes the test images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--train", action="store_true", help="train anew and write the weights")
    parser.add_argument("--coco", type=Path, metavar="FOLDER", help="write images and instances.json there")
    parser.add_argument("--images", type=int, default=TEST_IMAGES, help="how many (default: %(default)s)")
    options = parser.parse_args()
    if options.coco:
        write_coco(draw_many(TEST_SEED, options.images), options.coco)
    if options.train:
        trained = train(draw_many(TRAINING_SEED, TRAINING_IMAGES))
        test = draw_many(TEST_SEED, TEST_IMAGES)
        measured = {
            "map50": round(precision(trained, test), 4),
            "map75": round(precision(trained, test, 0.75), 4),
            "n": len(test),
            "objects": sum(len(scene.classes) for scene in test),
        }
        facts = {"seed": SEED, "epochs": EPOCHS, "training_images": TRAINING_IMAGES, "test": measured}
        write_training(FOLDER, trained, facts)
        print(f"test: mAP@0.5 {measured['map50']:.4f}, mAP@0.75 {measured['map75']:.4f} (n = {len(test)})")
    if not options.coco and not options.train:
        parser.print_help()


if __name__ == "__main__":
    command_line.run(main)
