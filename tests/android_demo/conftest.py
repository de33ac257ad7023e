from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pytest

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT))

_T = TypeVar("_T")


def needing_java(do: Callable[[], _T]) -> _T:
    """Skips the test where Java is missing; the reason names Debian's package."""
    from tools.android.commands import JavaMissingError

    try:
        return do()
    except JavaMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def jdk() -> Path:
    """The folder of the JDK."""
    pytest.importorskip("tomllib", reason="the tools want Python 3.11")
    from tools.android.commands import jdk_home

    return needing_java(jdk_home)


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Callable[[ModuleType], tuple[Path, Path]]:
    """Folders of a generator's vectors: as edgeq computes them now, and as committed.

    ``EDGEQ_UPDATE_GOLDEN=1`` writes the committed ones anew.
    """

    def folders(generator: ModuleType) -> tuple[Path, Path]:
        name = generator.__name__.rpartition(".")[2]
        committed = _ROOT / "android_demo" / "core" / "src" / "test" / "resources" / "golden" / name
        now = tmp_path_factory.mktemp(f"golden-{name}")
        generator.write(now)
        if os.environ.get("EDGEQ_UPDATE_GOLDEN") == "1":
            generator.write(committed)
        return now, committed

    return folders


@pytest.fixture(scope="session")
def apk(jdk: Path) -> Path:
    """The app, built from the demo's bundle; ``make android`` and the tests share what is built."""
    from tools.android.build_apk import APK, build

    build()
    return APK
