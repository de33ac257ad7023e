"""``edgeq android`` as a user meets it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.report.results import read_results

BUILD_FILE = """\
plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "com.example.clothes"
}
"""
ASSETS = "app/src/main/assets/edgeq"


@pytest.fixture
def app(work: Path) -> Path:
    """A project with one module."""
    module = work / "app"
    (module / "src" / "main").mkdir(parents=True)
    (module / "build.gradle.kts").write_text(BUILD_FILE)
    return module


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_lists_what_it_put_and_says_what_comes_next(edgeq, work, demo, app):
    run = edgeq("android", demo.bundle, "--into", "app")
    assert run.code == 0
    assert run.out.splitlines()[0] == (
        "fashion_mnist: int8 by the rule: the first of int8, int8-io-uint8, int8-io-float32, dynamic, float16, float32 "
        "that the bundle has"
    )
    assert f"100.4 kB  {ASSETS}/fashion_mnist.int8.tflite" in run.out
    assert "app/src/main/java/com/example/clothes/EdgeqModel.kt" in run.out
    assert 'added      androidResources { noCompress += "tflite" } to app/build.gradle.kts' in run.out
    assert "nothing was measured: --results FILE.jsonl" in run.err
    assert 'next: implementation("org.tensorflow:tensorflow-lite:2.16.1")' in run.err
    assert "EdgeqModel.INT8.asset" in run.err


def test_what_is_in_the_app_can_be_measured(edgeq, work, demo, app):
    edgeq("android", demo.bundle, "--into", app, "--variant", "int8", "--variant", "float32")
    run = edgeq("benchmark", ASSETS, "--quick", "--threads", "1", "-o", "results.jsonl")
    assert run.code == 0, run.err
    found = {one.variant.name: one.parity for one in read_results([work / "results.jsonl"])}
    assert found.keys() == {"int8", "float32"}
    assert all(parity is not None and parity.passed for parity in found.values())


def test_json_says_the_same(edgeq, demo, app):
    run = edgeq(
        "android", demo.bundle, "--into", "app", "--variant", "dynamic", "--min-runtime", "2.16.1", "--json"
    )
    said = json.loads(run.out)
    (variant,) = said["variants"]
    assert variant["constant"] == "EdgeqModel.DYNAMIC"
    assert variant["needs"]["tensorflow_lite"] == "2.4.0"
    assert variant["change"].startswith("a dense layer got one scale, ")
    assert said["package"] == "com.example.clothes"
    assert {Path(file["path"]).name for file in said["files"]} == {
        *("bundle.json", "fashion_mnist.dynamic.tflite", "labels.txt", "parity.npz", "EdgeqModel.kt")
    }
    assert said["gradle"]["problem"] == ""


def test_results_decide(edgeq, demo, app, results):
    run = edgeq("android", demo.bundle, "--into", "app", "--results", results)
    if run.code == 2:
        # 200 images for a moment may be too few to say.
        assert "the results recommend no variant: " in run.complaint
        assert not (app / "src/main/assets").exists()
    else:
        assert "Ship " in run.out.splitlines()[0]
        assert "nothing was measured" not in run.err


def test_a_build_file_that_cannot_be_edited_costs_a_line_to_add(edgeq, demo, app):
    (app / "build.gradle.kts").write_text(BUILD_FILE.replace("android {", "configure<X> {"))
    run = edgeq("android", demo.bundle, "--into", "app")
    assert run.code == 3
    assert (
        "warning: app/build.gradle.kts was left as it is, for it has no block android { } at its top level: add the "
        'line android { androidResources { noCompress += "tflite" } } yourself'
    ) in run.err
    assert (app / "src/main/assets/edgeq/bundle.json").is_file()


def test_what_a_person_changed_is_overwritten_with_force_only(edgeq, demo, app):
    edgeq("android", demo.bundle, "--into", "app")
    source = app / "src/main/java/com/example/clothes/EdgeqModel.kt"
    source.write_text(source.read_text() + "// mine\n")
    before = snapshot(app)
    run = edgeq("android", demo.bundle, "--into", "app", "--variant", "float16")
    assert run.code == 2
    assert run.complaint.endswith("move it away, or overwrite it with --force")
    assert snapshot(app) == before
    assert edgeq("android", demo.bundle, "--into", "app", "--variant", "float16", "--force").code == 0
    assert "// mine" not in source.read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "expected --into APP, --new DIR or --metadata-to DIR: where the bundle is to go"),
        (["--into", "app", "--new", "x"], "expected --into APP or --new DIR, not both"),
        (["--new", "x", "--force"], "--force goes with --into: a new app overwrites nothing"),
        (
            ["--into", "app", "--variant", "int4"],
            "no variant int4: there are float32, float16, dynamic, int8",
        ),
        (["--into", "app", "--variant", ""], "no variant '': there are float32"),
        (
            ["--into", "gone"],
            "gone: expected the folder of an Android app's module, found nothing of that name",
        ),
        (
            ["--into", "notes"],
            "notes: expected a module of an Android app: a build.gradle(.kts) that applies",
        ),
        (["--new", "notes"], "notes is not an empty folder: name a new one"),
        (
            ["--into", "app", "--min-runtime", "new"],
            "--min-runtime 'new': expected a version of TensorFlow Lite",
        ),
        (
            ["--into", "app", "--variant", "dynamic", "--min-runtime", "2.3.0"],
            "dynamic cannot run on TensorFlow Lite 2.3.0, also once a dense layer got one scale: CONV_2D version",
        ),
        (["--into", "app", "--results", "gone.jsonl"], "gone.jsonl: no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_nothing_is_written(edgeq, work, demo, app, arguments, complaint):
    (work / "notes").mkdir()
    (work / "notes" / "todo.txt").write_text("milk")
    before = snapshot(work)
    run = edgeq("android", demo.bundle, *arguments)
    assert run.code == 2
    assert run.complaint.startswith(complaint)
    assert snapshot(work) == before


def test_an_altered_bundle_is_refused(edgeq, work, demo, app):
    shutil.copytree(demo.bundle, work / "bundle")
    model = work / "bundle" / "fashion_mnist.int8.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    run = edgeq("android", "bundle", "--into", "app")
    assert run.code == 2
    assert "was altered or damaged" in run.complaint
    assert not (app / "src/main/assets").exists()


def test_metadata_that_cannot_be_written_leaves_the_app_done(edgeq, work, demo, app):
    run = edgeq("android", demo.bundle, "--into", "app", "--variant", "int8", "--metadata-to", "described")
    assert run.code == 3
    assert f"{ASSETS}/fashion_mnist.int8.tflite" in run.out
    assert "warning: no copies with metadata: no file can have metadata: int8: its input is int8" in run.err
    assert not (work / "described").exists()


def test_the_demo_app_keeps_its_baseline_and_gets_no_class(edgeq, work, demo):
    assert edgeq("android", demo.bundle, "--new", "NewDemo").code == 0
    run = edgeq(
        "android", demo.bundle, "--into", "NewDemo", "--variant", "dynamic", "--min-runtime", "2.16.1"
    )
    assert run.code == 0, run.err
    assets = work / "NewDemo/app/src/main/assets/edgeq"
    assert {path.name for path in assets.glob("*.tflite")} == {
        *("fashion_mnist.dynamic.tflite", "fashion_mnist.float32.tflite")
    }
    assert "EdgeqModel" not in run.out + run.err
    assert "implementation(" not in run.err
    assert run.err.splitlines()[-1] == "next: open NewDemo in Android Studio"


@pytest.mark.parametrize(
    ("line", "arguments", "expected"),
    [
        (
            "",
            ["--min-runtime", "litert 2.1.0"],
            'next: implementation("com.google.ai.edge.litert:litert:2.1.0")',
        ),
        ('implementation("com.google.ai.edge.litert:litert:1.4.0")', [], "next: map EdgeqModel.INT8.asset"),
        ('implementation("org.tensorflow:tensorflow-lite:2.14.0")', [], "next: map EdgeqModel.INT8.asset"),
        (
            'implementation("org.tensorflow:tensorflow-lite:2.8.0")',
            [],
            "warning: the app depends on org.tensorflow:tensorflow-lite:2.8.0, which cannot run int8: ",
        ),
    ],
)
def test_an_app_that_has_a_runtime_is_told_no_other(edgeq, demo, app, line, arguments, expected):
    (app / "build.gradle.kts").write_text(f"{BUILD_FILE}dependencies {{ {line} }}\n")
    run = edgeq("android", demo.bundle, "--into", "app", "--variant", "int8", *arguments)
    assert run.code == 0
    assert expected in run.err
    assert 'next: implementation("org.tensorflow' not in run.err


def test_a_file_is_no_bundle(edgeq, demo, app):
    model = demo.bundle / "fashion_mnist.int8.tflite"
    for target in (["--into", "app"], ["--metadata-to", "described"]):
        run = edgeq("android", model, *target)
        assert run.code == 2
        assert run.complaint == f"{model} is a file, expected a bundle: the folder that edgeq convert writes"


def test_copies_with_metadata_are_written_without_an_app(edgeq, work, demo):
    run = edgeq("android", demo.bundle, "--metadata-to", "described", "--variant", "float32", "--json")
    assert run.code == 0, run.err
    (file,) = json.loads(run.out)["metadata"]["files"]
    assert file["variant"] == "float32"
    assert (work / file["path"]).stat().st_size > demo.bundle.joinpath(
        "fashion_mnist.float32.tflite"
    ).stat().st_size


def test_a_full_disk_is_named_and_the_app_stays(edgeq, demo, app):
    before = snapshot(app)
    # 40 KiB a file at most: the model has 100.
    run = edgeq.shell(f"ulimit -f 40; $EDGEQ android {demo.bundle} --into app")
    assert run.code == 2
    assert run.complaint.endswith("the disk is full or a quota is reached; free some space")
    assert snapshot(app) == before


def test_a_new_app_is_written_without_tensorflow(edgeq, work, demo, blocked):
    run = edgeq(
        "android",
        demo.bundle,
        "--new",
        "Demo",
        "--min-runtime",
        "2.16.1",
        PYTHONPATH=blocked("tensorflow", "keras"),
    )
    assert run.code == 0, run.err
    assert "files of the demo app" in run.out
    assert "next: open Demo in Android Studio" in run.err
    assert (work / "Demo" / "settings.gradle.kts").is_file()
    assert (work / "Demo" / "app/src/main/assets/edgeq/fashion_mnist.float32.tflite").is_file()


def test_a_variant_that_is_too_new_for_the_build_without_gradle_is_mentioned(edgeq, demo):
    run = edgeq("android", demo.bundle, "--new", "Demo", "--variant", "dynamic")
    assert "dynamic needs TensorFlow Lite 2.17.0 or newer because of FULLY_CONNECTED version 12" in run.out
    assert "--min-runtime 2.16.1 converts or refuses" in run.err


def test_photos_go_into_the_app_and_are_removed_with_a_word(edgeq, work, demo, app):
    (work / "photos" / "dark").mkdir(parents=True)
    for grey in (10, 60):
        Image.new("RGB", (40, 30), (grey, 0, 2 * grey)).save(work / "photos" / "dark" / f"{grey}.png")
    run = edgeq("android", demo.bundle, "--into", "app", "--photos", "photos")
    assert run.code == 0, run.err
    assert f"{ASSETS}/photos.zip" in run.out
    assert "2 photos of photos to check the app by: 8 different ones of together at most 2 MB" in run.err
    again = edgeq("android", demo.bundle, "--into", "app")
    assert "removed" in next(line for line in again.out.splitlines() if "photos.zip" in line)
    assert "photos.zip of the earlier run was removed: --photos DATA records photos anew" in again.err


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("gone", "gone does not exist: expected a folder of images"),
        ("arrays.npz", "arrays.npz: --photos expects image files, one an item, in a folder or a manifest"),
    ],
)
def test_what_is_no_photos_is_one_line_and_nothing_is_written(edgeq, work, demo, app, data, complaint):
    np.savez(work / "arrays.npz", np.zeros((12, 28, 28, 1), np.uint8))
    before = snapshot(work)
    run = edgeq("android", demo.bundle, "--into", "app", "--photos", data)
    assert run.code == 2
    assert complaint in run.complaint
    assert snapshot(work) == before


def test_photos_without_an_app_are_refused(edgeq, demo):
    run = edgeq("android", demo.bundle, "--metadata-to", "out", "--photos", "photos")
    assert run.complaint == "--results, --min-runtime and --photos go with --into or --new"
