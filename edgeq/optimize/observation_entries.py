"""What a file was observed to do on the validation items, as an entry of a store."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.tasks.base import Observed
from edgeq.optimize.candidate_cache import OBSERVATIONS, Store

_FILE = "observed.npz"


def keep_observed(store: Store, name: str, observed: Observed) -> None:
    """Keeps observations.

    Args:
        store: to keep them in.
        name: of the entry.
        observed: arrays by key.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **observed)  # type: ignore[arg-type]
    store.remember(OBSERVATIONS, name, {_FILE: buffer.getvalue()})


def kept_observed(store: Store, name: str) -> dict[str, npt.NDArray[Any]] | None:
    """Observations by key; None where the store has none, or its entry is damaged."""
    folder = store.find(OBSERVATIONS, name)
    if folder is None:
        return None
    try:
        # np.load would leave a damaged file open.
        with (folder / _FILE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        store.drop(OBSERVATIONS, name)
        return None
