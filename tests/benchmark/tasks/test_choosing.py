from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.tasks.anomaly import Anomaly
from edgeq.benchmark.tasks.base import Task
from edgeq.benchmark.tasks.choosing import TASKS, choose_task
from edgeq.benchmark.tasks.classification import Classification
from edgeq.benchmark.tasks.comparison import Comparison
from edgeq.benchmark.tasks.custom import Custom
from edgeq.benchmark.tasks.detection import Detection
from edgeq.benchmark.tasks.embedding import Embedding
from edgeq.benchmark.tasks.multi_label import MultiLabel
from edgeq.benchmark.tasks.regression import Regression
from edgeq.benchmark.tasks.segmentation import Segmentation
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.truth import Boxes, ClassLabels, Masks, MultiLabels, Targets, Truth
from edgeq.errors import DataError, UsageError

CLASSES = ClassLabels(np.array([0, 1]))
SEVERAL = MultiLabels(np.ones((2, 3), bool))
NUMBERS = Targets(np.zeros((2, 3), np.float32))
MASKS = Masks(values=np.zeros((2, 8, 8), np.uint8))
BOXES = Boxes((), ("cat", "dog", "cow"))

IMAGE = (8, 8, 3)
YOLO = (7, 84)
YOLO_LAYOUT = {"layout": "yolo"}


def choose(truth: Truth | None, *outputs: tuple[int, ...], asked: str | None = None) -> Task:
    shapes = {f"out{index}": shape for index, shape in enumerate(outputs)}
    return choose_task(asked, truth, shapes, {"image": IMAGE}, preparation=ImagePreparation())


@pytest.mark.parametrize(
    ("truth", "shape", "expected"),
    [
        (CLASSES, (3,), Classification(3)),
        (CLASSES, (1, 1, 1001), Classification(1001)),
        (CLASSES, (1,), Classification(2, single=True)),
        (CLASSES, (), Classification(2, single=True)),
        (SEVERAL, (3,), MultiLabel(3)),
        (NUMBERS, (3,), Regression((3,))),
        (NUMBERS, (8, 8, 3), Regression((8, 8, 3))),
        (None, (3,), Classification(3)),
        (None, (1,), Comparison()),
        (None, (8, 8, 3), Comparison()),
    ],
)
def test_labels_and_shapes_tell_the_task(truth: Truth | None, shape: tuple[int, ...], expected: Task) -> None:
    assert choose(truth, shape) == expected


def test_several_outputs_without_labels_are_compared() -> None:
    assert choose(None, (3,), (3,)) == Comparison()


def test_masks_and_boxes_tell_theirs() -> None:
    assert isinstance(choose(MASKS, (8, 8, 5)), Segmentation)
    assert isinstance(choose(BOXES, YOLO), Detection)


def test_what_the_user_says_of_a_detector_is_heard() -> None:
    shapes, inputs = {"out": YOLO}, {"image": IMAGE}
    with pytest.raises(DataError, match="can be read in several ways"):
        choose_task("detection", None, shapes, inputs, preparation=ImagePreparation())
    task = choose_task(
        "detection", None, shapes, inputs, preparation=ImagePreparation(), detector=YOLO_LAYOUT
    )
    assert isinstance(task, Detection)
    assert task.format.layout == "yolo"


@pytest.mark.parametrize(
    ("asked", "truth", "shape", "expected"),
    [
        ("classification", None, (3,), Classification(3)),
        ("multi-label", CLASSES, (3,), MultiLabel(3)),
        ("multi-label", None, (3,), MultiLabel(3)),
        ("regression", CLASSES, (1,), Regression((1,))),
        ("anomaly", CLASSES, (1,), Anomaly()),
        ("anomaly", CLASSES, IMAGE, Anomaly(reconstructs=True)),
        ("embedding", CLASSES, (128,), Embedding(128)),
        ("comparison", CLASSES, (8, 8, 3), Comparison()),
        ("comparison", BOXES, (3,), Comparison()),
    ],
)
def test_users_may_say_it(asked: str, truth: Truth | None, shape: tuple[int, ...], expected: Task) -> None:
    task = choose(truth, shape, asked=asked)
    assert task == expected
    assert task.name == asked


