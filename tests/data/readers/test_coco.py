"""COCO annotation files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeq.data.columns import ImageColumn
from edgeq.data.readers.coco import read_coco, read_coco_folder
from edgeq.data.readers.listing import list_folder
from edgeq.data.truth import Boxes
from edgeq.errors import DataError

CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}]


def image(path: Path, size: tuple[int, int] = (40, 30), orientation: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=exif)
    return path


def annotation(number: int = 1, image_id: int = 7, category_id: int = 18, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [4.5, 2.0, 10.0, 20.5],
        "area": 100.0,
        "iscrowd": 0,
        **more,
    }


def value(annotations: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "b.jpg", "height": 30, "width": 40},
            {"id": 3, "file_name": "a.jpg", "height": 30, "width": 40},
        ],
        "annotations": [annotation()] if annotations is None else annotations,
        "categories": CATEGORIES,
        **more,
    }


@pytest.fixture
def folder(tmp_path) -> Path:
    image(tmp_path / "a.jpg"), image(tmp_path / "b.jpg")
    return tmp_path


def written(folder: Path, content: Any, name: str = "boxes.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def message_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_coco(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


# Good files


def test_boxes_belong_to_their_images_in_the_order_of_the_file(folder):
    crowd = annotation(2, 3, 1, iscrowd=1, bbox=[0, 0, 40, 30], area=7)
    data = read_coco(written(folder, value([annotation(), crowd, annotation(3, 3)])))
    column, truth = data.columns[""], data.truth
    assert isinstance(column, ImageColumn)
    assert isinstance(truth, Boxes)
    assert [path.name for path in column.paths] == ["b.jpg", "a.jpg"]
    first, second = truth.objects
    assert first.boxes.tolist() == [[2.0, 4.5, 22.5, 14.5]]
    assert (first.boxes.dtype, first.classes.dtype) == (np.float64, np.int64)
    assert (first.classes.tolist(), first.crowd.tolist(), first.areas.tolist()) == ([1], [False], [100.0])
    assert second.boxes.tolist() == [[0, 0, 30, 40], [2.0, 4.5, 22.5, 14.5]]
    assert (second.classes.tolist(), second.crowd.tolist(), second.areas.tolist()) == (
        [0, 1],
        [True, False],
        [7, 100],
    )
    assert first.size == (30, 40)


def test_classes_are_numbered_in_the_order_of_the_ids(folder):
    data = read_coco(written(folder, value()))
    assert data.class_names == ("person", "dog")
    assert data.truth.numbers == (1, 18)


def test_images_without_objects_stay(folder):
    data = read_coco(written(folder, value([])))
    assert len(data) == 2
    assert [len(one.boxes) for one in data.truth.objects] == [0, 0]
    assert data.truth.objects[0].boxes.shape == (0, 4)


def test_area_and_iscrowd_may_be_missing(folder):
    bare = {key: one for key, one in annotation().items() if key not in ("area", "iscrowd")}
    one = read_coco(written(folder, value([bare]))).truth.objects[0]
    assert (one.areas.tolist(), one.crowd.tolist()) == ([205.0], [False])


def test_a_box_may_have_no_area_as_some_of_coco_itself(folder):
    one = read_coco(written(folder, value([annotation(bbox=[4, 5, 0, 3])]))).truth.objects[0]
    assert one.boxes.tolist() == [[5, 4, 8, 4]]


def test_a_box_may_stick_out_by_a_pixel_of_rounding(folder):
    one = read_coco(written(folder, value([annotation(bbox=[-0.4, 0, 41, 30.5])]))).truth.objects[0]
    assert one.boxes.tolist() == [[0, -0.4, 30.5, 40.6]]


def test_a_byte_order_mark_is_no_part_of_the_file(folder):
    path = folder / "boxes.json"
    path.write_text(json.dumps(value()), encoding="utf-8-sig")
    assert len(read_coco(path)) == 2


def test_what_is_taken_keeps_its_boxes(folder):
    data = read_coco(written(folder, value())).take([1, 0])
    assert [len(one.boxes) for one in data.truth.objects] == [0, 1]


# Where images lie


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("boxes.json", "."),
        ("boxes.json", "images"),
        ("boxes.json", "boxes"),
        ("instances_val2017.json", "val2017"),
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/instances_val2017.json", "images"),
        ("annotations/instances_val2017.json", "images/val2017"),
    ],
)
@pytest.mark.parametrize("relative", [False, True])
def test_images_lie_where_data_sets_have_them(tmp_path, monkeypatch, file, images, relative):
    path = written(tmp_path, value(), file)
    for name in ("a.jpg", "b.jpg"):
        image(tmp_path / images / name)
    if relative:
        monkeypatch.chdir(path.parent)
        path = Path(path.name)
    assert len(read_coco(path).inspected().digests()) == 2


def test_names_may_have_folders_in_front(tmp_path):
    image(tmp_path / "part" / "a.jpg")
    content = value([], images=[{"id": 1, "file_name": "part/a.jpg"}])
    assert len(read_coco(written(tmp_path, content)).digests()) == 1


def test_images_that_lie_nowhere_are_named_with_the_places(tmp_path):
    message = message_of(written(tmp_path, value(), "instances_val2017.json"))
    assert (
        "none of its 2 images (b.jpg, a.jpg) lies beside it: expected them in its folder, in images/ or in"
        in message
    )
    assert "val2017/" in message


def test_an_image_that_is_missing_is_a_bad_item(folder):
    (folder / "a.jpg").unlink()
    data = read_coco(written(folder, value([annotation(), annotation(2, 3)])))
    with pytest.raises(DataError, match=r"1 of 2 items is bad \(.*a\.jpg cannot be read: No such file"):
        data.inspected()
    kept = data.inspected("skip")
    assert (len(kept), len(kept.truth.objects)) == (1, 1)


def test_a_missing_image_without_a_size_is_a_bad_item_as_well(folder):
    (folder / "a.jpg").unlink()
    images = [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}]
    data = read_coco(written(folder, value([annotation(), annotation(2, 3)], images=images)))
    assert data.truth.objects[0].size == (30, 40)
    assert len(data.inspected("skip")) == 1


# Sizes


@pytest.mark.parametrize("sides", [{}, {"height": 40, "width": 30}])
def test_the_size_is_that_of_the_upright_image(tmp_path, sides):
    image(tmp_path / "a.jpg", orientation=6)
    content = value([annotation(bbox=[0, 0, 30, 40])], images=[{"id": 7, "file_name": "a.jpg", **sides}])
    assert read_coco(written(tmp_path, content)).truth.objects[0].size == (40, 30)


def test_boxes_of_other_sizes_than_the_images_are_an_error(folder):
    image(folder / "a.jpg", size=(20, 15))
    assert "1 of 2 images have another size than the annotations say" in (
        message := message_of(written(folder, value()))
    )
    assert "a.jpg has 20×15 pixels upright, expected 40×30" in message


# Broken files


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bbox": [0, 0, 60, 10]}, "1 with a box outside of its image (id 1)"),
        ({"bbox": [0, 0, 10, 60]}, "a box outside of its image"),
        ({"bbox": [-5, 0, 10, 10]}, "a box outside of its image"),
        ({"bbox": [0, -5, 10, 10]}, "a box outside of its image"),
        ({"bbox": [5, 5, -1, 10]}, "a box of negative size"),
        ({"bbox": [5, 5, 10, -1]}, "a box of negative size"),
        ({"bbox": [0, 0, 10]}, "no box of four numbers"),
        ({"bbox": [0, 0, 10, "x"]}, "no box of four numbers"),
        ({"bbox": [0, 0, 10, True]}, "no box of four numbers"),
        ({"bbox": [0, 0, 10, float("nan")]}, "no box of four numbers"),
        ({"bbox": [0, 0, 10, float("inf")]}, "no box of four numbers"),
        ({"bbox": [0, 0, 10, 10**400]}, "no box of four numbers"),
        ({"bbox": None}, "no box of four numbers"),
        ({"image_id": 99}, "an unknown image_id"),
        ({"image_id": [7]}, "an unknown image_id"),
        ({"category_id": 2}, "an unknown category_id"),
        ({"category_id": None}, "an unknown category_id"),
        ({"iscrowd": 2}, "an iscrowd that is neither 0 nor 1"),
        ({"iscrowd": []}, "an iscrowd that is neither 0 nor 1"),
        ({"area": -1}, "an area that is no number from 0"),
        ({"area": None}, "an area that is no number from 0"),
    ],
)  # fmt: skip
def test_a_broken_annotation_is_named(folder, changed, message):
    found = message_of(written(folder, value([annotation(**changed), annotation(2)])))
    assert "1 of 2 annotations is broken: " in found
    assert message in found


def test_broken_annotations_are_counted_by_what_is_wrong(folder):
    outside = [annotation(number, bbox=[0, 0, 99, 99]) for number in range(1, 6)]
    message = message_of(written(folder, value([*outside, annotation(8, image_id=5), "x", annotation(9)])))
    assert (
        "7 of 8 annotations are broken: 5 with a box outside of its image (id 1, 2, 3, …); 1 with an unknown image_id "
        "(id 8); 1 with no object (id 6); mend or remove them"
    ) in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            [],
            "is no COCO file: expected an object with the lists images, annotations, categories, found list",
        ),
        ({"images": [], "x": 1}, 'found ["images", "x"]'),
        ({"images": {}, "annotations": [], "categories": []}, "is no COCO file"),
        (value(images=[]), "lists no image: expected at least one"),
        (value(images=[{"id": 1}]), "expected a file_name in image 1, found null"),
        (value(images=[{"id": 1, "file_name": ""}]), 'expected a file_name in image 1, found ""'),
        (value(images=[{"id": 1, "file_name": "a\0"}]), "expected a file_name in image 1"),
        (value(images=[{"id": 1, "file_name": "\ud800"}]), "expected a file_name in image 1"),
        (value(images=[{"id": 1, "file_name": "a.jpg", "height": 3}]), "in image 1, found [3, null]"),
        (value(images=[{"id": 1, "file_name": "a.jpg", "height": 3, "width": 0}]), "found [3, 0]"),
        (
            value(images=[{"id": "x", "file_name": "a.jpg"}]),
            "expected objects with different whole numbers as id in",
        ),
        (value(images=[3]), "as id in images, found 3 at place 0"),
        (value(images=[{"id": 1, "file_name": "a.jpg"}] * 2), "as id in images, found {"),
        (
            value(images=[{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}]),
            'lists "a.jpg" more than once',
        ),
        (value(categories=[{"id": 1}]), "expected a name in category 1, found null"),
        (value(categories=[{"id": 1, "name": "a"}] * 2), "as id in categories"),
    ],
)
def test_what_is_no_coco_file_says_what_one_is(folder, content, message):
    assert message in message_of(written(folder, content))


@pytest.mark.parametrize("content", [b"", b'{"images": [', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_named(tmp_path, content):
    path = tmp_path / "boxes.json"
    path.write_bytes(content)
    assert "boxes.json cannot be read as JSON: " in message_of(path)


# Folders


def test_a_folder_with_one_coco_file_is_one(folder):
    written(folder, value())
    written(folder, {"note": 1}, "other.json")
    data = read_coco_folder(folder, list_folder(folder))
    assert data is not None
    assert len(data) == 2


def test_a_folder_without_a_coco_file_is_none(folder):
    assert read_coco_folder(folder, list_folder(folder)) is None
    written(folder, {"version": "5.0", "shapes": []}, "a.json")
    assert read_coco_folder(folder, list_folder(folder)) is None


def test_a_folder_with_several_coco_files_is_an_error(folder):
    written(folder, value()), written(folder, value(), "more.json")
    with pytest.raises(
        DataError, match=r"holds the COCO files boxes\.json, more\.json: name the one to read"
    ):
        read_coco_folder(folder, list_folder(folder))


def test_a_coco_file_in_a_folder_that_is_cut_off_is_named(folder):
    path = written(folder, value(info={"categories": 1}))
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DataError, match=r"boxes\.json cannot be read as JSON"):
        read_coco_folder(folder, list_folder(folder))
