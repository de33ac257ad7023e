"""Opening a bundle or a bare .tflite as a case, without TensorFlow."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.data.preprocessing import RAW
from edgeq.demo.assets import bundle_path, calibration
from edgeq.doctor.checks.data_reading import unreadable_data
from edgeq.doctor.opening import claimed_by, open_files_case
from edgeq.doctor.rule import DATA
from edgeq.errors import BundleError, EdgeqError, ModelError, UsageError
from edgeq.runtime.running import Ran

sys.path.insert(0, str(Path(__file__).parent / "checks"))


def test_a_bundle_gives_every_variant_with_what_it_claims() -> None:
    case = open_files_case(bundle_path())
    assert case.name == "fashion_mnist"
    assert case.bundle is not None
    assert {file.name: (file.claimed_scheme, file.claimed_io) for file in case.files} == {
        "float32": ("float32", "float32"),
        "float16": ("float16", "float32"),
        "dynamic": ("dynamic", "float32"),
        "int8": ("int8", "int8"),
        "int8-io-float32": ("int8", "float32"),
        "int16x8": ("int16x8", "int16"),
    }
    assert case.float32_file == bundle_path() / "fashion_mnist.float32.tflite"
    assert case.batched == {"image": True}
    assert case.trials is None


def test_chosen_variants_keep_the_float32_file_to_compare_with() -> None:
    case = open_files_case(bundle_path(), variants=("int8",))
    assert [file.name for file in case.files] == ["int8"]
    assert case.float32_file is not None


def test_a_bare_file_claims_what_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "clothes.int16x8.tflite"
    shutil.copy(bundle_path() / "fashion_mnist.int8.tflite", path)
    case = open_files_case(path)
    (file,) = case.files
    assert (case.name, file.claimed_scheme, file.claimed_io) == ("clothes", "int16x8", "int16")
    assert case.float32_file is None
    assert case.preprocessing == RAW
    assert case.batched == {"image": True}


def test_a_bare_float_file_is_its_own_float32_file() -> None:
    path = bundle_path() / "fashion_mnist.float32.tflite"
    assert open_files_case(path).float32_file == path


def test_data_and_preprocessing_that_are_given_count() -> None:
    case = open_files_case(bundle_path(), data=calibration(), preprocess="0..1")
    assert case.preprocessing.name == "0..1"
    assert case.probe is not None


def test_data_for_calibration_alone_are_data_to_look_at() -> None:
    case = open_files_case(bundle_path(), calibration=calibration())
    assert case.has(DATA)
    (feed,) = case.feeds
    assert case.probe is not None
    assert feed.dataset.source == case.probe.dataset.source


def test_items_to_run_files_on_are_of_all_classes_where_data_are_sorted_by_class() -> None:
    data = calibration()
    assert data.labels is not None
    in_order = data.take(np.argsort(data.labels, kind="stable").tolist())
    case = open_files_case(bundle_path(), data=in_order)
    assert case.probe is not None
    assert case.probe.dataset.labels is not None
    assert len(case.probe.dataset) == 64
    assert set(case.probe.dataset.labels.tolist()) == set(range(10))


def test_data_that_cannot_be_read_are_the_cases_problem(tmp_path: Path) -> None:
    case = open_files_case(bundle_path(), data=tmp_path / "missing")
    assert case.dataset is None
    assert "does not exist" in str(case.data_problem)


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("a.int8-io-uint8.tflite", ("int8", "uint8")),
        ("int8", ("int8", "int8")),
        ("net.v2.float16.tflite", ("float16", "float32")),
        ("net.tflite", (None, None)),
        ("int8net.tflite", (None, None)),
        ("", (None, None)),
    ],
)
def test_names_claim_schemes_as_edgeq_writes_them(name: str, claim: tuple[str | None, str | None]) -> None:
    assert claimed_by(name) == claim


def test_what_is_no_bundle_and_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        open_files_case(tmp_path)
    with pytest.raises(ModelError):
        open_files_case(tmp_path / "missing.tflite")
    with pytest.raises(UsageError):
        open_files_case(bundle_path(), variants=("int3",))
    with pytest.raises(EdgeqError):
        open_files_case(bundle_path(), preprocess="upside-down")


def test_a_file_without_signature_is_fed_by_position_with_the_data_of_one_array(tmp_path: Path) -> None:
    spoiling = pytest.importorskip("spoiling", exc_type=ImportError)
    source = bundle_path() / "fashion_mnist.int8.tflite"
    path = spoiling.spoiled(source, tmp_path / "net.int8.tflite", spoiling.without_signatures)
    with np.load(bundle_path().parent / "calibration.npz") as archive:
        np.savez(tmp_path / "data.npz", picture=archive["image"], labels=archive["labels"])
        np.savez(tmp_path / "two.npz", one=archive["image"], other=archive["image"])
    case = open_files_case(path, data=tmp_path / "data.npz")
    assert not list(unreadable_data(case))
    assert case.probe is not None
    assert isinstance(case.ran(case.files[0]), Ran)
    (finding,) = unreadable_data(open_files_case(path, data=tmp_path / "two.npz"))
    assert "expected inputs named" in finding.message
    # A name that was given counts.
    (finding,) = unreadable_data(open_files_case(source, data=tmp_path / "data.npz"))
    assert "expected inputs named image" in finding.message
