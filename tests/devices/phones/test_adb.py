"""The program adb: which phones there are, and what goes wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fake_adb import install

from edgeq.devices.phones import adb
from edgeq.devices.phones.adb import Phone, PhoneLostError, choose_phone, list_phones
from edgeq.devices.phones.bounded_process import Answer
from edgeq.errors import DeviceError, EdgeqError, UsageError


@pytest.fixture
def phones(tmp_path, monkeypatch):
    def make(described):
        programs = install(tmp_path / "adb", described)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        return tmp_path / "adb"

    return make


def _program(folder: Path, monkeypatch, script: str) -> None:
    """Another adb: a script of the shell."""
    folder.mkdir(exist_ok=True)
    (folder / "adb").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_without_adb_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="adb is not installed: apt install adb"):
        choose_phone(None)


def test_phones_are_listed_in_any_state_behind_what_adb_says_of_its_server(phones):
    phones({"A1": {}, "127.0.0.1:5555": {"state": "offline"}, "adb-1A2B (2)._adb-tls-connect._tcp": {}})
    assert [(phone.serial, phone.state) for phone in list_phones()] == [
        ("A1", "device"),
        ("127.0.0.1:5555", "offline"),
        ("adb-1A2B (2)._adb-tls-connect._tcp", "device"),
    ]


def test_the_only_phone_needs_no_serial(phones):
    phones({"A1": {}})
    assert choose_phone(None) == choose_phone("") == choose_phone("A1") == "A1"


@pytest.mark.parametrize(
    ("listed", "serial", "kind", "message"),
    [
        ({}, None, DeviceError, "finds no phone: plug one in with USB debugging"),
        ({}, "A1", DeviceError, "finds no phone"),
        ({"A1": {}, "B2": {}}, None, UsageError, "there are 2 phones, say which with adb:SERIAL: A1, B2"),
        ({"A1": {}}, "C3", DeviceError, "adb knows no phone C3: there is A1"),
        ({"A1": {"state": "unauthorized"}}, None, DeviceError, "'unauthorized': unlock it and confirm"),
        ({"A1": {"state": "offline"}}, "A1", DeviceError, "phone A1 is 'offline': unplug it"),
        ({"A1": {"state": "no permissions (x); see [y]"}}, "A1", DeviceError, "udev"),
        ({"A1": {"state": "sleeping"}}, "A1", DeviceError, "'sleeping': unplug it and plug it in again"),
        ({"-e": {}}, None, DeviceError, "lists a phone as '-e', which is no serial"),
        ({"A1": {}}, "-e", UsageError, "'-e' is no serial"),
        ({"A1": {}}, "A1;reboot", UsageError, "no serial"),
        ({"A1": {}}, "A1\x1b[2J", UsageError, "no serial"),
        ({"A1": {}}, "A" * 300, UsageError, "no serial"),
        ({"A1": {}}, "Ä1", UsageError, "no serial"),
    ],
)
def test_a_phone_that_cannot_be_used_is_said_in_one_line(phones, listed, serial, kind, message):
    phones(listed)
    with pytest.raises(kind) as caught:
        choose_phone(serial)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 2


def test_the_phones_shell_hands_on_output_status_and_words(phones):
    phones({"A1": {}})
    phone = Phone("A1")
    assert phone.shell("printf out; echo err >&2; (exit 3)", "x") == Answer(3, "outerr\n")
    odd = "a b'c\"d$HOME`id`\\;*"
    assert phone.run(["echo", odd], "x").text == odd + "\n"


def test_what_old_phones_print_with_carriage_returns_is_read(tmp_path, monkeypatch):
    _program(tmp_path / "bin", monkeypatch, 'shift 3\nsh -c "$1" | sed "s/$/\\r/"')
    assert Phone("A1").shell("echo one; echo two; (exit 4)", "x") == Answer(4, "one\ntwo\n")


def test_standard_error_that_comes_after_the_output_is_read(tmp_path, monkeypatch):
    _program(tmp_path / "bin", monkeypatch, 'shift 3\nsh -c "$1" 2> "$0.late"; cat "$0.late"')
    assert Phone("A1").shell("echo one; echo late >&2; (exit 4)", "x") == Answer(4, "one\nlate\n")


def test_a_phone_that_is_gone_is_said(phones):
    folder = phones({"A1": {}})
    phone = Phone("A1")
    (folder / "phones.json").write_text("{}", encoding="utf-8")
    with pytest.raises(PhoneLostError, match="phone A1 is gone, it could not sing: see that its cable holds"):
        phone.shell("echo", "sing")


def test_a_phone_that_goes_offline_is_said(phones):
    folder = phones({"A1": {}})
    phone = Phone("A1")
    (folder / "phones.json").write_text('{"A1": {"state": "offline"}}', encoding="utf-8")
    with pytest.raises(PhoneLostError, match="became 'offline', it could not sing"):
        phone.shell("echo", "sing")


def test_a_command_that_hangs_is_ended(phones):
    phones({"A1": {}})
    with pytest.raises(DeviceError, match="could not wait: no answer within 1 s"):
        Phone("A1").shell("sleep 60", "wait", timeout_s=1)


def test_a_command_that_prints_without_end_is_ended(phones, monkeypatch):
    phones({"A1": {}})
    monkeypatch.setattr(adb, "MOST_OUTPUT", 1 << 20)
    start = time.monotonic()
    with pytest.raises(DeviceError, match="could not be quiet: more than 1 MB of output"):
        Phone("A1").shell("yes", "be quiet", timeout_s=60)
    assert time.monotonic() - start < 60


def test_a_shell_that_ends_before_its_script_does_is_said(tmp_path, monkeypatch):
    _program(
        tmp_path / "bin",
        monkeypatch,
        'if [ "$1" = devices ]; then printf "List of devices attached\\nA1\\tdevice\\n"; else echo "error: closed"; fi',
    )
    with pytest.raises(DeviceError, match="phone A1 could not sing: error: closed"):
        Phone("A1").shell("echo", "sing")


def test_a_full_phone_is_said_with_what_is_needed(phones, tmp_path):
    phones({"A1": {"fails": ["full"]}})
    (tmp_path / "big.tflite").write_bytes(bytes(2_000_000))
    with pytest.raises(DeviceError, match=r"phone A1 is full: big\.tflite needs 2\.0 MB"):
        Phone("A1").push(tmp_path / "big.tflite", "/data/local/tmp/x")


def test_an_adb_that_fails_is_said(tmp_path, monkeypatch):
    _program(tmp_path / "bin", monkeypatch, "echo 'error: cannot bind' >&2; exit 1")
    with pytest.raises(EdgeqError, match="'adb devices' failed: error: cannot bind"):
        list_phones()


def test_an_adb_that_cannot_be_run_is_said(tmp_path, monkeypatch):
    _program(tmp_path / "bin", monkeypatch, "")
    (tmp_path / "bin/adb").write_bytes(b"\x7fELF but no program")
    with pytest.raises(DeviceError, match="adb cannot be run"):
        list_phones()
