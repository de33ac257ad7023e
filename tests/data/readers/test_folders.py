"""Folders of images and sounds: one folder a class, files alone, and parts."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.columns import AudioColumn, ImageColumn
from edgeq.data.preprocessing import RAW
from edgeq.data.readers.folders import read_folder
from edgeq.errors import DataError

links = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


def image(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 2), value).save(path)
    return path


def sound(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.arange(80, dtype="<i2").tobytes())
    return path


def names(data) -> list[str]:
    return [path.name for path in data.columns[""].paths]


@pytest.fixture
def pets(tmp_path) -> Path:
    """Two dogs, then a cat that sorts before them."""
    folder = tmp_path / "pets"
    for name, value in (("dog/b.png", 20), ("dog/a.png", 10), ("cat/z.png", 30)):
        image(folder / name, value)
    return folder


# Class folders


def test_class_folders_in_alphabetical_order_are_the_labels(pets):
    data = read_folder(pets)
    assert data.class_names == ("cat", "dog")
    assert data.labels.tolist() == [0, 1, 1]
    assert data.labels.dtype == np.int64
    assert names(data) == ["z.png", "a.png", "b.png"]
    assert (len(data), data.source, data.splits) == (3, str(pets), ())


def test_the_one_input_has_no_name_and_reads_in_the_order_asked_for(pets):
    data = read_folder(pets)
    assert data.input_names() == ("",)
    pixels = data.columns[""].read([2, 0], RAW, (2, 3, 1))
    assert (pixels.dtype, pixels.shape) == (np.uint8, (2, 2, 3, 1))
    assert pixels[:, 0, 0, 0].tolist() == [20, 30]


def test_sounds_may_be_in_class_folders(tmp_path):
    sound(tmp_path / "yes" / "a.wav"), sound(tmp_path / "no" / "b.WAV")
    data = read_folder(tmp_path)
    assert isinstance(data.columns[""], AudioColumn)
    assert data.class_names == ("no", "yes")
    assert len(data.inspected().digests()) == 2


def test_folders_in_a_class_folder_belong_to_the_class(pets):
    image(pets / "cat" / "tabby" / "deep" / "t.png")
    assert read_folder(pets).labels.tolist() == [0, 0, 1, 1]


def test_a_folder_in_a_class_folder_may_be_called_test(pets):
    image(pets / "cat" / "test" / "t.png")
    assert read_folder(pets).class_names == ("cat", "dog")


def test_hidden_files_and_other_files_are_no_items(pets):
    image(pets / "cat" / ".thumbnail.png")
    image(pets / "__MACOSX" / "x.png")
    (pets / "cat" / "notes.txt").write_text("x")
    (pets / ".cache").mkdir()
    (pets / "README.md").write_text("x")
    assert len(read_folder(pets)) == 3


def test_digests_are_of_content_and_not_of_names(pets):
    before = read_folder(pets).digests()
    (pets / "dog" / "a.png").rename(pets / "dog" / "z.png")
    after = read_folder(pets).digests()
    assert len(set(before)) == 3
    assert after == (before[0], before[2], before[1])


@pytest.mark.parametrize(
    ("empty", "message"),
    [
        (["bird"], "the class folder bird holds no image and no sound: expected .*; remove it, or fill it"),
        (["ant", "bee"], "the class folders ant, bee hold no image"),
    ],
)
def test_an_empty_class_folder_is_an_error_because_it_would_shift_the_labels(pets, empty, message):
    for name in empty:
        (pets / name).mkdir()
    with pytest.raises(DataError, match=message):
        read_folder(pets)


def test_images_beside_class_folders_are_an_error_because_they_have_no_class(pets):
    image(pets / "stray.png"), image(pets / "other.png")
    with pytest.raises(
        DataError, match=r"pets has 2 images \(other\.png, …\) beside the folders cat, dog: expected one"
    ):
        read_folder(pets)


def test_images_and_sounds_in_one_data_set_are_named(pets):
    sound(pets / "dog" / "bark.wav")
    with pytest.raises(
        DataError, match=r"holds images \(.*cat/z\.png\) and sounds \(.*bark\.wav\): expected one of both"
    ):
        read_folder(pets)


def test_formats_that_are_not_read_are_bad_items_and_do_not_vanish(pets):
    (pets / "cat" / "scan.tiff").write_bytes(b"II*\0" + bytes(40))
    data = read_folder(pets)
    assert len(data) == 4
    with pytest.raises(DataError, match=r"1 of 4 items is bad \(.*scan\.tiff"):
        data.inspected()
    assert len(data.inspected("skip")) == 3


def test_names_may_have_spaces_and_any_letters(tmp_path):
    image(tmp_path / "ein Hund" / "größe 猫.png")
    data = read_folder(tmp_path)
    assert data.class_names == ("ein Hund",)
    assert data.columns[""].read([0], RAW, (2, 3, 1)).shape == (1, 2, 3, 1)


@pytest.mark.skipif(os.name == "nt", reason="names are texts on Windows")
def test_names_that_are_no_utf_8_are_read_and_shown_readably(tmp_path):
    source = image(tmp_path / "a.png")
    folder = tmp_path / "set" / os.fsdecode(b"caf\xe9")
    folder.mkdir(parents=True)
    source.rename(folder / os.fsdecode(b"\xff.png"))
    data = read_folder(tmp_path / "set")
    assert data.class_names == ("caf\\xe9",)
    assert len(data.digests()) == 1
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"")
    with pytest.raises(DataError, match=r"caf\\xe9/\\xff\.png"):
        read_folder(tmp_path / "set").inspected()


# Links


@links
def test_a_link_inside_of_a_class_that_leads_back_does_not_make_an_endless_folder(pets):
    (pets / "cat" / "loop").symlink_to(pets)
    assert len(read_folder(pets)) == 3


@links
@pytest.mark.parametrize("target", [".", ".."])
def test_a_class_that_is_a_link_back_is_an_error_because_every_item_would_come_twice(pets, target):
    (pets / "loop").symlink_to(pets / target)
    with pytest.raises(DataError, match=r"loop is a link that leads back to .*: remove it"):
        read_folder(pets)


@links
def test_a_class_may_be_a_link_to_another_folder(pets, tmp_path):
    image(tmp_path / "elsewhere" / "o.png")
    (pets / "owl").symlink_to(tmp_path / "elsewhere")
    assert read_folder(pets).class_names == ("cat", "dog", "owl")


@links
def test_a_link_that_leads_nowhere_is_a_bad_item(pets):
    (pets / "cat" / "gone.png").symlink_to(pets / "nowhere.png")
    data = read_folder(pets)
    with pytest.raises(DataError, match=r"gone\.png cannot be read: No such file or directory"):
        data.inspected()
    assert len(data.inspected("skip")) == 3


# Files alone


def test_a_flat_folder_has_no_labels(tmp_path):
    image(tmp_path / "b.png"), image(tmp_path / "a.PNG")
    data = read_folder(tmp_path)
    assert isinstance(data.columns[""], ImageColumn)
    assert data.truth is None
    assert data.class_names == ()
    assert names(data) == ["a.PNG", "b.png"]


def test_a_folder_without_images_and_sounds_says_what_they_are(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        DataError,
        match=r"holds no image and no sound: expected images \(\.bmp, \.gif, .*\) or sounds \(\.wav\)",
    ):
        read_folder(tmp_path)


# Parts


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (["train", "val", "test"], ["train", "validation", "test"]),
        (["Training", "validation"], ["train", "validation"]),
        (["test", "train"], ["train", "test"]),
        (["valid"], ["validation"]),
    ],
)
def test_folders_called_like_parts_are_read_as_one_data_set(tmp_path, folders, splits):
    for name in folders:
        image(tmp_path / name / "cat" / "a.png"), image(tmp_path / name / "dog" / "a.png")
    data = read_folder(tmp_path)
    assert data.splits == tuple(split for split in splits for _ in range(2))
    assert data.labels.tolist() == [0, 1] * len(folders)
    assert data.class_names == ("cat", "dog")


def test_a_class_that_a_part_lacks_does_not_shift_its_labels(tmp_path):
    for name in ("train/ant", "train/bee", "train/cat", "test/cat"):
        image(tmp_path / name / "a.png")
    data = read_folder(tmp_path)
    assert data.class_names == ("ant", "bee", "cat")
    assert data.labels.tolist() == [0, 1, 2, 2]


def test_parts_may_have_files_alone(tmp_path):
    image(tmp_path / "train" / "a.png"), image(tmp_path / "test" / "b.png")
    data = read_folder(tmp_path)
    assert data.truth is None
    assert data.splits == ("train", "test")


def test_items_taken_from_parts_keep_them(tmp_path):
    image(tmp_path / "train" / "a.png"), image(tmp_path / "test" / "b.png")
    assert read_folder(tmp_path).take([1]).splits == ("test",)


def test_one_class_called_train_among_others_is_a_class(tmp_path):
    for name in ("bus", "car", "train"):
        image(tmp_path / name / "a.png")
    assert read_folder(tmp_path).class_names == ("bus", "car", "train")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/cat/a.png", "test/a.png"], "test has no class folders, unlike the other parts"),
        (
            ["train/cat/a.png", "test/cat/a.png", "extra/cat/a.png"],
            "has the parts test, train and extra beside them",
        ),
        (
            ["train/cat/a.png", "test/cat/a.png", "a.png"],
            r"has 1 image \(a\.png\) beside the folders test, train",
        ),
        (["train/cat/a.png", "test/b.txt"], "test holds no image and no sound"),
    ],
)
def test_parts_that_do_not_go_together_are_an_error(tmp_path, files, message):
    for name in files:
        image(tmp_path / name) if name.endswith("png") else (
            (tmp_path / name).parent.mkdir(parents=True),
            (tmp_path / name).write_text("x"),
        )
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert "\n" not in str(caught.value)
