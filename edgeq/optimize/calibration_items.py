"""The items that candidates are made from: those that the base bundle was calibrated on, in an order of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed, check_count
from edgeq.data.splitting import CALIBRATION_SPLITS, draw
from edgeq.errors import DataError
from edgeq.optimize.candidate_cache import ITEMS, Store, digest_of, makers
from edgeq.optimize.real_workshop import StoredItems
from edgeq.quantize.items import write_items
from edgeq.scratch import scratch_folder

_HELD_BACK = 4
"""One item in so many is held back: on 50 of 200 the order of the methods was that on 10,000 (CIFAR-10 ResNet)."""

_LEAST_LEARNED = 8
"""Of items that methods learn from; with a quarter of them held back again for chosen ranges, six are left."""


@dataclass(frozen=True)
class Chosen:
    """Calibration items of a search.

    Attributes:
        indices: in the data set, in the order in which they are used.
        digests: of the items, in that order.
        held_back: how many of them, the last ones, candidates are judged on and not made from.
        note: what is to be said of them; empty for nothing.
    """

    indices: tuple[int, ...]
    digests: tuple[str, ...]
    held_back: int
    note: str = ""

    @property
    def learned(self) -> tuple[str, ...]:
        """Digests of the items that candidates are made from."""
        return self.digests[: len(self.digests) - self.held_back]


def choose_items(
    dataset: Dataset, known: Sequence[str], *, count: int, seed: int, apart: bool = True
) -> Chosen:
    """Finds the items that a bundle was calibrated on; draws others where they are not there.

    They are put in an order by content and seed: items of one class lie side by side in most data sets, and those that
    are held back must be of all.

    Args:
        dataset: that was inspected.
        known: digests of the bundle's calibration items.
        count: how many are drawn where they are not there.
        seed: of the draw and of the order.
        apart: whether the data set is for calibration alone; otherwise an error says that they were drawn from it.

    Raises:
        DataError: too few.
    """
    digests = dataset.digests()
    wanted = set(known)
    first: dict[str, int] = {}
    for index, digest in enumerate(digests):
        first.setdefault(digest, index)
    found = [index for digest, index in first.items() if digest in wanted]
    note = ""
    if len(found) < len(wanted) or not wanted:
        pool = [index for index, split in enumerate(dataset.splits) if split in CALIBRATION_SPLITS]
        part = dataset.take(pool) if pool else dataset
        drawn = draw(part.digests(), part.labels, count, seed)
        if wanted:
            note = (
                f"{len(wanted) - len(found)} of the {len(wanted)} items that the bundle was calibrated on are not in "
                f"{dataset.source}: {len(drawn)} others were drawn"
            )
        found = [pool[index] for index in drawn] if pool else list(drawn)
    advice = (
        "" if apart else "; they are drawn from --data: give more, or items of their own with --calibration"
    )
    try:
        check_count(dataset, len(found))
    except DataError as error:
        raise DataError(f"{error}{advice}") from error
    ordered = sorted(found, key=lambda index: _rank(digests[index], seed))
    held_back = len(ordered) // _HELD_BACK
    if len(ordered) - held_back < _LEAST_LEARNED:
        raise DataError(
            f"{dataset.source}: {len(ordered)} calibration items, expected at least "
            f"{_LEAST_LEARNED * _HELD_BACK // (_HELD_BACK - 1) + 1}{advice or ': add more'}"
        )
    return Chosen(tuple(ordered), tuple(digests[index] for index in ordered), held_back, note)


def store_items(feed: Feed, chosen: Chosen, store: Store) -> StoredItems:
    """Items as the model sees them, in a store; they are read where it does not have them.

    Args:
        feed: the data that they were chosen from.
        chosen: the items.
        store: for them.
    """
    name = digest_of(
        {
            "edgeq": makers()["edgeq"],
            "items": list(chosen.digests),
            "preprocessing": feed.preprocessing.to_json(),
            "inputs": [[spec.name, list(spec.item_shape), spec.dtype] for spec in feed.inputs],
        }
    )

    def provide() -> Path:
        folder = store.find(ITEMS, name)
        if folder is None:
            with scratch_folder("items") as scratch:
                write_items(feed, chosen.indices, scratch / "items")
                files = {path.name: path for path in sorted((scratch / "items").iterdir())}
                folder = store.keep(ITEMS, name, files)
        return folder

    return StoredItems(name, len(chosen.indices), chosen.held_back, provide)


def _rank(digest: str, seed: int) -> bytes:
    return hashlib.sha256(f"order:{seed}:{digest}".encode()).digest()
