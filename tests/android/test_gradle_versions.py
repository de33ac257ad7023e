from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.android.gradle_catalog import Entry, read_catalog
from edgeq.android.gradle_text import GROOVY, KOTLIN, parse_gradle
from edgeq.android.gradle_versions import Dependency, plugin_version, runtime_dependencies
from edgeq.android.runtimes import LITERT, TENSORFLOW_LITE

CATALOG = """\
[versions]
agp = "8.5.0"  # of the plugin
lite = { strictly = "2.14.0" }
run = "1.0.1"
[libraries]
tensorflow-lite = { group = "org.tensorflow", name = "tensorflow-lite", version.ref = "lite" }
litert-core = { module = "com.google.ai.edge.litert:litert", version = { ref = "run" } }
json = "org.json:json:20250517"
[plugins]
android-application = { id = "com.android.application", version.ref = "agp" }
short = "com.example.plugin:1.2"
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (tmp_path / "settings.gradle").touch()
    return folder


def write_catalog(module: Path, text: str = CATALOG) -> None:
    (module.parent / "gradle").mkdir()
    (module.parent / "gradle" / "libs.versions.toml").write_text(text)


def version_of(module: Path, text: str = "", language: str = GROOVY) -> str | None:
    return plugin_version(parse_gradle(text, language), module, read_catalog(module))


def runtimes_of(module: Path, *lines: str) -> tuple[Dependency, ...]:
    text = "\n".join(("dependencies {", *lines, "}"))
    return runtime_dependencies(parse_gradle(text, GROOVY), module, read_catalog(module))


def test_a_catalog_is_read(module: Path) -> None:
    write_catalog(module)
    catalog = read_catalog(module)
    assert catalog.plugins == {
        "android.application": Entry("com.android.application", "8.5.0"),
        "short": Entry("com.example.plugin", "1.2"),
    }
    assert catalog.libraries == {
        "tensorflow.lite": Entry("org.tensorflow:tensorflow-lite", None),
        "litert.core": Entry("com.google.ai.edge.litert:litert", "1.0.1"),
        "json": Entry("org.json:json", "20250517"),
    }


def test_what_is_no_catalog_says_nothing(module: Path) -> None:
    write_catalog(module, "\x00 = [[[\n[plugins]\nx = 1\ny = {}\n")
    assert read_catalog(module).plugins == {}


@pytest.mark.parametrize(
    "line",
    [
        'buildscript { dependencies { classpath "com.android.tools.build:gradle:4.0.1" } }',
        "plugins { id 'com.android.library' version '4.0.1' apply false }",
        'plugins { id("com.android.application").version("4.0.1") }',
        'buildscript { ext.agp = "4.0.1"\n dependencies { classpath "com.android.tools.build:gradle:$agp" } }',
        'buildscript { ext { agp = "4.0.1" }\n dependencies { classpath "com.android.tools.build:gradle:${agp}" } }',
    ],
)
def test_the_plugins_version_is_read_from_the_projects_build_file(module: Path, line: str) -> None:
    (module.parent / "build.gradle").write_text(line)
    assert version_of(module) == "4.0.1"


def test_the_plugins_version_is_read_from_the_module_and_the_catalog(module: Path) -> None:
    assert (
        version_of(module, 'plugins { id("com.android.application") version "8.1.0-rc01" }', KOTLIN)
        == "8.1.0"
    )
    assert version_of(module) is None
    write_catalog(module)
    assert version_of(module) == "8.5.0"


@pytest.mark.parametrize(
    "line",
    [
        '// classpath "com.android.tools.build:gradle:4.0.1"',
        'classpath "com.android.tools.build:gradle:+"',
        'classpath "com.android.tools.build:gradle:$unknown"',
        'if (old) { agp = "4.0.1" } else { agp = "8.0.0" }\nclasspath "com.android.tools.build:gradle:$agp"',
    ],
)
def test_a_version_that_is_not_certain_is_not_read(module: Path, line: str) -> None:
    (module.parent / "build.gradle").write_text(line)
    assert version_of(module) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("implementation 'org.tensorflow:tensorflow-lite:2.8.0'", Dependency(TENSORFLOW_LITE, "2.8.0")),
        ('implementation("org.tensorflow:tensorflow-lite:2.8.0@aar")', Dependency(TENSORFLOW_LITE, "2.8.0")),
        (
            "api group: 'org.tensorflow', name: 'tensorflow-lite', version: '2.8.0'",
            Dependency(TENSORFLOW_LITE, "2.8.0"),
        ),
        ('implementation("com.google.ai.edge.litert:litert:+")', Dependency(LITERT, None)),
        ('implementation("com.google.ai.edge.litert:litert:$version")', Dependency(LITERT, None)),
    ],
)
def test_runtimes_are_found_among_the_dependencies(module: Path, line: str, expected: Dependency) -> None:
    assert runtimes_of(module, line) == (expected,)


@pytest.mark.parametrize(
    "line",
    [
        "implementation 'org.tensorflow:tensorflow-lite-api:2.8.0'",
        "implementation 'com.google.ai.edge.litert:litert-gpu:1.0.1'",
        "testImplementation 'org.tensorflow:tensorflow-lite:2.8.0'",
        "// implementation 'org.tensorflow:tensorflow-lite:2.8.0'",
    ],
)
def test_what_is_no_runtime_of_the_app_is_passed_over(module: Path, line: str) -> None:
    assert runtimes_of(module, line) == ()


def test_the_catalog_tells_what_an_alias_is_and_counts_where_the_build_file_names_none(module: Path) -> None:
    write_catalog(module)
    assert runtimes_of(module, "implementation libs.litert.core") == (Dependency(LITERT, "1.0.1"),)
    assert runtimes_of(module) == (Dependency(TENSORFLOW_LITE, None), Dependency(LITERT, "1.0.1"))
