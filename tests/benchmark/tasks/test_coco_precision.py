import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgeq.benchmark.tasks.coco_precision import (
    IOU_THRESHOLDS,
    ClassMatches,
    Detections,
    average_precision,
    match,
    mean_average_precision,
)
from edgeq.data.truth import ObjectBoxes
from edgeq.errors import MissingExtraError


def _random_boxes(rng, count):
    corner = rng.uniform(0, 400, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(4, 200, (count, 2))], axis=1)


def scene(seed, images=12, classes=4, crowds=0.1, detections=30, ties=False):
    """Objects and detections of a middling detector: some boxes fit, some are of another class, some are of nothing."""
    rng = np.random.default_rng(seed)
    objects, found = [], []
    for _ in range(images):
        count = int(rng.integers(0, 9))
        boxes, numbers = _random_boxes(rng, count), rng.integers(0, classes, count)
        sides = boxes[:, 2:] - boxes[:, :2]
        areas = sides.prod(axis=1) * rng.uniform(0.3, 1, count)
        objects.append(ObjectBoxes(boxes, numbers, rng.random(count) < crowds, areas, (640, 640)))
        near = boxes + rng.normal(0, 0.06, boxes.shape) * np.tile(sides, 2)
        seen = np.where(rng.random(count) < 0.8, numbers, rng.integers(0, classes, count))
        noise = int(rng.integers(0, detections))
        scores = np.concatenate([rng.uniform(0.2, 1, count), rng.beta(1, 4, noise)])
        found.append(
            Detections(
                np.concatenate([near, _random_boxes(rng, noise)]),
                np.round(scores, 1) if ties else scores,
                np.concatenate([seen, rng.integers(0, classes, noise)]),
            )
        )
    return objects, found


