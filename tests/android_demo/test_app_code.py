"""What ``edgeq android`` writes for an app's code, and what the documentation shows beside it, compiles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="the tools want Python 3.11")

from edgeq.android.java_source import java_source
from edgeq.android.kotlin_source import kotlin_source
from edgeq.bundle import read_bundle
from edgeq.demo import assets
from tests.android.projects import odd_names
from tools.android.aar import unpack_runtime
from tools.android.kotlin import compile_java, compile_kotlin
from tools.android.sdk import framework

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "android-app.md"


@pytest.mark.usefixtures("jdk")
def test_the_generated_kotlin_and_the_example_compile_without_a_warning(tmp_path: Path) -> None:
    manifest = read_bundle(assets.bundle_path()).manifest
    (example,) = re.findall(r"^```kotlin\n(.*?)^```", _PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "Classifier.kt").write_text(example, encoding="utf-8")
    (sources / "EdgeqModel.kt").write_text(kotlin_source(manifest, "com.example.clothes"))
    (sources / "Odd.kt").write_text(kotlin_source(odd_names(manifest), "com.in.odd"))
    unpack_runtime(tmp_path / "runtime")
    classpath = [framework(), *(tmp_path / "runtime").glob("*.jar")]
    compile_kotlin([sources], tmp_path / "classes", classpath=classpath, module="example", root=tmp_path)
    assert (tmp_path / "classes" / "com" / "example" / "clothes" / "Classifier.class").is_file()


@pytest.mark.usefixtures("jdk")
def test_the_generated_java_compiles_without_a_warning(tmp_path: Path) -> None:
    manifest = read_bundle(assets.bundle_path()).manifest
    sources = []
    for package, one in (("plain", manifest), ("odd", odd_names(manifest))):
        sources.append(tmp_path / package / "EdgeqModel.java")
        sources[-1].parent.mkdir()
        sources[-1].write_text(java_source(one, package))
    compile_java(sources, tmp_path / "classes")
    assert (tmp_path / "classes" / "odd" / "EdgeqModel$Tensor.class").is_file()
