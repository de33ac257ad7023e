"""What the studies convert and run: MobileNetV2 at 224 pixels and synthetic photos, made once and kept.

The weights are random, which costs the same time as trained ones. The batch-normalization statistics are taken
from data: with untouched ones the activations die out or grow, and int16x8 files refuse to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import cache_folder, run, side, version

from edgeq.bundle import Bundle, read_bundle
from edgeq.files import atomic_directory
from edgeq.schemes import SCHEMES

CALIBRATION_IMAGES = 100
SEED = 0
VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8")
"""What the converter makes of it with data and ``--scheme all``."""

_LOGIT_DEVIATION = 4.0
"""Standard deviation of the logits over the classes, which makes one class stand out as training does."""


@dataclass(frozen=True)
class Subject:
    """A model and its images on disk.

    Attributes:
        model: .keras file; its input ``image`` is float32[N, size, size, 3] with values from -1 to 1.
        images: .npz with ``image``, uint8[100, size, size, 3].
        size: height and width of the images, in pixels.
    """

    model: Path
    images: Path
    size: int


def subject(smoke: bool) -> Subject:
    """The model and the images out of the cache; makes them where they are not there.

    Args:
        smoke: a network of three layers at 32 pixels instead.
    """
    name, size = ("smoke", 32) if smoke else ("mobilenet_v2_224", 224)
    folder = cache_folder() / f"{name}-tf{version('tensorflow')}"
    if not folder.exists():
        side(__file__, "make", smoke=True, folder=str(folder), size=size, smoke_model=smoke)
    return Subject(folder / f"{name}.keras", folder / "images.npz", size)


def bundle(smoke: bool) -> Bundle:
    """The subject's bundle of six variants out of the cache; makes it where it is not there."""
    given = subject(smoke)
    folder = given.model.parent / f"bundle-{version('edgeq')}"
    if not folder.exists():
        arguments = {"model": str(given.model), "images": str(given.images), "output": str(folder)}
        side(__file__, "convert", smoke=True, **arguments)
    return read_bundle(folder)


def photos(count: int, size: int, seed: int) -> npt.NDArray[np.uint8]:
    """Images with the statistics of photos: a spectrum that falls with frequency, dull colours, some edges.

    Natural images have an amplitude spectrum near 1/f (Field, Journal of the Optical Society of America A 4,
    1987).

    Args:
        count: how many.
        size: height and width in pixels.
        seed: of the random numbers.

    Returns:
        uint8[count, size, size, 3].
    """
    generator = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]) * size
    falling = 1 / np.maximum(frequency, 1.0)
    rows, columns = np.mgrid[0:size, 0:size]
    images = np.empty((count, size, size, 3), np.uint8)
    for image in images:
        noise = np.fft.rfft2(generator.standard_normal((4, size, size))) * falling
        fields = np.fft.irfft2(noise, s=(size, size))
        grey, *colour = fields / fields.std(axis=(1, 2), keepdims=True)
        for _ in range(4):
            y, x, radius = generator.uniform(0, size, 3)
            inside = (rows - y) ** 2 + (columns - x) ** 2 < (radius / 3) ** 2
            grey = np.where(inside, grey + generator.normal(), grey)
        pixels = 115 + 55 * grey[..., None] + 15 * np.stack(colour, axis=-1)
        image[...] = np.clip(np.rint(pixels), 0, 255)
    return images


def real_values(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What the model wants: -1 to 1, float32 of the same shape."""
    return pixels.astype(np.float32) * np.float32(1 / 127.5) + np.float32(-1)


def make(folder: str, size: int, smoke_model: bool) -> None:
    """Side: builds and saves the model and the images."""
    import keras

    keras.utils.set_random_seed(SEED)
    image = keras.Input((size, size, 3), name="image")
    built = _small(image) if smoke_model else keras.applications.MobileNetV2(weights=None, input_tensor=image)
    layers = [layer for layer in built.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    pixels = real_values(photos(16, size, SEED + 1))
    built(pixels, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    # Random classifiers answer 1/1000 for every class, which an int8 output rounds to zero.
    spread = np.log(built(pixels, training=False).numpy()).std(axis=-1).mean()
    kernel, bias = built.layers[-1].get_weights()
    built.layers[-1].set_weights([kernel * (_LOGIT_DEVIATION / spread), bias])
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_directory(target) as new:
        built.save(new / f"{target.name.partition('-')[0]}.keras")
        np.savez(new / "images.npz", image=photos(CALIBRATION_IMAGES, size, SEED))


def convert(model: str, images: str, output: str) -> None:
    """Side: edgeq's conversion with all checks, 100 calibration images, all six variants."""
    from edgeq.convert import pipeline
    from edgeq.convert.options import Options

    of_the_converter = tuple(scheme for scheme in SCHEMES if scheme.converter is not None)
    options = Options(schemes=("all",), scheme_table=of_the_converter, preprocess="-1..1", force=True)
    result = pipeline.convert(Path(model), calibration=Path(images), output=Path(output), options=options)
    made = tuple(variant.name for variant in result.bundle.manifest.variants)
    if result.failures or made != VARIANTS:
        raise SystemExit(f"expected {VARIANTS}, made {made}, failed {result.failures}")


def _small(image: Any) -> Any:
    import keras

    values = keras.layers.Conv2D(8, 3, strides=2, use_bias=False)(image)
    values = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(values))
    values = keras.layers.DepthwiseConv2D(3, use_bias=False)(values)
    values = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(values))
    # 1,024 weights: the converter leaves smaller layers in float where only weights are quantized.
    values = keras.layers.Conv2D(128, 1, activation="relu")(values)
    values = keras.layers.GlobalAveragePooling2D()(values)
    return keras.Model(image, keras.layers.Dense(10, activation="softmax")(values))


if __name__ == "__main__":
    run(__file__, subject, [make, convert])  # type: ignore[arg-type]
