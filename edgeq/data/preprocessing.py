"""Preprocessing as data: stored in the bundle and run identically on desktop and device.

Files become arrays first (`ImagePreparation`, `AudioPreparation`), then a map of the values follows. Format history
(``version``):

* 1: a map of pixel values with one scale and one offset.
* 2: scale and offset may differ by channel; how images and audio files are read; single inputs may differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.keras_applications import CAFFE_MEANS, MODES, TORCH_MEANS, TORCH_STDS
from edgeq.data.media.audio import AudioPreparation
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.errors import BundleError, DataError, UsageError

Array = npt.NDArray[Any]

VERSION = 2


@dataclass(frozen=True)
class Preprocessing:
    """How stored items become what a model sees.

    Values are mapped by ``value * scale + offset`` in float32, after images and sounds were read.

    Attributes:
        name: as users type it after ``--preprocess``.
        scale: one factor, or one a channel (the last axis).
        offset: one summand, or one a channel.
        image: how image files become pixels.
        audio: how audio files become numbers.
        inputs: of single inputs by name, where they differ from the others.
    """

    name: str
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    image: ImagePreparation = field(default_factory=ImagePreparation)
    audio: AudioPreparation = field(default_factory=AudioPreparation)
    inputs: Mapping[str, Preprocessing] = field(default_factory=dict)

    def of(self, name: str) -> Preprocessing:
        """That of one input."""
        return self.inputs.get(name, self)

    def apply(self, values: Array) -> Array:
        """Float32 values as the model sees them, [..., channels]; what is to stay raw is not even converted.

        Raises:
            DataError: the values have another number of channels.
        """
        if self.is_raw:
            return values
        self.check_channels(values.shape[-1] if values.ndim else 1)
        scale, offset = self.numbers()
        return values.astype(np.float32) * scale + offset

    def table(self, channels: int) -> npt.NDArray[np.float32]:
        """What each of the 256 pixel values becomes: float32[256], or float32[channels, 256] where channels differ.

        Raises:
            DataError: this preprocessing is for another number of channels.
        """
        self.check_channels(channels)
        scale, offset = self.numbers()
        pixels = np.arange(256, dtype=np.float32)
        if len(self.scale) == len(self.offset) == 1:
            return pixels * scale + offset
        return pixels * np.broadcast_to(scale, channels)[:, None] + np.broadcast_to(offset, channels)[:, None]

    @property
    def is_raw(self) -> bool:
        """Whether it changes no value."""
        return set(self.scale) == {1.0} and set(self.offset) == {0.0}

    def check_channels(self, channels: int) -> None:
        """Refuses values with another number of channels.

        Raises:
            DataError: they have.
        """
        wanted = max(len(self.scale), len(self.offset))
        if wanted not in (1, channels):
            raise DataError(
                f"the preprocessing {self.name} is for {wanted} channels, the data have {channels}: say another one "
                "with --preprocess"
            )

    def to_json(self) -> dict[str, Any]:
        """For the bundle; sounds and single inputs only where something is said of them."""
        result = {
            "version": VERSION,
            "name": self.name,
            "values": {"scale": list(self.scale), "offset": list(self.offset)},
            "image": self.image.to_json(),
        }
        if self.audio != AudioPreparation():
            result["audio"] = self.audio.to_json()
        if self.inputs:
            result["inputs"] = {name: _without_version(one.to_json()) for name, one in self.inputs.items()}
        return result

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Preprocessing:
        """Reads what `to_json` wrote.

        Raises:
            BundleError: it is damaged or of a newer version.
        """
        version = value.get("version")
        if type(version) is not int or not 1 <= version <= VERSION:
            raise BundleError(
                f"preprocessing of version {version!r}, this edgeq reads up to {VERSION}: update edgeq"
            )
        try:
            if version == 1:
                return Preprocessing(str(value["name"]), (float(value["scale"]),), (float(value["offset"]),))
            return parse_preprocessing(_known(value), str(value["name"]))
        except (KeyError, TypeError, ValueError, DataError, UsageError) as error:
            raise BundleError(f"the preprocessing in the bundle is damaged: {error}") from error

    def numbers(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Scale and offset, float32[1] or float32[channels]."""
        return np.array(self.scale, np.float32), np.array(self.offset, np.float32)


RAW = Preprocessing("raw")
ZERO_TO_ONE = Preprocessing("0..1", (1 / 255,))
MINUS_ONE_TO_ONE = Preprocessing("-1..1", (1 / 127.5,), (-1.0,))
ABOUT_128 = Preprocessing("(x-128)/128", (1 / 128,), (-1.0,))
TORCH = Preprocessing(
    "torch",
    tuple(1 / (255 * std) for std in TORCH_STDS),
    tuple(-mean / std for mean, std in zip(TORCH_MEANS, TORCH_STDS, strict=True)),
)
CAFFE = Preprocessing(
    "caffe", (1.0,), tuple(-mean for mean in CAFFE_MEANS), image=ImagePreparation(channels="bgr")
)

PREPROCESSINGS = (RAW, ZERO_TO_ONE, MINUS_ONE_TO_ONE, ABOUT_128, TORCH, CAFFE)
"""What is tried where nothing is said; torch and caffe are for three channels only."""

_OF_MODE = {"raw": RAW, "tf": MINUS_ONE_TO_ONE, "torch": TORCH, "caffe": CAFFE}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_FORMULA = re.compile(rf"\(x-(?P<mean>{_NUMBER})\)/(?P<divisor>{_NUMBER})", re.ASCII)
_KERAS = "keras:"
USAGE = "raw, 0..1, -1..1, torch, caffe, (x-MEAN)/DIVISOR, keras:NAME or FILE.json"
"""What may follow ``--preprocess``."""


