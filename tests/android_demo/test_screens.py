"""The app's screens, run and drawn on a JVM: the tests in Kotlin pass, and what they drew and measured is there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.report.results import read_results

_SCREENS = (
    "main",
    "problem",
    "parity",
    "parity-differs",
    "parity-runs",
    "benchmark",
    "classify",
    "classify-problem",
)
_SIZES = {"": (720, 1440), "-dark": (720, 1440), "-lying": (1440, 720)}
_GREEN = {"": (0x1B, 0x7A, 0x2B), "-dark": (0x7B, 0xD8, 0x8A), "-lying": (0x1B, 0x7A, 0x2B)}
_RED = {"": (0xB3, 0x26, 0x1E), "-dark": (0xF2, 0xB8, 0xB5), "-lying": (0xB3, 0x26, 0x1E)}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with what the screens' tests wrote; a failure of one of them is a failure here."""
    pytest.importorskip("tomllib")
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tools.android.commands import JavaMissingError
    from tools.android.parts import PartMissingError
    from tools.android.robolectric_tests import run_tests

    folder = tmp_path_factory.mktemp("screens")
    try:
        printed = run_tests(screens=folder)
    # Robolectric needs AndroidX, which not every Maven repository has.
    except (JavaMissingError, PartMissingError) as error:
        pytest.skip(str(error))
    assert "OK (" in printed
    return folder


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("look", _SIZES)
@pytest.mark.parametrize("screen", _SCREENS)
def test_every_screen_is_drawn_in_every_look(screens: Path, screen: str, look: str) -> None:
    pixels = _pixels(screens / f"{screen}{look}.png")
    assert pixels.shape[1::-1] == _SIZES[look]
    background = np.median(pixels.reshape(-1, 3), axis=0)
    assert (background.mean() < 64) == (look == "-dark")
    # Text, buttons and pictures on the background: not an empty screen.
    assert 0.01 < np.mean(np.abs(pixels - background).max(axis=2) > 48) < 0.5


@pytest.mark.parametrize("look", _SIZES)
def test_parity_is_green_or_red(screens: Path, look: str) -> None:
    passed, failed = _pixels(screens / f"parity{look}.png"), _pixels(screens / f"parity-differs{look}.png")
    for pixels, shown, absent in ((passed, _GREEN[look], _RED[look]), (failed, _RED[look], _GREEN[look])):
        assert np.any(np.all(pixels == shown, axis=2))
        assert not np.any(np.all(pixels == absent, axis=2))


def test_what_the_screen_shares_is_read_by_edgeq(screens: Path) -> None:
    measurements = read_results([screens / "edgeq-results.jsonl"])
    assert [one.variant.name for one in measurements] == ["int8", "float32"]
    assert all(one.latency is not None for one in measurements)
    assert all(one.parity is not None and one.parity.passed for one in measurements)
