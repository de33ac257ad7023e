"""Several devices at once, of which those that cannot be reached cost nothing but themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.benchmark.targets import find_targets
from edgeq.devices.job_options import JobOptions
from edgeq.devices.measuring import DeviceJob, measure_on_devices
from edgeq.devices.specs import read_device
from edgeq.errors import DeviceError, EdgeqError, UsageError

BUNDLE = Path(__file__).parents[2] / "edgeq" / "demo" / "bundle"
QUICK = JobOptions(variants=("int8",), threads=(1,), speed="quick", max_seconds=0.5)
# Reserved by RFC 2606, so that no name server knows it.
NOWHERE = "ssh:nobody@nowhere.invalid"


@pytest.fixture(autouse=True)
def _no_ssh(tmp_path, monkeypatch):
    """An ssh that knows no host, as the real one says it, and no adb."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        "#!/bin/sh\necho 'ssh: Could not resolve hostname nowhere.invalid: Name or service not known' >&2\nexit 255\n"
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))


def job(options: JobOptions = QUICK) -> DeviceJob:
    return DeviceJob(find_targets([BUNDLE]).only(["int8"]), options)


def test_what_fails_on_one_device_does_not_keep_the_other_from_going_on() -> None:
    session = measure_on_devices([read_device(NOWHERE), read_device("local")], job())
    assert [one.variant.name for one in session.measurements] == ["int8"]
    assert list(session.failures) == [NOWHERE]
    assert "no host of that name is known" in session.failures[NOWHERE]


def test_a_single_device_that_fails_is_an_error_in_one_line() -> None:
    with pytest.raises(DeviceError) as caught:
        measure_on_devices([read_device(NOWHERE)], job())
    assert str(caught.value).count(NOWHERE) == 1
    assert "\n" not in str(caught.value)


def test_where_every_device_fails_each_is_named_once() -> None:
    other = "ssh:nobody@elsewhere.invalid"
    with pytest.raises(EdgeqError) as caught:
        measure_on_devices([read_device(NOWHERE), read_device(other)], job())
    assert str(caught.value).count(NOWHERE) == str(caught.value).count(other) == 1


@pytest.mark.parametrize(
    ("devices", "options", "message"),
    [
        ([], QUICK, "expected a device to measure on"),
        (["local", "local"], QUICK, "--on local is given twice"),
        (["adb:"], JobOptions(latency=False), "--no-latency is not for phones"),
        (["local", "adb:"], JobOptions(sustained_s=60), "--sustained is not for phones"),
        (["adb:"], JobOptions(runtime="litert"), "--runtime is not for phones"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_measured(devices, options, message) -> None:
    with pytest.raises(UsageError, match=message):
        measure_on_devices([read_device(text) for text in devices], job(options))


def test_a_lone_file_is_not_for_hosts() -> None:
    (file,) = BUNDLE.glob("*.int8.tflite")
    with pytest.raises(UsageError, match="a host over SSH measures a bundle"):
        measure_on_devices([read_device(NOWHERE)], DeviceJob(find_targets([file]), QUICK))