def find_preprocessing(name: str, folder: Path = Path()) -> Preprocessing:
    """The preprocessing of that name.

    Args:
        name: one of `PREPROCESSINGS`, a formula such as ``(x-128)/128``, ``keras:`` and the name of a module of
            keras.applications, or a JSON file.
        folder: that a file's name is relative to.

    Raises:
        UsageError: there is none of that name.
        DataError: the file cannot be read.
    """
    if name.endswith(".json"):
        return read_preprocessing(folder / name)
    return _preset(name)


def _preset(name: str) -> Preprocessing:
    for preprocessing in PREPROCESSINGS:
        if preprocessing.name == name:
            return preprocessing
    if name.startswith(_KERAS):
        return _of_keras(name)
    formula = _FORMULA.fullmatch(name.replace(" ", ""))
    if formula and float(formula["divisor"]) > 0:
        divisor = float(formula["divisor"])
        return Preprocessing(name, (1 / divisor,), (-float(formula["mean"]) / divisor,))
    raise UsageError(f"unknown preprocessing {name!r}: expected {USAGE}")


def read_preprocessing(path: Path) -> Preprocessing:
    """Reads a JSON file that a person wrote, or that was taken out of a bundle.

    Raises:
        DataError: it cannot be read, or is no preprocessing.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: expected a preprocessing as JSON") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise DataError(
            f"{path}: expected an object with values, image or audio, found {type(value).__name__}"
        )
    version = value.get("version", VERSION)
    if version != VERSION:
        raise DataError(f"{path} has version {version!r}, this edgeq reads {VERSION}")
    try:
        return parse_preprocessing(_without_version(value), str(value.get("name", path.stem)))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def parse_preprocessing(value: Mapping[str, Any], name: str) -> Preprocessing:
    """Reads the form that a person writes: ``values``, ``image``, ``audio`` and ``inputs``, each where wanted.

    Args:
        value: the decoded JSON, without version.
        name: that the preprocessing gets.

    Raises:
        DataError: a key or a value is not what it should be.
        UsageError: it names a preset that does not exist.
    """
    unknown = set(value) - {"name", "values", "image", "audio", "inputs"}
    if unknown:
        raise DataError(f"unknown key {min(unknown)!r}: expected values, image, audio or inputs")
    base = _values(value.get("values", "raw"))
    inputs = _object(value.get("inputs", {}), "inputs")
    # A preset may say the order of channels; what the file says of images comes on top of it.
    image = {**base.image.to_json(), **_object(value.get("image", {}), "image")}
    return replace(
        base,
        name=name,
        image=ImagePreparation.from_json(image),
        audio=AudioPreparation.from_json(_object(value.get("audio", {}), "audio")),
        inputs={str(key): _of_input(one, str(key)) for key, one in inputs.items()},
    )


def _of_input(value: Any, name: str) -> Preprocessing:
    if isinstance(value, str):
        return _preset(value)
    return parse_preprocessing(_object(value, f"inputs.{name}"), name)


def _values(value: Any) -> Preprocessing:
    """A preset's name, or ``(x * scale - mean) / std``, or ``x * scale + offset``, each number one or one a channel."""
    if isinstance(value, str):
        return _preset(value)
    given = _object(value, "values")
    unknown = set(given) - {"scale", "offset", "mean", "std"}
    if unknown:
        raise DataError(f"unknown key {min(unknown)!r} in values: expected scale, offset, mean or std")
    numbers = {key: _floats(one, key) for key, one in given.items()}
    scale, offset = numbers.get("scale", (1.0,)), numbers.get("offset", (0.0,))
    mean, std = numbers.get("mean", (0.0,)), numbers.get("std", (1.0,))
    lengths = {len(one) for one in numbers.values()} - {1}
    if len(lengths) > 1:
        raise DataError(f"values: expected one number or one a channel, found {sorted(lengths)} of them")
    if 0.0 in std:
        raise DataError("values.std: expected numbers above 0, found 0")
    count = max(lengths, default=1)
    scale, offset, mean, std = (one * count if len(one) == 1 else one for one in (scale, offset, mean, std))
    factors = tuple(s / d for s, d in zip(scale, std, strict=True))
    summands = tuple(o - m / d for o, m, d in zip(offset, mean, std, strict=True))
    return Preprocessing("", factors, summands)


def _floats(value: Any, key: str) -> tuple[float, ...]:
    numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    are_numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    if not numbers or not are_numbers or not np.isfinite(np.array(numbers, np.float32)).all():
        raise DataError(
            f"values.{key}: expected a number or a list of numbers, found {json.dumps(value)[:80]}"
        )
    return tuple(float(one) for one in numbers)


def _object(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{key}: expected an object, found {type(value).__name__}")
    return value


def _of_keras(name: str) -> Preprocessing:
    module = name.removeprefix(_KERAS)
    if module not in MODES:
        raise UsageError(f"unknown preprocessing {name!r}: expected keras: and one of {', '.join(MODES)}")
    return replace(_OF_MODE[MODES[module]], name=name)


def _known(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a later edgeq may add to a bundle; in a file that a person wrote it would be a mistake."""
    kept = {key: value[key] for key in ("values", "image", "audio", "inputs") if key in value}
    parts = {
        "values": ("scale", "offset"),
        "image": ImagePreparation().to_json(),
        "audio": AudioPreparation().to_json(),
    }
    for key, names in parts.items():
        if isinstance(kept.get(key), Mapping):
            kept[key] = {name: one for name, one in kept[key].items() if name in names}
    if isinstance(kept.get("inputs"), Mapping):
        kept["inputs"] = {
            name: _known(one) if isinstance(one, Mapping) else one for name, one in kept["inputs"].items()
        }
    return kept


def _without_version(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in value.items() if key != "version"}
