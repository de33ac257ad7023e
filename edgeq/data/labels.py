"""Class names: from a file, and class numbers in the model's order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.data.dataset import Dataset
from edgeq.data.truth import Boxes, ClassLabels, Masks, MultiLabels, Truth
from edgeq.errors import DataError
from edgeq.printing import printable


def read_labels_file(path: Path) -> list[str]:
    """Reads class names, one a line.

    Raises:
        DataError: the file cannot be read or holds no name.
    """
    name = printable(path)
    try:
        # A byte order mark, as Windows' editors write it, is no part of the first name.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(
            f"{name} does not exist: expected a text file with class names, one a line"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is no UTF-8 text: expected class names, one a line") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read as class names, one a line: {error.strerror}") from error
    labels = [line.strip() for line in lines if line.strip()]
    if not labels:
        raise DataError(f"{name} holds no labels: expected one a line")
    return labels


def in_order_of(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """The data set with its classes numbered as the model numbers them, where both know the names.

    Class folders are numbered alphabetically, which need not be the order that the model was trained in.

    Args:
        dataset: with or without labels.
        labels: class names in the order of the model's outputs; empty where unknown.

    Returns:
        The data set itself where there is nothing to do or the names differ; else one that shares its items.

    Raises:
        DataError: the classes are the pixels of files, which cannot be numbered anew.
    """
    names = dataset.class_names
    are_same = len(set(names)) == len(names) and sorted(labels) == sorted(names)
    truth = dataset.truth
    if (
        not isinstance(truth, ClassLabels | MultiLabels | Masks | Boxes)
        or not are_same
        or tuple(labels) == names
    ):
        return dataset
    number = {name: position for position, name in enumerate(labels)}
    new_numbers = np.array([number[name] for name in names], dtype=np.int64)
    return dataset.with_truth(_renumbered(truth, tuple(labels), new_numbers, dataset.source))


def named_by(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """The data set with the model's class names where it has none of its own.

    Args:
        dataset: with or without labels.
        labels: class names in the order of the model's outputs; empty where unknown.
    """
    truth = dataset.truth
    if not labels or not isinstance(truth, ClassLabels | MultiLabels | Masks | Boxes) or truth.names:
        return dataset
    return dataset.with_truth(dataclasses.replace(truth, names=tuple(labels)))


def _renumbered(
    truth: ClassLabels | MultiLabels | Masks | Boxes,
    labels: tuple[str, ...],
    new_numbers: npt.NDArray[np.int64],
    source: str,
) -> Truth:
    """The truth where class i is called ``new_numbers[i]``."""
    old_numbers = np.argsort(new_numbers)
    if isinstance(truth, ClassLabels):
        return ClassLabels(new_numbers[truth.values], labels)
    if isinstance(truth, MultiLabels):
        return MultiLabels(truth.values[:, old_numbers], labels)
    if isinstance(truth, Boxes):
        objects = tuple(dataclasses.replace(one, classes=new_numbers[one.classes]) for one in truth.objects)
        numbers = tuple(truth.numbers[old] for old in old_numbers) if truth.numbers else ()
        return Boxes(objects, labels, numbers)
    if truth.values is None or len(labels) > truth.ignored:
        raise DataError(
            f"{source}: its masks number the classes {', '.join(truth.names[:5])}, …, the model "
            f"{', '.join(labels[:5])}, …: expected one order"
        )
    table = np.arange(256, dtype=np.uint8)
    table[: len(labels)] = new_numbers
    return dataclasses.replace(truth, values=table[truth.values], names=labels)
