"""Trains a small MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) and converts it: ``python mobilenet.py FOLDER``.

It learns the demo's Fashion-MNIST in a minute, to three answers of four. That is enough: with random weights int8 is so
far from the float model (5 dB) that what a device computes could be anything and still be as good.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edgeq.cache import cache_folder
from edgeq.convert import pipeline
from edgeq.convert.options import Options
from edgeq.demo import assets
from edgeq.files import atomic_file

SIZE, WIDTH, EPOCHS = 64, 0.35, 3
"""Pixels, share of the channels, and passes over the images: 5 M multiplications an image."""

TRAINED, CALIBRATED = 1800, 100
"""Of the demo's 2,000 images the first are trained on, and the first of these calibrated with; the last are tested."""


def images() -> tuple[Any, Any]:
    """uint8[2000, 64, 64, 3] and the labels, int64[2000]."""
    data = assets.test_data()
    (name,) = data.input_names()
    small = np.asarray(data.raw(name, list(range(len(data))))).reshape(-1, 28, 28)
    grey = np.pad(small, ((0, 0), (2, 2), (2, 2))).repeat(SIZE // 32, 1).repeat(SIZE // 32, 2)
    return np.repeat(grey[..., None], 3, axis=-1), np.asarray(data.labels)


def trained(pixels: Any, labels: Any) -> Any:
    """``image`` float32[N, 64, 64, 3] from -1 to 1 to probabilities float32[N, 10]."""
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    model = keras.applications.MobileNetV2(input_tensor=image, alpha=WIDTH, weights=None, classes=10)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # The usual 0.999 would remember the first of the few steps.
            layer.momentum = 0.8
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(pixels.astype(np.float32) / 127.5 - 1, labels, batch_size=64, epochs=EPOCHS, verbose=0)
    return model


def main(folder: Path) -> None:
    """Writes ``bundle`` with all variants, and ``others.npz``, labelled images that it has not seen."""
    pixels, labels = images()
    script = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    kept = cache_folder("emulated-pi") / f"mobilenet-keras{keras.__version__}-{script}.keras"
    if not kept.exists():
        trained(pixels[:TRAINED], labels[:TRAINED]).save(folder / kept.name)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(kept) as file:
            file.write((folder / kept.name).read_bytes())
    shutil.copy(kept, folder / "mobilenet.keras")
    np.savez(folder / "calibration.npz", image=pixels[:CALIBRATED], labels=labels[:CALIBRATED])
    np.savez(folder / "others.npz", image=pixels[TRAINED:], labels=labels[TRAINED:])
    pipeline.convert(
        folder / "mobilenet.keras",
        calibration=folder / "calibration.npz",
        output=folder / "bundle",
        options=Options(schemes=("all",), preprocess="-1..1"),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