def test_every_name_is_that_of_a_task(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text("metrics = {'m': lambda outputs, truth: outputs[:, 0]}")
    shapes = {"segmentation": (8, 8, 5), "detection": YOLO, "anomaly": (1,)}
    for name in TASKS:
        outputs = {"out": shapes.get(name, (3,))}
        task = choose_task(
            name,
            None,
            outputs,
            {"image": IMAGE},
            preparation=ImagePreparation(),
            custom=script,
            detector=YOLO_LAYOUT,
        )
        assert task.name == name


class TestCustom:
    def test_metrics_of_the_users_own_come_before_what_labels_tell(self, tmp_path: Path) -> None:
        script = tmp_path / "mine.py"
        script.write_text("metrics = {'m': lambda outputs, truth: outputs[:, 0]}")
        task = choose_task(None, CLASSES, {"out": (3,)}, {"x": (2,)}, custom=script)
        assert isinstance(task, Custom)
        assert task.script == script
        assert choose_task(
            "classification", CLASSES, {"out": (3,)}, {"x": (2,)}, custom=script
        ) == Classification(3)

    def test_without_metrics_it_cannot_be_asked_for(self) -> None:
        with pytest.raises(UsageError, match="--task custom needs metrics: give a converter script"):
            choose(CLASSES, (3,), asked="custom")


class TestRefusals:
    def test_an_unknown_name_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(UsageError) as refused:
            choose(CLASSES, (3,), asked="clasification")
        assert str(refused.value) == f"--task clasification is unknown: expected one of {', '.join(TASKS)}"

    @pytest.mark.parametrize(
        ("asked", "truth", "message"),
        [
            ("classification", BOXES, "--task classification needs one class an item, the data have boxes"),
            (
                "multi-label",
                NUMBERS,
                "--task multi-label needs any number of classes an item or one class an item, the data have numbers "
                "to predict",
            ),
            ("detection", MASKS, "--task detection needs boxes, the data have masks"),
        ],
    )
    def test_labels_of_another_kind_are_refused(self, asked: str, truth: Truth, message: str) -> None:
        with pytest.raises(UsageError) as refused:
            choose(truth, (3,), asked=asked)
        assert str(refused.value) == message

    @pytest.mark.parametrize(
        ("asked", "shape", "needed"),
        [
            (
                "classification",
                (8, 8, 3),
                "one output with a score a class, or with a single score for two classes",
            ),
            ("anomaly", (8, 8, 1), "one output with a single score, or of the shape of the only input"),
            ("embedding", (1,), "one output with several numbers an item"),
        ],
    )
    def test_outputs_of_another_shape_are_refused(
        self, asked: str, shape: tuple[int, ...], needed: str
    ) -> None:
        with pytest.raises(UsageError) as refused:
            choose(CLASSES, shape, asked=asked)
        assert str(refused.value) == (
            f"--task {asked} needs {needed}, the model has outputs out0 {list(shape)} and inputs image [8, 8, 3]"
        )

    @pytest.mark.parametrize("outputs", [((8, 8, 3),), ((3,), (3,)), ((10, 1),)])
    def test_outputs_that_do_not_go_with_the_labels_are_refused(
        self, outputs: tuple[tuple[int, ...], ...]
    ) -> None:
        with pytest.raises(
            DataError,
            match=r"the data have one class an item: expected one output with a score a class, .* the model has "
            r"outputs out0 .*; say what it does with --task, or --task comparison",
        ):
            choose(CLASSES, *outputs)

    @pytest.mark.parametrize(("asked", "truth"), [(None, MASKS), (None, BOXES)])
    def test_masks_and_boxes_need_images(self, asked: str | None, truth: Truth) -> None:
        for inputs, preparation in (({"x": (8,)}, ImagePreparation()), ({"image": IMAGE}, None)):
            with pytest.raises(
                DataError, match=r"the data have (masks|boxes): expected images as the only input"
            ):
                choose_task(asked, truth, {"out": (8, 8, 5)}, inputs, preparation=preparation)
