"""The studies run from end to end on a tiny model; their figures mean nothing then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

STUDIES = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The cache that the studies share, and where smoke runs write their results."""
    return tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("temporary")


@pytest.mark.parametrize("study", ["conversion", "harness", "evaluation"])
def test_a_study_runs_and_writes_its_result(study, folders):
    cache, temporary = folders
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, str(STUDIES / f"{study}.py"), "--smoke"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((temporary / "edgeq-smoke" / f"{study}.json").read_text(encoding="utf-8"))
    assert result["smoke"] is True
    assert {"machine", "versions", "settings", "summary", "raw", "date"} <= set(result)
    if study == "conversion":
        assert all(result["summary"]["same_bytes"].values())
    if study == "evaluation":
        assert all(all(row["same_outputs"].values()) for row in _variants(result))


def _variants(result):
    return [row for row in result["summary"].values() if isinstance(row, dict)]
