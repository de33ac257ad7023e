import contextlib
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgeq.benchmark.tasks.detection import choose_detection
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.truth import Boxes, Masks, ObjectBoxes
from edgeq.errors import DataError, MissingExtraError

NAMES = ("cat", "dog", "bird")
INPUT = (64, 96, 3)
STRETCH = ImagePreparation()
LETTERBOX = ImagePreparation(fit="letterbox")
SLOTS = 40  # detections that the model always writes


def unused():
    raise AssertionError("detection needs no inputs")


def photos(seed=0, images=10, classes=3, crowds=0.1):
    """Objects in images of several sizes, in pixels of the original."""
    rng = np.random.default_rng(seed)
    objects = []
    for _ in range(images):
        size = int(rng.integers(100, 400)), int(rng.integers(100, 400))
        count = int(rng.integers(1, 6))
        corner = rng.uniform(0, 0.6, (count, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(0.1, 0.4, (count, 2))], axis=1) * (*size, *size)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * rng.uniform(0.5, 1, count)
        numbers = rng.integers(0, classes, count)
        objects.append(ObjectBoxes(boxes, numbers, rng.random(count) < crowds, areas, size))
    return Boxes(tuple(objects), NAMES[:classes])


def detected(truth, noise=0.03, seed=0, wrong=0.1):
    """Boxes, classes and scores of a middling detector for each image, in pixels of the original."""
    rng = np.random.default_rng(seed)
    found = []
    for one in truth.objects:
        sides = np.tile(one.boxes[:, 2:] - one.boxes[:, :2], 2)
        boxes = one.boxes + rng.normal(0, noise, one.boxes.shape) * sides
        extra = int(rng.integers(0, 6))
        corner = rng.uniform(0, 0.7, (extra, 2))
        others = np.concatenate([corner, corner + rng.uniform(0.05, 0.3, (extra, 2))], axis=1) * np.tile(
            one.size, 2
        )
        random = rng.integers(0, len(truth.names), len(boxes))
        classes = np.where(rng.random(len(boxes)) < wrong, random, one.classes)
        found.append(
            (
                np.concatenate([boxes, others]).clip(0, np.tile(one.size, 2)),
                np.concatenate([classes, rng.integers(0, len(truth.names), extra)]),
                np.concatenate([rng.uniform(0.4, 1, len(boxes)), rng.uniform(0.05, 0.6, extra)]),
            )
        )
    return found


def letterboxed(boxes, size):
    """Boxes of the original as fractions of an input that holds it between bars."""
    scale = min(INPUT[0] / size[0], INPUT[1] / size[1])
    height, width = int(size[0] * scale + 1e-6), int(size[1] * scale + 1e-6)
    top, left = (INPUT[0] - size[0] * scale) // 2, (INPUT[1] - size[1] * scale) // 2
    placed = boxes * np.tile([height / size[0], width / size[1]], 2) + np.tile([top, left], 2)
    return placed / np.tile(INPUT[:2], 2)


def stretched(boxes, size):
    return boxes / np.tile(size, 2)


def outputs_for(truth, found, place):
    """What ``TFLite_Detection_PostProcess`` would write."""
    boxes = np.zeros((len(found), SLOTS, 4), np.float32)
    classes, scores = np.zeros((2, len(found), SLOTS), np.float32)
    for row, ((corners, numbers, certainty), one) in enumerate(zip(found, truth.objects, strict=True)):
        order = np.argsort(-certainty)
        boxes[row, : len(order)] = place(corners[order], one.size)
        classes[row, : len(order)], scores[row, : len(order)] = numbers[order], certainty[order]
    count = np.array([[len(one[0])] for one in found], np.float32)
    return {"boxes": boxes, "classes": classes, "scores": scores, "count": count}


def detection(truth, preparation=STRETCH, given=None):
    shapes = {"boxes": (SLOTS, 4), "classes": (SLOTS,), "scores": (SLOTS,), "count": (1,)}
    return choose_detection(shapes, preparation, INPUT, truth.names, given)


