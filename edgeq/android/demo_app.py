"""The demo app as it ships with edgeq: a Gradle project of Kotlin sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import edgeq
from edgeq.android.demo_files import demo_files
from edgeq.errors import OutputError

APP_MODULE = "app"
"""The module of the demo app that has the bundle in its assets."""


def demo_folder() -> Path:
    """Where the demo app lies: inside of an installed edgeq, beside the package in a checkout.

    Raises:
        OutputError: it is in neither.
    """
    package = Path(edgeq.__file__).parent
    for folder in (package / "android" / "demo_app", package.parent / "android_demo"):
        if (folder / APP_MODULE).is_dir():
            return folder
    raise OutputError(
        f"the demo app is missing in {package}: install edgeq again, as files and not as an archive"
    )


def copy_demo(target: Path) -> tuple[Path, ...]:
    """Copies the demo app.

    Args:
        target: an existing folder.

    Returns:
        Paths of the files, relative to the folder.
    """
    root = demo_folder()
    files = demo_files(root)
    for path in files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target / path)
        if path == Path(".gitignore"):
            _keep_assets(target / path)
        # Not all of the mode: what is installed may be read-only, and the copy is to be edited.
        if (root / path).stat().st_mode & 0o100 or path.name == "gradlew":
            (target / path).chmod(0o755)
    return files


def _keep_assets(ignored: Path) -> None:
    """In edgeq's repository the app has no bundle; in an app of one's own it belongs into version control."""
    lines = ignored.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if "src/main/assets" not in line and "edgeq android" not in line]
    ignored.write_text("".join(kept), encoding="utf-8")
