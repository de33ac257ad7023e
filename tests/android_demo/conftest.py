from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

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
def apk(jdk: Path) -> Path:
    """The app, built from the demo's bundle; ``make android`` and the tests share what is built."""
    from tools.android.build_apk import APK, build

    build()
    return APK
