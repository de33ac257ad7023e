"""The app that is built without Gradle: whole, signed, aligned, without permissions and without missing references."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="the tools want Python 3.11")

from edgeq.bundle import read_bundle
from edgeq.demo import assets
from tools.android.aar import ABIS
from tools.android.apk_contents import sizes_of
from tools.android.build_apk import BUILD, build
from tools.android.dex_files import DexClasses, dex_files
from tools.android.verify_apk import problems

pytestmark = pytest.mark.slow  # Building the app takes half a minute where nothing is built yet.


@pytest.fixture(scope="module")
def found(apk: Path) -> dict[str, list[str]]:
    return problems(apk)


@pytest.mark.parametrize(
    "check", ["signature", "packing", "manifest", "libraries", "references", "newer APIs"]
)
def test_the_verifier_finds_nothing(found: dict[str, list[str]], check: str) -> None:
    assert found[check] == []


def test_debians_programs_take_part_in_verifying(jdk: Path) -> None:
    for program in ("aapt", "apksigner", "zipalign"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: sudo apt-get install {program}")


def test_the_runtimes_classes_and_libraries_are_in_it(apk: Path) -> None:
    classes = DexClasses(dex_files(apk))
    assert classes.find("org/tensorflow/lite/Interpreter") is not None
    assert classes.find("edgeq/demo/MainActivity") is not None
    with zipfile.ZipFile(apk) as archive:
        libraries = {name for name in archive.namelist() if name.endswith(".so")}
    assert libraries == {f"lib/{abi}/libtensorflowlite_jni.so" for abi in ABIS}


def test_its_assets_are_a_bundle_with_the_demos_variants(apk: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        archive.extractall(tmp_path, [name for name in archive.namelist() if name.startswith("assets/")])
    shown = read_bundle(tmp_path / "assets" / "edgeq").manifest
    whole = read_bundle(assets.bundle_path()).manifest
    assert {one.name for one in shown.variants} == {one.name for one in whole.variants}
    assert shown.variants[0].name == "int8"


def test_its_contents_add_up_to_its_size(apk: Path) -> None:
    sizes = sizes_of(apk)
    assert sum(sizes.values()) == apk.stat().st_size
    assert {f"native library {abi}" for abi in ABIS} | {"models", "classes (dex)"} <= set(sizes)


def test_building_again_runs_no_step(apk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = apk.read_bytes()
    build()
    assert capsys.readouterr().err == ""
    assert apk.read_bytes() == before


def test_the_same_sources_make_the_same_file(apk: Path, tmp_path: Path) -> None:
    """Resources, merging, packing and signing once more, in another folder; compiling is left out as it is slow."""
    kept = shutil.ignore_patterns("resources-*", "dex-[!lo]*", "apk-*", ".*", "*-tests-*", "screen*")
    shutil.copytree(BUILD / "steps", tmp_path / "steps", ignore=kept, symlinks=True)
    build(tmp_path / "again.apk", folder=tmp_path / "steps")
    assert (tmp_path / "again.apk").read_bytes() == apk.read_bytes()


@pytest.mark.parametrize(("required", "code", "word"), [("", 0, "skipped"), ("1", 3, "error")])
def test_without_java_make_android_names_the_package(
    tmp_path: Path, required: str, code: int, word: str
) -> None:
    script = Path(__file__).resolve().parents[2] / "tools" / "android" / "make_android.py"
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "EDGEQ_REQUIRE_ALL": required}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{word}: javac is not installed")
    assert "default-jdk-headless" in line
