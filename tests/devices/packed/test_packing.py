from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from edgeq.benchmark.targets import Targets, find_targets
from edgeq.data.dataset import ArrayDataset, Dataset
from edgeq.data.reading import read_dataset
from edgeq.devices.packed.archive import INPUTS_NPZ, extract_bundle
from edgeq.devices.packed.code import packed_sources
from edgeq.devices.packed.inputs import PackedInputs, read_inputs
from edgeq.devices.packed.packing import pack_bundle, write_packed
from edgeq.errors import BundleError, DataError, OutputError, UsageError

DEMO = Path(__file__).parents[3] / "edgeq" / "demo"


@pytest.fixture(scope="module")
def targets() -> Targets:
    return find_targets([DEMO / "bundle"])


@pytest.fixture
def data() -> Dataset:
    return read_dataset(DEMO / "test.npz")


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(BytesIO(content))


def unpacked(content: bytes, folder: Path) -> PackedInputs:
    archive = folder / "packed.pyz"
    archive.write_bytes(content)
    _, inputs = extract_bundle(archive, folder)
    assert inputs is not None
    return read_inputs(inputs)


def test_equal_bundles_and_data_give_equal_bytes(targets: Targets, data: Dataset) -> None:
    assert (
        pack_bundle(targets, data=data).content
        == pack_bundle(targets, data=read_dataset(DEMO / "test.npz")).content
    )


def test_200_labelled_inputs_are_packed_as_they_are_stored(
    targets: Targets, data: Dataset, tmp_path: Path
) -> None:
    packed = pack_bundle(targets, data=data)
    assert (packed.items, packed.labelled, packed.notes) == (200, True, ())
    inputs = unpacked(packed.content, tmp_path)
    # Evenly spread over the 2,000 test images, of which none was calibrated on.
    rows = [round(row) for row in np.linspace(0, len(data) - 1, 200)]
    assert inputs.arrays["image"].dtype == np.uint8
    assert (inputs.arrays["image"] == data.raw("image", rows)).all()
    assert (inputs.truth.values == data.truth.values[rows]).all()
    assert inputs.preprocessing == targets.preprocessing


def test_what_the_bundle_was_calibrated_on_is_not_packed(targets: Targets, tmp_path: Path) -> None:
    calibrated = read_dataset(DEMO / "calibration.npz")
    with pytest.raises(DataError, match=r"all .* items were calibrated on"):
        pack_bundle(targets, data=calibrated)
    mixed = ArrayDataset(
        {
            "image": np.concatenate(
                [calibrated.raw("image", range(5)), read_dataset(DEMO / "test.npz").raw("image", range(3))]
            )
        }
    )
    packed = pack_bundle(targets, data=mixed)
    assert packed.items == 3
    assert packed.notes == ("5 of 8 items are left out: the bundle was calibrated on them",)


def test_a_bundle_without_data_is_packed_without_inputs(targets: Targets) -> None:
    packed = pack_bundle(targets)
    assert packed.items == 0
    assert INPUTS_NPZ not in opened(packed.content).namelist()


def test_every_file_of_the_bundle_is_packed_as_it_is(targets: Targets) -> None:
    archive = opened(pack_bundle(targets).content)
    for path in (DEMO / "bundle").iterdir():
        assert archive.read(f"bundle/{path.name}") == path.read_bytes()


def test_every_variant_is_packed_whichever_are_to_be_measured(targets: Targets) -> None:
    assert pack_bundle(targets.only(["int8"])).content == pack_bundle(targets).content


def test_a_lone_file_cannot_be_packed() -> None:
    with pytest.raises(UsageError, match="expected a bundle"):
        pack_bundle(find_targets([next((DEMO / "bundle").glob("*.int8.tflite"))]))


def test_labels_that_only_the_desktop_scores_are_left_out_and_outputs_compared(
    targets: Targets, tmp_path: Path
) -> None:
    images = read_dataset(DEMO / "test.npz").raw("image", range(4))
    masks = np.zeros((4, 28, 28), np.int64)
    packed = pack_bundle(targets, data=ArrayDataset({"image": images}, masks))
    assert not packed.labelled
    assert any("a device cannot score these labels" in note for note in packed.notes)
    assert unpacked(packed.content, tmp_path).task == "comparison"


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [([0, 1, 2], np.int64), ([[1, 0, 1], [0, 0, 1], [1, 1, 1]], bool), ([[0.5], [1.5], [2.5]], np.float32)],
)
def test_labels_come_back_as_they_were(labels: list[object], dtype: type, tmp_path: Path) -> None:
    dataset = ArrayDataset(
        {"x": np.zeros((3, 2), np.float32)}, np.asarray(labels, dtype), class_names=("a", "b")
    )
    path = tmp_path / "inputs.npz"
    preprocessing = find_targets([DEMO / "bundle"]).preprocessing
    path.write_bytes(
        PackedInputs({"x": np.zeros((3, 2), np.float32)}, dataset.truth, preprocessing, None).to_bytes()
    )
    read = read_inputs(path)
    assert type(read.truth) is type(dataset.truth)
    assert read.truth.names == dataset.truth.names
    assert (read.truth.values == dataset.truth.values).all()
    assert read.truth.values.dtype == dataset.truth.values.dtype


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_cut_off_inputs_are_an_error_in_one_line(
    keep: int, targets: Targets, data: Dataset, tmp_path: Path
) -> None:
    content = opened(pack_bundle(targets, data=data, items=5).content).read(INPUTS_NPZ)
    path = tmp_path / "inputs.npz"
    path.write_bytes(content[:keep])
    with pytest.raises(BundleError, match="the packed inputs cannot be read"):
        read_inputs(path)


def test_only_modules_that_measuring_imports_are_packed() -> None:
    sources = packed_sources()
    assert "edgeq/runtime/worker.py" in sources
    assert "edgeq/benchmark/__init__.py" in sources
    unwanted = (
        "edgeq/convert/",
        "edgeq/sources/",
        "edgeq/doctor/",
        "edgeq/cli/",
        "edgeq/layers/",
        "edgeq/demo/",
    )
    assert not [name for name in sources if name.startswith(unwanted)]
    assert sorted(name for name in sources if name.startswith("tflite/")) == [
        "tflite/BuiltinOperator.py",
        "tflite/TensorType.py",
        "tflite/__init__.py",
    ]


def test_nothing_but_a_packed_bundle_is_replaced(targets: Targets, tmp_path: Path) -> None:
    packed = pack_bundle(targets)
    path = tmp_path / "model.pyz"
    write_packed(path, packed)
    write_packed(path, packed)
    precious = tmp_path / "data.npz"
    precious.write_bytes(b"PK and more")
    with pytest.raises(OutputError, match="exists and is no packed bundle"):
        write_packed(precious, packed)
    assert precious.read_bytes() == b"PK and more"


def test_a_packed_bundle_may_be_run_by_whoever_may_read_it(targets: Targets, tmp_path: Path) -> None:
    path = tmp_path / "model.pyz"
    write_packed(path, pack_bundle(targets))
    mode = path.stat().st_mode & 0o777
    assert mode & 0o111 == (mode & 0o444) >> 2
    assert path.read_bytes().startswith(b"#!/usr/bin/env python3\n")
