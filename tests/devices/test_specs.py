from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.devices.specs import DeviceSpec, read_device
from edgeq.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", DeviceSpec("local")),
        ("ssh:pi@raspberrypi", DeviceSpec("ssh", "pi@raspberrypi")),
        ("ssh:pi.local", DeviceSpec("ssh", "pi.local")),
        ("ssh:pi@192.168.0.7:2222", DeviceSpec("ssh", "pi@192.168.0.7", 2222)),
        ("ssh:pi@fe80::1", DeviceSpec("ssh", "pi@fe80::1")),
        ("ssh:pi@[fe80::1%eth0]:2222", DeviceSpec("ssh", "pi@fe80::1%eth0", 2222)),
        ("adb:", DeviceSpec("adb")),
        ("adb:emulator-5554", DeviceSpec("adb", "emulator-5554")),
        ("adb:192.168.0.9:5555", DeviceSpec("adb", "192.168.0.9:5555")),
        ("adb:adb-1A2B (2)._adb-tls-connect._tcp", DeviceSpec("adb", "adb-1A2B (2)._adb-tls-connect._tcp")),
    ],
)
def test_devices_are_read(text: str, expected: DeviceSpec) -> None:
    assert read_device(text) == expected


@pytest.mark.parametrize("text", ["local", "ssh:pi@raspberrypi", "ssh:host:22", "adb:", "adb:R58N123ABC"])
def test_a_device_is_shown_as_it_was_written(text: str) -> None:
    assert str(read_device(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh",
        "ssh:",
        "adb",
        "Local",
        "pi@raspberrypi",
        "ssh:-oProxyCommand=touch",
        "ssh:pi@-oProxyCommand=touch",
        "ssh:pi@host;reboot",
        "ssh:pi@host name",
        "ssh:$(reboot)",
        "ssh:pi@host:0",
        "ssh:pi@host:99999",
        "ssh:pi@host\nother",
        "adb:-s",
        "adb:a;b",
        "adb:$(reboot)",
    ],
)
def test_what_is_no_device_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_device(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=30))
def test_no_address_can_be_an_option_and_no_host_can_hold_what_a_shell_interprets(text: str) -> None:
    for kind in ("ssh:", "adb:"):
        try:
            spec = read_device(kind + text)
        except UsageError:
            continue
        assert not spec.address.startswith("-")
        allowed = " ()" if spec.kind == "adb" else ""
        assert not set(spec.address) & (set(" \t\n;&|$`'\"\\<>()*?!#~{}=,/") - set(allowed))
