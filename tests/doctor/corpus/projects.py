"""Good projects: trained networks of six architectures with their data and bundles, in which nothing is wrong."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.convert.options import Options
from edgeq.convert.pipeline import convert
from edgeq.demo import assets

CONVERTERS = Path(__file__).parents[3] / "converters"

SCHEMES, IO = ("float16", "int8", "int16x8"), ("int8", "int16", "float32")
"""Beside float32, which every bundle has; full-integer files with inputs and outputs of their own and in float32."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Project:
    """A model with its data.

    Attributes:
        name: of the project.
        architecture: in words.
        model: the Keras file.
        data: an .npz of the inputs by name, with labels, masks or neither.
        bundle: what ``edgeq convert`` made of both.
    """

    name: str
    architecture: str
    model: Path
    data: Path
    bundle: Path

    def arrays(self) -> dict[str, np.ndarray]:
        """The data."""
        with np.load(self.data) as archive:
            return {name: archive[name] for name in archive.files}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the arrays that are inputs."""
        return tuple(name for name in self.arrays() if name not in ("labels", "masks", "class_names"))


def fashion(folder: Path) -> tuple[Any, Arrays]:
    """Clothes: depthwise-separable convolutions, as the demo has them."""
    import keras

    with np.load(assets.model_path().parent / "calibration.npz") as archive:
        return keras.saving.load_model(assets.model_path(), compile=False), dict(archive)


def keywords(folder: Path) -> tuple[Any, Arrays]:
    """Spoken words: residual convolutions over log-mel features."""
    script = _script("keyword_spotting")
    clips, classes = script.shipped_clips("calibration")
    return script.model(), {"log_mel": script.log_mel(clips), "labels": classes}


def segmentation(folder: Path) -> tuple[Any, Arrays]:
    """Shapes, pixel by pixel: an encoder and a decoder with connections between them."""
    script, scenes = _script("shapes_segmentation"), _script("shapes_scenes").draw_many(2, 240)
    images = np.stack([scene.image for scene in scenes])
    return script.model(), {"image": images, "masks": np.stack([scene.mask for scene in scenes])}


def detection(folder: Path) -> tuple[Any, Arrays]:
    """Boxes around shapes: an anchor-free detector."""
    script, scenes = _script("shapes_detection"), _script("shapes_scenes").draw_many(2, 240)
    return script.model(), {"image": np.stack([scene.image for scene in scenes])}


def pair(folder: Path) -> tuple[Any, Arrays]:
    """Two measurements of one shape and unlike ranges: dense layers that join."""
    import keras

    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    speed = generator.normal(0, 1, (1200, 8)).astype(np.float32)
    height = generator.uniform(20, 60, (1200, 8)).astype(np.float32)
    labels = (speed.mean(1) > 0).astype(np.int64) + 2 * (height.mean(1) > 40)
    layers = keras.layers
    inputs = [keras.Input((8,), name=name) for name in ("speed", "height")]
    normal = layers.Normalization(mean=40.0, variance=133.0, name="normal")(inputs[1])
    sides = [layers.Dense(64, activation="relu")(side) for side in (inputs[0], normal)]
    hidden = layers.Dense(64, activation="relu")(layers.Concatenate()(sides))
    model = keras.Model(inputs, layers.Dense(4, activation="softmax", name="scores")(hidden), name="pair")
    _fit(model, [speed, height], labels, epochs=20)
    return model, {"speed": speed[:300], "height": height[:300], "labels": labels[:300]}


def gestures(folder: Path) -> tuple[Any, Arrays]:
    """Waves of different pitch: a recurrent network, unrolled."""
    import keras

    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 1200)
    time = np.arange(16)[None, :, None]
    phase = generator.uniform(0, 6.28, (1200, 1, 3))
    waves = np.sin(time * (0.3 + 0.5 * labels[:, None, None]) + phase)
    motion = (waves + generator.normal(0, 0.2, waves.shape)).astype(np.float32)
    source = keras.Input((16, 3), name="motion")
    hidden = keras.layers.LSTM(24, unroll=True)(source)
    model = keras.Model(
        source, keras.layers.Dense(3, activation="softmax", name="scores")(hidden), name="gestures"
    )
    _fit(model, motion, labels, epochs=20)
    return model, {"motion": motion[:300], "labels": labels[:300]}


MAKERS: tuple[Callable[[Path], tuple[Any, Arrays]], ...] = (
    fashion,
    keywords,
    segmentation,
    detection,
    pair,
    gestures,
)
"""Each gives a trained Keras model and its data."""


def build(maker: Callable[[Path], tuple[Any, Arrays]], folder: Path) -> Project:
    """Trains or loads a project's model, writes its data, and converts it."""
    folder.mkdir(parents=True)
    model, arrays = maker(folder)
    path, data, bundle = folder / "model.keras", folder / "data.npz", folder / "bundle"
    model.save(path)
    np.savez(data, **arrays)
    # Not in dynamic range: that is slower than float32 in networks of depthwise layers, which F310 rightly says, and
    # what a clock says is for no test to expect.
    options = Options(name=maker.__name__, schemes=SCHEMES, io=IO, preprocess="raw")
    conversion = convert(path, data=data, output=bundle, options=options)
    assert not conversion.failures
    return Project(maker.__name__, str(maker.__doc__), path, data, bundle)


def _script(name: str) -> Any:
    """A converter script as a module; scripts find each other as if one of them had been started."""
    if str(CONVERTERS) not in sys.path:
        sys.path.insert(0, str(CONVERTERS))
    return importlib.import_module(name)


def _fit(model: Any, inputs: Any, labels: np.ndarray, epochs: int) -> None:
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(inputs, labels, batch_size=32, epochs=epochs, verbose=0)
