"""The golden vectors of the app's core are what edgeq computes now.

Where a change of edgeq moves them on purpose, ``EDGEQ_UPDATE_GOLDEN=1`` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edgeq.bundle import read_bundle
from tools.android.golden import core
from tools.android.golden.parity import parity_cases


@pytest.fixture(scope="module")
def folders(golden: Callable[[ModuleType], tuple[Path, Path]]) -> tuple[Path, Path]:
    return golden(core)


def test_the_same_files_are_committed(folders: tuple[Path, Path]) -> None:
    now, committed = folders
    assert {path.name for path in committed.iterdir()} == {path.name for path in now.iterdir()}


def test_committed_vectors_are_what_edgeq_computes(folders: tuple[Path, Path]) -> None:
    now, committed = folders
    changed = [
        path.name
        for path in sorted(now.glob("*.json"))
        if path.read_text("utf-8") != (committed / path.name).read_text("utf-8")
    ]
    assert not changed, f"{changed} changed: EDGEQ_UPDATE_GOLDEN=1 writes them anew where that is right"


def test_committed_archives_hold_the_same_arrays(folders: tuple[Path, Path]) -> None:
    now, committed = folders
    # Not the same bytes: a compressor of another version may compress otherwise.
    for path in sorted(now.glob("*.npz")):
        with np.load(path) as one, np.load(committed / path.name) as other:
            assert one.files == other.files
            for name in one.files:
                assert one[name].dtype == other[name].dtype
                assert one[name].tobytes() == other[name].tobytes()


def test_the_cases_hold_both_verdicts_and_both_kernel_paths() -> None:
    cases = list(parity_cases(read_bundle(core.DEMO_BUNDLE)))
    seen = {(case["result"]["same_kernels"], case["result"]["passed"]) for case in cases}
    assert seen == {(True, True), (True, False), (False, True), (False, False)}
