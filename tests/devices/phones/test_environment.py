"""What a phone tells of itself."""

from __future__ import annotations

import pytest

from edgeq.devices.phones.bounded_process import Answer
from edgeq.devices.phones.environment import read_phone
from edgeq.errors import DeviceError


class Told:
    """A phone that answers one thing."""

    serial = "A1"

    def __init__(self, properties: dict[str, str], cpuinfo: str = "") -> None:
        lines = "".join(f"[{key}]: [{value}]\n" for key, value in properties.items())
        self._text = f"{lines}== edgeq ==\n{cpuinfo}"

    def shell(self, script, what, **_):
        return Answer(0, self._text)


ABI = {"ro.product.cpu.abilist": "arm64-v8a"}


@pytest.mark.parametrize(
    ("properties", "model", "chip"),
    [
        (
            {"ro.product.manufacturer": "Google", "ro.product.model": "Pixel 6"},
            "Google Pixel 6",
            "unknown chip",
        ),
        ({"ro.product.manufacturer": "Nokia", "ro.product.model": "Nokia 3.4"}, "Nokia 3.4", "unknown chip"),
        ({"ro.product.model": "x", "ro.board.platform": "lahaina"}, "x", "lahaina"),
        ({"ro.soc.manufacturer": "QTI", "ro.soc.model": "SM8350"}, "unknown phone", "QTI SM8350"),
        ({"ro.product.model": "\x1b[2J" + "y" * 300}, "\\x1b[2J" + "y" * 113, "unknown chip"),
    ],
)
def test_model_and_chip(properties, model, chip):
    info = read_phone(Told({**ABI, **properties}))
    assert (info.model, info.chip) == (model, chip)


def test_kinds_of_cores_and_what_kernels_choose_by():
    cores = "".join(
        f"processor\t: {n}\nFeatures\t: fp asimd asimdhp asimddp\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n"
        for n, part in enumerate(["0xd05"] * 4 + ["0xd0b"] * 4)
    )
    info = read_phone(Told(ABI, cores))
    assert info.cpu == "4x Cortex-A55 + 4x Cortex-A76"
    assert info.features == ("asimd", "asimdhp", "asimddp")


def test_a_phone_that_tells_nothing_of_its_cpu_has_not_the_one_of_this_machine():
    assert read_phone(Told({**ABI, "ro.hardware": "qcom"})).cpu == "qcom"
    assert read_phone(Told(ABI)).cpu == "unknown CPU"


def test_an_old_phone_tells_one_abi():
    assert read_phone(Told({"ro.product.cpu.abi": "armeabi-v7a"})).abis == ("armeabi-v7a",)


def test_names_of_abis_are_checked():
    assert read_phone(Told({"ro.product.cpu.abilist": "arm64-v8a,../../x, ,x86"})).abis == (
        "arm64-v8a",
        "x86",
    )
    with pytest.raises(DeviceError, match="does not tell its ABI"):
        read_phone(Told({"ro.product.cpu.abilist": "../x"}))


@pytest.mark.parametrize(
    ("properties", "emulator"),
    [
        ({}, None),
        ({"ro.kernel.qemu": "1"}, "Android emulator"),
        ({"ro.hardware": "ranchu"}, "Android emulator"),
        ({"ro.kernel.qemu": "0", "ro.hardware": "qcom"}, None),
    ],
)
def test_androids_emulator_is_told_apart(properties, emulator):
    assert read_phone(Told({**ABI, **properties})).emulator == emulator
