"""Compiles the app's resources and its manifest with aapt2."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from tools.android.commands import BuildError, run
from tools.android.project import Project
from tools.android.sdk import LEAST_API, TARGET_API, aapt2, framework

_ANDROID = "http://schemas.android.com/apk/res/android"


def compile_resources(project: Project, into: Path) -> None:
    """Writes ``resources.apk`` (manifest, compiled resources and their table) and ``java/`` with the class ``R``.

    Args:
        project: whose resources.
        into: folder for the files.

    Raises:
        BuildError: a resource or the manifest is wrong; the message says where.
    """
    compiled = into / "compiled.zip"
    run([aapt2(), "compile", "--dir", project.app / "res", "-o", compiled], what="compiling the resources")
    manifest = into / "AndroidManifest.xml"
    _write_manifest(project, manifest)
    code, name = project.version
    options = ["--min-sdk-version", LEAST_API, "--target-sdk-version", TARGET_API]
    options += ["--version-code", code, "--version-name", name]
    options += ["-I", framework(), "--manifest", manifest, "--java", into / "java"]
    run([aapt2(), "link", *options, "-o", into / "resources.apk", compiled], what="linking the resources")
    compiled.unlink()


def _write_manifest(project: Project, path: Path) -> None:
    """The project's manifest with what Gradle adds to it."""
    ET.register_namespace("android", _ANDROID)
    source = project.app / "AndroidManifest.xml"
    try:
        text = source.read_text("utf-8").replace("${applicationId}", project.package)
        tree = ET.ElementTree(ET.fromstring(text))  # noqa: S314
    except ET.ParseError as error:
        raise BuildError(f"{source} is no XML: {error}") from error
    application = tree.getroot().find("application")
    if application is None:
        raise BuildError(f"{source} has no element application")
    tree.getroot().set("package", project.package)
    # Libraries are mapped from the APK, where they are stored as they are, rather than copied out of it.
    application.set(f"{{{_ANDROID}}}extractNativeLibs", "false")
    tree.write(path, "utf-8", xml_declaration=True)
