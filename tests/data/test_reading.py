"""From a path to a data set: which form it has, and what is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.columns import ArrayColumn, ImageColumn
from edgeq.data.dataset import Dataset
from edgeq.data.reading import read_arrays, read_dataset
from edgeq.data.truth import Boxes, ClassLabels, Masks
from edgeq.errors import DataError


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (2, 2)).save(path)
    return path


def coco(path: Path, *images: str) -> Path:
    listed = [{"id": number, "file_name": name} for number, name in enumerate(images)]
    path.write_text(json.dumps({"images": listed, "annotations": [], "categories": []}))
    return path


# Forms


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".NPZ"])
def test_arrays_are_told_by_their_suffix(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with path.open("wb") as file:
        np.save(file, np.zeros((3, 2))) if suffix == ".npy" else np.savez(file, x=np.zeros((3, 2)))
    data = read_dataset(path)
    assert isinstance(next(iter(data.columns.values())), ArrayColumn)
    assert len(data) == 3


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".CSV"])
def test_manifests_are_told_by_their_suffix(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    path.write_text('{"path": "a.png"}\n' if "json" in suffix else "path\na.png\n")
    assert isinstance(read_dataset(path).columns[""], ImageColumn)


def test_a_json_file_is_one_of_coco(tmp_path):
    image(tmp_path / "a.png")
    assert isinstance(read_dataset(coco(tmp_path / "x.json", "a.png")).truth, Boxes)


def test_a_script_is_run(tmp_path):
    (tmp_path / "s.py").write_text("import numpy as np\ndef data():\n    return np.zeros((3, 2))\n")
    assert len(read_dataset(tmp_path / "s.py")) == 3


def test_a_folder_has_class_folders_or_files_alone(tmp_path):
    image(tmp_path / "flat" / "a.png"), image(tmp_path / "classes" / "cat" / "a.png")
    assert read_dataset(tmp_path / "flat").truth is None
    assert isinstance(read_dataset(tmp_path / "classes").truth, ClassLabels)


def test_a_folder_with_images_and_masks_is_told_by_their_names(tmp_path):
    image(tmp_path / "images" / "a.png"), image(tmp_path / "masks" / "a.png")
    assert isinstance(read_dataset(tmp_path).truth, Masks)


@pytest.mark.parametrize("where", [".", "images"])
def test_a_folder_with_a_coco_file_and_its_images_is_one_of_coco(tmp_path, where):
    image(tmp_path / where / "a.png")
    coco(tmp_path / "_annotations.coco.json", "a.png")
    assert isinstance(read_dataset(tmp_path).truth, Boxes)


def test_a_json_file_of_something_else_changes_nothing(tmp_path):
    image(tmp_path / "cat" / "a.png")
    (tmp_path / "meta.json").write_text('{"version": 1')
    assert read_dataset(tmp_path).class_names == ("cat",)


def test_a_path_may_be_text(tmp_path):
    image(tmp_path / "a.png")
    assert len(read_dataset(str(tmp_path))) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_path_may_be_a_link(tmp_path):
    image(tmp_path / "real" / "cat" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_dataset(tmp_path / "link").class_names == ("cat",)


def test_arrays_of_one_item_are_read_with_the_same_import(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    assert read_arrays(tmp_path / "a.npy")[""].tolist() == [0, 1, 2]


def test_reading_opens_no_image_and_no_sound(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_bytes(b"no image")
    data: Dataset = read_dataset(tmp_path)
    assert len(data) == 1


# What is none


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "gone.npz",
            r"gone\.npz does not exist: expected a folder of images or WAV files .*, arrays \(\.npz, \.npy\)",
        ),
        ("gone", r"gone does not exist: expected a folder"),
        ("data.txt", r"data\.txt is no data set that edgeq reads: expected a folder of images"),
        ("data", r"data is no data set that edgeq reads"),
        ("photo.jpg", r"photo\.jpg is one image: name its folder, or a manifest"),
        ("sound.wav", r"sound\.wav is one sound: name its folder, or a manifest"),
        ("x.json", r"x\.json is no COCO file"),
        ("x" * 300, "does not exist"),
        ("a\0b", "does not exist"),
    ],
)
def test_what_is_no_data_set_says_what_one_is(tmp_path, name, message):
    for made in ("data.txt", "data", "photo.jpg", "sound.wav"):
        (tmp_path / made).write_text("a,b")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match=message) as caught:
        read_dataset(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes on Windows")
@pytest.mark.parametrize("name", ["a.npz", "a.csv", "a.json", "a.py"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is no regular file"):
        read_dataset(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("target", ["nowhere", "link.npz"])
def test_a_link_that_leads_nowhere_does_not_exist(tmp_path, target):
    (tmp_path / "link.npz").symlink_to(tmp_path / target)
    with pytest.raises(DataError, match="does not exist"):
        read_dataset(tmp_path / "link.npz")


def test_an_empty_folder_says_what_it_should_hold(tmp_path):
    with pytest.raises(DataError, match="holds no image and no sound: expected images"):
        read_dataset(tmp_path)
