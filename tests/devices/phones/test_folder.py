"""A folder of our own on a phone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fake_adb import install

from edgeq.devices.phones.adb import Phone
from edgeq.devices.phones.folder import PhoneFolder
from edgeq.errors import DeviceError
from edgeq.files import sha256_file


@pytest.fixture
def phone(tmp_path, monkeypatch):
    programs = install(tmp_path / "adb", {"A1": {}})
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return Phone("A1")


@pytest.fixture
def storage(tmp_path, phone):
    return tmp_path / "adb/A1/data/local/tmp"


def test_it_is_there_in_the_block_for_its_user_alone_and_gone_after_it(phone, storage):
    with PhoneFolder(phone) as folder:
        (there,) = storage.iterdir()
        assert there.name == Path(folder.path).name
        assert there.stat().st_mode & 0o777 == 0o700
    assert list(storage.iterdir()) == []


def test_it_is_gone_after_an_error(phone, storage):
    with pytest.raises(ZeroDivisionError), PhoneFolder(phone):
        1 / 0  # noqa: B018
    assert list(storage.iterdir()) == []


def test_copies_are_compared(phone, storage, tmp_path):
    file = tmp_path / "a b'c.tflite"
    file.write_bytes(b"content")
    with PhoneFolder(phone) as folder:
        folder.push(file, "0.tflite", sha256_file(file), mode="700")
        (copy,) = next(storage.iterdir()).glob("*.tflite")
        assert copy.read_bytes() == b"content"
        assert copy.stat().st_mode & 0o777 == 0o700
        with pytest.raises(DeviceError, match=r"a b'c\.tflite was changed while it was copied"):
            folder.push(file, "1.tflite", "0" * 64)


def test_a_program_and_what_is_run_after_it_are_told_apart(phone):
    with PhoneFolder(phone) as folder:
        answer, rest = folder.run(
            "sh -c 'echo out; echo err >&2; exit 5'",
            "x",
            timeout_s=30,
            then=("echo one", "echo two; echo three"),
        )
        assert (answer.status, answer.text) == (5, "out\nerr\n")
        assert [text.strip() for text in rest] == ["one", "two\nthree"]


def test_a_program_that_is_ended_stays_ended(phone, storage):
    with PhoneFolder(phone) as folder:
        with pytest.raises(DeviceError, match="no answer within 1 s"):
            folder.run("sleep 61.25", "x", timeout_s=1)
        assert not list(next(storage.iterdir()).glob("pid"))
    ended = time.monotonic() + 20
    while any(b"61.25" in _command_line(entry) for entry in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < ended
        time.sleep(0.05)


def _command_line(process: Path) -> bytes:
    try:
        command = (process / "cmdline").read_bytes()
    except OSError:
        return b""
    return command if command.startswith(b"sleep\0") else b""


def test_a_phone_on_which_no_folder_can_be_made_is_said(phone, storage):
    storage.rmdir()
    with pytest.raises(
        DeviceError, match=r"phone A1 could not make a folder in /data/local/tmp: .*No such file"
    ):
        PhoneFolder(phone).__enter__()


def test_a_phone_whose_shell_hangs_is_given_up(phone, storage, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeq.devices.phones.folder._READY_S", 1.0)
    monkeypatch.setattr(phone, "command", lambda script: ["sleep", "60"] if "ready" in script else ["false"])
    monkeypatch.setattr("edgeq.devices.phones.folder.remove_stale", lambda phone: ())
    with pytest.raises(DeviceError, match="phone A1 could not make a folder"):
        PhoneFolder(phone).__enter__()
