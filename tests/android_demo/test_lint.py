from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="the tools want Python 3.11")

from tools.android.commands import BuildError
from tools.android.lint import lint
from tools.android.project import APP

pytestmark = pytest.mark.slow  # Building the app takes half a minute where nothing is built yet.


def test_the_app_has_the_style_that_it_says(jdk: Path) -> None:
    lint()


def test_another_style_is_found(jdk: Path, tmp_path: Path) -> None:
    shutil.copy(APP / ".editorconfig", tmp_path)
    long = f'val long = "{"x" * 120}"'
    (tmp_path / "Bad.kt").write_text(f"package bad\n\nimport java.io.*\n\n{long}\nval wrong=1\n", "utf-8")
    with pytest.raises(BuildError) as failed:
        lint(tmp_path)
    for rule in ("no-wildcard-imports", "max-line-length", "op-spacing"):
        assert rule in str(failed.value)
