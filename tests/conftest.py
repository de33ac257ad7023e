"""What all tests share."""

from __future__ import annotations

import os
import warnings

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# In continuous integration everything is installed, and a skip would hide that something is not tested.
# Only what needs hardware may be skipped there.
_REQUIRE_ALL = os.environ.get("EDGEQ_REQUIRE_ALL") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if _REQUIRE_ALL and report.skipped and not item.get_closest_marker("hardware"):
        report.outcome = "failed"
        report.longrepr = f"skipped although EDGEQ_REQUIRE_ALL=1: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _no_numpy_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="edgeq")
        yield
