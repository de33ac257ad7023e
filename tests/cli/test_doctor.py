"""``edgeq doctor`` as a user meets it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import flatbuffers
import numpy as np
import pytest

from edgeq.doctor.rules import RULES


@pytest.fixture
def images(demo, work) -> Path:
    """The demo's calibration images in the working folder, in the range that its model takes."""
    shutil.copy(demo.calibration, work / "images.npz")
    return Path("images.npz")


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def test_a_good_bundle_with_its_data_gets_a_clean_bill(edgeq, work, demo, images):
    # Its dynamic file is slower than float32 on most machines, and said to be.
    run = edgeq("doctor", demo.bundle, "--data", images, "--ignore", "F310")
    assert run.code == 0, run.out
    assert run.out.startswith("nothing found; ")
    assert run.err == ""


def test_an_error_exits_with_1_and_names_rule_and_subject(edgeq, work, demo, images):
    arrays = arrays_of(work / images)
    arrays["image"] = arrays["image"].astype(np.float32)
    arrays["image"][3] = np.nan
    np.savez(work / "broken.npz", **arrays)
    run = edgeq("doctor", demo.bundle, "--data", "broken.npz", "--select", "D")
    assert run.code == 1
    assert "broken.npz: D103 not-finite (error)\n" in run.out


def test_warnings_exit_with_0_and_with_strict_with_1(edgeq, work, demo, images):
    arrays = {
        name: np.concatenate([values, values[:100]]) for name, values in arrays_of(work / images).items()
    }
    np.savez(work / "twice.npz", **arrays)
    arguments = ("doctor", demo.bundle, "--data", "twice.npz", "--select", "D107", "--select", "D101")
    run = edgeq(*arguments)
    assert run.code == 0
    assert "D107 duplicates (warning)" in run.out
    assert edgeq(*arguments, "--strict").code == 1
    assert edgeq(*arguments, "--strict", "--ignore", "D107").code == 0


def test_json_and_github_print_the_same_findings(edgeq, work, demo):
    shutil.copy(demo.bundle / "fashion_mnist.float32.tflite", work / "net.int8.tflite")
    run = edgeq("doctor", "net.int8.tflite", "--json", "--select", "F303")
    assert run.code == 1
    (finding,) = json.loads(run.out)["findings"]
    assert (finding["code"], finding["path"]) == ("F303", "net.int8.tflite")
    github = edgeq("doctor", "net.int8.tflite", "--format", "github", "--select", "F303")
    assert github.code == 1
    assert github.out.startswith("::error file=net.int8.tflite,title=edgeq%3A F303 scheme-not-as-claimed::")
    assert len(github.out.splitlines()) == 1


@pytest.mark.parametrize("rule", [RULES[0], RULES[-1]], ids=lambda rule: rule.code)
def test_explain_prints_the_page_of_a_rule(edgeq, rule):
    for word in (rule.code, rule.code.lower(), rule.name):
        run = edgeq("doctor", "--explain", word)
        assert (run.code, run.err) == (0, "")
        assert run.out.startswith(f"# {rule.code} {rule.name}\n")


def test_explain_lists_all_rules_or_those_of_a_group(edgeq):
    assert [line.split()[0] for line in edgeq("doctor", "--explain", "all").out.splitlines()] == [
        rule.code for rule in RULES
    ]
    assert {line[0] for line in edgeq("doctor", "--explain", "F").out.splitlines()} == {"F"}


def test_fix_writes_a_signed_copy_that_runs_and_leaves_the_original(edgeq, work, demo):
    content = (demo.bundle / "fashion_mnist.int8.tflite").read_bytes()
    (work / "net.int8.tflite").write_bytes(unsigned(content))
    before = (work / "net.int8.tflite").read_bytes()
    run = edgeq("doctor", "net.int8.tflite", "--fix", "--strict")
    assert run.code == 1
    assert "F311 no-signature (warning)" in run.out
    assert (
        run.err
        == "mended: net.int8-fixed.tflite: a signature with the tensors' own names was added; it runs here\n"
    )
    assert (work / "net.int8.tflite").read_bytes() == before
    assert edgeq("doctor", "net.int8-fixed.tflite", "--strict", "--select", "F311").code == 0
    again = edgeq("doctor", "net.int8.tflite", "--fix")
    assert "not mended: net.int8-fixed.tflite exists already" in again.err


