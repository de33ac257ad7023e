import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.tasks.detection_decoding import decode, non_maximum_suppression
from edgeq.benchmark.tasks.detection_format import DetectionFormat, deduce_format
from edgeq.errors import DataError
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel

SIZE = (200, 400)  # height and width of the input
# Two objects: ymin, xmin, ymax, xmax as fractions, score, class.
OBJECTS = np.array([[0.1, 0.2, 0.5, 0.6, 0.9, 2], [0.3, 0.7, 0.8, 0.9, 0.7, 0]], np.float32)


def found(decoded):
    """The detections of the only item."""
    (rows,) = decoded
    return rows[rows[:, 4] >= 0]


def assert_objects(decoded):
    np.testing.assert_allclose(found(decoded), OBJECTS, atol=1e-6)


def centres(rows, size=(1, 1)):
    """Boxes as centre x, centre y, width, height."""
    top, left, bottom, right = (rows[:, :4] * (*size, *size)).T
    return np.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], axis=1)


def class_scores(rows, classes):
    scores = np.zeros((len(rows), classes), np.float32)
    scores[np.arange(len(rows)), rows[:, 5].astype(int)] = rows[:, 4]
    return scores


def deduced(outputs, classes, given=None):
    return deduce_format({name: value.shape[1:] for name, value in outputs.items()}, classes, given)


def decoded(outputs, classes=3, given=None):
    batched = {name: np.asarray(value, np.float32)[None] for name, value in outputs.items()}
    return decode(batched, deduced(batched, classes, given), SIZE)


# --- the operator TFLite_Detection_PostProcess


def postprocessed(rows, padding=8):
    """Boxes, classes, scores and count, padded with zeros as the operator does it."""
    padded = np.concatenate([rows, np.zeros((padding, 6), np.float32)])
    return padded[:, :4], padded[:, 5], padded[:, 4], np.array([len(rows)])


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 0, 3, 1), (1, 3, 2, 0)])
def test_outputs_of_the_postprocessing_operator_in_any_order(order):
    parts = postprocessed(OBJECTS)
    assert_objects(
        decoded({f"StatefulPartitionedCall:{place}": parts[part] for place, part in enumerate(order)})
    )


def test_postprocessed_outputs_without_count():
    boxes, classes, scores, _ = postprocessed(OBJECTS)
    assert_objects(decoded({"a": boxes, "b": scores, "c": classes}))


def test_names_tell_classes_from_scores_where_their_values_do_not():
    rows = OBJECTS.copy()
    rows[:, 4], rows[:, 5] = 1, 1  # certain, and all of class 1
    boxes, classes, scores, count = postprocessed(rows)
    result = found(decoded({"scores": scores, "classes": classes, "boxes": boxes, "count": count}))
    np.testing.assert_array_equal(result[:, 4:], [[1, 1], [1, 1]])


def test_classes_are_what_no_score_can_be_where_all_scores_are_one():
    rows = OBJECTS.copy()
    rows[:, 4] = 1
    boxes, classes, scores, count = postprocessed(rows)
    result = found(decoded({"a": scores, "b": classes, "c": boxes, "d": count}))
    np.testing.assert_array_equal(result[:, 4:], [[1, 2], [1, 0]])


def test_what_is_beyond_the_count_is_no_detection():
    boxes, classes, scores, _ = postprocessed(OBJECTS)
    scores = scores.copy()
    scores[2:] = 0.5
    result = decoded({"boxes": boxes, "classes": classes, "scores": scores, "count": np.array([1])})
    np.testing.assert_allclose(found(result), OBJECTS[:1])


def test_an_image_without_detections_has_only_empty_rows():
    boxes, classes, scores, _ = postprocessed(OBJECTS[:0])
    result = decoded({"boxes": boxes, "classes": classes, "scores": scores, "count": np.array([0])})
    assert result.shape == (1, 100, 6)
    assert (result[..., 4] == -1).all()


def test_outputs_whose_shapes_the_file_does_not_say():
    parts = dict(zip(_OPERATOR_OUTPUTS, postprocessed(OBJECTS), strict=True))
    layout = deduce_format(dict.fromkeys(parts, ()), 3)
    outputs = {name: np.asarray(value, np.float32)[None] for name, value in parts.items()}
    assert_objects(decode(outputs, layout, SIZE))


_OPERATOR_OUTPUTS = (
    "TFLite_Detection_PostProcess",
    *(f"TFLite_Detection_PostProcess:{place}" for place in (1, 2, 3)),
)


def test_what_turns_out_to_be_no_detections_is_refused():
    layout = deduce_format(dict.fromkeys(_OPERATOR_OUTPUTS, ()), 3)
    with pytest.raises(DataError, match="are no detections: expected boxes"):
        decode({name: np.zeros((1, 7), np.float32) for name in _OPERATOR_OUTPUTS}, layout, SIZE)


