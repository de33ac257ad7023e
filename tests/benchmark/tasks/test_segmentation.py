import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import accuracy_score, jaccard_score

from edgeq.benchmark.tasks.segmentation import CLASS, PROBABILITY, SCORES, choose_segmentation
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.truth import Boxes, Masks
from edgeq.errors import DataError

PLAIN = ImagePreparation()
SIDE = 12


def unused():
    raise AssertionError("segmentation needs no inputs")


def masks(seed=0, items=6, classes=4, ignored=0.1):
    """Blocks of classes, some of them ignored."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (items, SIDE // 3, SIDE // 3))
    coarse[rng.random(coarse.shape) < ignored] = 255
    return np.kron(coarse, np.ones((1, 3, 3), int)).astype(np.uint8)


def answers(values, share_right, seed=0, classes=4):
    """Class maps that are right on about a share of the pixels."""
    rng = np.random.default_rng(seed)
    right = (rng.random(values.shape) < share_right) & (values != 255)
    return np.where(right, values, rng.integers(0, classes, values.shape))


def scores_for(classes_of_pixels, classes=4):
    """float32[n, H, W, classes] whose largest is the class."""
    rng = np.random.default_rng(1)
    noise = rng.uniform(0, 0.5, (*classes_of_pixels.shape, classes))
    return (noise + np.eye(classes)[classes_of_pixels]).astype(np.float32)


def chosen(shape=(SIDE, SIDE, 4), names=("sky", "road", "car", "tree"), preparation=PLAIN):
    return choose_segmentation({"map": shape}, preparation, (SIDE, SIDE, 3), names)


def observed(task, output, truth):
    return task.observe({"map": output}, truth, unused)


def scored(task, output, truth, baseline=None):
    theirs = None if baseline is None else observed(task, baseline, truth)
    return task.score(observed(task, output, truth), truth, theirs)


# --- metrics


@pytest.mark.parametrize("seed", range(4))
def test_the_metrics_are_those_of_scikit_learn(seed):
    values = masks(seed)
    guess = answers(values, 0.6, seed)
    truth = Masks(values=values, names=("sky", "road", "car", "tree"))
    score = scored(chosen(), scores_for(guess), truth)
    counted = values != 255
    pair = values[counted], guess[counted]
    miou, accuracy = score.metrics
    assert (miou.key, miou.label, accuracy.key) == ("miou", "mean IoU", "pixel_accuracy")
    assert miou.value.value == pytest.approx(jaccard_score(*pair, average="macro"), abs=1e-12)
    assert accuracy.value.value == pytest.approx(accuracy_score(*pair), abs=1e-12)
    by_class = {one.name: one for one in score.classes}
    shares = jaccard_score(*pair, average=None)
    for index, name in enumerate(truth.names):
        assert by_class[name].metrics["iou"] == pytest.approx(shares[index], abs=1e-12)
        assert by_class[name].n == (values == index).sum()


def test_a_class_that_never_occurs_does_not_count():
    values = masks(classes=2)
    guess = answers(values, 0.7, classes=2)
    truth = Masks(values=values)
    score = scored(chosen(names=()), scores_for(guess), truth)
    counted = values != 255
    expected = jaccard_score(values[counted], guess[counted], average="macro")
    assert score.metrics[0].value.value == pytest.approx(expected, abs=1e-12)
    assert [one.name for one in score.classes] == ["0", "1"]


def test_a_class_that_only_the_model_sees_counts_as_zero():
    values = np.zeros((1, SIDE, SIDE), np.uint8)
    guess = values.astype(int)
    guess[0, 0] = 3
    score = scored(chosen(), scores_for(guess), Masks(values=values))
    assert score.metrics[0].value.value == pytest.approx((11 / 12 + 0) / 2)


def test_observations_of_parts_are_those_of_the_whole():
    values = masks(items=5)
    output, truth, task = scores_for(answers(values, 0.6)), Masks(values=values), chosen()
    whole = observed(task, output, truth)["pixels"]
    parts = [observed(task, output[part], truth.take(part))["pixels"] for part in ([0, 1], [2], [3, 4])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_the_order_of_items_changes_no_value(seed):
    values = masks(seed)
    output, task = scores_for(answers(values, 0.5, seed)), chosen()
    order = np.random.default_rng(seed).permutation(len(values))
    one = scored(task, output, Masks(values=values)).metrics[0].value.value
    other = scored(task, output[order], Masks(values=values[order])).metrics[0].value.value
    assert one == pytest.approx(other, abs=1e-15)


# --- intervals and drop


def test_the_interval_holds_the_value_and_narrows_with_items():
    task = chosen()
    widths = []
    for items in (6, 60):
        values = masks(items=items)
        value = scored(task, scores_for(answers(values, 0.6)), Masks(values=values)).metrics[0].value
        assert value.low < value.value < value.high
        assert value.n == items
        widths.append(value.high - value.low)
    assert widths[1] < widths[0] / 2


def test_the_drop_is_in_percentage_points_and_paired():
    values = masks(items=40)
    good, worse = answers(values, 0.9), answers(values, 0.6)
    score = scored(chosen(), scores_for(worse), Masks(values=values), baseline=scores_for(good))
    alone = [
        scored(chosen(), scores_for(one), Masks(values=values)).metrics[0].value.value
        for one in (good, worse)
    ]
    miou = score.metrics[0]
    assert miou.drop.value == pytest.approx(100 * (alone[0] - alone[1]))
    assert miou.drop.low > 0
    assert miou.p_value < 0.01
    assert miou.drop_unit == "pp"


def test_equal_answers_have_no_drop():
    values = masks()
    output = scores_for(answers(values, 0.7))
    miou = scored(chosen(), output, Masks(values=values), baseline=output).metrics[0]
    assert (miou.drop.value, miou.p_value) == (0, 1)
    assert miou.drop.low <= 0 <= miou.drop.high


def test_the_seed_decides_the_interval():
    values, task = masks(), chosen()
    truth = Masks(values=values)
    pixels = observed(task, scores_for(answers(values, 0.6)), truth)
    assert task.score(pixels, truth, None, seed=1) == task.score(pixels, truth, None, seed=1)
    first, second = (task.score(pixels, truth, None, seed=seed).metrics[0].value for seed in (1, 2))
    assert first != second


def test_without_truth_there_is_nothing_to_score():
    task = chosen()
    seen = observed(task, scores_for(answers(masks(), 0.5)), None)
    assert all(len(rows) == 6 for rows in seen.values())
    assert task.score(seen, None, None).metrics == ()
    assert task.agreement(seen, seen) is None


# --- what outputs are


def test_scores_may_have_the_classes_first():
    values = masks()
    guess = answers(values, 0.6)
    names = ("sky", "road", "car", "tree")
    last, first = chosen(), chosen((4, SIDE, SIDE), names)
    assert first.classes_first
    assert first.size == (SIDE, SIDE)
    truth, output = Masks(values=values), scores_for(guess)
    np.testing.assert_array_equal(
        observed(first, output.transpose(0, 3, 1, 2), truth)["pixels"],
        observed(last, output, truth)["pixels"],
    )


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, SIDE, 1)])
def test_one_probability_a_pixel_is_of_the_second_of_two_classes(shape):
    values = masks(classes=2)
    guess = answers(values, 0.6, classes=2)
    task = chosen(shape, ("background", "crack"))
    assert (task.answer, task.classes) == (PROBABILITY, 2)
    probabilities = np.where(guess == 1, 0.51, 0.5).astype(np.float32).reshape(-1, *shape)
    counted = values != 255
    score = scored(task, probabilities, Masks(values=values))
    expected = jaccard_score(values[counted], guess[counted], average="macro")
    assert score.metrics[0].value.value == pytest.approx(expected)


def test_numbers_of_more_classes_are_the_answer_itself():
    values = masks()
    guess = answers(values, 0.6)
    task = chosen((SIDE, SIDE, 1))
    assert (task.answer, task.classes) == (CLASS, 4)
    np.testing.assert_array_equal(
        observed(task, guess[..., None].astype(np.float32), Masks(values=values))["pixels"],
        observed(chosen(), scores_for(guess), Masks(values=values))["pixels"],
    )


def test_logits_are_no_probabilities():
    task = chosen((SIDE, SIDE, 1), ())
    output = np.linspace(-8, 6, SIDE * SIDE, dtype=np.float32).reshape(1, SIDE, SIDE, 1)
    with pytest.raises(DataError, match=r"output map goes from -8 to 6: expected probabilities"):
        observed(task, output, Masks(values=masks(items=1, classes=2)))


@pytest.mark.parametrize("wrong", [4, -1, 1.5, np.nan])
def test_what_is_no_number_of_a_class_is_refused(wrong):
    output = np.zeros((1, SIDE, SIDE, 1), np.float32)
    output[0, 3, 3] = wrong
    with pytest.raises(DataError, match="expected whole numbers from 0 to 3"):
        observed(chosen((SIDE, SIDE, 1)), output, Masks(values=masks(items=1)))


@pytest.mark.parametrize(
    "shapes", [{}, {"scores": (10,)}, {"one": (SIDE, SIDE, 4), "two": (SIDE, SIDE, 2)}, {"flat": (1, 1, 4)}]
)
def test_other_outputs_are_refused(shapes):
    with pytest.raises(DataError, match="expected one output"):
        choose_segmentation(shapes, PLAIN, (SIDE, SIDE, 3), ())


def test_further_outputs_that_are_no_maps_do_not_matter():
    task = choose_segmentation({"map": (SIDE, SIDE, 4), "label": (10,)}, PLAIN, (SIDE, SIDE, 3), ())
    assert (task.output, task.answer) == ("map", SCORES)


# --- data that do not fit


def test_another_number_of_names_is_refused():
    with pytest.raises(
        DataError, match=r"photos names 2 classes, the model's output map \[12, 12, 4\] tells 4 apart"
    ):
        chosen().check(Masks(values=masks(), names=("a", "b")), {"map": (SIDE, SIDE, 4)}, "photos")


def test_a_class_beyond_the_models_is_refused():
    values = masks()
    values[2, 0, 0] = 4
    with pytest.raises(DataError, match=r"photos has the class 4, the model tells 4 apart \(0 to 3\)"):
        chosen().check(Masks(values=values), {"map": (SIDE, SIDE, 4)}, "photos")


def test_a_file_with_a_class_beyond_the_models_is_named(tmp_path):
    Image.fromarray(np.full((SIDE, SIDE), 7, np.uint8)).save(tmp_path / "street.png")
    truth = Masks(files=(tmp_path / "street.png",))
    chosen().check(truth, {"map": (SIDE, SIDE, 4)}, "photos")
    with pytest.raises(DataError, match=r"street.png has the class 7"):
        observed(chosen(), scores_for(np.zeros((1, SIDE, SIDE), int)), truth)


def test_boxes_are_no_masks():
    with pytest.raises(DataError, match="photos: expected masks, found Boxes"):
        chosen().check(Boxes(()), {"map": (SIDE, SIDE, 4)}, "photos")


def test_bars_of_a_letterbox_do_not_count(tmp_path):
    Image.fromarray(np.ones((20, 40), np.uint8)).save(tmp_path / "wide.png")
    task = chosen(preparation=ImagePreparation(fit="letterbox"))
    guess = np.zeros((1, SIDE, SIDE), int)
    guess[0, 3:9] = 1
    score = scored(task, scores_for(guess), Masks(files=(tmp_path / "wide.png",)))
    assert score.metrics[0].value.value == 1
    assert score.classes[0].n == SIDE * SIDE / 2


# --- soundness


def check_sound(values, guess, names=("sky", "road", "car", "tree")):
    truth, task = Masks(values=values, names=names), chosen()
    task.require_sound(observed(task, scores_for(guess), truth), truth, "float32")


def test_a_model_that_sees_something_is_sound():
    values = masks()
    check_sound(values, answers(values, 0.4))


def test_always_the_commonest_class_is_not_sound():
    values = masks()
    values[:, :8] = 1
    with pytest.raises(
        DataError, match=r"float32 has a mean IoU of .* not above the .* of always answering road"
    ):
        check_sound(values, np.ones(values.shape, int))


@pytest.mark.parametrize(("shift", "word"), [(-1, "lower"), (1, "higher")])
def test_classes_numbered_one_off_are_explained(shift, word):
    values = masks(ignored=0)
    with pytest.raises(DataError, match=f"if the classes in the masks were one {word}"):
        check_sound(values, (values.astype(int) + shift).clip(0, 3))


def test_the_counts_of_another_numbering_are_those_of_renumbered_masks():
    values = masks(ignored=0)
    guess = answers(values, 0.5)
    counts = observed(chosen(), scores_for(guess), Masks(values=values))["pixels"].sum(axis=0)
    for row, shift in ((3, -1), (4, 1)):
        renumbered = values.astype(int) + shift
        for number in range(4):
            assert counts[row, number] == ((values == number) & (renumbered == guess)).sum()
