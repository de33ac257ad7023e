"""``edgeq inspect``: what a file is made of, and how two differ."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tflite.BuiltinOperator import BuiltinOperator
from tflite.Model import Model

from edgeq.bundle import read_bundle


@pytest.fixture
def file(work, demo):
    shutil.copy(demo.bundle / "fashion_mnist.int8.tflite", work / "model.int8.tflite")
    return "model.int8.tflite"


def test_a_file_is_shown_with_what_a_person_asks_first(edgeq, file):
    run = edgeq("inspect", file)
    assert (run.code, run.err) == (0, "")
    for text in (
        "int8 weights",
        "image",
        "zero point −128",
        "XNNPACK takes 15 of 16",
        "CONV_2D",
        "block1_depthwise",
    ):
        assert text in run.out


def test_it_needs_no_tensorflow(edgeq, file, no_tensorflow):
    assert edgeq("inspect", file, **no_tensorflow).code == 0


def test_a_bundle_is_a_table_of_its_variants(edgeq, demo):
    run = edgeq("inspect", demo.bundle, "--no-run", "--json")
    names = [variant.name for variant in read_bundle(demo.bundle).manifest.variants]
    value = json.loads(run.out)
    assert [one["title"] for one in value["files"]] == names
    assert value["bundle"] == "fashion_mnist"
    table = edgeq("inspect", demo.bundle, "--no-run").out
    assert all(name in table for name in names)


def test_a_variant_of_a_bundle_is_shown_whole(edgeq, demo):
    run = edgeq("inspect", demo.bundle, "--variant", "int16x8", "--no-run")
    assert "int16x8: int8 weights, int16 activations" in run.out
    assert "Layers" in run.out


def test_without_a_run_nothing_is_said_of_delegation(edgeq, file):
    (one,) = json.loads(edgeq("inspect", file, "--no-run", "--json").out)["files"]
    assert one["run"] is None
    assert {layer["delegated"] for layer in one["layers"]} == {None}


def test_the_suffix_decides_the_format(edgeq, work, file):
    run = edgeq("inspect", file, "--no-run", "-o", "a.html", "-o", "a.json", "-o", "a.txt")
    assert run.err == "written: a.html\nwritten: a.json\nwritten: a.txt\n"
    assert (work / "a.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((work / "a.json").read_text())["format"] == "edgeq-inspection"
    assert (work / "a.txt").read_text().startswith("model.int8.tflite\n")
    assert run.out.startswith("model.int8.tflite\n")


def test_a_dash_is_json_on_stdout(edgeq, file):
    assert (
        edgeq("inspect", file, "--no-run", "-o", "-").out == edgeq("inspect", file, "--no-run", "--json").out
    )


def test_two_files_are_compared_and_the_exit_code_does_not_say_how(edgeq, demo, file):
    other = demo.bundle / "fashion_mnist.float32.tflite"
    run = edgeq("inspect", other, "--diff", file, "--no-run")
    assert run.code == 0
    assert "fashion_mnist.float32.tflite → model.int8.tflite" in run.out
    assert "Operators: 16 changed" in run.out
    same = edgeq("inspect", file, "--diff", file, "--no-run")
    assert same.code == 0
    assert "The same bytes." in same.out


def test_a_difference_is_written_in_every_format(edgeq, work, demo, file):
    other = demo.bundle / "fashion_mnist.int8-io-float32.tflite"
    run = edgeq("inspect", file, "--diff", other, "--no-run", "--json", "-o", "d.html", "-o", "d.txt")
    assert [layer["operator"] for layer in json.loads(run.out)["difference"]["layers_added"]] == [
        "QUANTIZE",
        "DEQUANTIZE",
    ]
    assert "Only in fashion_mnist.int8-io-float32.tflite" in (work / "d.html").read_text()
    assert "Only in fashion_mnist.int8-io-float32.tflite" in (work / "d.txt").read_text()


def test_bundles_are_compared_by_variant(edgeq, demo):
    run = edgeq("inspect", demo.bundle, "--variant", "int8", "--diff", demo.bundle, "--no-run")
    assert "The same bytes." in run.out


def test_histograms_of_weights_and_of_activations(edgeq, demo, file):
    run = edgeq("inspect", file, "--histograms", "--data", demo.test, "--no-layers", "--json")
    assert run.code == 0
    (one,) = json.loads(run.out)["files"]
    kinds = [histogram["kind"] for histogram in one["histograms"]]
    assert (kinds.count("weights"), kinds.count("activation")) == (12, 17)
    assert one["histogram_items"] == 64
    image = next(item for item in one["histograms"] if item["layer"] == "input image")
    assert (image["minimum"], image["maximum"]) == (0, 255)
    assert sum(image["counts"]) == image["count"] == 64 * 28 * 28


def test_a_preprocessing_changes_what_is_run(edgeq, demo, file):
    arguments = ("inspect", file, "--histograms", "--data", demo.test, "--json", "--preprocess", "0..1")
    (one,) = json.loads(edgeq(*arguments).out)["files"]
    image = next(item for item in one["histograms"] if item["layer"] == "input image")
    assert image["maximum"] == 1


def test_histograms_on_the_terminal_are_bars(edgeq, file):
    run = edgeq("inspect", file, "--histograms", "--no-run", "--no-layers")
    assert "█" in run.out.partition("Weights")[2]


def test_a_file_that_the_runtime_refuses_is_shown_with_the_refusal(edgeq, work, demo):
    content = (demo.bundle / "fashion_mnist.int8.tflite").read_bytes()
    (work / "new.tflite").write_bytes(with_version(content, BuiltinOperator.SOFTMAX, 99))
    run = edgeq("inspect", "new.tflite")
    assert (run.code, run.err) == (0, "")
    warning = run.out.partition("warning: ")[2].partition("\n\n")[0]
    assert "it does not run here" in warning
    assert "'SOFTMAX' version '99'" in warning
    assert "Operators" in run.out
    assert "Layers" in run.out


def with_version(content, operator, version):
    """A file that asks for another version of an operator."""
    model = Model.GetRootAs(content, 0)
    altered = bytearray(content)
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        if code.BuiltinCode() == operator:
            # The third field of the table: places of fields begin at byte 4 of its description, 2 bytes each.
            start = code._tab.Pos + code._tab.Offset(4 + 2 * 2)
            altered[start : start + 4] = version.to_bytes(4, "little")
    assert bytes(altered) != content
    return bytes(altered)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["gone.tflite"], "gone.tflite does not exist"),
        (["empty.tflite"], "empty.tflite is empty"),
        (["damaged.tflite"], "damaged.tflite"),
        (["text.tflite"], "text.tflite"),
        (
            ["model.int8.tflite", "--data", "d.npz"],
            "--data is for histograms of activations: add --histograms",
        ),
        (
            ["model.int8.tflite", "--histograms", "--preprocess", "0..1"],
            "--preprocess is for the items of --data",
        ),
        (["model.int8.tflite", "--histograms", "--data", "d.npz", "--no-run"], "--data runs the file"),
        (["model.int8.tflite", "--variant", "int8"], "--variant is for bundles"),
        (
            ["model.int8.tflite", "--diff", "model.int8.tflite", "--histograms"],
            "--diff compares no histograms",
        ),
        (["model.int8.tflite", "--diff", "gone.tflite", "--no-run"], "gone.tflite does not exist"),
        (["model.int8.tflite", "-o", "a.pdf"], "expected a file that ends in .json, .html or .txt"),
        (["model.int8.tflite", "-o", "gone/a.html"], "the folder gone does not exist; make it first"),
        (["model.int8.tflite", "--histograms", "--data", "other.npz"], "expects items of shape [28, 28, 1]"),
        (["model.int8.tflite", "--runtime", "nosuch"], "nosuch"),
    ],
)
def test_what_is_wrong_is_one_line(edgeq, work, file, arguments, complaint):
    content = (work / file).read_bytes()
    (work / "empty.tflite").touch()
    (work / "text.tflite").write_text("milk, eggs, flour\n")
    (work / "damaged.tflite").write_bytes(content[:3000])
    np.savez(work / "other.npz", image=np.zeros((20, 5, 5, 1), np.float32))
    before = {path.name for path in work.iterdir()}
    run = edgeq("inspect", *arguments)
    assert run.code == 2
    assert complaint in run.complaint
    assert {path.name for path in work.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--variant", "int4"], "no variant int4: there are float32, "),
        (["--diff", "x.tflite"], "--diff compares one file: add --variant with one of float32, "),
        (["--histograms"], "--histograms are of one file: add --variant with one of float32, "),
    ],
)
def test_what_needs_one_variant_says_so(edgeq, demo, arguments, complaint):
    run = edgeq("inspect", demo.bundle, "--no-run", *arguments)
    assert run.code == 2
    assert complaint in run.complaint


def test_html_without_its_packages_is_refused_before_the_work(edgeq, file, blocked):
    run = edgeq("inspect", file, "-o", "a.html", PYTHONPATH=blocked("jinja2"))
    assert run.code == 2
    assert run.complaint.endswith('pip install "edgeq[report]"')


def test_a_reader_that_has_seen_enough_is_no_error(edgeq, file):
    run = edgeq.shell(f"$EDGEQ inspect {file} --no-run | head -1; exit ${{PIPESTATUS[0]}}")
    assert (run.code, run.out, run.err) == (0, "model.int8.tflite\n", "")


def test_the_runtimes_own_words_are_let_through_where_they_are_asked_for(edgeq, file):
    assert "XNNPACK delegate" in edgeq("inspect", file, "-v").err