@pytest.mark.tensorflow
@pytest.mark.parametrize("overlap", [0.3, 0.6])
def test_the_operator_itself_suppresses_the_same_boxes(tmp_path, overlap):
    rng = np.random.default_rng(0)
    centre, sides = rng.uniform(0.3, 0.7, (40, 2)), rng.uniform(0.1, 0.5, (40, 2))
    boxes = np.concatenate([centre - sides / 2, centre + sides / 2], axis=1).astype(np.float32)
    scores = rng.uniform(0.01, 1, (40, 3)).astype(np.float32)
    outputs = _run_operator(
        tmp_path / "model.tflite", np.concatenate([centre, sides], axis=1), scores, overlap
    )
    theirs = decode(outputs, deduced(outputs, 3), SIZE)
    ours = decoded({"boxes": boxes, "scores": scores}, given={"overlap": overlap})
    assert len(found(theirs)) > 10
    np.testing.assert_allclose(found(theirs), found(ours), atol=1e-6)


def _run_operator(path, anchors, scores, overlap):
    """Outputs of a real ``TFLite_Detection_PostProcess``, which the converter puts in place of a function."""
    import tensorflow as tf

    numbers = {
        "max_detections": 100,
        "max_classes_per_detection": 1,
        "num_classes": 3,
        "detections_per_class": 100,
    }
    scales = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
    reals = {"nms_score_threshold": 0.001, "nms_iou_threshold": overlap} | scales
    attributes = [("i", key, value) for key, value in numbers.items()]
    attributes += [("f", key, value) for key, value in reals.items()] + [("b", "use_regular_nms", "true")]
    signature = 'name: "TFLite_Detection_PostProcess" ' + " ".join(
        f'attr {{ key: "{key}" value {{ {kind}: {value} }} }}' for kind, key, value in attributes
    )

    @tf.function(experimental_implements=signature)
    def operator(encodings, class_scores, anchors):
        # Values that differ: equal ones would become one output before the operator replaces them.
        return tf.zeros([1, 100, 4]), tf.ones([1, 100]), tf.zeros([1, 100]), tf.zeros([1])

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([1, 40, 3], tf.float32)])
        def __call__(self, given):
            parts = operator(tf.zeros([1, 40, 4]) * given[0, 0, 0], given, tf.constant(anchors, tf.float32))
            return dict(zip(("boxes", "numbers", "certainty", "count"), parts, strict=True))

    model = Model()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [model.__call__.get_concrete_function()], model
    )
    converter.allow_custom_ops = True
    path.write_bytes(converter.convert())
    runner = LoadedModel(path, find_runtime(None), 1)
    ((given,), outputs) = runner.inputs, runner.outputs
    runner.memory_of(given)()[:] = scores[None]
    runner.invoke()
    return {info.name: runner.memory_of(info)().copy() for info in outputs}


# --- YOLO


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("anchors_last", [False, True])
def test_yolo_with_boxes_and_class_scores_in_one_tensor(pixels, anchors_last):
    size = SIZE if pixels else (1, 1)
    tensor = np.concatenate([centres(OBJECTS, size), class_scores(OBJECTS, 3)], axis=1)
    tensor = np.concatenate([tensor, np.full((50, 7), 0.0005)])
    assert_objects(decoded({"output_0": tensor.T if anchors_last else tensor}))


def test_yolo_with_objectness_multiplies_it_with_the_class_score():
    certainty = np.array([[0.95], [0.8]])
    scores = class_scores(OBJECTS, 3) / certainty
    tensor = np.concatenate([centres(OBJECTS, SIZE), certainty, scores], axis=1)
    assert_objects(decoded({"output_0": np.concatenate([tensor, np.zeros((50, 8))])}))


def test_one_box_may_be_of_several_classes():
    scores = np.array([[0.9, 0.0, 0.6]])
    tensor = np.concatenate([centres(OBJECTS[:1]), scores], axis=1)
    assert found(decoded({"x": np.concatenate([tensor, np.zeros((9, 7))])}))[:, 4:].tolist() == [
        [pytest.approx(0.9), 0],
        [pytest.approx(0.6), 2],
    ]


def test_the_unit_of_boxes_can_be_said():
    # Far outside the input, as a detector that was quantized badly may answer: their size does not tell the unit.
    boxes = np.array([[0.5, 0.5, 3.0, 3.5]])
    outputs = {"boxes": boxes, "scores": np.array([[0.9, 0.1]])}
    as_fractions = decoded(outputs, classes=2, given={"units": "fractions"})
    np.testing.assert_allclose(found(as_fractions)[0, :4], boxes[0])
    for said in ({"units": "pixels"}, None):
        np.testing.assert_allclose(
            found(decoded(outputs, 2, said))[0, :4], boxes[0] / [200, 400, 200, 400], rtol=1e-6
        )