def observed(task, truth, found=None, place=stretched):
    return task.observe(outputs_for(truth, detected(truth) if found is None else found, place), truth, unused)


def coco_stats(truth, found):
    """What COCO's own evaluation says of the same boxes."""
    annotations, results = [], []
    for image, (one, (boxes, classes, scores)) in enumerate(zip(truth.objects, found, strict=True), start=1):
        for box, number, crowd, area in zip(one.boxes, one.classes, one.crowd, one.areas, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(number) + 1,
                    "bbox": xywh(box),
                }
                | {"area": float(area), "iscrowd": int(crowd)}
            )
        results += [
            {"image_id": image, "category_id": int(number) + 1, "bbox": xywh(box), "score": float(score)}
            for box, number, score in zip(boxes, classes, scores, strict=True)
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": image + 1} for image in range(len(found))],
            "categories": [{"id": number + 1} for number in range(len(truth.names))],
            "annotations": annotations,
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def xywh(box):
    top, left, bottom, right = (float(value) for value in box)
    return [left, top, right - left, bottom - top]


# --- metrics


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("preparation", "place"), [(STRETCH, stretched), (LETTERBOX, letterboxed)])
def test_from_outputs_to_map_as_pycocotools_does_it(seed, preparation, place):
    truth = photos(seed)
    found = detected(truth, seed=seed)
    task = detection(truth, preparation)
    score = task.score(observed(task, truth, found, place), truth, None)
    evaluation = coco_stats(truth, found)
    first, second = score.metrics
    assert (first.key, first.label, second.key, second.label) == ("map", "mAP", "map50", "mAP@0.5")
    # Boxes are float32 on the way, so an overlap exactly at a threshold could fall to the other side.
    assert first.value.value == pytest.approx(evaluation.stats[0], abs=1e-9)
    assert second.value.value == pytest.approx(evaluation.stats[1], abs=1e-9)


def test_the_table_of_classes_has_average_precisions_and_objects():
    truth = photos(5)
    found = detected(truth, seed=5)
    task = detection(truth)
    score = task.score(observed(task, truth, found), truth, None)
    precision = coco_stats(truth, found).eval["precision"][:, :, :, 0, 2]
    for index, one in enumerate(score.classes):
        assert one.name == NAMES[index]
        assert one.n == sum(int(((item.classes == index) & ~item.crowd).sum()) for item in truth.objects)
        assert one.metrics["ap"] == pytest.approx(precision[:, :, index].mean(), abs=1e-9)
        assert one.metrics["ap50"] == pytest.approx(precision[0, :, index].mean(), abs=1e-9)


def test_what_a_crop_cuts_off_is_mapped_beside_the_input():
    # A wide image whose centre the model sees: the middle of the input is the middle of the image.
    size = (100, 300)
    truth = Boxes(
        (ObjectBoxes(np.array([[25.0, 112.5, 75, 187.5]]), np.array([0]), *_plain(1), size),), NAMES[:1]
    )
    task = detection(truth, ImagePreparation(fit="crop"))
    boxes = np.array([[0.25, 0.25, 0.75, 0.75]])
    score = task.score(
        observed(task, truth, [(boxes, np.array([0]), np.array([0.9]))], place=lambda box, _: box),
        truth,
        None,
    )
    assert score.metrics[0].value.value == 1


def _plain(count):
    return np.zeros(count, bool), np.full(count, 1000.0)


def test_boxes_are_cut_at_the_edges_of_the_image():
    size = (100, 100)
    truth = Boxes(
        (ObjectBoxes(np.array([[50.0, 50, 100, 100]]), np.array([0]), *_plain(1), size),), NAMES[:1]
    )
    task = detection(truth)
    over = np.array([[50.0, 50, 180, 180]])
    score = task.score(observed(task, truth, [(over, np.array([0]), np.array([0.9]))]), truth, None)
    assert score.metrics[0].value.value == 1


