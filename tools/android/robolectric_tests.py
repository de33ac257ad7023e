"""Runs the app's screens on the JVM, without a phone or an emulator.

usage: robolectric_tests.py [BUNDLE] [--screens FOLDER] [--readme]

BUNDLE is what the app shows, by default the demo's. FOLDER gets an image of every screen. With --readme those that the
README shows are written anew.

Robolectric runs the framework's own Java code; its native graphics are the framework's drawing code (Skia), built for
the desktop. So the activities, layouts, themes and the decoder of photos are the real ones. Inference is that of the
Python package's library, on this machine's processor.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeq.scratch import scratch_folder
from tools.android.build_apk import BUILD, project_of
from tools.android.class_steps import app_classpath, app_jar, compiled_resources, core_jar, runtime_jars
from tools.android.commands import BuildError, java, jdk_home, reported, run
from tools.android.kotlin import compile_kotlin, standard_library
from tools.android.parts import maven_part, maven_parts, section
from tools.android.project import APP, DEMO_BUNDLE, Project
from tools.android.steps import Steps, digest_of, steps_in

TESTS = APP / "app" / "src" / "test"
"""The tests of screens."""

PHOTOS = APP / "core" / "src" / "test" / "resources" / "golden" / "photos"
"""A small bundle with photos."""

SHOWN = APP / "screens"
"""Images for the README."""

_SHOWN_SCREENS = ("main", "parity", "benchmark", "classify")
_COLOURS = 64

_RUNTIME = APP / "core" / "src" / "test" / "kotlin" / "edgeq" / "core" / "jvm"
"""Where the core's tests have what runs models on the JVM."""

_PARTS = (section("robolectric").digest, section("robolectric-framework").digest, section("junit").digest)
_HEAP_MB = 1536

_OPENED = ["--add-opens=java.base/java.io=ALL-UNNAMED"]
"""What the framework's own Java code looks into: file descriptors, when it closes one."""

_NOISE = re.compile(
    r"(INFO|WARNING): (\[\w+\.cc:\d+\]|Created TensorFlow Lite).*\n"
    r"|^\tat (org\.junit|org\.robolectric|java\.base|jdk\.internal).*\n",
    re.MULTILINE,
)


def run_tests(bundle: Path = DEMO_BUNDLE, screens: Path | None = None, folder: Path = BUILD / "steps") -> str:
    """Compiles the app and the tests of its screens, and runs them.

    Args:
        bundle: what the app shows.
        screens: folder for an image of every screen, ``NAME.png``; None draws them without keeping them.
        folder: where it is built, see `Steps`.

    Returns:
        What JUnit says.

    Raises:
        BuildError: a part cannot be fetched, something does not compile, or a test fails; the message says which.
        JavaMissingError: there is no JDK.
    """
    jdk_home()
    # Held while the tests run: what is built next would remove what they use.
    with steps_in(folder) as steps:
        project = project_of(steps, bundle)
        tests = _tests(steps, project)
        android = _framework(steps)
        classpath = [tests, _settings(steps, project), app_jar(steps, project), core_jar(steps, project)]
        classpath += [compiled_resources(steps, project) / "r.jar", *runtime_jars(steps), *standard_library()]
        classpath += [*_libraries(steps), maven_part("junit", "jna"), android]
        options = {
            "robolectric.offline": "true",
            "robolectric.dependency.dir": android.parent,
            "edgeq.bundle": project.app / "assets" / "edgeq",
            "edgeq.libLiteRt": _litert(),
            "edgeq.photos": PHOTOS,
        }
        if screens is not None:
            options["edgeq.screens"] = screens.resolve()
        properties = [f"-D{name}={value}" for name, value in options.items()]
        command = java(
            *_OPENED,
            *properties,
            "org.junit.runner.JUnitCore",
            *_names(tests),
            classpath=classpath,
            memory_mb=_HEAP_MB,
        )
        try:
            return _without_log(run(command, what="the test of the screens"))
        except BuildError as error:
            raise BuildError(_without_log(str(error))) from error


def _without_log(text: str) -> str:
    """What was printed, but for the library's log and JUnit's and Robolectric's own places in the code."""
    return _NOISE.sub("", text)


def _litert() -> Path:
    """The library of Python's package that computes."""
    try:
        found = distribution("ai-edge-litert").locate_file("ai_edge_litert/libLiteRt.so")
    except PackageNotFoundError as error:
        raise BuildError("the tests run models with ai-edge-litert: pip install ai-edge-litert") from error
    return Path(str(found))


