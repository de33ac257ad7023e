from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

import edgeq
from edgeq.android.demo_app import demo_folder
from edgeq.android.demo_files import demo_files
from edgeq.android.placing import REMOVED
from edgeq.bundle import Bundle, read_bundle
from edgeq.devices.packed.code import packed_sources
from edgeq.errors import UsageError
from tests.android.projects import GROOVY_APP

Make = Callable[..., Path]


def test_an_app_gets_the_bundle_a_class_and_the_line_in_its_build_file(
    demo_bundle: Bundle, make_module: Make
) -> None:
    module = make_module()
    app = edgeq.put_into_android_app(demo_bundle, module)
    assert [variant.name for variant in app.bundle.manifest.variants] == ["int8"]
    assert read_bundle(module / "src/main/assets/edgeq").manifest == app.bundle.manifest
    source = module / "src/main/java/com/example/clothes/EdgeqModel.kt"
    assert "package com.example.clothes" in source.read_text()
    assert 'noCompress += "tflite"' in (module / "build.gradle.kts").read_text()
    assert {one.path for one in app.files} == {*(module / "src/main/assets/edgeq").iterdir(), source}


def test_a_second_run_with_another_variant_leaves_nothing_of_the_first(
    demo_bundle: Bundle, make_module: Make
) -> None:
    module = make_module()
    edgeq.put_into_android_app(demo_bundle, module)
    build_file = (module / "build.gradle.kts").read_bytes()
    app = edgeq.put_into_android_app(demo_bundle, module, variants=["float16", "float32"])
    assert [one.path.name for one in app.files if one.state == REMOVED] == ["fashion_mnist.int8.tflite"]
    assert sorted(path.name for path in app.bundle.folder.glob("*.tflite")) == [
        "fashion_mnist.float16.tflite",
        "fashion_mnist.float32.tflite",
    ]
    assert (module / "build.gradle.kts").read_bytes() == build_file


def test_a_java_module_gets_a_java_class_and_kotlin_later(demo_bundle: Bundle, make_module: Make) -> None:
    module = make_module(GROOVY_APP, build_file="build.gradle")
    edgeq.put_into_android_app(demo_bundle, module)
    assert (module / "src/main/java/com/example/clothes/EdgeqModel.java").is_file()
    (module / "build.gradle").write_text(
        "apply plugin: 'kotlin-android'\n" + (module / "build.gradle").read_text()
    )
    edgeq.put_into_android_app(demo_bundle, module)
    assert not (module / "src/main/java/com/example/clothes/EdgeqModel.java").exists()
    assert (module / "src/main/java/com/example/clothes/EdgeqModel.kt").is_file()


def test_a_build_file_that_cannot_be_edited_is_left_and_the_rest_put(
    demo_bundle: Bundle, make_module: Make
) -> None:
    text = "apply plugin: 'com.android.application'\nnamespace 'a.b'\ndef x = ~/{/\n"
    module = make_module(text, build_file="build.gradle")
    app = edgeq.put_into_android_app(demo_bundle, module)
    assert app.gradle is not None
    assert app.gradle.problem == "it has a string between slashes"
    assert (module / "build.gradle").read_text() == text
    assert app.bundle.path(app.bundle.manifest.variants[0]).is_file()


@pytest.mark.parametrize(
    "name", ["java/com/example/clothes/EdgeqModel.java", "kotlin/com/example/clothes/EdgeqModel.kt"]
)
def test_another_class_of_that_name_is_refused(demo_bundle: Bundle, make_module: Make, name: str) -> None:
    module = make_module()
    (module / "src/main/java").mkdir()
    other = module / "src/main" / name
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    # The folder kotlin would else be the one that edgeq writes into.
    expected = "not written by edgeq" if name.startswith("kotlin") else "EdgeqModel.java is not edgeq's"
    with pytest.raises(edgeq.EdgeqError, match=expected):
        edgeq.put_into_android_app(demo_bundle, module)
    assert not (module / "src/main/assets").exists()
    assert other.read_text() == "mine"


def test_all_variants_are_those_that_the_runtime_runs(demo_bundle: Bundle, make_module: Make) -> None:
    app = edgeq.put_into_android_app(demo_bundle, make_module(), variants=["all"], min_runtime="2.4.0")
    assert {"float32", "dynamic"} <= {variant.name for variant in app.bundle.manifest.variants}
    left_out = [
        note for note in app.notes if note.startswith("left out: int8 cannot run on TensorFlow Lite 2.4.0: ")
    ]
    assert len(left_out) == 1
    with pytest.raises(
        edgeq.EdgeqError, match=r"no variant can be put: .*float32 cannot run on TensorFlow Lite 1\.0\.0"
    ):
        edgeq.put_into_android_app(demo_bundle, make_module(name="b"), variants=["all"], min_runtime="1.0.0")
    with pytest.raises(edgeq.EdgeqError, match=r"^int8 cannot run"):
        edgeq.put_into_android_app(
            demo_bundle, make_module(name="c"), variants=["int8", "all"], min_runtime="2.4.0"
        )


def test_other_assets_are_noted(demo_bundle: Bundle, make_module: Make) -> None:
    module = make_module(
        GROOVY_APP + "android.sourceSets.main.assets.srcDirs = ['files']\n", build_file="build.gradle"
    )
    for folder in ("main", "paid"):
        (module / f"src/{folder}/assets/edgeq").mkdir(parents=True)
    (module / "src/main/assets/edgeq/old.tflite").write_bytes(b"x")
    notes = "\n".join(edgeq.put_into_android_app(demo_bundle, module, variants=["int8"]).notes)
    assert "build.gradle sets folders of assets: edgeq puts its files into src/main/assets" in notes
    assert "src/paid/assets/edgeq: files there come before those of the same name in src/main" in notes
    assert "in assets/edgeq but not of the bundle, and in the app all the same: old.tflite" in notes
    (plain,) = edgeq.put_into_android_app(demo_bundle, make_module(name="b"), variants=["int8"]).notes
    assert plain.startswith("the version of the Android plugin is not readable")


