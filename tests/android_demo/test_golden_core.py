"""The golden vectors of the app's core are what edgeq computes now.

Where a change of edgeq moves them on purpose, ``EDGEQ_UPDATE_GOLDEN=1`` writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edgeq.bundle import read_bundle
from tools.android.golden import core
from tools.android.golden.parity import parity_cases

_ROOT = Path(__file__).resolve().parents[2]
_COMMITTED = _ROOT / "android_demo" / "core" / "src" / "test" / "resources" / "golden" / "core"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    core.write(folder)
    if os.environ.get("EDGEQ_UPDATE_GOLDEN") == "1":
        core.write(_COMMITTED)
    return folder


def test_the_same_files_are_committed(written: Path) -> None:
    assert {path.name for path in _COMMITTED.iterdir()} == {path.name for path in written.iterdir()}


def test_committed_vectors_are_what_edgeq_computes(written: Path) -> None:
    changed = [
        path.name
        for path in sorted(written.glob("*.json"))
        if path.read_text("utf-8") != (_COMMITTED / path.name).read_text("utf-8")
    ]
    assert not changed, f"{changed} changed: EDGEQ_UPDATE_GOLDEN=1 writes them anew where that is right"


def test_committed_archives_hold_the_same_arrays(written: Path) -> None:
    # Not the same bytes: a compressor of another version may compress otherwise.
    for path in sorted(written.glob("*.npz")):
        with np.load(path) as now, np.load(_COMMITTED / path.name) as committed:
            assert now.files == committed.files
            for name in now.files:
                assert now[name].dtype == committed[name].dtype
                assert now[name].tobytes() == committed[name].tobytes()


def test_the_cases_hold_both_verdicts_and_both_kernel_paths() -> None:
    cases = list(parity_cases(read_bundle(core.DEMO_BUNDLE)))
    seen = {(case["result"]["same_kernels"], case["result"]["passed"]) for case in cases}
    assert seen == {(True, True), (True, False), (False, True), (False, False)}
