from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeq.android.app_module import find_module
from edgeq.android.gradle_text import GROOVY, KOTLIN
from edgeq.errors import UsageError
from tests.android.projects import GROOVY_APP, KOTLIN_APP

Make = Callable[..., Path]


def test_a_module_is_recognised(make_module: Make) -> None:
    module = find_module(make_module())
    assert (module.language, module.namespace) == (KOTLIN, "com.example.clothes")
    assert module.writes_kotlin
    assert not module.is_library
    assert module.source_folder == module.main / "java"


def test_the_only_module_of_a_project_is_found(make_module: Make) -> None:
    folder = make_module()
    assert find_module(folder.parent).folder == folder


def test_the_only_app_beside_libraries_is_taken_and_said(make_module: Make) -> None:
    app = make_module(name="app")
    make_module('plugins { id("com.android.library") }', name="camera")
    module = find_module(app.parent)
    assert module.folder == app
    assert module.notes == (f"{app} is the only app of 2 Android modules: --into takes another one as well",)


@pytest.mark.parametrize(
    ("text", "source_set", "said"),
    [
        ('plugins { id("com.android.library") }', "androidMain", "has no src/main, but src/androidMain"),
        ('plugins { id("com.android.test") }', "main", "applies com.android.test"),
        (
            'plugins { id("com.android.application") apply false }',
            "main",
            "has com.android.application apply false",
        ),
    ],
)
def test_what_was_passed_over_is_named(make_module: Make, text: str, source_set: str, said: str) -> None:
    folder = make_module(text, name="shared")
    (folder / "src" / "main").rename(folder / "src" / source_set)
    with pytest.raises(UsageError, match="passed over") as caught:
        find_module(folder.parent)
    assert str(caught.value).endswith(f"{folder} {said}")


def test_several_modules_are_listed(make_module: Make) -> None:
    one, other = make_module(name="app"), make_module(name="wear")
    with pytest.raises(UsageError, match="has 2 Android modules: say which one") as caught:
        find_module(one.parent)
    assert str(other) in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        'plugins { id("com.android.application") }',
        'plugins { id("com.android.library") version "8.5.0" }',
        "plugins { id 'com.android.application' }",
        "apply plugin: 'com.android.application'",
        'apply(plugin = "com.android.library")',
        "plugins { alias(libs.plugins.android.application) }",
        "plugins { alias(libs.plugins.androidLibrary) }",
        'plugins { id("shop.android.application.compose") }',
    ],
)
def test_the_ways_to_apply_the_android_plugin(make_module: Make, line: str) -> None:
    folder = make_module(f'{line}\nandroid {{ namespace = "a.b" }}')
    assert find_module(folder).namespace == "a.b"


def test_an_alias_means_what_the_version_catalog_says(make_module: Make) -> None:
    folder = make_module('plugins { alias(libs.plugins.agp.main) }\nandroid { namespace = "a.b" }')
    with pytest.raises(UsageError, match=r"found build.gradle.kts with agp.main"):
        find_module(folder)
    (folder.parent / "gradle").mkdir()
    catalog = '[versions]\nx = "1"\n[plugins]\nagp-main = { id = "com.android.library", version.ref = "x" }\n'
    (folder.parent / "gradle" / "libs.versions.toml").write_text(catalog)
    assert find_module(folder).is_library


@pytest.mark.parametrize(
    "text",
    [
        'plugins { id("com.android.application") version "8.5" apply false }',
        "plugins { alias(libs.plugins.android.application) apply false }",
        'plugins { id("org.jetbrains.kotlin.jvm") }',
        '// id("com.android.application")',
        "",
    ],
)
def test_what_applies_no_android_plugin_is_refused(make_module: Make, text: str) -> None:
    folder = make_module(text)
    with pytest.raises(UsageError, match=r"expected a module of an Android app.*found build.gradle.kts"):
        find_module(folder)


def test_a_root_that_names_the_plugin_for_its_modules_is_no_module(make_module: Make) -> None:
    folder = make_module()
    (folder.parent / "build.gradle.kts").write_text('plugins { id("com.android.application") apply false }')
    assert find_module(folder.parent).folder == folder