def test_fix_writes_data_without_bad_items(edgeq, work, demo, images):
    arrays = arrays_of(work / images)
    arrays["image"] = arrays["image"].astype(np.float32)
    arrays["image"][3, 0, 0] = np.inf
    np.savez(work / "broken.npz", **arrays)
    run = edgeq("doctor", demo.bundle, "--data", "broken.npz", "--select", "D103", "--fix")
    assert run.code == 1
    assert "1 items left out" in run.err
    mended = arrays_of(work / "broken-fixed.npz")
    labels = next(name for name in mended if name not in ("image", "class_names"))
    assert len(mended["image"]) == len(mended[labels]) == len(arrays["image"]) - 1
    assert edgeq("doctor", demo.bundle, "--data", "broken-fixed.npz", "--select", "D103").code == 0


def test_fix_writes_a_preprocessing_for_data_in_the_wrong_range(edgeq, work, demo, images):
    arrays = arrays_of(work / images)
    arrays["image"] = arrays["image"].astype(np.float32) / 255
    np.savez(work / "scaled.npz", **arrays)
    arguments = ("doctor", demo.bundle, "--data", "scaled.npz", "--select", "D104")
    run = edgeq(*arguments, "--fix")
    assert run.code == 1, run.out
    assert "scaled-preprocessing.json" in run.err
    assert edgeq(*arguments, "--preprocess", "scaled-preprocessing.json").code == 0


def test_a_runtime_elsewhere_is_looked_at_too(edgeq, work, demo):
    arguments = ("doctor", demo.bundle, "--select", "F308", "--target-runtime")
    assert edgeq(*arguments, "litert").code == 0
    old = edgeq(*arguments, "tflite-runtime 1.0", "--json")
    assert old.code == 1
    (finding, *_) = json.loads(old.out)["findings"]
    assert finding["code"] == "F308"
    assert "tflite-runtime 1.0" in finding["message"]
    unknown = edgeq(*arguments, "onnxruntime")
    assert unknown.code == 2
    assert unknown.complaint.startswith("unknown runtime 'onnxruntime': expected one of LiteRT")


def test_without_a_target_the_next_step_is_said(edgeq):
    run = edgeq("doctor")
    assert run.code == 2
    assert run.complaint.startswith("expected a model, a bundle or a .tflite file")


@pytest.mark.parametrize("name", ["missing.tflite", "missing"])
def test_a_target_that_is_not_there_is_one_line(edgeq, name):
    run = edgeq("doctor", name)
    assert run.code == 2
    assert name in run.complaint


def test_a_folder_without_a_model_is_one_line_that_names_what_may_be_given(edgeq, work):
    (work / "photos").mkdir()
    run = edgeq("doctor", "photos")
    assert run.code == 2
    assert run.complaint == (
        "photos is a folder without bundle.json and saved_model.pb: expected a model (.keras, legacy .h5, a SavedModel "
        "folder, a converter script), a bundle, or a .tflite"
    )


def test_a_damaged_file_is_one_line(edgeq, work, demo):
    content = (demo.bundle / "fashion_mnist.int8.tflite").read_bytes()
    (work / "cut.tflite").write_bytes(content[: len(content) // 3])
    run = edgeq("doctor", "cut.tflite")
    assert run.code == 2
    assert "cut.tflite" in run.complaint


def test_an_unknown_rule_is_refused_before_the_work(edgeq, demo):
    run = edgeq("doctor", demo.bundle, "--select", "X9")
    assert run.code == 2
    assert run.complaint.startswith("unknown rule 'X9'")


@pytest.mark.tensorflow
def test_a_keras_model_with_its_data_gets_a_clean_bill(edgeq, demo, images):
    run = edgeq("doctor", demo.model, "--data", images)
    assert run.code == 0, run.out
    assert run.out.startswith("nothing found; ")


def unsigned(content: bytes) -> bytes:
    """The file without its signatures."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
