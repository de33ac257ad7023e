"""Validation inputs as they lie in a packed bundle: arrays that need nothing but NumPy to be read.

Items are stored as the model's size and before their values are scaled: pixels as bytes, a quarter of their size as
floats. The scaling is in the preprocessing that lies beside them.
"""

from __future__ import annotations

import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.data.columns import Array, ArrayColumn
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed
from edgeq.data.preprocessing import Preprocessing
from edgeq.data.truth import ClassLabels, MultiLabels, Targets, Truth
from edgeq.errors import BundleError

_TRUTHS: Mapping[str, type[ClassLabels | MultiLabels | Targets]] = {
    "classes": ClassLabels,
    "multi-label": MultiLabels,
    "numbers": Targets,
}
_AT_ONCE = 32
"""Items read together: images of a large model take 20 MB then."""


@dataclass(frozen=True)
class PackedInputs:
    """Inputs and what is known of them.

    Attributes:
        arrays: of each input by name, [n, *item_shape].
        truth: of the items; None where there is none, or none that can be packed.
        preprocessing: that is still to be applied to the arrays' values.
        task: what to measure on them; None to find it from labels and outputs.
    """

    arrays: Mapping[str, Array]
    truth: Truth | None
    preprocessing: Preprocessing
    task: str | Mapping[str, Any] | None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def dataset(self, source: str) -> Dataset:
        """The inputs as a data set; `source` is what messages call it."""
        columns = {name: ArrayColumn(array, name) for name, array in self.arrays.items()}
        return Dataset(columns, self.truth, source=source)

    def to_bytes(self) -> bytes:
        """As an .npz, the same bytes for the same inputs."""
        arrays = {f"input/{name}": array for name, array in self.arrays.items()}
        kind = next((name for name, truth in _TRUTHS.items() if isinstance(self.truth, truth)), None)
        if isinstance(self.truth, ClassLabels | MultiLabels | Targets):
            arrays["truth"] = np.asarray(self.truth.values)
        said = {
            "truth": kind,
            "names": [] if self.truth is None else list(self.truth.names),
            "preprocessing": self.preprocessing.to_json(),
            "task": self.task,
        }
        arrays["json"] = np.frombuffer(json.dumps(said, sort_keys=True).encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        return buffer.getvalue()


def packable(truth: Truth | None) -> bool:
    """Whether what is known of the items is numbers that can be packed, or nothing."""
    return truth is None or isinstance(truth, tuple(_TRUTHS.values()))


def collect_inputs(
    feed: Feed,
    task: str | Mapping[str, Any] | None,
    progress: Callable[[int, int], None] | None = None,
) -> PackedInputs:
    """Reads every item of a feed as the model's size.

    Args:
        feed: the data bound to the model.
        task: what to measure on them; None to find it.
        progress: called with the number of items read and their total.

    Raises:
        DataError: an item cannot be read.
    """
    n = len(feed.dataset)
    arrays = {}
    for position, spec in enumerate(feed.inputs):
        parts = []
        for start in range(0, n, _AT_ONCE):
            parts.append(np.asarray(feed.stored(spec, range(start, min(start + _AT_ONCE, n)))))
            if progress is not None:
                progress(position * n + min(start + _AT_ONCE, n), len(feed.inputs) * n)
        arrays[spec.name] = np.concatenate(parts)
    truth = feed.dataset.truth
    return PackedInputs(arrays, truth if packable(truth) else None, feed.preprocessing, task)


def read_inputs(path: Path) -> PackedInputs:
    """Reads what `PackedInputs.to_bytes` wrote.

    Raises:
        BundleError: it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            said = json.loads(archive["json"].tobytes())
            arrays = {
                key.partition("/")[2]: archive[key] for key in archive.files if key.startswith("input/")
            }
            values = archive["truth"] if said["truth"] is not None else None
        truth = None if values is None else _TRUTHS[said["truth"]](values, tuple(map(str, said["names"])))
        inputs = PackedInputs(arrays, truth, Preprocessing.from_json(said["preprocessing"]), said["task"])
        if (
            not arrays
            or len({len(array) for array in (*arrays.values(), *([] if truth is None else [truth]))}) > 1
        ):
            raise ValueError("expected arrays of one length")
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        SyntaxError,
        tokenize.TokenError,
    ) as error:
        raise BundleError(
            f"the packed inputs cannot be read ({' '.join(str(error).split())[:120]}): pack the bundle again"
        ) from error
    return inputs