def coco_evaluation(objects, found, copies=None):
    """COCO's evaluation as its users write it; images are there as often as ``copies`` says."""
    copies = np.ones(len(objects), int) if copies is None else copies
    order = np.repeat(np.arange(len(objects)), copies)
    truth, results = [], []
    for image, index in enumerate(order, start=1):
        one, answer = objects[index], found[index]
        for box, number, crowd, area in zip(one.boxes, one.classes, one.crowd, one.areas, strict=True):
            top, left, bottom, right = box.tolist()
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": image,
                    "category_id": int(number) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
        for box, score, number in zip(answer.boxes, answer.scores, answer.classes, strict=True):
            top, left, bottom, right = box.tolist()
            results.append(
                {
                    "image_id": image,
                    "category_id": int(number) + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "score": float(score),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": image + 1} for image in range(len(order))],
            "categories": [{"id": number} for number in range(1, 11)],
            "annotations": truth,
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def precisions(objects, found, classes, weights):
    return np.stack([average_precision(one, weights) for one in match(objects, found, classes)])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ties", [False, True])
def test_every_image_once_is_what_pycocotools_summarizes(seed, ties):
    objects, found = scene(seed, ties=ties)
    precision = precisions(objects, found, 4, np.ones((1, len(objects))))
    evaluation = coco_evaluation(objects, found)
    assert mean_average_precision(precision)[0] == pytest.approx(evaluation.stats[0], abs=1e-9)
    assert mean_average_precision(precision[:, :1])[0] == pytest.approx(evaluation.stats[1], abs=1e-9)
    assert mean_average_precision(precision[:, 5:6])[0] == pytest.approx(evaluation.stats[2], abs=1e-9)


def test_each_class_and_threshold_is_what_pycocotools_accumulates():
    objects, found = scene(7, images=30)
    precision = precisions(objects, found, 4, np.ones((1, 30)))[..., 0]
    theirs = coco_evaluation(objects, found).eval["precision"][:, :, :4, 0, 2]
    np.testing.assert_allclose(precision, theirs.mean(axis=1).T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_whole_weights_are_copies_of_images(seed):
    objects, found = scene(seed, images=8)
    copies = np.random.default_rng(seed).multinomial(8, np.full(8, 1 / 8))
    precision = precisions(objects, found, 4, copies[None].astype(float))
    evaluation = coco_evaluation(objects, found, copies)
    assert mean_average_precision(precision)[0] == pytest.approx(evaluation.stats[0], abs=1e-9)


def test_crowds_are_neither_right_nor_wrong():
    objects, found = scene(3, crowds=0.5, images=20)
    precision = precisions(objects, found, 4, np.ones((1, 20)))
    evaluation = coco_evaluation(objects, found)
    assert mean_average_precision(precision)[0] == pytest.approx(evaluation.stats[0], abs=1e-9)
    assert any(one.ignored.any() for one in match(objects, found, 4))


def test_more_than_a_hundred_detections_of_a_class_are_cut_off():
    objects, found = scene(1, images=3, classes=1, detections=400)
    assert max(len(one.scores) for one in found) > 100
    precision = precisions(objects, found, 1, np.ones((1, 3)))
    assert mean_average_precision(precision)[0] == pytest.approx(
        coco_evaluation(objects, found).stats[0], abs=1e-9
    )


def test_more_images_than_pycocotools_gets_at_a_time_make_no_difference(monkeypatch):
    objects, found = scene(2, images=11)
    whole = precisions(objects, found, 4, np.ones((1, 11)))
    monkeypatch.setattr("edgeq.benchmark.tasks.coco_precision._CHUNK", 4)
    np.testing.assert_array_equal(precisions(objects, found, 4, np.ones((1, 11))), whole)


def test_more_detections_than_fit_at_once_make_no_difference(monkeypatch):
    objects, found = scene(2, images=11)
    weights = np.random.default_rng(0).multinomial(11, np.full(11, 1 / 11), size=9).astype(float)
    whole = precisions(objects, found, 4, weights)
    monkeypatch.setattr("edgeq.benchmark.tasks.coco_precision._ELEMENTS", 100)
    np.testing.assert_allclose(precisions(objects, found, 4, weights), whole, rtol=1e-14)


def test_perfect_detections_have_a_precision_of_one():
    objects, _ = scene(5, crowds=0)
    found = [Detections(one.boxes, np.linspace(1, 0.5, len(one.classes)), one.classes) for one in objects]
    precision = precisions(objects, found, 4, np.ones((1, len(objects))))
    np.testing.assert_array_equal(mean_average_precision(precision), [1.0])


def test_a_detector_that_finds_nothing_has_a_precision_of_zero():
    objects, _ = scene(5)
    nothing = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    precision = precisions(objects, [nothing] * len(objects), 4, np.ones((1, len(objects))))
    np.testing.assert_array_equal(mean_average_precision(precision), [0.0])


def test_a_class_without_objects_does_not_count():
    objects, found = scene(4, classes=3)
    three, six = (precisions(objects, found, classes, np.ones((1, len(objects)))) for classes in (3, 6))
    assert np.isnan(six[3:]).all()
    np.testing.assert_array_equal(mean_average_precision(six), mean_average_precision(three))


def test_without_any_object_there_is_no_precision():
    empty = ObjectBoxes(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0), (10, 10))
    found = Detections(np.array([[0.0, 0, 5, 5]]), np.array([0.9]), np.array([0]))
    assert np.isnan(mean_average_precision(precisions([empty], [found], 2, np.ones((1, 1))))).all()


def test_images_without_weight_leave_no_objects():
    objects, found = scene(0, images=3)
    weights = np.array([[0.0, 0, 0], [1, 1, 1]])
    mean = mean_average_precision(precisions(objects, found, 4, weights))
    assert np.isnan(mean[0])
    assert np.isfinite(mean[1])


@st.composite
def _matches(draw):
    images, detections = draw(st.integers(1, 5)), draw(st.integers(0, 12))
    bits = st.lists(st.booleans(), min_size=detections, max_size=detections)
    found = np.array(draw(bits), bool).reshape(1, -1)
    owner = np.array([draw(st.integers(0, images - 1)) for _ in range(detections)], np.int64)
    missed = np.array([draw(st.integers(0, 3)) for _ in range(images)])
    # No image has more objects found than there are.
    objects = np.bincount(owner, weights=found[0], minlength=images).astype(np.int64) + missed
    return ClassMatches(owner, found, np.array(draw(bits), bool).reshape(1, -1) & ~found, objects)


@settings(deadline=None)
@given(_matches(), st.integers(1, 4))
def test_all_weights_times_a_number_change_nothing(matches, times):
    weights = np.ones((1, len(matches.objects)))
    np.testing.assert_allclose(
        average_precision(matches, times * weights), average_precision(matches, weights), rtol=1e-12
    )


@settings(deadline=None)
@given(_matches(), st.data())
def test_precision_is_between_zero_and_the_recall_of_all(matches, data):
    weights = np.array([[float(data.draw(st.integers(0, 3))) for _ in matches.objects]])
    (precision,) = average_precision(matches, weights)[0]
    objects = weights[0] @ matches.objects
    if objects == 0:
        assert np.isnan(precision)
    else:
        recall = (weights[0][matches.images] @ matches.found[0]) / objects
        # 101 recalls, of which 0 counts as well.
        assert 0 <= precision <= (np.floor(100 * recall + 1e-9) + 1) / 101 + 1e-12


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_dropping_what_comes_after_the_last_find_changes_nothing(seed):
    objects, found = scene(seed, images=4, classes=2)
    useless = Detections(np.array([[500.0, 500, 501, 501]]), np.array([0.0]), np.array([0]))
    more = [
        Detections(*(np.concatenate(pair) for pair in zip(_fields(one), _fields(useless), strict=True)))
        for one in found
    ]
    weights = np.ones((1, 4))
    np.testing.assert_array_equal(
        precisions(objects, found, 2, weights), precisions(objects, more, 2, weights)
    )


def _fields(one):
    return one.boxes, one.scores, one.classes


def test_pycocotools_prints_nothing(capfd):
    objects, found = scene(0, images=2)
    match(objects, found, 4)
    assert capfd.readouterr().out == ""


def test_without_pycocotools_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools.coco", None)
    with pytest.raises(
        MissingExtraError, match=r'pycocotools is not installed: pip install "edgeq\[metrics\]"'
    ):
        match(*scene(0, images=1), 4)


def test_the_thresholds_are_those_of_coco():
    np.testing.assert_array_equal(IOU_THRESHOLDS, COCOeval(iouType="bbox").params.iouThrs)