def test_the_interval_holds_the_value_and_counts_images():
    truth = photos(images=30)
    task = detection(truth)
    for metric in task.score(observed(task, truth), truth, None).metrics:
        assert metric.value.low < metric.value.value < metric.value.high
        assert metric.value.n == 30


def test_the_drop_is_paired_and_in_percentage_points():
    truth = photos(images=40)
    task = detection(truth)
    good, worse = (observed(task, truth, detected(truth, noise)) for noise in (0.02, 0.12))
    metric = task.score(worse, truth, good).metrics[0]
    alone = [task.score(one, truth, None).metrics[0].value.value for one in (good, worse)]
    assert metric.drop.value == pytest.approx(100 * (alone[0] - alone[1]))
    assert metric.drop.low > 0
    assert metric.p_value < 0.01


def test_the_same_detections_have_no_drop():
    truth = photos()
    task = detection(truth)
    rows = observed(task, truth)
    metric = task.score(rows, truth, rows).metrics[0]
    assert (metric.drop.value, metric.p_value) == (0, 1)


def test_the_seed_decides_the_interval():
    truth = photos()
    task = detection(truth)
    rows = observed(task, truth)
    assert task.score(rows, truth, None, seed=1) == task.score(rows, truth, None, seed=1)
    assert task.score(rows, truth, None, seed=1).metrics != task.score(rows, truth, None, seed=2).metrics


