from __future__ import annotations

import datetime
import json
import os
import platform
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq.benchmark import environment
from edgeq.benchmark.environment import read_environment
from edgeq.runtime.host import architecture, cpu_count


@pytest.fixture
def cpufreq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "_CPUFREQ", tmp_path)
    return tmp_path


def test_this_machine_is_described() -> None:
    read = read_environment()
    cores = cpu_count()
    assert read.device == f"{read.cpu}, {cores} core{'s' * (cores > 1)}"
    assert (read.cores, read.architecture) == (cores, architecture())
    assert (read.python, read.numpy, read.edgeq) == (
        platform.python_version(), np.__version__, edgeq.__version__,
    )  # fmt: skip
    assert read.os.startswith(platform.system())


def test_the_device_is_recognised_again_and_its_name_is_not_given_away() -> None:
    first, second = read_environment(), read_environment()
    assert first.device_id == second.device_id
    assert len(first.device_id) == 16
    assert platform.node() not in json.dumps([first.device, first.device_id, first.os])


def test_another_number_of_cores_is_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    here = read_environment()
    monkeypatch.setattr(environment, "cpu_count", lambda: here.cores + 1)
    assert read_environment().device_id != here.device_id


def test_the_start_is_a_time_with_its_zone() -> None:
    started = datetime.datetime.fromisoformat(read_environment().started_at)
    assert started.utcoffset() == datetime.timedelta(0)


def test_governor_and_frequency_are_read_where_the_system_has_them(cpufreq: Path) -> None:
    (cpufreq / "scaling_governor").write_text("performance\n")
    (cpufreq / "scaling_cur_freq").write_text("2400000\n")
    read = read_environment()
    assert (read.governor, read.frequency_mhz) == ("performance", 2400.0)


@pytest.mark.parametrize("frequency", ["", "<unknown>"])
def test_what_is_not_readable_is_none(cpufreq: Path, frequency: str) -> None:
    (cpufreq / "scaling_cur_freq").write_text(frequency)
    read = read_environment()
    assert (read.governor, read.frequency_mhz) == (None, None)


def test_a_saving_governor_is_warned_of_with_the_remedy(
    cpufreq: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    (cpufreq / "scaling_governor").write_text("powersave\n")
    assert read_environment().warnings == (
        "the CPU governor is 'powersave', which slows short runs: sudo cpupower frequency-set -g performance",
    )


def test_other_programs_are_warned_of(cpufreq: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cores = cpu_count()
    monkeypatch.setattr(os, "getloadavg", lambda: (float(cores), 0.0, 0.0))
    (warning,) = read_environment().warnings
    assert warning == f"other programs were running: load {cores:.1f} on {cores} cores at the start"
    monkeypatch.setattr(os, "getloadavg", lambda: (0.7 * cores, 0.0, 0.0))
    assert read_environment().warnings == ()


def test_a_system_without_load_average_has_none(cpufreq: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "getloadavg")
    read = read_environment()
    assert read.load_1m is None
    assert read.warnings == ()
