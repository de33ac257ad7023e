"""The program ``benchmark_model``: where it comes from, and whether it runs on a phone."""

from __future__ import annotations

import contextlib

import pytest
from fake_adb import write_program
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeq.cache import cache_folder
from edgeq.devices.phones.benchmark_binary import cached_binary, find_binary
from edgeq.errors import DeviceError, EdgeqError, UsageError
from edgeq.files import sha256_file

PHONE = ("arm64-v8a", "armeabi-v7a", "armeabi")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _in_cache(abi, built=None):
    path = cache_folder("benchmark_model") / abi / "benchmark_model"
    path.parent.mkdir(parents=True)
    return write_program(path, {}, built or abi)


@pytest.mark.parametrize("abi", ["arm64-v8a", "armeabi-v7a"])
@pytest.mark.parametrize("loader", ["", "/system/bin/linker64"])
def test_a_program_for_the_phone_is_taken(tmp_path, abi, loader):
    path = write_program(tmp_path / "b", {}, abi, loader)
    found = find_binary(path, sha256_file(path).upper(), PHONE)
    assert (found.path, found.abi, found.sha256) == (path, abi, sha256_file(path))
    assert "--benchmark-model" in found.origin


def test_the_cache_is_looked_at_in_the_order_of_the_phones_abis():
    _in_cache("armeabi-v7a")
    assert find_binary(None, None, PHONE).abi == "armeabi-v7a"
    preferred = _in_cache("arm64-v8a")
    found = find_binary(None, None, PHONE)
    assert (found.path, found.origin) == (preferred, "found in the cache")
    assert cached_binary(("x86_64",)) is None


def test_without_one_the_place_of_the_cache_is_named():
    with pytest.raises(
        DeviceError, match=r"no benchmark_model for arm64-v8a: give one with --benchmark-model PATH"
    ) as e:
        find_binary(None, None, PHONE)
    assert str(cache_folder("benchmark_model") / "arm64-v8a") in str(e.value)


def test_an_abi_of_the_phone_names_no_folder_outside_the_cache():
    assert cached_binary(("../../..", "/etc")) is None


def test_without_a_home_there_is_no_cache(monkeypatch):
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("pathlib.Path.home", _homeless)
    with pytest.raises(DeviceError, match="give one with --benchmark-model PATH"):
        find_binary(None, None, PHONE)


def _homeless():
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize(
    ("abi", "loader", "message"),
    [
        (
            "x86_64",
            "",
            r"is for x86_64, the phone runs arm64-v8a, armeabi-v7a, armeabi: .*--config=android_arm64",
        ),
        ("arm64-v8a", "/lib/ld-linux-aarch64.so.1", r"is for Linux, not for Android"),
        ("armeabi-v7a", "/lib/ld-linux-armhf.so.3", r"is for Linux, not for Android"),
    ],
)
def test_a_program_for_another_machine_is_refused(tmp_path, abi, loader, message):
    with pytest.raises(DeviceError, match=message):
        find_binary(write_program(tmp_path / "b", {}, abi, loader), None, PHONE)


def test_what_is_missing_or_wrong_is_said(tmp_path):
    script = tmp_path / "script"
    script.write_text(
        "#!/bin/sh\necho hello, this is no program for a phone, but long enough\n", encoding="utf-8"
    )
    program = write_program(tmp_path / "b", {})
    for given_path, digest, kind, message in (
        (tmp_path / "none", None, DeviceError, "does not exist"),
        (tmp_path, None, DeviceError, "does not exist"),
        (script, None, DeviceError, "is no program for Android: expected an ELF file, found b'#!/b'"),
        (program, "ab" * 32, DeviceError, "expected abab"),
        (program, "abc", UsageError, "64 hexadecimal digits"),
    ):
        with pytest.raises(kind, match=message):
            find_binary(given_path, digest, PHONE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=300), st.integers(0, 200), st.booleans())
def test_any_file_is_taken_or_refused(tmp_path, content, at, is_64):
    path = write_program(tmp_path / "b", {}, "arm64-v8a" if is_64 else "armeabi-v7a", "/system/bin/linker")
    whole = bytearray(path.read_bytes())
    whole[6 + at : 6 + at + len(content)] = content
    path.write_bytes(bytes(whole))
    with contextlib.suppress(EdgeqError):
        assert find_binary(path, None, PHONE).abi in PHONE