def test_rows_of_corners_score_and_class():
    rows = OBJECTS[:, [1, 0, 3, 2, 4, 5]] * np.array([400, 200, 400, 200, 1, 1])
    assert_objects(decoded({"output_0": np.concatenate([rows, np.zeros((298, 6))])}))


# --- SSD


@pytest.mark.parametrize("background", [False, True])
def test_decoded_boxes_and_scores_in_two_tensors(background):
    scores = class_scores(OBJECTS, 3)
    if background:
        scores = np.concatenate([1 - scores.sum(axis=1, keepdims=True), scores], axis=1)
    assert_objects(decoded({"raw_scores": scores, "raw_boxes": OBJECTS[:, :4]}))


def test_overlapping_boxes_of_one_class_leave_the_best():
    near = OBJECTS.copy()
    near[:, :4] += 0.01
    near[:, 4] -= 0.1
    rows = np.concatenate([near, OBJECTS])
    assert_objects(decoded({"boxes": rows[:, :4], "scores": class_scores(rows, 3)}))


def test_offsets_from_anchors_are_refused():
    raw = np.random.default_rng(0).normal(0, 1, (100, 4))
    with pytest.raises(DataError, match="boxes end before they begin"):
        decoded({"boxes": raw, "scores": np.full((100, 4), 0.1)})


def test_logits_are_refused_unless_the_sigmoid_is_named():
    scores = class_scores(OBJECTS, 3).clip(1e-4, 1)
    logits = np.log(scores / (1 - scores))
    outputs = {"boxes": OBJECTS[:, :4], "scores": logits}
    with pytest.raises(DataError, match='"activation": "sigmoid"'):
        decoded(outputs)
    assert_objects(decoded(outputs, given={"activation": "sigmoid"}))


def test_what_is_not_finite_is_no_detection():
    rows = np.concatenate([OBJECTS, OBJECTS[:1], OBJECTS[1:]])
    rows[2, 0], rows[3, 4] = np.nan, np.nan
    rows[2:, 5] = 1
    assert_objects(decoded({"boxes": rows[:, :4], "scores": class_scores(rows, 3)}))


def test_the_hundred_best_remain():
    rng = np.random.default_rng(0)
    corner = np.stack(np.meshgrid(np.arange(20), np.arange(20)), axis=-1).reshape(-1, 2) / 20
    boxes = np.concatenate([corner, corner + 0.04], axis=1)
    scores = rng.uniform(0.1, 0.9, (400, 1)).astype(np.float32)
    result = found(
        decoded({"boxes": boxes, "scores": np.concatenate([1 - scores, scores], axis=1)}, classes=1)
    )
    np.testing.assert_array_equal(result[:, 4], np.sort(scores[:, 0])[::-1][:100])


# --- which format


@pytest.mark.parametrize("classes", range(1, 20))
def test_few_boxes_are_not_taken_for_the_numbers_of_one(classes):
    shapes = {"boxes": (10, 4), "classes": (10,), "scores": (10,), "count": ()}
    assert deduce_format(shapes, classes).layout == "postprocessed"


def test_a_single_class_cannot_be_told_from_rows():
    with pytest.raises(DataError, match=r'several ways with 1 classes: .*"yolo-objectness".* or .*"rows"'):
        deduce_format({"x": (300, 6)}, 1)
    assert deduce_format({"x": (300, 6)}, 1, {"layout": "rows"}).layout == "rows"


def test_without_class_names_the_layout_must_be_said():
    shapes = {"x": (84, 8400)}
    with pytest.raises(DataError, match="an unknown number of classes"):
        deduce_format(shapes, 0)
    found = deduce_format(shapes, 0, {"layout": "yolo"})
    assert found.anchors_last
    assert (found.corners, found.overlap) == ("xywh", 0.7)


def test_scores_of_coco_numbers_with_gaps_need_the_background_to_be_said():
    shapes = {"boxes": (1917, 4), "scores": (1917, 91)}
    with pytest.raises(DataError, match="background"):
        deduce_format(shapes, 80)
    assert deduce_format(shapes, 80, {"background": True, "numbering": "category"}).numbering == "category"


def test_outputs_of_no_detector_are_listed():
    with pytest.raises(DataError, match=r"probabilities \[10\], features \[7, 7, 64\] are no known detector"):
        deduce_format({"probabilities": (10,), "features": (7, 7, 64)}, 10)


def test_four_classes_are_told_from_four_coordinates_by_name():
    found = deduce_format({"class_scores": (50, 4), "locations": (50, 4)}, 4)
    assert (found.boxes, found.scores) == ("locations", "class_scores")


