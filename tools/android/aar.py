"""What the app takes from the archives (AAR) of the TensorFlow Lite runtime."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from tools.android.commands import BuildError
from tools.android.parts import maven_parts, section

ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64")
"""Those of phones and of the emulator on a desktop. 32-bit x86, for emulators of old Androids, would add 4.5 MB."""

ARCHIVES = section("tensorflow-lite").digest
"""Changes with the runtime."""

_HARMLESS = {"manifest", "uses-sdk", "application"}


def unpack_runtime(folder: Path) -> None:
    """Writes the runtime's jars as ``NAME.jar`` and its native libraries as ``lib/ABI/NAME.so``.

    Args:
        folder: to write into.

    Raises:
        BuildError: an archive cannot be fetched, or brings something that a build without Gradle would have to merge.
    """
    for number, path in enumerate(maven_parts("tensorflow-lite")):
        with zipfile.ZipFile(path) as archive:
            _check_nothing_to_merge(archive, path.name)
            _copy(archive, "classes.jar", folder / f"runtime-{number}.jar")
            for name in archive.namelist():
                match = re.fullmatch(r"jni/([\w-]+)/([\w.-]+\.so)", name)
                if match and match[1] in ABIS:
                    _copy(archive, name, folder / "lib" / match[1] / match[2])


def _check_nothing_to_merge(archive: zipfile.ZipFile, name: str) -> None:
    """Gradle would merge manifests and resources; this build does not, so there must be nothing in them."""
    manifest = archive.read("AndroidManifest.xml").decode()
    elements = set(re.findall(r"<([A-Za-z][\w-]*)", manifest)) - _HARMLESS
    resources = [member for member in archive.namelist() if re.fullmatch(r"(res|assets)/.*[^/]", member)]
    if elements or resources:
        found = ", ".join([*sorted(elements), *resources])
        raise BuildError(f"{name} has a manifest or resources to merge ({found}): only Gradle does that")


def _copy(archive: zipfile.ZipFile, member: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
