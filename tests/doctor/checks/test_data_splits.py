"""D110 and D111: how data are divided, and whether they come the same way twice."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest
from data_cases import array_case, case_of, demo_case, demo_images, write_pngs

from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import ModelInput
from edgeq.data.reading import read_dataset
from edgeq.data.script import read_script
from edgeq.doctor.checks.data_splits import calibration_overlap, order_dependent

CHECKS = (calibration_overlap, order_dependent)
FEATURES = (ModelInput("a", (6,), "float32"),)


def _script_case(folder: Path, body: str):
    path = folder / "script.py"
    path.write_text("import numpy as np\n\n\n" + textwrap.dedent(body))
    script = read_script(path)
    return case_of(script.read_data(), FEATURES, calibration=script.read_calibration())


def _folder_of_parts(folder: Path, shared: int) -> Path:
    images, labels = demo_images(count=120)
    write_pngs(folder / "train", images[:60], labels[:60] % 2)
    write_pngs(folder / "validation", images[60 - shared : 120], labels[60 - shared : 120] % 2)
    return folder


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_said_of_good_data(check, tmp_path):
    images, labels = demo_images()
    assert not list(check(demo_case(images, labels)))
    other = ArrayDataset({"image": demo_images("calibration")[0]}, demo_images("calibration")[1])
    assert not list(check(demo_case(images, labels, calibration=other)))
    assert not list(check(demo_case(read_dataset(_folder_of_parts(tmp_path, shared=0)))))
    assert not list(check(array_case({"a": np.random.default_rng(0).normal(size=(30, 6))})))


def test_a_bundle_calibrated_on_some_of_the_data_leaves_them_out_by_itself():
    case = demo_case(demo_images()[0])
    case.calibrated_on = frozenset(case.items.digests()[:100])
    assert not list(calibration_overlap(case))


def test_calibration_data_that_are_measured_on_too_are_counted():
    images, _ = demo_images()
    calibration = ArrayDataset({"image": images[250:]}, source="calibration.npz")
    (finding,) = calibration_overlap(demo_case(images, calibration=calibration))
    assert "50 of 300" in finding.message
    assert "calibration.npz" in finding.message
    assert finding.details == {"count": 50, "items": 300}


def test_parts_of_a_folder_that_share_images_are_found(tmp_path):
    (finding,) = calibration_overlap(demo_case(read_dataset(_folder_of_parts(tmp_path, shared=10))))
    assert "10 of 70" in finding.message


GOOD_SCRIPTS = {
    "seeded": """
        def data():
            random = np.random.default_rng(3)
            return {"a": random.normal(size=(40, 6)), "labels": np.arange(40) % 2}
        """,
    "generator": """
        def data():
            for row in np.random.default_rng(3).normal(size=(40, 6)):
                yield {"a": row}
        """,
    "both": """
        def data():
            return {"a": np.random.default_rng(3).normal(size=(40, 6)), "labels": np.arange(40) % 4}

        def calibration():
            return {"a": np.random.default_rng(4).normal(size=(40, 6)), "labels": np.arange(40) // 10}
        """,
}


@pytest.mark.parametrize("name", GOOD_SCRIPTS)
def test_scripts_that_give_the_same_every_time_are_fine(name, tmp_path):
    assert not list(order_dependent(_script_case(tmp_path, GOOD_SCRIPTS[name])))


def test_unseeded_augmentation_gives_other_items(tmp_path):
    case = _script_case(
        tmp_path,
        """
        def data():
            for row in np.random.default_rng(3).normal(size=(40, 6)):
                yield {"a": row + np.random.default_rng().normal()}
        """,
    )
    (finding,) = order_dependent(case)
    assert "other items" in finding.message
    assert finding.details == {"items": 40, "items_again": 40, "kept": 0}
    assert finding.path == tmp_path / "script.py"


def test_an_unseeded_shuffle_gives_another_order(tmp_path):
    case = _script_case(
        tmp_path,
        """
        def data():
            rows = np.random.default_rng(3).normal(size=(40, 6))
            np.random.default_rng().shuffle(rows)
            return {"a": rows}
        """,
    )
    (finding,) = order_dependent(case)
    assert "another order" in finding.message
    assert finding.details["kept"] == 40


def test_an_unseeded_calibration_set_is_found(tmp_path):
    case = _script_case(
        tmp_path,
        """
        def data():
            return {"a": np.random.default_rng(3).normal(size=(40, 6))}

        def calibration():
            return {"a": np.random.default_rng().normal(size=(40, 6))}
        """,
    )
    (finding,) = order_dependent(case)
    assert finding.subject.endswith("calibration()")


def test_a_script_that_can_be_read_only_once_is_found(tmp_path):
    case = _script_case(
        tmp_path,
        """
        from pathlib import Path

        def data():
            Path("used").mkdir()
            return {"a": np.random.default_rng(3).normal(size=(40, 6))}
        """,
    )
    (finding,) = order_dependent(case)
    assert "a second time" in finding.message


def test_the_beginning_of_a_sorted_list_is_no_calibration_set():
    random = np.random.default_rng(0)
    labels = np.sort(np.arange(400) % 8)
    values = random.normal(size=(400, 6))
    first = ArrayDataset({"a": values[:150]}, labels[:150], source="calibration.npz")
    (finding,) = order_dependent(array_case({"a": random.normal(size=(400, 6))}, labels, calibration=first))
    assert "first 3 of 8 classes" in finding.message
    assert finding.subject == "calibration.npz"
