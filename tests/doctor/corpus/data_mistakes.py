"""Mistakes in data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from patient import Mistake, Patient, changed, chosen, with_arrays
from PIL import Image
from projects import Project


def another_name(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    arrays["something"] = arrays.pop(project.inputs[0])
    return with_arrays(project, folder, arrays)


def empty(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, slice(0)))


def one_item_again_and_again(project: Project, folder: Path) -> Patient:
    return with_arrays(
        project, folder, changed(project, lambda values: np.repeat(values[:1], len(values), 0))
    )


def black(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, np.zeros_like))


def not_a_number(project: Project, folder: Path) -> Patient:
    def spoil(values: np.ndarray) -> np.ndarray:
        values.reshape(len(values), -1)[7, 1] = np.nan
        return values

    return with_arrays(project, folder, changed(project, spoil))


def infinite(project: Project, folder: Path) -> Patient:
    def spoil(values: np.ndarray) -> np.ndarray:
        values.reshape(len(values), -1)[:20, 0] = np.inf
        return values

    return with_arrays(project, folder, changed(project, spoil))


def divided_by_255(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, lambda values: values / 255))


def times_255(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, lambda values: values * 255))


def minus_one_to_one(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, changed(project, lambda values: values / 127.5 - 1))


def beyond_float32(project: Project, folder: Path) -> Patient:
    arrays = {name: values.astype(np.float64) for name, values in project.arrays().items()}
    arrays[project.inputs[0]].reshape(len(arrays[project.inputs[0]]), -1)[3, 0] = 1e39
    if "labels" in arrays:
        arrays["labels"] = arrays["labels"].astype(np.int64)
    return with_arrays(project, folder, {name: arrays[name] for name in arrays if name != "masks"})


def channels_first(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    arrays["image"] = np.moveaxis(arrays["image"], -1, 1)
    return with_arrays(project, folder, arrays)


def half_of_it_black(project: Project, folder: Path) -> Patient:
    def spoil(values: np.ndarray) -> np.ndarray:
        values[1::2] = 0
        return values

    return with_arrays(project, folder, changed(project, spoil))


def a_file_cut_short(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    labels = arrays.get("labels", np.zeros(len(arrays["image"]), np.int64))
    for number, (pixels, label) in enumerate(zip(arrays["image"], labels, strict=True)):
        path = folder / "photos" / f"{label:02d}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.squeeze()).save(path)
    path.write_bytes(path.read_bytes()[:60])
    return Patient(project.bundle, folder / "photos")


def an_eighth_of_the_items(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, slice(None, None, 8)))


def nine_items(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, slice(9)))


def every_fourth_item_twice(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    rows = np.concatenate(
        [np.arange(len(arrays[project.inputs[0]])), np.arange(0, len(arrays[project.inputs[0]]), 4)]
    )
    return with_arrays(project, folder, chosen(project, rows))


def a_single_class(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, project.arrays()["labels"] == 1))


def a_class_missing(project: Project, folder: Path) -> Patient:
    return with_arrays(project, folder, chosen(project, project.arrays()["labels"] != 1))


def exchanged_inputs(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    one, other = project.inputs
    arrays[one], arrays[other] = arrays[other], arrays[one]
    return with_arrays(project, folder, arrays)


def validation_among_calibration(project: Project, folder: Path) -> Patient:
    np.savez(folder / "calibration.npz", **chosen(project, slice(None, None, 2)))
    return Patient(project.bundle, project.data, folder / "calibration.npz")


def read_by(project: Project, folder: Path, change: str) -> Patient:
    """A script that reads the project's inputs and changes them."""
    (name,) = project.inputs
    (folder / "data.py").write_text(
        "import numpy as np\n\n\n"
        "def data():\n"
        "    random = np.random.default_rng()\n"
        f"    with np.load({str(project.data)!r}) as archive:\n"
        f"        items = archive[{name!r}].astype('float32')\n"
        f"    return {{{name!r}: ({change}).astype('float32')}}\n"
    )
    return Patient(project.bundle, folder / "data.py")


def noise_at_every_reading(project: Project, folder: Path) -> Patient:
    return read_by(project, folder, "items + random.normal(0, 1e-3, items.shape)")


def another_order_at_every_reading(project: Project, folder: Path) -> Patient:
    return read_by(project, folder, "random.permutation(items)")


def beginning_of_a_sorted_list(project: Project, folder: Path) -> Patient:
    labels = project.arrays()["labels"]
    order = np.argsort(labels, kind="stable")
    of_first = order[: int(np.count_nonzero(labels == labels.min()))]
    # Half of the first class is left to measure on.
    first, rest = of_first[::2], np.setdiff1d(order, of_first[::2])
    np.savez(folder / "calibration.npz", **chosen(project, first))
    patient = with_arrays(project, folder, chosen(project, rest))
    return Patient(patient.target, patient.data, folder / "calibration.npz")


def labels_shuffled(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    return with_arrays(
        project, folder, {**arrays, "labels": np.random.default_rng(1).permutation(arrays["labels"])}
    )


def classes_in_another_order(project: Project, folder: Path) -> Patient:
    arrays = project.arrays()
    classes = int(arrays["labels"].max()) + 1
    return with_arrays(project, folder, {**arrays, "labels": (arrays["labels"] + 1) % classes})


CLASSIFYING = ("fashion", "keywords", "pair", "gestures")
OF_IMAGES = ("fashion", "segmentation", "detection")
OF_ONE_INPUT = ("fashion", "keywords", "segmentation", "detection", "gestures")

DATA = (
    Mistake("the array has another name", "D100", another_name),
    Mistake("channels first", "D100", channels_first, OF_IMAGES),
    Mistake("no items", "D101", empty),
    Mistake("one item again and again", "D102", one_item_again_and_again),
    Mistake("black images", "D102", black, OF_IMAGES),
    Mistake("half of the images black", "D102", half_of_it_black, OF_IMAGES),
    Mistake("a NaN", "D103", not_a_number),
    Mistake("infinite values", "D103", infinite),
    Mistake("a number beyond float32", "D103", beyond_float32),
    Mistake("pixels divided by 255", "D104", divided_by_255, OF_IMAGES),
    Mistake("pixels in -1..1", "D104", minus_one_to_one, OF_IMAGES),
    Mistake("values times 255", "D104", times_255, ("keywords", "pair", "gestures")),
    Mistake("an image cut short", "D105", a_file_cut_short, OF_IMAGES),
    Mistake("an eighth of the items", "D106", an_eighth_of_the_items),
    Mistake("nine items", "D106", nine_items),
    Mistake("items twice", "D107", every_fourth_item_twice),
    Mistake("a single class", "D108", a_single_class, CLASSIFYING),
    # Not of keywords: of 90 items in ten classes, one may be missing by chance, and D108 says nothing.
    Mistake("a class missing", "D108", a_class_missing, ("fashion", "pair", "gestures")),
    Mistake("inputs exchanged", "D109", exchanged_inputs, ("pair",)),
    Mistake("validation among calibration", "D110", validation_among_calibration),
    Mistake("noise at every reading", "D111", noise_at_every_reading, OF_ONE_INPUT),
    Mistake("another order at every reading", "D111", another_order_at_every_reading, OF_ONE_INPUT),
    Mistake("the beginning of a sorted list", "D111", beginning_of_a_sorted_list, CLASSIFYING),
    Mistake("labels shuffled", "D112", labels_shuffled, CLASSIFYING),
    Mistake("classes in another order", "D112", classes_in_another_order, CLASSIFYING),
)
