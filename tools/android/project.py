"""The app's project as ``edgeq android BUNDLE --new DIR`` writes it, and what the build reads from its Gradle file."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from edgeq.android.demo_files import demo_files
from tools.android.commands import BuildError, run
from tools.android.parts import section
from tools.android.sdk import LEAST_API, TARGET_API
from tools.android.steps import digest_of

ROOT = Path(__file__).resolve().parents[2]
"""Of the checkout."""

APP = ROOT / "android_demo"
"""The app's sources."""

DEMO_BUNDLE = ROOT / "edgeq" / "demo" / "bundle"


@dataclass(frozen=True)
class Project:
    """A project that the command wrote.

    Attributes:
        folder: of the project.
        package: of the app.
        version: its code and name.
    """

    folder: Path
    package: str
    version: tuple[int, str]

    @property
    def app(self) -> Path:
        """What the app's APK is made of."""
        return self.folder / "app" / "src" / "main"

    @property
    def core(self) -> Path:
        """The Kotlin sources without Android."""
        return self.folder / "core" / "src" / "main" / "kotlin"


def inputs_of_project(bundle: Path) -> str:
    """Digest of all that the part of the project that is built is written from; the tests in it are not built.

    Args:
        bundle: folder or file.
    """
    command = ROOT / "edgeq" / "android"
    sources = [APP / path for path in demo_files(APP) if "test" not in path.parts]
    sources += [*sorted(command.rglob("*.py")), ROOT / "edgeq" / "cli" / "android.py", Path(__file__)]
    named = [(path.relative_to(ROOT).as_posix(), digest_of(path)) for path in sources]
    return digest_of(named, bundle, _runtime_version())


def _runtime_version() -> str:
    """Of the runtime that is built in."""
    (part,) = (part for part in section("tensorflow-lite").digests if part.split(":")[1] == "tensorflow-lite")
    return part.split(":")[2]


def write_project(bundle: Path, folder: Path) -> None:
    """Has the command write the project, with all variants of the bundle that the runtime built in can run.

    Args:
        bundle: what the app shows.
        folder: to write; it must not exist.

    Raises:
        BuildError: the command refuses; the message says why.
    """
    options = ["--new", folder, "--variant", "all", "--min-runtime", _runtime_version()]
    run([sys.executable, "-m", "edgeq", "android", bundle, *options], what="edgeq android")


def read_project(folder: Path) -> Project:
    """What the build needs to know of a project.

    Args:
        folder: of the project.

    Raises:
        BuildError: its Gradle file does not say it, or names other API levels than this build has parts for.
    """
    path = folder / "app" / "build.gradle.kts"
    text = path.read_text("utf-8")

    def value(pattern: str) -> str:
        found = re.search(pattern, text, re.MULTILINE)
        if found is None:
            raise BuildError(f"{path} has no line like {pattern!r}")
        return found[1]

    # The least of them: other runtimes than the one built with here ask for a newer Android.
    least = min(map(int, re.findall(r"\d+", value(r"^\s*minSdk = (.+)$"))))
    levels = (least, int(value(r"^\s*targetSdk = (\d+)")), int(value(r"^\s*compileSdk = (\d+)")))
    if levels != (LEAST_API, TARGET_API, TARGET_API):
        raise BuildError(
            f"{path} has API levels {levels}, expected {(LEAST_API, TARGET_API, TARGET_API)}, see sdk.py"
        )
    version = (int(value(r"^\s*versionCode = (\d+)")), value(r'^\s*versionName = "(.+)"'))
    return Project(folder, value(r'^\s*namespace = "(.+)"'), version)