def _libraries(steps: Steps) -> list[Path]:
    """Robolectric, JUnit 4 and what they need; of an archive for Android its classes."""
    jars = [path for path in maven_parts("robolectric") if path.suffix == ".jar"]

    def unpack(folder: Path) -> None:
        for path in maven_parts("robolectric"):
            if path.suffix == ".aar":
                with zipfile.ZipFile(path) as archive:
                    (folder / f"{path.stem}.jar").write_bytes(archive.read("classes.jar"))

    return [*jars, *sorted(steps.made("robolectric", digest_of(_PARTS), unpack).glob("*.jar"))]


def _framework(steps: Steps) -> Path:
    """The framework's classes as Robolectric runs them, by the name that it looks for."""
    ((part, _),) = section("robolectric-framework").digests.items()
    name = "-".join(part.split(":")[1:]) + ".jar"
    jar = maven_part("robolectric-framework", "android-all-instrumented")
    made = steps.made("android", digest_of(_PARTS, str(jar)), lambda folder: (folder / name).symlink_to(jar))
    return made / name


def _tests(steps: Steps, project: Project) -> Path:
    """Folder with the classes of the tests and their resources."""
    classpath = [*app_classpath(steps, project), app_jar(steps, project), *_libraries(steps)]
    classpath.append(maven_part("junit", "jna"))

    runtime = sorted(path for path in _RUNTIME.glob("LiteRt*.kt") if not path.stem.endswith("Test"))

    def make(folder: Path) -> None:
        compile_kotlin([TESTS / "kotlin", *runtime], folder, classpath=classpath, module="screens", root=APP)
        shutil.copytree(TESTS / "resources", folder, dirs_exist_ok=True)

    own = [path for path in classpath if BUILD in path.parents]
    return steps.made("screen-tests", digest_of(TESTS, *runtime, *own, _PARTS), make)


def _settings(steps: Steps, project: Project) -> Path:
    """Folder with the file that says where Robolectric finds the app, as Android's Gradle plugin writes it."""
    resources, assets = compiled_resources(steps, project), project.app / "assets"

    def pack(folder: Path) -> None:
        shutil.copyfile(resources / "resources.apk", folder / "app.apk")
        with zipfile.ZipFile(folder / "app.apk", "a", zipfile.ZIP_STORED) as archive:
            for path in sorted(assets.rglob("*")):
                archive.write(path, path.relative_to(assets.parent).as_posix())

    packed = steps.made("screen-app", digest_of(resources, assets), pack)
    lines = {
        "android_custom_package": project.package,
        "android_merged_assets": assets,
        "android_merged_manifest": resources / "AndroidManifest.xml",
        "android_resource_apk": packed / "app.apk",
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())

    def make(folder: Path) -> None:
        path = folder / "com" / "android" / "tools" / "test_config.properties"
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")

    return steps.made("screen-settings", digest_of(text), make)


def _names(tests: Path) -> list[str]:
    """Names of the test classes."""
    found = sorted(path for path in (tests / "edgeq" / "demo").glob("*Test.class"))
    return [path.relative_to(tests).with_suffix("").as_posix().replace("/", ".") for path in found]


def write_readme_images(screens: Path) -> None:
    """Writes what the README shows: half as large, and in few colours, for a repository keeps every version.

    Args:
        screens: folder with an image of every screen.
    """
    SHOWN.mkdir(exist_ok=True)
    for name in _SHOWN_SCREENS:
        with Image.open(screens / f"{name}.png") as image:
            small = image.convert("RGB").resize(
                (image.width // 2, image.height // 2), Image.Resampling.LANCZOS
            )
        few = small.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(SHOWN / f"{name}.png", optimize=True)


def main() -> int:
    """Runs the tests and says what JUnit says."""
    parser = argparse.ArgumentParser(description="Runs the app's screens on the JVM.")
    parser.add_argument("bundle", nargs="?", type=Path, default=DEMO_BUNDLE, help="what the app shows")
    parser.add_argument("--screens", type=Path, help="folder for an image of every screen")
    parser.add_argument("--readme", action="store_true", help=f"write the README's images into {SHOWN}")
    options = parser.parse_args()
    began = time.perf_counter()
    with scratch_folder("screens") as scratch:
        screens = options.screens or scratch
        print(run_tests(options.bundle.resolve(), screens).strip())
        if options.readme:
            write_readme_images(screens)
    print(f"{time.perf_counter() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(reported(main))
