"""Images and their masks in two folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edgeq.data.readers.listing import list_folder
from edgeq.data.readers.mask_folders import has_mask_folders, read_mask_folders
from edgeq.data.truth import Masks
from edgeq.errors import DataError


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 2)).save(path)
    return path


def written(folder: Path, *names: str) -> Path:
    for name in names:
        image(folder / name)
    return folder


def message_of(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_mask_folders(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("images", ["images", "imgs", "JPEGImages"])
@pytest.mark.parametrize("masks", ["masks", "labels", "annotations", "SegmentationClass"])
def test_images_and_masks_are_matched_by_name(tmp_path, images, masks):
    written(tmp_path, f"{images}/b.c.jpg", f"{images}/a.png", f"{masks}/a.bmp", f"{masks}/b.c.png")
    assert has_mask_folders(list_folder(tmp_path))
    data = read_mask_folders(tmp_path)
    assert [path.name for path in data.columns[""].paths] == ["a.png", "b.c.jpg"]
    assert isinstance(data.truth, Masks)
    assert [path.name for path in data.truth.files] == ["a.bmp", "b.c.png"]
    assert data.class_names == ()
    assert data.splits == ()


def test_the_same_folders_may_be_in_both_and_are_parts_by_their_names(tmp_path):
    written(
        tmp_path, *(f"{kind}/{part}/x.png" for kind in ("images", "masks") for part in ("training", "val"))
    )
    data = read_mask_folders(tmp_path)
    assert data.splits == ("train", "validation")
    assert [path.parent.name for path in data.truth.files] == ["training", "val"]


def test_other_folders_in_both_are_no_parts(tmp_path):
    written(tmp_path, "images/berlin/x.png", "masks/berlin/x.png", "images/test/y.png", "masks/test/y.png")
    assert read_mask_folders(tmp_path).splits == ()


@pytest.mark.parametrize("name", ["labels.txt", "classes.txt"])
def test_class_names_may_lie_beside(tmp_path, name):
    written(tmp_path, "images/a.png", "masks/a.png")
    (tmp_path / name).write_text("sky\nroad\n")
    assert read_mask_folders(tmp_path).class_names == ("sky", "road")


@pytest.mark.parametrize("folders", [["images"], ["masks"], ["cat", "dog"], ["images", "cat"]])
def test_other_folders_are_no_masks(tmp_path, folders):
    for name in folders:
        (tmp_path / name).mkdir()
    assert not has_mask_folders(list_folder(tmp_path))


def test_images_and_masks_without_a_partner_are_named(tmp_path):
    written(tmp_path, *(f"images/{number}.png" for number in range(8)), "masks/0.png", "masks/x.png")
    message = message_of(tmp_path)
    assert "7 of 8 images have no mask (" in message
    assert "images/1.png" in message
    assert "images/5.png, …) and 1 of 2 masks have no image (" in message
    assert "masks/x.png): expected the same names, or a manifest with columns path and mask" in message


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["images/a.png", "images/a.jpg", "masks/a.png"],
            "a.png differ in their suffix only: expected one image a name",
        ),
        (["images/a.png", "masks/a.jpg"], "a.jpg cannot be a mask: expected .bmp, .png"),
        (
            ["images/a.png", "imgs/a.png", "masks/a.png"],
            "has the folders images and imgs: expected one of them",
        ),
        (
            ["images/a.png", "masks/a.png", "labels/a.png"],
            "has the folders masks and labels: expected one of them",
        ),
    ],
)
def test_what_leaves_a_doubt_is_an_error(tmp_path, names, message):
    assert message in message_of(written(tmp_path, *names))


def test_text_files_of_boxes_are_no_masks(tmp_path):
    written(tmp_path, "images/a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1")
    assert "found 1 and 0 of them; boxes are read from a COCO file, named by its own path" in message_of(
        tmp_path
    )


def test_a_link_to_an_image_that_is_gone_is_a_bad_item(tmp_path):
    written(tmp_path, "images/a.png", "masks/a.png", "masks/b.png")
    (tmp_path / "images" / "b.png").symlink_to(tmp_path / "gone.png")
    kept = read_mask_folders(tmp_path).inspected("skip")
    assert (len(kept), len(kept.truth), len(kept.skipped)) == (1, 1, 1)
