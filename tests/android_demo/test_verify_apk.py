"""What is wrong with an app is found: each test spoils the real one in one way."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="the tools want Python 3.11")

from tools.android.apk_checks import library_problems, manifest_problems, packing_problems, signature_problems
from tools.android.archive import write_apk
from tools.android.build_apk import own_dex_of
from tools.android.project import APP, read_project
from tools.android.references import too_new, unresolved
from tools.android.resources import compile_resources

pytestmark = pytest.mark.slow  # Building the app takes half a minute where nothing is built yet.

Spoilt = Callable[[Callable[[dict[str, bytes]], None]], Path]

LIBRARY = "libtensorflowlite_jni.so"


def _contents(apk: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(apk) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.startswith("META-INF/")}


@pytest.fixture(scope="module")
def spoilt(apk: Path, tmp_path_factory: pytest.TempPathFactory) -> Spoilt:
    """Packs the app's contents, changed by the function given, without signing them."""
    contents = _contents(apk)

    def pack(change: Callable[[dict[str, bytes]], None]) -> Path:
        changed = dict(contents)
        change(changed)
        path = tmp_path_factory.mktemp("spoilt") / "app.apk"
        write_apk(changed, path)
        return path

    return pack


def test_an_app_that_is_not_signed(spoilt: Spoilt) -> None:
    (problem,) = signature_problems(spoilt(lambda contents: None))
    assert "DOES NOT VERIFY" in problem


def test_an_app_that_was_changed_after_signing(apk: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        model = next(entry for entry in archive.infolist() if entry.filename.endswith("int8.tflite"))
    data = bytearray(apk.read_bytes())
    data[model.header_offset + 2000] ^= 1
    (tmp_path / "app.apk").write_bytes(data)
    (problem,) = signature_problems(tmp_path / "app.apk")
    assert "DOES NOT VERIFY" in problem


def test_a_compressed_model(apk: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.apk", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _contents(apk).items():
            archive.writestr(name, data, None if name.endswith(".tflite") else zipfile.ZIP_STORED)
    found = [problem for problem in packing_problems(tmp_path / "app.apk") if "compressed" in problem]
    assert len(found) == 6
    assert "assets/edgeq/fashion_mnist.int8.tflite is compressed" in found


def test_a_library_that_does_not_begin_at_a_page(apk: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.apk", "w") as archive:
        for name, data in _contents(apk).items():
            archive.writestr(zipfile.ZipInfo(name), data)
    found = packing_problems(tmp_path / "app.apk")
    assert any(problem.startswith(f"lib/arm64-v8a/{LIBRARY} begins at byte") for problem in found)


@pytest.mark.parametrize("permission", ["android.permission.INTERNET", "android.permission.CAMERA"])
def test_a_permission(spoilt: Spoilt, tmp_path: Path, permission: str) -> None:
    def ask(manifest: str) -> str:
        return manifest.replace(
            "<application", f'<uses-permission android:name="{permission}" />\n<application'
        )

    apk = _with_manifest(spoilt, tmp_path, ask)
    problems = manifest_problems(apk)
    assert problems
    assert all(problem.startswith("permissions: ") and permission in problem for problem in problems)


def test_no_launched_activity(spoilt: Spoilt, tmp_path: Path) -> None:
    def hide(manifest: str) -> str:
        return manifest.replace("android.intent.category.LAUNCHER", "android.intent.category.INFO")

    problems = manifest_problems(_with_manifest(spoilt, tmp_path, hide))
    assert set(problems) == {"launched activity: none, expected edgeq.demo.MainActivity"}


def _with_manifest(spoilt: Spoilt, folder: Path, change: Callable[[str], str]) -> Path:
    """The app with a changed manifest, compiled anew."""
    shutil.copytree(
        APP / "app", folder / "app", ignore=shutil.ignore_patterns("build", "test", "kotlin", "assets")
    )
    manifest = folder / "app" / "src" / "main" / "AndroidManifest.xml"
    manifest.write_text(change(manifest.read_text("utf-8")), "utf-8")
    (folder / "out").mkdir()
    compile_resources(replace(read_project(APP), folder=folder), folder / "out")
    with zipfile.ZipFile(folder / "out" / "resources.apk") as archive:
        data = archive.read("AndroidManifest.xml")
    return spoilt(lambda contents: contents.update({"AndroidManifest.xml": data}))


def test_libraries_of_another_processor_or_missing_ones(spoilt: Spoilt) -> None:
    def swap(contents: dict[str, bytes]) -> None:
        contents[f"lib/arm64-v8a/{LIBRARY}"] = contents[f"lib/x86_64/{LIBRARY}"]
        contents["lib/armeabi-v7a/libother.so"] = contents.pop(f"lib/armeabi-v7a/{LIBRARY}")
        contents["lib/x86/libother.so"] = b"no library"

    found = library_problems(spoilt(swap))
    assert f"lib/arm64-v8a/{LIBRARY} is a library for another processor" in found
    assert "lib/x86/libother.so is a library for another processor" in found
    assert (
        "libraries for arm64-v8a, armeabi-v7a, x86, x86_64, expected arm64-v8a, armeabi-v7a, x86_64" in found
    )
    assert f"armeabi-v7a has no {LIBRARY}" in found


def test_no_library_at_all(spoilt: Spoilt) -> None:
    def remove(contents: dict[str, bytes]) -> None:
        for name in [name for name in contents if name.startswith("lib/")]:
            del contents[name]

    assert "there is no native library in it" in library_problems(spoilt(remove))


def test_a_reference_that_leads_nowhere(spoilt: Spoilt) -> None:
    def misspell(contents: dict[str, bytes]) -> None:
        name, wrong = b"getCurrentThermalStatus\0", b"getCurrentThermalStatuz\0"
        assert contents["classes.dex"].count(name) == 1
        contents["classes.dex"] = contents["classes.dex"].replace(name, wrong)

    assert unresolved(spoilt(misspell)) == [
        "android.os.PowerManager.getCurrentThermalStatuz()I is neither in the app nor in Android 36"
    ]


def test_bytecode_without_the_libraries_that_it_needs(apk: Path) -> None:
    found = unresolved(own_dex_of(apk))
    assert "kotlin.jvm.internal.Intrinsics is neither in the app nor in Android 36" in found
    assert found[-1] == "the app's bytecode has no class org.tensorflow.lite.Interpreter"


def test_use_of_a_newer_android_that_is_not_declared_and_what_is_declared_in_vain(apk: Path) -> None:
    found = too_new(own_dex_of(apk), apk, {"java.time.Instant": "26: no reason"})
    assert any(
        line.startswith("android.os.PowerManager.getCurrentThermalStatus()I is not in") for line in found
    )
    assert found[-1] == "newer_apis.toml: the app does not use java.time.Instant"