def test_an_old_project_gets_the_block_that_its_plugin_knows(demo_bundle: Bundle, make_module: Make) -> None:
    module = make_module(GROOVY_APP, build_file="build.gradle")
    (module.parent / "build.gradle").write_text(
        'buildscript { dependencies { classpath "com.android.tools.build:gradle:4.0.1" } }'
    )
    app = edgeq.put_into_android_app(demo_bundle, module, variants=["int8"])
    assert app.gradle is not None
    assert app.gradle.line == "aaptOptions { noCompress 'tflite' }"
    assert app.notes == ()


def test_a_variant_and_results_at_once_are_refused(demo_bundle: Bundle, make_module: Make) -> None:
    with pytest.raises(UsageError, match="expected --variant or --results, not both"):
        edgeq.put_into_android_app(demo_bundle, make_module(), variants=["int8"], results=["results.jsonl"])


def test_a_refused_runtime_leaves_the_app_as_it_was(demo_bundle: Bundle, make_module: Make) -> None:
    module = make_module()
    before = sorted(module.rglob("*"))
    with pytest.raises(edgeq.EdgeqError, match=r"cannot run on TensorFlow Lite 1\.5\.0"):
        edgeq.put_into_android_app(demo_bundle, module, variants=["int8"], min_runtime="1.5.0")
    assert sorted(module.rglob("*")) == before


def test_a_new_app_has_the_demos_files_and_float32_for_comparison(
    demo_bundle: Bundle, tmp_path: Path
) -> None:
    app = edgeq.new_android_app(demo_bundle, tmp_path / "Demo", min_runtime="2.16.1")
    assert [variant.name for variant in app.bundle.manifest.variants] == ["int8", "float32"]
    assert app.folder == tmp_path / "Demo" / "app"
    written = {
        path.relative_to(tmp_path / "Demo") for path in (tmp_path / "Demo").rglob("*") if path.is_file()
    }
    assert set(demo_files(demo_folder())) <= written
    assert {one.path for one in app.files} == {tmp_path / "Demo" / path for path in written}


def test_the_bundle_of_a_new_app_can_be_changed_later(demo_bundle: Bundle, tmp_path: Path) -> None:
    edgeq.new_android_app(demo_bundle, tmp_path / "Demo")
    before = {path for path in (tmp_path / "Demo").rglob("*") if path.suffix != ".tflite"}
    app = edgeq.put_into_android_app(demo_bundle, tmp_path / "Demo", variants=["float16"])
    assert app.folder == tmp_path / "Demo" / "app"
    assert [one.path.name for one in app.files if one.state == REMOVED] == ["fashion_mnist.int8.tflite"]
    assert [variant.name for variant in app.bundle.manifest.variants] == ["float16", "float32"]
    assert {path for path in (tmp_path / "Demo").rglob("*") if path.suffix != ".tflite"} == before
    assert app.is_demo
    assert (app.package, app.dependency, app.warnings) == (None, None, ())
    again = edgeq.put_into_android_app(demo_bundle, tmp_path / "Demo", variants=["int8"])
    assert again.is_demo


def test_a_new_apps_bundle_is_not_left_out_of_version_control(demo_bundle: Bundle, tmp_path: Path) -> None:
    edgeq.new_android_app(demo_bundle, tmp_path / "Demo")
    assert "assets" not in (tmp_path / "Demo" / ".gitignore").read_text()


def test_a_folder_that_is_not_empty_is_refused(demo_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "Demo").mkdir()
    (tmp_path / "Demo" / "mine.txt").touch()
    with pytest.raises(UsageError, match=r"is not an empty folder: .* with --into"):
        edgeq.new_android_app(demo_bundle, tmp_path / "Demo")
    assert [path.name for path in (tmp_path / "Demo").iterdir()] == ["mine.txt"]


def test_building_leaves_nothing_that_a_new_app_gets(tmp_path: Path) -> None:
    for name in (
        *("app/src/Main.kt", "app/build/x.class", ".gradle/x", ".idea/x", "local.properties", "app/app.apk"),
        *("app/src/main/assets/edgeq/bundle.json", "app/src/main/assets/own.txt", ".gitignore", "gradlew"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert {path.as_posix() for path in demo_files(tmp_path)} == {
        *(".gitignore", "app/src/Main.kt", "app/src/main/assets/own.txt", "gradlew")
    }


def test_a_scale_that_is_no_number_is_refused(demo_bundle: Bundle, make_module: Make) -> None:
    first, *others = demo_bundle.manifest.variants
    broken = dataclasses.replace(first, inputs=(dataclasses.replace(first.inputs[0], scale=float("inf")),))
    manifest = dataclasses.replace(demo_bundle.manifest, variants=(broken, *others))
    module = make_module()
    with pytest.raises(edgeq.EdgeqError, match="the scale of 'image' is inf, expected a number"):
        edgeq.put_into_android_app(
            dataclasses.replace(demo_bundle, manifest=manifest), module, variants=["float32"]
        )
    assert not (module / "src/main/assets").exists()


def test_a_packed_bundle_carries_nothing_of_this() -> None:
    assert [name for name in packed_sources() if name.startswith("edgeq/android")] == []
