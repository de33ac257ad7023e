"""How image files become pixels of a model's size: the settings and the geometry, without decoding anything.

The defaults are those of Keras' ``image_dataset_from_directory``, but for photos that lie on their side, which Keras
leaves there. Nothing here needs Pillow: a packed program measures without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeq.data.media.placement import Placement, Window, crop_window, letterbox_window
from edgeq.errors import DataError

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")

METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "area")
"""Those of ``tf.image.ResizeMethod`` that edgeq knows, by its names."""

_CHOICES = {"resize": METHODS, "fit": ("stretch", "crop", "letterbox"), "channels": ("rgb", "bgr")}


@dataclass(frozen=True)
class ImagePreparation:
    """How an image file becomes pixels of a model's size.

    Attributes:
        resize: nearest, bilinear, bicubic, lanczos3 or area, as ``tf.image.resize`` does it.
        antialias: whether the kernel widens where an image shrinks; nearest and area ignore it.
        fit: where the aspect differs, ``stretch`` the image, ``crop`` its centre (Keras'
            ``crop_to_aspect_ratio``), or ``letterbox`` it between bars (Keras' ``pad_to_aspect_ratio``).
        crop_fraction: with ``crop``, the share of the centre that is kept, as EfficientNet evaluates: 0.875.
        pad: with ``letterbox``, the grey of the bars, 0 to 255.
        channels: ``rgb`` or ``bgr``, the order of three channels.
        exif: whether a photo is turned upright by its EXIF orientation.

    Raises:
        DataError: a value is none of these.
    """

    resize: str = "bilinear"
    antialias: bool = False
    fit: str = "stretch"
    crop_fraction: float = 1.0
    pad: int = 0
    channels: str = "rgb"
    exif: bool = True

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            self._require(key, getattr(self, key) in choices, f"one of {', '.join(choices)}")
        for key in ("antialias", "exif"):
            self._require(key, isinstance(getattr(self, key), bool), "true or false")
        fraction = self.crop_fraction
        number = isinstance(fraction, (int, float)) and not isinstance(fraction, bool)
        self._require("crop_fraction", number and 0 < fraction <= 1, "a number above 0 and at most 1")
        self._require("pad", type(self.pad) is int and 0 <= self.pad <= 255, "an integer from 0 to 255")
        # Silence would let somebody believe that it counts.
        self._require("crop_fraction", fraction == 1 or self.fit == "crop", "1 unless fit is crop")
        self._require("pad", self.pad == 0 or self.fit == "letterbox", "0 unless fit is letterbox")
        object.__setattr__(self, "crop_fraction", float(fraction))

    def _require(self, key: str, fine: bool, expected: str) -> None:
        if not fine:
            raise DataError(f"image preparation: {key} is {getattr(self, key)!r}, expected {expected}")

    def to_json(self) -> dict[str, Any]:
        """Every attribute by name."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> ImagePreparation:
        """Reads what `to_json` wrote, or a part of it: the rest has its default.

        Raises:
            DataError: a key is unknown or a value is none that it takes; names key, expected and found.
        """
        if not isinstance(value, Mapping):
            raise DataError(f"image preparation: expected an object with keys, found {value!r}")
        known = [field.name for field in dataclasses.fields(ImagePreparation)]
        unknown = [key for key in value if key not in known]
        if unknown:
            raise DataError(f"image preparation: unknown key {unknown[0]!r}, expected {', '.join(known)}")
        return ImagePreparation(**value)


def image_shape(shape: tuple[int, ...], source: str) -> tuple[int, int, int]:
    """Height, width and channels of a model's image input.

    Args:
        shape: [H, W, C] of one item.
        source: of the images, for messages.

    Raises:
        DataError: the input is no image.
    """
    if len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
        raise DataError(
            f"{source} holds images, but the model's input is {list(shape)}: expected [height, width, 1 or 3]"
        )
    height, width, channels = shape
    return height, width, channels


def placement(size: tuple[int, int], preparation: ImagePreparation, shape: tuple[int, ...]) -> Placement:
    """Where an image lies once it is prepared, to map boxes and masks.

    Args:
        size: height and width of the original, upright: `original_size`.
        preparation: how it is prepared.
        shape: [H, W, C] of the model's input.

    Raises:
        DataError: the input is no image.
    """
    height, width, _ = image_shape(shape, "the data set")
    return Placement.between(*windows(size, preparation, (height, width)))


def windows(
    size: tuple[int, int], preparation: ImagePreparation, target: tuple[int, int]
) -> tuple[Window, Window]:
    """The part of the original that is resized, and the part of the result that it fills.

    Args:
        size: height and width of the original, upright.
        preparation: how it is prepared.
        target: height and width of the result.
    """
    if preparation.fit == "crop":
        return crop_window(size, target, preparation.crop_fraction), Window(0, 0, *target)
    if preparation.fit == "letterbox":
        return Window(0, 0, *size), letterbox_window(size, target)
    return Window(0, 0, *size), Window(0, 0, *target)