def test_a_module_without_src_main_is_refused(make_module: Make) -> None:
    folder = make_module()
    (folder / "src" / "main").rmdir()
    with pytest.raises(UsageError, match="expected a folder src/main in an Android module, found none"):
        find_module(folder)


def test_folders_that_are_no_app_are_refused_with_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found an empty folder"):
        find_module(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"expected a module of an Android app.*found notes.txt"):
        find_module(tmp_path)
    with pytest.raises(UsageError, match="found a file"):
        find_module(tmp_path / "notes.txt")
    with pytest.raises(UsageError, match="found nothing of that name"):
        find_module(tmp_path / "gone")


def test_built_and_hidden_folders_hold_no_modules(make_module: Make) -> None:
    folder = make_module()
    copy = folder.parent / "build" / "copy"
    (copy / "src" / "main").mkdir(parents=True)
    (copy / "build.gradle.kts").write_text(KOTLIN_APP)
    assert find_module(folder.parent).folder == folder


@pytest.mark.parametrize(
    ("line", "namespace"),
    [
        ('namespace = "com.example.app"', "com.example.app"),
        ("namespace 'com.example.app'", "com.example.app"),
        ("namespace = 'com.example.app'", "com.example.app"),
        ('testNamespace = "x.test"\n namespace = "com.example.app"', "com.example.app"),
        ('// namespace = "x.y"\n namespace = "com.example.app"', "com.example.app"),
    ],
)
def test_the_namespace_is_read_from_the_build_file(make_module: Make, line: str, namespace: str) -> None:
    folder = make_module(
        f"apply plugin: 'com.android.application'\nandroid {{\n {line}\n}}", build_file="build.gradle"
    )
    module = find_module(folder)
    assert (module.namespace, module.language) == (namespace, GROOVY)


def test_the_namespace_of_older_modules_is_the_manifests_package(make_module: Make) -> None:
    folder = make_module("apply plugin: 'com.android.application'\nandroid { }", build_file="build.gradle")
    with pytest.raises(UsageError, match="expected a namespace such as"):
        find_module(folder)
    manifest = (
        '<!-- <manifest package="no.no"> -->\n<manifest xmlns:a="x"\n  package="com.old.app">\n</manifest>'
    )
    (folder / "src" / "main" / "AndroidManifest.xml").write_text(manifest)
    assert find_module(folder).namespace == "com.old.app"


@pytest.mark.parametrize("name", ["${group}.app", "com..app", "../../x", "com/app"])
def test_a_namespace_that_is_none_is_refused(make_module: Make, name: str) -> None:
    folder = make_module(f'plugins {{ id("com.android.application") }}\nandroid {{ namespace = "{name}" }}')
    with pytest.raises(UsageError, match="expected a namespace"):
        find_module(folder)


def test_a_module_without_kotlin_compiles_java(make_module: Make) -> None:
    folder = make_module(GROOVY_APP, build_file="build.gradle")
    assert not find_module(folder).writes_kotlin
    (folder / "src" / "main" / "kotlin" / "a").mkdir(parents=True)
    (folder / "src" / "main" / "kotlin" / "a" / "Main.kt").touch()
    module = find_module(folder)
    assert module.writes_kotlin
    assert module.source_folder == module.main / "kotlin"


def test_options_of_kotlin_mean_kotlin(make_module: Make) -> None:
    text = KOTLIN_APP.replace("    alias(libs.plugins.kotlin.android)\n", "")
    assert not find_module(make_module(text)).writes_kotlin
    with_options = make_module(f"{text}\nkotlin {{\n    jvmToolchain(17)\n}}\n", name="other")
    assert find_module(with_options).writes_kotlin


def test_a_build_file_that_cannot_be_read_is_refused(make_module: Make) -> None:
    folder = make_module()
    (folder / "build.gradle.kts").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        UsageError, match=r"cannot be read: expected UTF-8, found byte 0xff at 0; save it as UTF-8$"
    ):
        find_module(folder)


def test_a_missing_namespace_is_advised_in_the_language_of_the_file(make_module: Make) -> None:
    folder = make_module('plugins { id("shop.android.application") }')
    with pytest.raises(UsageError, match=r'android \{ namespace = "com.example.app" \}'):
        find_module(folder)
