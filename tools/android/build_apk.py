"""Builds the app's APK without Gradle.

usage: build_apk.py [BUNDLE] [-o APK]

BUNDLE is what the app shows, by default the demo's. A step runs again only where what it reads has changed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeq.files import atomic_file
from tools.android import dexing
from tools.android.apk_contents import sizes_of, table
from tools.android.archive import write_apk
from tools.android.class_steps import app_jar, compiled_resources, core_jar, runtime, runtime_jars
from tools.android.commands import jdk_home, reported
from tools.android.kotlin import standard_library
from tools.android.parts import section
from tools.android.project import APP, DEMO_BUNDLE, Project, inputs_of_project, read_project, write_project
from tools.android.sdk import debug_key
from tools.android.signing import sign
from tools.android.steps import Steps, digest_of, steps_in

BUILD = APP / "build"
"""Where everything is built; nothing in it is committed."""

APK = BUILD / "edgeq-demo.apk"
"""The app."""

_HERE = Path(__file__).parent
_DEXING = digest_of(_HERE / "dexing.py", dexing.COMPILER, section("framework").digest)


def build(apk: Path = APK, bundle: Path = DEMO_BUNDLE, folder: Path = BUILD / "steps") -> None:
    """Builds a signed APK, and beside it the bytecode of the app's own classes, see `own_dex_of`.

    Args:
        apk: the file to write; it is replaced at once or not at all.
        bundle: what the app shows.
        folder: where it is built, see `Steps`.

    Raises:
        BuildError: a step failed; the message says what to change.
        JavaMissingError: there is no JDK.
    """
    jdk_home()
    with steps_in(folder) as steps:
        project = project_of(steps, bundle)
        own, libraries = _own_dex(steps, project), _library_dex(steps)
        dex = steps.made(
            "dex", digest_of(own, libraries, _DEXING), lambda into: dexing.to_dex([own, libraries], into)
        )
        resources = compiled_resources(steps, project) / "resources.apk"
        signed = _signed(steps, resources, dex, project.app / "assets")
        _put(signed, apk)
        _put(own, own_dex_of(apk))


def own_dex_of(apk: Path) -> Path:
    """Where `build` puts a zip with the bytecode of the app's own classes, to be looked at by themselves.

    Args:
        apk: that was built.
    """
    return apk.with_suffix(".own-dex.zip")


def _put(built: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with built.open("rb") as source, atomic_file(path) as target:
        shutil.copyfileobj(source, target)


def _signed(steps: Steps, resources: Path, dex: Path, assets: Path) -> Path:
    """The signed APK."""
    libraries = runtime(steps) / "lib"

    def make(into: Path) -> None:
        entries, stored = _entries(resources)
        entries |= dict(_files(dex, "")) | dict(_files(assets, "assets/")) | dict(_files(libraries, "lib/"))
        write_apk(entries, into / "unsigned.apk", stored)
        sign(into / "unsigned.apk", into / "app.apk")
        (into / "unsigned.apk").unlink()

    code = [_HERE / name for name in ("archive.py", "signing.py", "build_apk.py")]
    inputs = digest_of(
        resources, dex, assets, libraries, debug_key()[0], section("sdk-programs").digest, *code
    )
    return steps.made("apk", inputs, make) / "app.apk"


def project_of(steps: Steps, bundle: Path = DEMO_BUNDLE) -> Project:
    """The project that the app is built from, written by ``edgeq android``.

    Args:
        steps: of the build.
        bundle: what the app shows.

    Raises:
        BuildError: it cannot be written.
    """

    def make(folder: Path) -> None:
        write_project(bundle, folder / "app")

    inputs = digest_of(inputs_of_project(bundle), _HERE / "project.py")
    return read_project(steps.made("project", inputs, make) / "app")


def _library_dex(steps: Steps) -> Path:
    """The bytecode of libraries, by itself: they change seldom and take the longest."""
    jars = [*standard_library(), *runtime_jars(steps)]

    def make(folder: Path) -> None:
        dexing.to_dex(jars, folder / "dex.zip", intermediate=True)

    return steps.made("dex-libraries", digest_of(*jars, _DEXING), make) / "dex.zip"


def _own_dex(steps: Steps, project: Project) -> Path:
    """The bytecode of the app's own classes."""
    own = [core_jar(steps, project), app_jar(steps, project), compiled_resources(steps, project) / "r.jar"]
    libraries = [*standard_library(), *runtime_jars(steps)]

    def make(folder: Path) -> None:
        dexing.to_dex(own, folder / "dex.zip", classpath=libraries, intermediate=True)

    return steps.made("dex-own", digest_of(*own, *libraries, _DEXING), make) / "dex.zip"


def _entries(resources: Path) -> tuple[dict[str, bytes], set[str]]:
    """Contents of what the resources' compiler wrote, in its order, and the names of those that it left plain."""
    with zipfile.ZipFile(resources) as archive:
        entries = archive.infolist()
        contents = {entry.filename: archive.read(entry) for entry in entries}
    return contents, {entry.filename for entry in entries if entry.compress_type == zipfile.ZIP_STORED}


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield prefix + path.relative_to(folder).as_posix(), path.read_bytes()


def main() -> int:
    """Builds the app, puts it in place and says what it is made of."""
    parser = argparse.ArgumentParser(description="Builds the app's APK without Gradle.")
    parser.add_argument("bundle", nargs="?", type=Path, default=DEMO_BUNDLE, help="what the app shows")
    parser.add_argument("-o", dest="apk", type=Path, default=APK, help=f"the APK to write, by default {APK}")
    options = parser.parse_args()
    began = time.perf_counter()
    build(options.apk, options.bundle.resolve())
    print(f"{options.apk} ({time.perf_counter() - began:.1f} s)")
    print(table(sizes_of(options.apk)))
    return 0


if __name__ == "__main__":
    sys.exit(reported(main))
