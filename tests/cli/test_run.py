"""``edgeq run``: predictions of every variant, side by side."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def boot(work, demo) -> str:
    """The first image of the test set, an ankle boot, as a PNG."""
    assert demo.labels[0] == 9
    Image.fromarray(demo.images[0, ..., 0]).save(work / "a photo é.png")
    return "a photo é.png"


def test_every_variant_says_what_is_in_a_photo(edgeq, demo, boot):
    run = edgeq("run", demo.bundle, boot, "--top", "2")
    assert run.code == 0
    assert run.err == ""
    title, header, first, *_ = run.out.splitlines()
    assert title.strip() == boot
    assert header.split() == ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"]
    assert first.count("Ankle boot") == 6


def test_arrays_are_inputs_too(edgeq, work, demo):
    np.save(work / "item.npy", demo.images[0])
    np.save(work / "batch.npy", demo.images[:1].astype(np.float32))
    np.savez(work / "item.npz", image=demo.images[0])
    np.savez(work / "labelled.npz", image=demo.images[:1], labels=demo.labels[:1])
    names = ["item.npy", "batch.npy", "item.npz", "labelled.npz"]
    run = edgeq("run", demo.bundle, *names, "--variant", "int8", "--json", "--top", "1")
    predictions = json.loads(run.out)
    assert [prediction["input"] for prediction in predictions] == names
    tops = [prediction["variants"]["int8"]["top"] for prediction in predictions]
    assert all(top == tops[0] for top in tops)
    assert tops[0][0]["label"] == "Ankle boot"
    assert tops[0][0]["class"] == 9


def test_a_lone_file_has_no_names_but_takes_some(edgeq, work, demo, boot):
    file = demo.bundle / "fashion_mnist.int8.tflite"
    assert "class 9" in edgeq("run", file, boot).out
    (work / "labels.txt").write_text("\ufeff" + "\n".join(f"kind {index}" for index in range(10)) + "\n\n")
    run = edgeq("run", file, boot, "--labels", "labels.txt", "--top", "10")
    assert "kind 9" in run.out
    assert "kind 0" in run.out
    assert "\ufeff" not in run.out


def test_a_name_that_begins_with_a_dash_follows_two_dashes(edgeq, work, demo, boot):
    (work / boot).rename(work / "-boot.png")
    assert "Ankle boot" in edgeq("run", demo.bundle, "--", "-boot.png").out


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("gone.png", "gone.png does not exist: expected an image, a WAV, an .npy or an .npz file"),
        ("folder", "folder is no file: expected an image, a WAV, an .npy or an .npz file"),
        ("text.png", "text.png cannot be read as an image: it is text, expected BMP, GIF, JPEG, PNG, WEBP"),
        (
            "text.txt",
            "text.txt is nothing that edgeq reads: expected an image, a WAV, an .npy or an .npz file",
        ),
        ("object.npy", "object.npy cannot be read as .npy: it is no NumPy file, or holds Python objects"),
        ("nan.npy", "nan.npy: item 0 of input 'image' holds NaN or infinity: give another one"),
        ("two.npy", "two.npy: input 'image' expects one item of shape [28, 28, 1], found [2, 28, 28, 1]"),
        ("name.npz", "name.npz: expected arrays named image, found picture"),
    ],
)
def test_a_bad_input_is_one_line(edgeq, work, demo, name, complaint):
    (work / "folder").mkdir()
    (work / "text.png").write_text("x")
    (work / "text.txt").write_text("x")
    np.save(work / "object.npy", np.array([{}]))
    np.save(work / "nan.npy", np.full((28, 28, 1), np.nan, np.float32))
    np.save(work / "two.npy", demo.images[:2])
    np.savez(work / "name.npz", picture=demo.images[0])
    run = edgeq("run", demo.bundle, name)
    assert run.code == 2
    assert complaint in run.complaint


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--variant", "int4"], "no variant int4: there are float32, float16, dynamic, int8"),
        (["--runtime", "onnx"], "unknown runtime 'onnx': expected one of litert, tflite-runtime"),
        (["--preprocess", "cafe"], "unknown preprocessing 'cafe': expected raw, 0..1, -1..1, torch"),
        (
            ["--labels", "gone.txt"],
            "gone.txt does not exist: expected a text file with class names, one a line",
        ),
        (["--labels", "binary.txt"], "binary.txt is no UTF-8 text: expected class names, one a line"),
        (["--labels", "empty.txt"], "empty.txt holds no labels: expected one a line"),
        (
            ["--labels", "three.txt"],
            "--labels has 3 classes, the model's output has 10: expected one name an output",
        ),
    ],
)
def test_a_bad_option_is_one_line(edgeq, work, demo, boot, options, complaint):
    (work / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (work / "empty.txt").write_text("\n \n")
    (work / "three.txt").write_text("a\nb\nc\n")
    run = edgeq("run", demo.bundle, boot, *options)
    assert run.code == 2
    assert run.complaint.startswith(complaint)
