"""Bad input: one line that says what, expected, found and what to do, exit code 2, and nothing left behind.

All of it runs with TensorFlow blocked: what is wrong is told before seconds are spent on loading it.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeq.files import sha256_file


@pytest.fixture
def refused(edgeq, work, no_tensorflow):
    """Runs a command that must fail in one line and make nothing; returns the line."""

    def run(*arguments: str | Path) -> str:
        before = contents(work)
        result = edgeq(*arguments, **no_tensorflow)
        assert result.code == 2, result
        assert contents(work) == before
        return result.complaint

    return run


def contents(folder: Path) -> dict[str, str]:
    return {str(path): sha256_file(path) if path.is_file() else "" for path in sorted(folder.rglob("*"))}


# Models


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("gone.keras", "gone.keras does not exist: expected .keras, legacy .h5, a SavedModel folder"),
        ("empty.keras", "empty.keras is not a Keras model: expected a zip archive as model.save() writes it"),
        ("text.keras", "text.keras is not a Keras model: expected a zip archive"),
        ("cut.keras", "found a damaged zip archive of 100000 bytes (was the download complete?)"),
        ("other.keras", "other.keras is a zip archive and no Keras model: expected config.json in it"),
        (
            "text.h5",
            "text.h5 is not a Keras model: expected an HDF5 file, found one that begins with b'hello'",
        ),
        ("cut.tflite", "cut.tflite is damaged or cut short"),
        ("text.txt", "text.txt is no model that edgeq reads: expected .keras, legacy .h5"),
        ("folder", "folder is a folder without saved_model.pb"),
    ],
)
def test_what_is_no_model_is_named(refused, work, demo, name, complaint):
    (work / "folder").mkdir()
    for text in ("text.keras", "text.h5", "text.txt"):
        (work / text).write_text("hello")
    (work / "empty.keras").touch()
    (work / "cut.keras").write_bytes(demo.model.read_bytes()[:100_000])
    (work / "cut.tflite").write_bytes((demo.bundle / "fashion_mnist.float32.tflite").read_bytes()[:100_000])
    with zipfile.ZipFile(work / "other.keras", "w") as archive:
        archive.writestr("notes.txt", "x")
    assert complaint in refused("convert", name)


def test_without_tensorflow_the_extra_is_named(refused, demo):
    assert refused("convert", demo.model).endswith(
        'TensorFlow, which is not installed: pip install "edgeq[convert]"'
    )


# Options


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ["--scheme", "int4"],
            "unknown scheme 'int4': expected one of float32, float16, dynamic, int8, int16x8",
        ),
        (["--scheme", "int8"], "scheme int8 needs representative data: add --data FOLDER or --data FILE.npz"),
        (["--io", "int32"], "unknown I/O type 'int32': expected one of float32, int16, int8, uint8"),
        (["--preprocess", "cafe"], "unknown preprocessing 'cafe': expected raw, 0..1, -1..1, torch, caffe, "),
        (
            ["--labels", "gone.txt"],
            "gone.txt does not exist: expected a text file with class names, one a line",
        ),
        (["--name", "../evil"], "the name '../evil' cannot be that of files: expected one without /"),
        (["--name", ""], "the name '' cannot be that of files"),
    ],
)
def test_a_bad_option_is_named(refused, demo, options, complaint):
    assert refused("convert", demo.model, *options).startswith(complaint)


# Data


def data_files(folder: Path, images: np.ndarray) -> None:
    """Every kind of bad data under a name that says what is wrong with it."""
    pixels = images[:200]
    floats = pixels.astype(np.float32)
    floats[[17, 150], 0] = np.nan
    arrays: dict[str, dict[str, Any]] = {
        "empty": {},
        "none": {"image": pixels[:0]},
        "few": {"image": pixels[:9]},
        "equal": {"image": np.repeat(pixels[:1], 200, axis=0)},
        "nan": {"image": floats},
        "objects": {"image": np.array([{}] * 20)},
        "text": {"image": np.array(["a"] * 20)},
        "two": {"image": pixels, "labels": np.array(["a", "b"] * 100)},
        "negative": {"image": pixels, "labels": np.arange(200) - 1},
        "short": {"image": pixels, "labels": np.arange(100)},
    }
    for name, content in arrays.items():
        np.savez(folder / f"{name}.npz", **content)
    (folder / "cut.npz").write_bytes((folder / "nan.npz").read_bytes()[:5000])
    (folder / "photos" / "cat").mkdir(parents=True)
    (folder / "no photos").mkdir()
    Image.new("L", (28, 28)).save(folder / "photos" / "stray.png")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("gone.npz", "gone.npz does not exist: expected a folder of images or WAV files"),
        ("empty.npz", "empty.npz holds no input arrays: expected one array by input name"),
        ("none.npz", "none.npz holds no item: expected at least 10, 100 to 500 are usual"),
        ("few.npz", "few.npz: 9 different calibration items, expected at least 10 (100 to 500 are usual)"),
        ("equal.npz", "equal.npz: 1 different calibration item, expected at least 10"),
        (
            "nan.npz",
            "nan.npz: 2 of 200 items are bad (item 17 of input 'image' holds NaN or infinity; item 150 ",
        ),
        ("objects.npz", "it is no NumPy file, or holds Python objects instead of plain numbers"),
        ("text.npz", "text.npz: input 'image' has dtype <U1, expected numbers"),
        ("two.npz", "two.npz: labels have dtype <U1, expected integers (classes) or floats"),
        ("negative.npz", "negative.npz: expected labels from 0, found -1"),
        ("short.npz", "short.npz: expected 200 labels, found shape [100]"),
        ("cut.npz", "cut.npz cannot be read as .npz: it is damaged"),
        ("photos", "photos has 1 image (stray.png) beside the folder cat: expected one folder a class"),
        (
            "no photos",
            "no photos holds no image and no sound: expected images (.bmp, .gif, .jpeg, .jpg, .png, .webp)",
        ),
    ],
)
def test_bad_calibration_data_are_named(refused, work, demo, name, complaint):
    data_files(work, demo.images)
    assert complaint in refused("convert", demo.model, "--data", name)


def test_data_for_calibration_alone_are_judged_whole(refused, work, demo):
    data_files(work, demo.images)
    complaint = "nan.npz: 2 of 200 items are bad (item 17 of input 'image' holds NaN or infinity; item 150 "
    assert complaint in refused(
        "convert", demo.model, "--calibration", "nan.npz", "--calibration-items", "10"
    )


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("none.npz", "none.npz holds no item"),
        (
            "nan.npz",
            "nan.npz: 2 of 200 items are bad (item 17 of input 'image' holds NaN or infinity; item 150 ",
        ),
        ("shape.npz", "shape.npz: input 'image' expects items of shape [28, 28, 1], found [14, 28, 1]"),
        ("channel.npz", "found [28, 28]: add or drop the channel axis"),
        ("name.npz", "name.npz: expected inputs named image like the model's, found picture"),
        ("many.npz", "many.npz: label 11 is out of range: the model has 10 outputs (0 to 9)"),
        (
            "names.npz",
            "names.npz has 12 classes (a, b, c, …), the model has 10 outputs: expected one class an output",
        ),
        ("chance.npz", "not above chance: the preprocessing or the order of the labels is wrong"),
        ("corrupt", "x.png cannot be read as an image: it is text, expected BMP, GIF, JPEG, PNG, WEBP"),
    ],
)
def test_bad_validation_data_are_named_and_no_drop_is_printed(refused, work, demo, name, complaint):
    data_files(work, demo.images)
    pixels, labels = demo.images[:200], demo.labels[:200]
    np.savez(work / "shape.npz", image=pixels[:, :14])
    np.savez(work / "channel.npz", image=pixels[..., 0])
    np.savez(work / "name.npz", picture=pixels)
    np.savez(work / "many.npz", image=pixels, labels=np.arange(200) % 12)
    np.savez(work / "names.npz", image=pixels, labels=labels, class_names=np.array(list("abcdefghijkl")))
    np.savez(work / "chance.npz", image=pixels, labels=(labels + 1) % 10)
    (work / "corrupt").mkdir()
    (work / "corrupt" / "x.png").write_text("x")
    assert complaint in refused("benchmark", demo.bundle, "--data", name, "--no-latency")


def test_data_that_were_all_calibrated_on_cannot_be_measured_on(refused, demo):
    complaint = refused("benchmark", demo.bundle, "--data", demo.calibration)
    assert complaint.endswith("all 256 items were calibrated on, nothing is left to measure: give other data")


# Bundles and files to measure


@pytest.fixture
def bundle(work, demo) -> Path:
    return Path(shutil.copytree(demo.bundle, work / "net-edgeq"))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("gone", "gone does not exist: expected a bundle or a .tflite file"),
        ("folder", "folder is not a bundle: it holds no bundle.json (edgeq convert makes one)"),
        ("empty.tflite", "empty.tflite is empty: expected a .tflite file; download or convert it again"),
        ("text.tflite", "text.tflite is not a TensorFlow Lite model: expected the identifier TFL3 at byte 4"),
        (
            "model.keras",
            "it is a zip archive, perhaps a .keras model: edgeq convert makes a .tflite of a model",
        ),
        ("cut.tflite", "cut.tflite is damaged or cut short"),
    ],
)
def test_what_cannot_be_measured_is_named(refused, work, demo, name, complaint):
    (work / "folder").mkdir()
    (work / "empty.tflite").touch()
    (work / "text.tflite").write_text("hello, world")
    shutil.copy(demo.model, work / "model.keras")
    (work / "cut.tflite").write_bytes((demo.bundle / "fashion_mnist.int8.tflite").read_bytes()[:50_000])
    assert complaint in refused("benchmark", name)


def test_what_cannot_be_run_is_named(refused, work, demo):
    np.save(work / "item.npy", demo.images[0])
    assert refused("run", "gone.tflite", "item.npy").startswith("gone.tflite does not exist")


def test_an_altered_file_in_a_bundle_is_named(refused, bundle):
    path = bundle / "fashion_mnist.int8.tflite"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    complaint = refused("benchmark", "net-edgeq")
    assert complaint.startswith(
        "net-edgeq/fashion_mnist.int8.tflite was altered or damaged: expected SHA-256"
    )
    assert complaint.endswith("convert the model again")


def test_a_missing_file_of_a_bundle_is_named(refused, bundle):
    (bundle / "parity.npz").unlink()
    assert "net-edgeq is incomplete: parity.npz is missing" in refused("benchmark", "net-edgeq")


def test_a_bundle_of_a_newer_format_says_to_update(refused, bundle):
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(manifest | {"version": 99}))
    assert refused("benchmark", "net-edgeq").endswith(
        "has version 99, this edgeq reads up to 1: update edgeq"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--variant", "int4"], "no variant int4: there are float32, float16, dynamic, int8"),
        (["--baseline-variant", "int4"], "no variant 'int4' to compare with: there are float32, float16"),
        (["--preprocess", "cafe"], "unknown preprocessing 'cafe': expected raw, 0..1, -1..1, torch, caffe, "),
        (["--runtime", "onnx"], "unknown runtime 'onnx': expected one of litert, tflite-runtime"),
        (["--format", "pdf"], "unknown format 'pdf': expected jsonl, json, csv, md, html or github"),
        (["-o", "r.pdf"], "r.pdf: unknown report format 'pdf': expected a file that ends in .jsonl"),
        (["--baseline", "gone.jsonl"], "gone.jsonl: no such file: expected results that 'edgeq benchmark"),
    ],
)
def test_a_bad_option_of_benchmark_is_named(refused, demo, options, complaint):
    assert refused("benchmark", demo.bundle, *options).startswith(complaint)


def test_a_bundle_beside_files_is_refused(refused, demo):
    complaint = refused("benchmark", demo.bundle, demo.bundle / "fashion_mnist.int8.tflite")
    assert complaint.startswith("expected one bundle or several .tflite files, not both")


# Runtimes


def test_without_a_runtime_what_fits_is_named(edgeq, demo, blocked):
    path = blocked("ai_edge_litert", distributions=("ai-edge-litert", "tflite-runtime"))
    for command in (["benchmark", demo.bundle], ["convert", demo.model]):
        run = edgeq(*command, PYTHONPATH=path)
        assert run.code == 2
        assert run.complaint.startswith("no TensorFlow Lite runtime is installed: ")


def test_a_runtime_that_is_installed_and_does_not_load_is_named(edgeq, demo, blocked):
    run = edgeq("benchmark", demo.bundle, "--no-latency", PYTHONPATH=blocked("ai_edge_litert"))
    assert run.code == 2
    assert "ai-edge-litert" in run.complaint
    assert run.complaint.count("does not load here: No module named 'ai_edge_litert'") == 1


def test_a_known_runtime_that_is_not_installed_names_its_extra(edgeq, demo, blocked):
    path = blocked(distributions=("tflite-runtime",))
    run = edgeq("benchmark", demo.bundle, "--runtime", "tflite-runtime", PYTHONPATH=path)
    assert run.code == 2
    assert run.complaint.startswith("tflite-runtime is not installed: ")
