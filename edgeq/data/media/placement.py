"""Which part of an image goes to which part of the prepared one, and coordinates between the two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Window:
    """A part of an image, in pixels.

    Attributes:
        top: first row.
        left: first column.
        height: rows.
        width: columns.
    """

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Placement:
    """Where an original image lies in the prepared one: ``prepared = original * scale + offset``.

    Coordinates are those of boxes, in pixels: 0 is the outer edge of the first pixel, 0.5 its centre. What the
    preparation cuts off has coordinates outside the prepared image.

    Attributes:
        scale_y: prepared rows for a row of the original, after it was turned upright.
        scale_x: prepared columns for a column.
        offset_y: prepared row at which the original begins; negative where its top is cut off.
        offset_x: prepared column at which it begins.
    """

    scale_y: float
    scale_x: float
    offset_y: float
    offset_x: float

    @staticmethod
    def between(source: Window, target: Window) -> Placement:
        """The placement that resizes one window of the original to one of the prepared image."""
        scale_y, scale_x = target.height / source.height, target.width / source.width
        return Placement(
            scale_y, scale_x, target.top - source.top * scale_y, target.left - source.left * scale_x
        )

    def to_prepared(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Points of the original in the prepared image.

        Args:
            points: float[..., 2] of (y, x); corners of boxes are two points each.

        Returns:
            float64[..., 2].
        """
        return np.asarray(points) * (self.scale_y, self.scale_x) + (self.offset_y, self.offset_x)

    def to_original(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Points of the prepared image in the original: the inverse of `to_prepared`.

        Args:
            points: float[..., 2] of (y, x).

        Returns:
            float64[..., 2].
        """
        return (np.asarray(points) - (self.offset_y, self.offset_x)) / (self.scale_y, self.scale_x)


def crop_window(size: tuple[int, int], target: tuple[int, int], fraction: float) -> Window:
    """The central part of an image that has the target's aspect.

    All of the shorter side as ``keras.preprocessing.image.smart_resize`` takes it (Keras 3.15), which
    ``crop_to_aspect_ratio=True`` stands for. A fraction of it as EfficientNet's evaluation does (Tan and Le, ICML
    2019; ``_decode_and_center_crop`` of its ``preprocessing.py``), which rounds an odd margin up and not down.
    torchvision resizes first and crops then: the same window up to a pixel.

    Args:
        size: height and width of the image.
        target: height and width of the result.
        fraction: share of the window that is kept, above 0 and at most 1.
    """
    # Keras divides in float32, which is the same as long as a side times a target's is below 2^24.
    height = max(1, min(size[0], size[1] * target[0] // target[1]))
    width = max(1, min(size[1], size[0] * target[1] // target[0]))
    odd = 0
    if fraction < 1:
        height = max(1, int(np.float32(fraction) * np.float32(height)))
        width = max(1, int(np.float32(fraction) * np.float32(width)))
        odd = 1
    return Window((size[0] - height + odd) // 2, (size[1] - width + odd) // 2, height, width)


def letterbox_window(size: tuple[int, int], target: tuple[int, int]) -> Window:
    """Where a whole image lies in a target of another aspect.

    As ``tf.image.resize_with_pad`` does it, which ``image_dataset_from_directory(pad_to_aspect_ratio=True)`` calls:
    resized first and padded then.

    Args:
        size: height and width of the image.
        target: height and width of the result.
    """
    # In float32 like there: a side that should fit exactly may come out a pixel short.
    given = np.array(size, np.float32)
    wanted = np.array(target, np.float32)
    resized = given / (given / wanted).max()
    height, width = (max(1, int(side)) for side in np.floor(resized))
    top, left = (max(0, int(margin)) for margin in np.floor((wanted - resized) / 2))
    return Window(top, left, height, width)
