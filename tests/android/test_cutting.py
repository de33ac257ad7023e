from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgeq.android.choosing import named_variants
from edgeq.android.cutting import LABELS, write_cut
from edgeq.android.runtimes import TENSORFLOW_LITE, RuntimeVersion
from edgeq.bundle import Bundle, read_bundle
from edgeq.errors import BundleError


def cut(bundle: Bundle, folder: Path, *names: str, min_runtime: str | None = None):
    asked = None if min_runtime is None else RuntimeVersion(TENSORFLOW_LITE, min_runtime)
    return write_cut(bundle, named_variants(bundle.manifest, names), folder / "cut", asked)


def with_labels(bundle: Bundle, *labels: str) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, labels=labels))


def test_it_is_a_bundle_with_the_chosen_variants_in_their_order(demo_bundle: Bundle, tmp_path: Path) -> None:
    cut(demo_bundle, tmp_path, "int8", "float32")
    found = read_bundle(tmp_path / "cut")
    assert [variant.name for variant in found.manifest.variants] == ["int8", "float32"]
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(
        [
            "bundle.json",
            "parity.npz",
            "labels.txt",
            "fashion_mnist.int8.tflite",
            "fashion_mnist.float32.tflite",
        ]
    )
    for name in ("inputs", "preprocessing", "labels", "calibration", "task", "batched"):
        assert getattr(found.manifest, name) == getattr(demo_bundle.manifest, name)
    assert found.manifest.variants[1] == demo_bundle.manifest.variants[0]


def test_parity_is_cut_to_the_variants(demo_bundle: Bundle, tmp_path: Path) -> None:
    cut(demo_bundle, tmp_path, "int8")
    whole, part = demo_bundle.parity(), read_bundle(tmp_path / "cut").parity()
    assert set(part.stored) == {"int8"}
    assert np.array_equal(part.stored["int8"]["class"], whole.stored["int8"]["class"])
    assert np.array_equal(part.inputs["image"], whole.inputs["image"])
    assert np.array_equal(part.reference["class"], whole.reference["class"])


def test_a_converted_variant_says_so(demo_bundle: Bundle, tmp_path: Path) -> None:
    made = cut(demo_bundle, tmp_path, "dynamic", "int8", min_runtime="2.16.1")
    assert set(made.changes) == {"dynamic"}
    said = read_bundle(tmp_path / "cut").manifest.provenance["android"]
    assert said["min_runtime"] == "TensorFlow Lite 2.16.1"
    assert said["converted"] == made.changes


def test_equal_bundles_are_equal_bytes(demo_bundle: Bundle, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
        cut(demo_bundle, folder, "int8")
    one, other = ({path.name: path.read_bytes() for path in (folder / "cut").iterdir()} for folder in folders)
    assert one == other


def test_labels_are_one_a_line(demo_bundle: Bundle, tmp_path: Path) -> None:
    cut(demo_bundle, tmp_path, "int8")
    lines = (tmp_path / "cut" / LABELS).read_text().splitlines()
    assert tuple(lines) == demo_bundle.manifest.labels


def test_a_label_with_a_line_break_shifts_no_others(demo_bundle: Bundle, tmp_path: Path) -> None:
    labels = ("a", "b\r\nc", "d\u2028", "e")
    made = cut(with_labels(demo_bundle, *labels), tmp_path, "int8")
    assert (tmp_path / "cut" / LABELS).read_bytes() == b"a\nb  c\nd \ne\n"
    assert made.bundle.manifest.labels == labels
    assert made.notes == (
        "label 1 has a line break, which is a blank in labels.txt; bundle.json has it as it is",
    )


def test_a_model_without_labels_has_no_label_file(demo_bundle: Bundle, tmp_path: Path) -> None:
    cut(with_labels(demo_bundle), tmp_path, "int8")
    assert not (tmp_path / "cut" / LABELS).exists()


def test_a_label_that_is_no_text_is_refused(demo_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has a name that is no Unicode text"):
        cut(with_labels(demo_bundle, "\ud800"), tmp_path, "int8")
    assert not (tmp_path / "cut").exists()
