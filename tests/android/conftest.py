"""Android projects as people have them, and the bundle that ships with edgeq."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeq.bundle import Bundle, read_bundle
from edgeq.demo import assets
from tests.android.projects import KOTLIN_APP


@pytest.fixture(scope="session")
def demo_bundle() -> Bundle:
    return read_bundle(assets.bundle_path())


@pytest.fixture
def make_module(tmp_path: Path) -> Callable[..., Path]:
    """Writes a module ``NAME`` of a project in a folder of its own."""

    def make(text: str = KOTLIN_APP, name: str = "app", build_file: str = "build.gradle.kts") -> Path:
        module = tmp_path / "project" / name
        (module / "src" / "main").mkdir(parents=True)
        (module / build_file).write_bytes(text.encode())
        (tmp_path / "project" / "settings.gradle.kts").touch()
        return module

    return make