def test_observations_of_parts_are_those_of_the_whole():
    truth = photos(images=5)
    task = detection(truth)
    outputs = outputs_for(truth, detected(truth), stretched)
    whole = task.observe(outputs, truth, unused)["detections"]
    parts = [
        task.observe({name: value[part] for name, value in outputs.items()}, None, unused)["detections"]
        for part in (slice(0, 2), slice(2, 3), slice(3, 5))
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.dtype == np.float32
    assert whole.shape == (5, 100, 6)


def test_without_truth_there_is_nothing_to_score():
    truth = photos()
    task = detection(truth)
    rows = observed(task, truth)
    assert task.score(rows, None, None).metrics == ()
    assert task.agreement(rows, rows) is None


def test_a_detection_travels_by_pickle():
    task = detection(photos(), LETTERBOX)
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301 - its own


# --- the numbers of the classes


def numbered(truth, numbers):
    return replace(truth, numbers=numbers)


def recounted(found, table):
    return [(boxes, np.array(table)[classes], scores) for boxes, classes, scores in found]


def test_numbers_with_gaps_are_seen_where_the_model_goes_beyond_the_last_class():
    # The model of three classes answers with COCO-like numbers minus one: 0, 4 and 6.
    truth = numbered(photos(), (1, 5, 7))
    task = detection(truth)
    rows = observed(task, truth, recounted(detected(truth), [0, 4, 6]))
    by_position = task.score(observed(task, truth), truth, None)
    assert task.score(rows, truth, None).metrics == by_position.metrics


def test_the_baseline_decides_how_its_variants_number_classes():
    truth = numbered(photos(), (1, 2, 7))
    task = detection(truth)
    found = recounted(detected(truth), [0, 1, 6])
    # The variant has lost the class that would tell.
    lost = [(boxes, np.where(classes == 6, 1, classes), scores) for boxes, classes, scores in found]
    explicit = detection(truth, given={"numbering": "category"})
    rows, baseline = (observed(task, truth, one) for one in (lost, found))
    assert task.score(rows, truth, baseline).metrics == explicit.score(rows, truth, baseline).metrics


def test_the_first_class_may_have_another_number():
    truth = photos()
    task = detection(truth, given={"first_class": 1})
    rows = observed(task, truth, recounted(detected(truth), [1, 2, 3]))
    plain = detection(truth)
    assert task.score(rows, truth, None).metrics == plain.score(observed(plain, truth), truth, None).metrics


def test_classes_that_the_data_do_not_have_are_left_out():
    truth = photos(classes=2)
    task = detection(truth)
    found = detected(truth)
    more = [
        (
            np.concatenate([boxes, boxes]),
            np.concatenate([classes, classes + 2]),
            np.concatenate([scores, scores]),
        )
        for boxes, classes, scores in found
    ]
    few = [(boxes, classes, scores) for boxes, classes, scores in found]
    assert (
        task.score(observed(task, truth, more), truth, None).metrics
        == task.score(observed(task, truth, few), truth, None).metrics
    )


# --- soundness


def test_a_detector_that_finds_something_is_sound():
    truth = photos()
    task = detection(truth)
    task.require_sound(observed(task, truth), truth, "float32")


def test_x_and_y_exchanged_are_explained():
    # Wide and low boxes, which fit nothing once they are narrow and high.
    size, wide = (100, 300), np.array([[40.0, 10, 60, 290]])
    one = ObjectBoxes(wide, np.array([0]), *_plain(1), size)
    truth = Boxes((one,) * 20, NAMES[:1])
    task = detection(truth)
    found = [(wide, np.array([0]), np.array([0.9]))] * 20
    rows = observed(task, truth, found, place=lambda boxes, size: stretched(boxes, size)[:, [1, 0, 3, 2]])
    with pytest.raises(
        DataError,
        match=r"float32 has a mAP@0.5 of 0.000 on 20 images: it would be 1.000 if x and y were exchanged",
    ):
        task.require_sound(rows, truth, "float32")


def test_another_order_of_the_classes_is_explained():
    truth = photos(images=20)
    task = detection(truth)
    rows = observed(task, truth, recounted(detected(truth, wrong=0), [2, 0, 1]))
    with pytest.raises(DataError, match=r"if classes did not matter: their order is not the model's"):
        task.require_sound(rows, truth, "float32")


def test_a_first_class_that_is_another_is_explained():
    truth = photos(images=20)
    task = detection(truth)
    rows = observed(task, truth, recounted(detected(truth, wrong=0), [1, 2, 3]))
    with pytest.raises(DataError, match=r'if the model.s first class were number 1 .*"first_class": 1'):
        task.require_sound(rows, truth, "float32")


def test_numbers_of_the_annotation_file_are_explained_where_they_are_not_seen():
    truth = numbered(photos(images=20), (1, 3, 4))
    task = detection(truth)
    # The third class is the model's number 3, but it has not found any of it.
    found = [
        (boxes[classes < 2], np.array([0, 2])[classes[classes < 2]], scores[classes < 2])
        for boxes, classes, scores in detected(truth, wrong=0)
    ]
    with pytest.raises(DataError, match=r'if classes were numbered by category .*"numbering": "category"'):
        task.require_sound(observed(task, truth, found), truth, "float32")
    explicit = detection(truth, given={"numbering": "category"})
    explicit.require_sound(observed(explicit, truth, found), truth, "float32")


def test_boxes_of_nothing_are_explained():
    truth = photos()
    task = detection(truth)
    nowhere = [(np.array([[0.0, 0, 1, 1]]), np.array([0]), np.array([0.9]))] * len(truth)
    with pytest.raises(DataError, match=r"mAP@0.5 of 0.000 on 10 images: the preprocessing is wrong"):
        task.require_sound(observed(task, truth, nowhere), truth, "float32")


# --- data that do not fit


def test_masks_are_no_boxes():
    with pytest.raises(DataError, match="photos: expected boxes, found Masks"):
        detection(photos()).check(Masks(), {}, "photos")


def test_data_without_objects_are_refused():
    truth = photos(crowds=1.1)
    with pytest.raises(DataError, match="photos has no object in 10 images"):
        detection(truth).check(truth, {}, "photos")


def test_numbering_by_category_needs_numbers():
    truth = photos()
    with pytest.raises(DataError, match="photos has no numbers of classes"):
        detection(truth, given={"numbering": "category"}).check(truth, {}, "photos")


def test_a_missing_pycocotools_is_found_before_anything_is_measured(monkeypatch):
    truth = photos()
    detection(truth).check(truth, {}, "photos")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"edgeq\[metrics\]"):
        detection(truth).check(truth, {}, "photos")
