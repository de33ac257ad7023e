"""The golden photos of the app's tests are what edgeq makes of the same files now.

Where a change of edgeq moves them on purpose, ``EDGEQ_UPDATE_GOLDEN=1`` writes them anew.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.android.photos import PHOTOS_JSON, PHOTOS_ZIP
from edgeq.bundle import read_bundle
from tools.android.golden import photos as golden_photos

_COMMITTED = Path(__file__).resolve().parents[2] / "android_demo/core/src/test/resources/golden/photos"


def _opened(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(folder / PHOTOS_ZIP) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(entries[PHOTOS_JSON]), entries


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle written now with the committed photos: an encoder of another version writes other files."""
    if os.environ.get("EDGEQ_UPDATE_GOLDEN") == "1":
        golden_photos.write(_COMMITTED)
    folder = tmp_path_factory.mktemp("golden")
    index, entries = _opened(_COMMITTED)
    for photo in index["photos"]:
        path = folder / "photos" / photo["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entries[photo["file"]])
    golden_photos.write_with(folder / "bundle", folder / "photos")
    return folder / "bundle"


def test_committed_photos_and_pixels_are_what_edgeq_makes_now(now: Path) -> None:
    (index, entries), (committed, committed_entries) = _opened(now), _opened(_COMMITTED)
    assert index["photos"] == committed["photos"]
    for photo in index["photos"]:
        assert entries[photo["pixels"]] == committed_entries[photo["pixels"]]


def test_committed_answers_are_what_edgeq_computes_now(now: Path) -> None:
    (index, entries), (committed, committed_entries) = _opened(now), _opened(_COMMITTED)
    names = {name for name in entries if name.startswith(("variant", "reference"))}
    assert names == {name for name in committed_entries if name.startswith(("variant", "reference"))}
    for name in names:
        one, other = (np.load(io.BytesIO(found[name])) for found in (entries, committed_entries))
        # Another processor may round integers otherwise.
        np.testing.assert_allclose(one, other, atol=1 if one.dtype.kind == "i" else 1e-5)
    assert [one["name"] for one in index["variants"]] == [one["name"] for one in committed["variants"]]


def test_the_committed_bundle_is_a_bundle() -> None:
    assert [variant.name for variant in read_bundle(_COMMITTED).manifest.variants] == ["int8", "float32"]
