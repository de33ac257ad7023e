"""The steps that make class files of the app's sources; building the app and testing it share them."""

from __future__ import annotations

from pathlib import Path

from tools.android.aar import ARCHIVES, unpack_runtime
from tools.android.archive import write_jar
from tools.android.kotlin import COMPILER, JVM_TARGET, compile_java, compile_kotlin
from tools.android.parts import maven_part, section
from tools.android.project import Project
from tools.android.resources import compile_resources
from tools.android.sdk import framework
from tools.android.steps import Steps, digest_of

_HERE = Path(__file__).parent
_COMPILING = digest_of(_HERE / "kotlin.py", _HERE / "archive.py", COMPILER, JVM_TARGET)
_FRAMEWORK = section("framework").digest


def core_jar(steps: Steps, project: Project) -> Path:
    """The classes without Android; they are compiled where no class of Android is at hand.

    Raises:
        BuildError: they do not compile.
    """

    def make(folder: Path) -> None:
        json = [maven_part("junit", "json")]
        compile_kotlin([project.core], folder / "classes", classpath=json, module="core", root=project.folder)
        write_jar(folder / "classes", folder / "core.jar")

    inputs = digest_of(project.core, section("junit").digest, _COMPILING)
    return steps.made("core", inputs, make) / "core.jar"


def runtime(steps: Steps) -> Path:
    """Folder with the runtime's jars, ``runtime-N.jar``, and its libraries, ``lib/ABI/NAME.so``.

    Raises:
        BuildError: it cannot be fetched.
    """
    return steps.made("runtime", digest_of(ARCHIVES, _HERE / "aar.py"), unpack_runtime)


def runtime_jars(steps: Steps) -> list[Path]:
    """The runtime's classes.

    Raises:
        BuildError: they cannot be fetched.
    """
    return sorted(runtime(steps).glob("*.jar"))


def compiled_resources(steps: Steps, project: Project) -> Path:
    """Folder with ``resources.apk`` and ``r.jar``, the class of their numbers.

    Raises:
        BuildError: a resource is wrong.
    """

    def make(folder: Path) -> None:
        compile_resources(project, folder)
        compile_java(sorted((folder / "java").rglob("*.java")), folder / "classes")
        write_jar(folder / "classes", folder / "r.jar")

    manifest, res = project.app / "AndroidManifest.xml", project.app / "res"
    code = digest_of(_HERE / "resources.py", _COMPILING, section("sdk-programs").digest, _FRAMEWORK)
    inputs = digest_of(manifest, res, project.package, project.version, code)
    return steps.made("resources", inputs, make)


def app_classpath(steps: Steps, project: Project) -> list[Path]:
    """What the app's classes refer to: Android, the runtime, the core and the numbers of resources.

    Raises:
        BuildError: a part of it cannot be made.
    """
    made = [core_jar(steps, project), compiled_resources(steps, project) / "r.jar"]
    return [framework(), *runtime_jars(steps), *made]


def app_jar(steps: Steps, project: Project) -> Path:
    """The app's own classes.

    Raises:
        BuildError: they do not compile.
    """
    classpath = app_classpath(steps, project)
    sources = project.app / "kotlin"

    def make(folder: Path) -> None:
        compile_kotlin([sources], folder / "classes", classpath=classpath, module="app", root=project.folder)
        write_jar(folder / "classes", folder / "app.jar")

    # The framework is known by its pinned digest: hashing 200 MB would take longer than all else.
    inputs = digest_of(sources, *classpath[1:], _FRAMEWORK, _COMPILING)
    return steps.made("app", inputs, make) / "app.jar"
