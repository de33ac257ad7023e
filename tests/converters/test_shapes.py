from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

ROOT = Path(__file__).parents[2]
CONVERTERS = ROOT / "converters"
SCRIPTS = ("shapes_detection", "shapes_segmentation")

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def neighbours():
    """The scripts find each other, as if one of them had been started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(CONVERTERS)
        yield


@pytest.fixture(scope="module")
def scenes():
    import shapes_scenes

    return shapes_scenes


@pytest.fixture(scope="module")
def precision():
    import shapes_precision

    return shapes_precision


@pytest.fixture(scope="module")
def detection():
    import shapes_detection

    return shapes_detection


@pytest.fixture(scope="module")
def segmentation():
    import shapes_segmentation

    return shapes_segmentation


@pytest.fixture(params=SCRIPTS)
def script(request):
    return request.getfixturevalue(request.param.removeprefix("shapes_"))


def facts_of(script):
    return json.loads((script.FOLDER / "training.json").read_text())


def run(name, *arguments):
    command = [sys.executable, str(CONVERTERS / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# The scenes.


@given(seeds, st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_a_scene_follows_from_its_seed_and_number(scenes, seed, number):
    first, second = scenes.draw(seed, number), scenes.draw(seed, number)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.objects, second.objects)


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_one_to_four_shapes_are_seen_and_boxes_fit_them_closely(scenes, seed):
    scene = scenes.draw(seed, 0)
    assert (scene.image.dtype, scene.image.shape) == (np.uint8, (96, 96, 3))
    assert 1 <= len(scene.classes) <= 4
    assert scene.boxes.shape == (len(scene.classes), 4)
    for number, (top, left, bottom, right) in enumerate(scene.boxes.astype(int), start=1):
        seen = scene.objects == number
        inside = seen[top:bottom, left:right]
        assert inside.sum() == seen.sum() > 0
        assert all(side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


@given(seeds)
@settings(max_examples=100, deadline=None)
def test_the_mask_has_the_class_of_each_pixel_and_0_for_the_ground(scenes, seed):
    scene = scenes.draw(seed, 0)
    assert scene.mask.dtype == np.uint8
    np.testing.assert_array_equal(scene.mask == 0, scene.objects == 0)
    for number, kind in enumerate(scene.classes, start=1):
        assert set(scene.mask[scene.objects == number]) == {kind + 1}


@given(seeds, st.sampled_from([0, 1, 2]))
@settings(max_examples=60, deadline=None)
def test_a_shape_has_the_area_that_geometry_says(scenes, seed, kind):
    rng = np.random.default_rng(seed)
    radius = rng.uniform(*scenes.RADII)
    area = scenes._shape(kind, *rng.uniform(30, 66, 2), radius, rng.uniform(0, 7)).sum()
    # Corners lose a little of themselves to the smoothing of edges.
    assert area == pytest.approx([np.pi, 2, 3**1.5 / 4][kind] * radius**2, rel=0.03)


def test_the_three_shapes_are_equally_frequent(scenes):
    counts = np.bincount(np.concatenate([scene.classes for scene in scenes.draw_many(7, 300)]))
    assert counts.min() > 0.8 * counts.mean()


def test_no_test_image_is_a_training_image(scenes):
    training = {scene.image.tobytes() for scene in scenes.draw_many(0, 200)}
    assert not training & {scene.image.tobytes() for scene in scenes.draw_many(1, 200)}


# What they write.


def test_coco_writes_images_and_boxes_that_fit_the_shapes(scenes, tmp_path):
    assert run("shapes_detection", "--coco", tmp_path, "--images", 5).returncode == 0
    content = json.loads((tmp_path / "instances.json").read_text())
    drawn = scenes.draw_many(1, 5)
    assert [entry["file_name"] for entry in content["images"]] == [f"{number:06d}.png" for number in range(5)]
    assert {entry["id"]: entry["name"] for entry in content["categories"]} == {
        1: "circle",
        2: "square",
        3: "triangle",
    }
    for entry, scene in zip(content["images"], drawn, strict=True):
        pixels = np.asarray(Image.open(tmp_path / "images" / entry["file_name"]))
        np.testing.assert_array_equal(pixels, scene.image)
        mine = [one for one in content["annotations"] if one["image_id"] == entry["id"]]
        assert [one["category_id"] - 1 for one in mine] == scene.classes.tolist()
        corners = [[y, x, y + height, x + width] for x, y, width, height in (one["bbox"] for one in mine)]
        assert corners == scene.boxes.tolist()
        assert [one["area"] for one in mine] == np.bincount(scene.objects.ravel())[1:].tolist()
    ids = [one["id"] for one in content["annotations"]]
    assert len(ids) == len(set(ids)) > 0


def test_masks_are_grey_images_with_the_class_as_value(scenes, tmp_path):
    assert run("shapes_segmentation", "--masks", tmp_path, "--images", 3).returncode == 0
    for number, scene in enumerate(scenes.draw_many(1, 3)):
        with Image.open(tmp_path / "masks" / f"{number:06d}.png") as mask:
            assert mask.mode == "L"
            np.testing.assert_array_equal(np.asarray(mask), scene.mask)
        pixels = np.asarray(Image.open(tmp_path / "images" / f"{number:06d}.png"))
        np.testing.assert_array_equal(pixels, scene.image)


def test_data_are_written_to_the_cache_once(script, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(script, "TEST_IMAGES", 4)
    folder = script.data()
    assert folder.is_relative_to(tmp_path)
    assert len(list((folder / "images").iterdir())) == 4
    (folder / "images" / "000000.png").unlink()
    assert script.data() == folder
    assert len(list((folder / "images").iterdir())) == 3


def test_a_folder_that_another_process_wrote_meanwhile_is_taken(tmp_path, monkeypatch):
    from training_files import cached_folder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def write(folder):
        (folder / "mine").touch()
        other = tmp_path / "edgeq" / folder.name
        other.mkdir()
        (other / "theirs").touch()

    folder = cached_folder("scenes", [], write)
    assert [path.name for path in folder.iterdir()] == ["theirs"]
    assert list((tmp_path / "edgeq").iterdir()) == [folder]


def test_another_source_makes_another_folder(tmp_path, monkeypatch):
    from training_files import cached_folder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "source.py"
    folders = []
    for text in ("1", "2", "1"):
        source.write_text(text)
        folders.append(cached_folder("scenes", [source], lambda folder: None))
    assert folders[0] == folders[2] != folders[1]


def test_data_that_could_not_be_written_leave_nothing_behind(script, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(script, "TEST_IMAGES", 4)

    def fail(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        script.data()
    assert list((tmp_path / "edgeq").iterdir()) == []


def test_without_options_the_script_says_which_there_are():
    for name in SCRIPTS:
        assert "--train" in run(name).stdout


def test_calibration_has_128_training_images(script, scenes):
    images = script.calibration()
    assert (images.dtype, images.shape) == (np.uint8, (128, 96, 96, 3))
    np.testing.assert_array_equal(images[5], scenes.draw(script.TRAINING_SEED, 5).image)
    assert script.TRAINING_SEED != script.TEST_SEED


@pytest.mark.parametrize("name", SCRIPTS)
def test_importing_a_script_does_not_load_tensorflow(name):
    code = f"import {name}, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=CONVERTERS, check=False).returncode == 0


# What detection is trained on.


def test_targets_are_found_again_as_perfect_detections(detection, scenes, precision):
    drawn = scenes.draw_many(3, 40)
    outputs = np.stack([detection.targets(scene) for scene in drawn])
    truths = [(scene.boxes, scene.classes) for scene in drawn]
    assert precision.mean_average_precision(outputs, truths, 96, 0.95) == 1


def test_every_target_can_be_predicted(detection, scenes):
    """A centre lies less than one cell from the middle of each cell that shall predict it."""
    scale, offset = detection.box_code()
    for scene in scenes.draw_many(3, 40):
        wanted = detection.targets(scene)
        chosen = wanted[:, 4:].any(axis=1)
        sigmoids = ((wanted[:, :4] - offset) / scale)[chosen]
        assert sigmoids.min() > 0
        assert sigmoids.max() < 1


def test_a_mirrored_image_has_mirrored_targets(detection, scenes):
    scene = scenes.draw(3, 1)
    other = scenes.Scene(scene.image[:, ::-1], scene.objects[:, ::-1], scene.classes)
    images, wanted = scene.image[None].repeat(40, 0), detection.targets(scene)[None].repeat(40, 0)
    new_images, new_wanted = detection.mirrored(images, wanted, np.random.default_rng(0))
    turned = (new_images == other.image).all(axis=(1, 2, 3))
    assert 10 < turned.sum() < 30
    np.testing.assert_allclose(new_wanted[turned][0], detection.targets(other), atol=1e-6)
    np.testing.assert_array_equal(new_wanted[~turned][0], wanted[0])


# Its measure.


def output_of(rows):
    """An output float32[N, 7] of boxes ymin, xmin, ymax, xmax in pixels of 100, with a class and a score."""
    result = np.zeros((len(rows), 7), np.float32)
    for row, (top, left, bottom, right, kind, score) in zip(result, rows, strict=True):
        row[:4] = [(left + right) / 200, (top + bottom) / 200, (right - left) / 100, (bottom - top) / 100]
        row[4 + kind] = score
    return result


def test_detections_are_boxes_in_pixels_by_falling_score(precision):
    boxes, scores, classes = precision.detections(
        output_of([[10, 20, 30, 60, 0, 0.25], [50, 50, 90, 70, 2, 0.75]]), 100
    )
    np.testing.assert_allclose(boxes, [[50, 50, 90, 70], [10, 20, 30, 60]], atol=1e-4)
    assert (scores.tolist(), classes.tolist()) == ([0.75, 0.25], [2, 0])


def test_of_overlapping_boxes_of_one_class_the_best_stays(precision):
    rows = [[0, 0, 10, 10, 0, 0.6], [0, 0, 10, 9, 0, 0.9], [0, 0, 10, 9, 1, 0.5], [0, 6, 10, 16, 0, 0.4]]
    _, scores, classes = precision.detections(output_of(rows), 100)
    assert np.round(scores, 3).tolist() == [0.9, 0.5, 0.4]
    assert classes.tolist() == [0, 1, 0]


def test_average_precision_by_hand(precision):
    """Two objects of each class. Class 0: right, wrong, right. Class 1: one of two. Class 2: none."""
    far = [[0, 0, 10, 10], [50, 50, 60, 60]]
    truth = (np.array(far * 3, float), np.repeat([0, 1, 2], 2))
    rows = [
        [*far[0], 0, 0.9],
        [80, 80, 90, 90, 0, 0.8],
        [*far[1], 0, 0.7],
        [*far[0], 1, 0.5],
        [80, 0, 90, 10, 2, 0.5],
    ]
    measured = precision.mean_average_precision(output_of(rows)[None], [truth], 100)
    # Precision is 1 up to half of the recall, 51 of 101 readings, and 2/3 above.
    assert measured == pytest.approx(((51 + 50 * 2 / 3) / 101 + 51 / 101 + 0) / 3)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_average_precision_is_that_of_pycocotools(precision, scenes, seed):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    drawn = scenes.draw_many(seed, 12)
    outputs = np.stack([_blurred(scene, np.random.default_rng([seed, n])) for n, scene in enumerate(drawn)])
    truth = COCO()
    truth.dataset = {**scenes.coco(drawn), "info": {}}
    truth.createIndex()
    found = [
        {"image_id": n + 1, "category_id": int(kind) + 1, "bbox": [x, y, x2 - x, y2 - y], "score": score}
        for n, output in enumerate(outputs)
        for (y, x, y2, x2), score, kind in zip(*precision.detections(output, 96), strict=True)
    ]
    judge = COCOeval(truth, truth.loadRes(found), "bbox")
    judge.evaluate()
    judge.accumulate()
    truths = [(scene.boxes, scene.classes) for scene in drawn]
    for position, threshold in ((0, 0.5), (5, 0.75)):
        expected = judge.eval["precision"][position, :, :, 0, 2].mean()
        assert precision.mean_average_precision(outputs, truths, 96, threshold) == pytest.approx(expected)


def _blurred(scene, rng):
    """An output float32[20, 7] with each box somewhere near, some of another class, and false ones."""
    rows = rng.uniform(0.1, 0.5, (20, 7)).astype(np.float32)
    rows[:, 4:] = np.where(rng.random((20, 3)) < 0.2, rng.random((20, 3)), 0)
    for row, (top, left, bottom, right), kind in zip(rows, scene.boxes / 96, scene.classes, strict=False):
        row[:4] = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
        row[:4] *= rng.uniform(0.9, 1.1, 4)
        row[4 + kind] = rng.random()
    return rows


def test_intersection_over_union_by_hand(segmentation):
    masks = np.array([[[0, 0, 1, 1, 2, 3]]], np.uint8)
    predicted = np.array([[[0, 1, 1, 1, 3, 3]]], np.uint8)
    assert segmentation.intersections_over_unions(predicted, masks).tolist() == pytest.approx(
        [1 / 2, 2 / 3, 0, 1 / 2]
    )


# What ships.


def test_the_weights_that_ship_are_small(script):
    assert (script.FOLDER / "model.keras").stat().st_size < 400_000


def test_no_date_and_no_memory_address_is_in_the_weights(script):
    with zipfile.ZipFile(script.FOLDER / "model.keras") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        text = b"".join(archive.read(entry) for entry in archive.namelist() if entry.endswith(".json"))
    assert b"date_saved" not in text
    assert b"shared_object_id" not in text


@pytest.mark.tensorflow
def test_the_detector_reaches_the_stated_precision(detection, scenes):
    facts, model = facts_of(detection), detection.model()
    drawn = scenes.draw_many(detection.TEST_SEED, facts["test"]["n"])
    assert model.count_params() == facts["parameters"]
    assert sum(len(scene.classes) for scene in drawn) == facts["test"]["objects"]
    assert facts["test"]["map50"] >= 0.8
    # Kernels of another CPU round differently.
    assert detection.precision(model, drawn) == pytest.approx(facts["test"]["map50"], abs=0.002)


@pytest.mark.tensorflow
def test_the_segmentation_reaches_the_stated_iou(segmentation, scenes):
    facts, model = facts_of(segmentation), segmentation.model()
    drawn = scenes.draw_many(segmentation.TEST_SEED, facts["test"]["n"])
    classes = segmentation.intersections_over_unions(
        segmentation.predict(model, drawn), np.stack([scene.mask for scene in drawn])
    )
    assert model.count_params() == facts["parameters"]
    assert facts["test"]["mean_iou"] >= 0.85
    assert dict(zip(segmentation.labels, classes, strict=True)) == pytest.approx(
        facts["test"]["iou"], abs=0.002
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "output", "shape"),
    [
        ("shapes_detection", "detections", (None, 144, 7)),
        ("shapes_segmentation", "class", (None, 96, 96, 4)),
    ],
)
def test_a_model_has_named_ends_and_takes_values_up_to_255(request, name, output, shape):
    script = request.getfixturevalue(name.removeprefix("shapes_"))
    model = script.model()
    assert [(tensor.name, tensor.shape) for tensor in model.inputs] == [("image", (None, 96, 96, 3))]
    assert (model.output_names, model.output_shape) == ([output], shape)
    assert script.preprocess == "raw"
    assert model.layers[1].__class__.__name__ == "Rescaling"


@pytest.mark.tensorflow
def test_outputs_of_the_detector_are_fractions_of_the_image_and_probabilities(detection, scenes):
    outputs = detection.model().predict(detection.images_of(scenes.draw_many(9, 20)), verbose=0)
    assert outputs[..., 4:].min() >= 0
    assert outputs[..., 4:].max() <= 1
    certain = outputs[outputs[..., 4:].max(axis=-1) > 0.5]
    assert certain[:, :2].min() > 0
    assert certain[:, :2].max() < 1
    assert 10 / 96 < certain[:, 2:4].min() <= certain[:, 2:4].max() < 50 / 96


@pytest.mark.tensorflow
def test_saving_a_model_twice_gives_the_same_bytes(script):
    from training_files import model_bytes

    model = script.model()
    assert model_bytes(model) == model_bytes(model)
