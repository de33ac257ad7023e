"""Folders of images: one folder a class, or images alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.data.image_folder import ImageFolder
from edgeq.data.images import Decoding
from edgeq.errors import DataError


def image(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 2), value).save(path)
    return path


@pytest.fixture
def pets(tmp_path) -> Path:
    """Two dogs, then a cat that sorts before them."""
    folder = tmp_path / "pets"
    for name, value in (("dog/b.png", 20), ("dog/a.png", 10), ("cat/z.png", 30)):
        image(folder / name, value)
    return folder


def test_class_folders_in_alphabetical_order_are_the_labels(pets):
    data = ImageFolder(pets)
    assert data.class_names == ("cat", "dog")
    assert data.labels.tolist() == [0, 1, 1]
    assert data.labels.dtype == np.int64
    assert [path.name for path in data.paths] == ["z.png", "a.png", "b.png"]
    assert len(data) == 3
    assert data.source == str(pets)


def test_images_are_stacked_in_the_order_asked_for(pets):
    data = ImageFolder(pets, Decoding(2, 3, 1))
    pixels = data.raw("", [2, 0])
    assert (pixels.dtype, pixels.shape) == (np.uint8, (2, 2, 3, 1))
    assert pixels[:, 0, 0, 0].tolist() == [20, 30]
    assert data.input_names() == ("",)


def test_images_of_different_sizes_become_one_size(pets):
    Image.new("RGB", (30, 50), (1, 1, 1)).save(pets / "cat" / "large.jpg")
    assert ImageFolder(pets, Decoding(4, 4, 3)).raw("", [0, 1, 2, 3]).shape == (4, 4, 4, 3)


def test_a_flat_folder_has_no_labels(tmp_path):
    image(tmp_path / "b.png"), image(tmp_path / "a.PNG")
    data = ImageFolder(tmp_path)
    assert data.labels is None
    assert data.class_names == ()
    assert [path.name for path in data.paths] == ["a.PNG", "b.png"]


def test_folders_in_a_class_folder_belong_to_the_class(pets):
    image(pets / "cat" / "tabby" / "deep" / "t.png")
    assert ImageFolder(pets).labels.tolist() == [0, 0, 1, 1]


def test_hidden_files_and_other_files_are_no_images(pets):
    image(pets / "cat" / ".thumbnail.png")
    (pets / "cat" / "notes.txt").write_text("x")
    (pets / ".cache").mkdir()
    (pets / "README.md").write_text("x")
    assert len(ImageFolder(pets)) == 3


def test_digests_are_of_content_and_not_of_names(pets):
    before = ImageFolder(pets).digests()
    (pets / "dog" / "a.png").rename(pets / "dog" / "z.png")
    after = ImageFolder(pets).digests()
    assert len(set(before)) == 3
    assert after == (before[0], before[2], before[1])


@pytest.mark.parametrize(
    ("empty", "message"),
    [
        (["bird"], "the class folder bird holds no image"),
        (["ant", "bee"], "the class folders ant, bee hold no image"),
    ],
)
def test_an_empty_class_folder_is_an_error_because_it_would_shift_the_labels(pets, empty, message):
    for name in empty:
        (pets / name).mkdir()
    with pytest.raises(DataError, match=message):
        ImageFolder(pets)


def test_images_beside_class_folders_are_an_error_because_they_have_no_class(pets):
    image(pets / "stray.png"), image(pets / "other.png")
    with pytest.raises(
        DataError, match=r"pets has 2 images \(other\.png, …\) beside the folders cat, dog: expected one"
    ):
        ImageFolder(pets)


def test_a_folder_without_images_says_what_images_are(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        DataError, match=r"holds no image: expected \.bmp, \.gif, \.jpeg, \.jpg, \.png, \.webp files"
    ):
        ImageFolder(tmp_path)


def test_a_folder_that_is_none_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot be listed: No such file or directory"):
        ImageFolder(tmp_path / "gone")


def test_a_corrupt_image_is_named_when_it_is_read(pets):
    (pets / "cat" / "z.png").write_text("no image")
    data = ImageFolder(pets, Decoding(2, 3, 1))
    assert data.raw("", [1]).shape == (1, 2, 3, 1)
    with pytest.raises(DataError, match=r"cat/z\.png cannot be read as an image"):
        data.raw("", [0])


def test_an_image_that_vanished_is_named(pets):
    data = ImageFolder(pets)
    (pets / "cat" / "z.png").unlink()
    with pytest.raises(DataError, match=r"cat/z\.png cannot be read: No such file"):
        data.digests()


def test_images_are_not_read_before_their_size_is_known(pets):
    with pytest.raises(DataError, match="images need a size"):
        ImageFolder(pets).raw("", [0])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_that_leads_back_does_not_make_an_endless_folder(pets):
    (pets / "cat" / "loop").symlink_to(pets)
    assert len(ImageFolder(pets)) == 3


def test_names_may_have_spaces_and_any_letters(tmp_path):
    image(tmp_path / "ein Hund" / "größe 猫.png")
    data = ImageFolder(tmp_path, Decoding(2, 3, 1))
    assert data.class_names == ("ein Hund",)
    assert data.raw("", [0]).shape == (1, 2, 3, 1)
