"""Measuring through a real adb and a real adbd: what only they show, such as what happens when one of them is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "devices" / "phones")]

import replays  # noqa: E402
from adb_chroot import SERIAL, adb_chroot  # noqa: E402
from debian_packages import UnavailableError  # noqa: E402

from edgeq.benchmark.targets import find_targets  # noqa: E402
from edgeq.devices.phones.adb import Phone  # noqa: E402
from edgeq.devices.phones.attached import attached_devices  # noqa: E402
from edgeq.devices.phones.benchmark_model import PhoneOptions, measure_on_phone  # noqa: E402
from edgeq.devices.phones.benchmark_model_command import PhonePlan  # noqa: E402
from edgeq.devices.phones.folder import PhoneFolder  # noqa: E402
from edgeq.errors import DeviceError  # noqa: E402
from edgeq.files import sha256_file  # noqa: E402
from edgeq.scratch import scratch_folder  # noqa: E402

BUNDLE = HERE.parents[1] / "edgeq/demo/bundle"
FLOAT, INT8 = 252568, 100368
PLAN = PhonePlan(rounds=2)


@pytest.fixture(scope="module")
def phone():
    try:
        with scratch_folder("adbd") as folder, adb_chroot(folder) as chroot:
            yield chroot
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _finds_the_phone(phone, monkeypatch):
    for name in ("PATH", "ADB_SERVER_SOCKET", "HOME"):
        monkeypatch.setenv(name, phone.environment[name])


def targets():
    return find_targets([BUNDLE], ["float32", "int8"])


def left_behind(phone) -> str:
    return phone.shell("ls -A /data/local/tmp; ps -ef | grep -v grep | grep -e replay -e 'sleep 600'").strip()


def wait_until(done, what: str) -> None:
    limit = time.monotonic() + 30
    while not done():
        assert time.monotonic() < limit, f"waited 30 s for {what}"
        time.sleep(0.1)


def test_both_formats_are_measured(phone):
    phone.replay(
        FLOAT, replays.classic(1000, extra=replays.XNNPACK_BY_ITSELF), result=replays.result_file(1.0)
    )
    phone.replay(INT8, replays.litert(0.5))
    options = PhoneOptions(threads=(1,), benchmark_model=phone.program, plan=PLAN, cpus=(0,))
    session = measure_on_phone(targets(), SERIAL, options)
    assert session.failures == {}
    base, int8 = session.measurements
    assert base.latency.mean_ms == pytest.approx(1.0)
    assert int8.latency.ratio.value == pytest.approx(0.5)
    assert base.environment.device.startswith("Debian chroot")
    assert base.environment.cpus == (0,)
    assert left_behind(phone) == ""


def test_a_shell_of_a_phone_hands_on_status_and_words(phone):
    there = Phone(SERIAL)
    assert there.shell("echo a; echo b >&2; (exit 7)", "x").status == 7
    odd = "a b'c\"d$HOME`id`\\;*"
    assert there.run(["echo", odd], "x").text == odd + "\n"


def test_what_adb_lists_says_what_would_run(phone):
    (listed,) = attached_devices()
    assert (listed.serial, listed.state, listed.model, listed.abi) == (
        SERIAL,
        "device",
        "Debian chroot",
        "x86_64",
    )
    assert "--benchmark-model" in listed.remedy


def test_a_program_that_crashes_fails_its_variant_alone(phone):
    phone.replay(FLOAT, replays.classic(1000))
    phone.replay(INT8, replays.REFUSED, status=139)
    options = PhoneOptions(threads=(1,), benchmark_model=phone.program, plan=PLAN)
    session = measure_on_phone(targets(), SERIAL, options)
    assert [one.variant.name for one in session.measurements] == ["float32"]
    assert "SIGSEGV" in session.failures["int8"]
    assert left_behind(phone) == ""


def test_full_storage_is_said_and_nothing_is_left(phone):
    phone.shell("head -c 4100000 /dev/zero > /data/local/tmp/filler")
    try:
        with pytest.raises(DeviceError, match=r"is full: fashion_mnist.* free some storage"):
            measure_on_phone(targets(), SERIAL, PhoneOptions(benchmark_model=phone.program, plan=PLAN))
        assert left_behind(phone) == "filler"
    finally:
        phone.shell("rm /data/local/tmp/filler")


def test_a_program_that_hangs_is_ended(phone):
    phone.replay(FLOAT, "INFO: STARTING!", hangs=True)
    with PhoneFolder(Phone(SERIAL)) as folder:
        program = folder.push(phone.program, "benchmark_model", sha256_file(phone.program), mode="700")
        model = folder.push(
            BUNDLE / "fashion_mnist.float32.tflite",
            "0.tflite",
            sha256_file(BUNDLE / "fashion_mnist.float32.tflite"),
        )
        with pytest.raises(DeviceError, match="could not hang: no answer within 2 s"):
            folder.run(f"{program} --graph={model}", "hang", timeout_s=2)
    assert left_behind(phone) == ""


def test_when_edgeq_is_killed_the_phone_cleans_up(phone):
    phone.replay(FLOAT, "INFO: STARTING!", hangs=True)
    edgeq = _start_measuring(phone)
    try:
        wait_until(lambda: "sleep 600" in left_behind(phone), "the program to run")
    finally:
        edgeq.kill()
        edgeq.wait()
    wait_until(lambda: left_behind(phone) == "", "the phone to clean up")


def test_when_edgeq_is_interrupted_the_phone_cleans_up(phone):
    phone.replay(FLOAT, "INFO: STARTING!", hangs=True)
    edgeq = _start_measuring(phone)
    try:
        wait_until(lambda: "sleep 600" in left_behind(phone), "the program to run")
        edgeq.send_signal(signal.SIGINT)
        edgeq.wait(30)
    finally:
        edgeq.kill()
        edgeq.wait()
    assert left_behind(phone) == ""


def test_when_the_cable_is_pulled_edgeq_says_so_and_the_phone_cleans_up(phone):
    phone.replay(FLOAT, "INFO: STARTING!", hangs=True)
    edgeq = _start_measuring(phone)
    try:
        wait_until(lambda: "sleep 600" in left_behind(phone), "the program to run")
        phone.adb("disconnect", SERIAL)
        said = edgeq.communicate(timeout=60)[0]
    finally:
        edgeq.kill()
        edgeq.wait()
        phone.adb("connect", SERIAL)
    assert f"phone {SERIAL} is gone, it could not run benchmark_model" in said
    wait_until(lambda: left_behind(phone) == "", "the phone to clean up")


def test_folders_of_earlier_days_are_removed_and_those_of_today_are_not(phone):
    old, new, foreign = "edgeq-0123456789abcdef", "edgeq-fedcba9876543210", "edgeq-mine"
    phone.shell(
        f"cd /data/local/tmp; mkdir {old} {new} {foreign}; touch {old}/x; touch -d 2001-02-03T04:05:06 {old} {foreign}"
    )
    try:
        with PhoneFolder(Phone(SERIAL)):
            pass
        assert sorted(left_behind(phone).split()) == sorted([new, foreign])
    finally:
        phone.shell("rm -rf /data/local/tmp/edgeq-*")


def _start_measuring(phone) -> subprocess.Popen[str]:
    """A process that measures, and prints the error that it ends with."""
    script = (
        "from pathlib import Path\n"
        "from edgeq.benchmark.targets import find_targets\n"
        "from edgeq.devices.phones.benchmark_model import PhoneOptions, measure_on_phone\n"
        "from edgeq.errors import EdgeqError\n"
        f"options = PhoneOptions(threads=(1,), benchmark_model=Path({str(phone.program)!r}))\n"
        f"targets = find_targets([{str(BUNDLE)!r}], ['float32'])\n"
        "try:\n"
        f"    measure_on_phone(targets, {SERIAL!r}, options)\n"
        "except EdgeqError as error:\n"
        "    print(error)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
