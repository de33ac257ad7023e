"""Which items layers are measured on: those that the bundle was calibrated on, else its parity inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.bundle import Bundle, Tensor
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import Preprocessing
from edgeq.data.reading import read_dataset
from edgeq.data.splitting import draw
from edgeq.errors import UsageError

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Items:
    """Items as the float32 file takes them.

    Attributes:
        values: real values by input name, [n, *shape with batch axis].
        source: a phrase for which they are.
    """

    values: Mapping[str, Array]
    source: str


def choose_items(
    bundle: Bundle,
    data: Path | Dataset | None,
    *,
    preprocessing: Preprocessing | None,
    count: int,
    seed: int,
) -> Items:
    """Chooses and reads items.

    Args:
        bundle: whose model is measured.
        data: where items come from; None for the bundle's parity inputs.
        preprocessing: instead of the bundle's.
        count: how many at most.
        seed: of the draw.

    Raises:
        DataError: the data do not fit the model, or hold no item that can be read.
        UsageError: the count is below 1.
    """
    if count < 1:
        raise UsageError(f"expected at least 1 item to measure on, found {count}")
    if data is None:
        parity = bundle.parity().inputs
        taken = {name: values[:count] for name, values in parity.items()}
        n = len(next(iter(taken.values())))
        return Items(taken, f"{n} parity input{'s' * (n != 1)} of the bundle")
    dataset = (data if isinstance(data, Dataset) else read_dataset(data)).inspected("skip")
    manifest = bundle.manifest
    specs = {
        tensor.name: ModelInput(tensor.name, _item_shape(bundle, tensor), tensor.dtype)
        for tensor in manifest.inputs
    }
    feed = Feed(dataset, tuple(specs.values()), preprocessing or manifest.preprocessing)
    known = set(manifest.calibration)
    calibrated = [index for index, digest in enumerate(dataset.digests()) if digest in known]
    pool = dataset.take(calibrated) if calibrated else dataset
    drawn = pool.take(draw(pool.digests(), pool.labels, count, seed))
    read = feed.over(drawn).items(range(len(drawn)))
    values = {tensor.name: _batched(bundle, tensor, read[tensor.name]) for tensor in manifest.inputs}
    kind = "that the bundle was calibrated on" if calibrated else f"of {dataset.source}"
    return Items(values, f"{len(drawn)} item{'s' * (len(drawn) != 1)} {kind}")


def _item_shape(bundle: Bundle, tensor: Tensor) -> tuple[int, ...]:
    return tensor.shape[1:] if bundle.manifest.batched.get(tensor.name) else tensor.shape


def _batched(bundle: Bundle, tensor: Tensor, values: Array) -> Array:
    """Items with the batch axis of the file, which each fills alone."""
    if not bundle.manifest.batched.get(tensor.name):
        return values
    return np.repeat(values[:, None], max(1, tensor.shape[0]), axis=1)