def test_a_format_survives_json():
    one = DetectionFormat("ssd", "a", scores="b", background=True, overlap=0.6, numbering="category")
    assert DetectionFormat.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_a_short_file_takes_the_rest_from_the_layout():
    one = DetectionFormat.from_json({"task": "detection", "layout": "yolo", "boxes": "x"})
    assert (one.corners, one.overlap) == ("xywh", 0.7)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "expected a JSON object, found list"),
        ({"boxes": "x"}, "layout missing"),
        ({"layout": "yolo", "boxes": "x", "size": 3}, "unknown key 'size'"),
        ({"layout": "yolo", "boxes": 3}, "expected boxes to be str, found 3"),
        ({"layout": "yolo", "boxes": "x", "first_class": True}, "expected first_class to be int, found True"),
        ({"layout": "tower", "boxes": "x"}, "expected layout to be one of postprocessed, .*found 'tower'"),
        ({"layout": "yolo", "boxes": "x", "overlap": 0}, "expected an overlap above 0"),
    ],
)
def test_a_wrong_file_is_explained(value, message):
    with pytest.raises(DataError, match=message):
        DetectionFormat.from_json(value)


# --- non-maximum suppression


def overlap_of(one, other):
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    both = np.float32(max(sides[0], 0) * max(sides[1], 0))
    union = np.float32(
        (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both
    )
    return both / union if union > 0 else 0.0


def slow_suppression(boxes, scores, overlap, threshold, limit):
    """Greedy suppression as its definition reads, a class at a time."""
    kept = []
    for number in range(scores.shape[1]):
        chosen = []
        for index in np.argsort(-scores[:, number], kind="stable"):
            if scores[index, number] > threshold and all(
                overlap_of(boxes[index], boxes[other]) <= overlap for other in chosen
            ):
                chosen.append(index)
        kept += [(-scores[index, number], index, number) for index in chosen]
    return [(index, number) for _, index, number in sorted(kept)[:limit]]


@st.composite
def _crowded(draw):
    # On a grid of sixteenths, which float32 holds exactly: no overlap is a matter of rounding.
    count, classes = draw(st.integers(0, 12)), draw(st.integers(1, 3))
    edges = st.tuples(*[st.integers(0, 15)] * 2, *[st.integers(1, 8)] * 2)
    boxes = np.array([draw(edges) for _ in range(count)], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    levels = st.integers(0, 20)
    scores = np.array([[draw(levels) for _ in range(classes)] for _ in range(count)], np.float32) / 20
    return boxes / 16, scores.reshape(count, classes)


@settings(deadline=None)
@given(_crowded(), st.sampled_from([0.3, 0.45, 0.7]), st.integers(1, 20))
def test_suppression_is_greedy_within_each_class(crowded, overlap, limit):
    boxes, scores = crowded
    places, classes = non_maximum_suppression(boxes, scores, overlap, 0.001, limit)
    expected = slow_suppression(boxes, scores, overlap, 0.001, limit)
    assert list(zip(places.tolist(), classes.tolist(), strict=True)) == expected


@settings(deadline=None)
@given(_crowded())
def test_what_was_suppressed_stays_the_same_when_suppressed_again(crowded):
    boxes, scores = crowded
    places, classes = non_maximum_suppression(boxes, scores, 0.5)
    remaining = np.zeros_like(scores)
    remaining[places, classes] = scores[places, classes]
    again = non_maximum_suppression(boxes, remaining, 0.5)
    np.testing.assert_array_equal(again, (places, classes))


@settings(deadline=None)
@given(_crowded())
def test_classes_do_not_suppress_each_other(crowded):
    boxes, scores = crowded
    together = set(zip(*(part.tolist() for part in non_maximum_suppression(boxes, scores, 0.5)), strict=True))
    alone = set()
    for number in range(scores.shape[1]):
        places, _ = non_maximum_suppression(boxes, scores[:, [number]], 0.5)
        alone |= {(place, number) for place in places.tolist()}
    assert together == alone


@pytest.mark.parametrize("levels", [5, 100, 100_000])
def test_going_through_candidates_in_blocks_changes_nothing(monkeypatch, levels):
    rng = np.random.default_rng(levels)
    corner = rng.uniform(0, 0.5, (300, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.2, 0.5, (300, 2))], axis=1).astype(np.float32)
    scores = (rng.integers(0, levels, (300, 3)) / levels).astype(np.float32)
    whole = non_maximum_suppression(boxes, scores, 0.3)
    monkeypatch.setattr("edgeq.benchmark.tasks.detection_decoding._FIRST_CANDIDATES", 20)
    np.testing.assert_array_equal(non_maximum_suppression(boxes, scores, 0.3), whole)
