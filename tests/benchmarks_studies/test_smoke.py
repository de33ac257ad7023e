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


@pytest.mark.parametrize(
    "study",
    [
        "conversion",
        "harness",
        "evaluation",
        "inspection",
        "jpeg_folder",
        "range_statistics",
        "startup",
        "streaming",
    ],
)
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
    if study in ("evaluation", "jpeg_folder"):
        assert all(_found(result["summary"], "same_answers"))
    if study == "streaming":
        summary = result["summary"]
        assert summary["same_results"] is True
        assert (
            0
            < summary["resumed"]
            == summary["stored_when_killed"]
            < max(result["settings"]["images"].values())
        )
        assert summary["peak_mb"] < result["settings"]["most_mb"]
    if study == "startup":
        assert all(seconds > 0 for seconds in result["raw"]["first_inference_s"])


def _found(value, key):
    """Everything below a key, at any depth."""
    if not isinstance(value, dict):
        return []
    return [value[key]] if key in value else [one for part in value.values() for one in _found(part, key)]
