"""Names of devices: short, and different for different devices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sample_measurements import change, night

from edgeq.report.device_names import device_names

PI = change(night()[0], environment__device="Raspberry Pi 4").environment


def environment(**changes):
    return change(
        night()[0], **{f"environment__{name}": value for name, value in changes.items()}
    ).environment


def pi(**changes):
    return environment(device="Raspberry Pi 4", **changes)


def test_different_names_are_enough():
    assert device_names([pi(), environment(device="Pixel", device_id="x")]) == ("Raspberry Pi 4", "Pixel")


def test_one_device_has_one_name():
    assert device_names([pi(), pi(started_at="2026-11-22T00:00:00+00:00")]) == (
        "Raspberry Pi 4",
        "Raspberry Pi 4",
    )


def test_two_boards_of_one_kind_are_told_apart_by_how_they_are_reached():
    assert device_names([pi(reached_by="ssh:a"), pi(reached_by="ssh:b")]) == (
        "Raspberry Pi 4 (ssh:a)",
        "Raspberry Pi 4 (ssh:b)",
    )
    assert device_names([pi(), pi(reached_by="ssh:b")]) == (
        "Raspberry Pi 4 (local)",
        "Raspberry Pi 4 (ssh:b)",
    )


def test_cores_and_battery_tell_apart_what_is_one_machine():
    assert device_names([pi(), pi(cpus=(3,)), pi(cpus=(0, 2, 3), power="battery")]) == (
        "Raspberry Pi 4",
        "Raspberry Pi 4 (core 3)",
        "Raspberry Pi 4 (cores 0, 2-3)",
    )
    assert device_names([pi(), pi(power="battery")]) == ("Raspberry Pi 4", "Raspberry Pi 4 (on battery)")


def test_an_emulated_board_is_told_from_a_real_one():
    assert device_names([pi(), pi(emulator="qemu-user")]) == (
        "Raspberry Pi 4",
        "Raspberry Pi 4 (emulated by qemu-user)",
    )


def test_what_nothing_else_tells_apart_gets_the_beginning_of_its_identifier():
    assert device_names([pi(device_id="aaaaaaaaaaaa"), pi(device_id="bbbbbbbbbbbb")]) == (
        "Raspberry Pi 4 (aaaaaaaa)",
        "Raspberry Pi 4 (bbbbbbbb)",
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["local", "ssh:a", "adb:b"]),
            st.sampled_from([(), (0,), (1, 2)]),
            st.sampled_from([None, "mains", "battery"]),
            st.sampled_from([None, "qemu-user"]),
            st.sampled_from(["11111111", "22222222"]),
        ),
        max_size=8,
    )
)
def test_two_places_never_share_a_name(kinds):
    environments = [
        pi(reached_by=reached, cpus=cpus, power=power, emulator=emulator, device_id=identity)
        for reached, cpus, power, emulator, identity in kinds
    ]
    names = device_names(environments)
    places = [
        (one.reached_by, one.cpus, one.power == "battery", one.emulator, one.device_id)
        for one in environments
    ]
    for name, place in zip(names, places, strict=True):
        assert all(
            (other_name == name) == (other == place) for other_name, other in zip(names, places, strict=True)
        )
