"""One model on several devices: each device's numbers are its own, and which variant to ship on all."""

from __future__ import annotations

import json

import pytest
from golden_files import REPORT, check_golden
from rich.cells import cell_len
from sample_devices import desktop, emulated, near, phone, raspberry, three_devices
from sample_measurements import change, each, night, without_labels
from test_console import printed

from edgeq.report.render import render
from edgeq.report.side_by_side_text import entry_text
from edgeq.report.summary import summarise


def side(measurements):
    (found,) = summarise(measurements).devices
    return found


def cells(found, device):
    place = next(index for index, name in enumerate(found.devices) if name.startswith(device))
    return {line.variant: entry_text(line.entries[place]) for line in found.lines}


def on(measurements, device, **changes):
    """The same on another device."""
    return each(
        measurements,
        lambda one: change(one, environment__device=device, environment__device_id=device, **changes),
    )


@pytest.mark.parametrize("width", [80, 160])
def test_three_devices_on_the_console(width):
    check_golden(REPORT / f"console-devices-{width}.txt", printed(three_devices(), width))


def test_three_devices_in_markdown():
    check_golden(REPORT / "devices.md", render(three_devices(), "md"))


def test_three_devices_as_csv():
    check_golden(REPORT / "devices.csv", render(three_devices(), "csv"))


def test_three_devices_as_json():
    report = json.loads(render(three_devices(), "json"))
    check_golden(REPORT / "devices.json", json.dumps(report["devices"], indent=1, ensure_ascii=False) + "\n")


def test_one_device_has_no_table_across_devices():
    assert summarise(night()).devices == ()
    two_runtimes = [*night(), *each(night(), lambda one: change(one, runtime__version="2.4.0"))]
    assert summarise(two_runtimes).devices == ()


def test_other_models_and_other_input_shapes_are_not_put_side_by_side():
    other_model = each(on(night(), "x"), lambda one: change(one, variant__model="other"))
    assert summarise([*night(), *other_model]).devices == ()
    larger = each(on(night(), "x"), lambda one: change(one, inputs={"image": "float32[1, 320, 320, 3]"}))
    assert summarise([*night(), *larger]).devices == ()


def test_two_devices_are_never_divided_by_one_another():
    slow = each(on(night(threads=(1,)), "x"), lambda one: change(one, latency__median=one.latency.median))
    found = side([*night(threads=(1,)), *slow])
    assert cells(found, "x")["int8"].speed == "2.20× faster"
    text = render([*night(threads=(1,)), *slow], "md")
    assert "two devices are not compared" in text


def test_the_fastest_of_each_device_is_marked_and_its_equals_too():
    found = side(three_devices())
    assert {name for name, cell in cells(found, "Raspberry").items() if cell.is_fastest} == {
        "int8",
        "int8-io-float32",
    }
    assert {name for name, cell in cells(found, "Pixel").items() if cell and cell.is_fastest} == {"float16"}


def test_where_all_are_as_fast_none_is_the_fastest():
    assert not any(cell.is_fastest for cell in cells(side(three_devices()), "Ryzen").values())


def test_accuracy_that_a_phone_does_not_tell_is_said_in_each_cell():
    assert {cell.quality for cell in cells(side(three_devices()), "Pixel").values() if cell} == {
        "accuracy not measured"
    }


def test_emulated_times_are_marked_and_neither_fastest_nor_compared():
    found = side([*desktop(), *emulated()])
    marked = cells(found, "Cortex-A76")["int8"]
    assert (marked.latency, marked.speed, marked.is_fastest) == ("27.9 ms emulated", "", False)
    assert marked.quality == "drop 0.40 pp"


def test_thread_counts_make_lines_only_where_a_device_has_several():
    assert [line.threads for line in side(three_devices()).lines] == [None] * 5
    assert side(three_devices()).devices == (
        "Raspberry Pi 4, 1 thread",
        "Pixel 8, 4 threads",
        "Ryzen 9 7950X, 1 thread",
    )
    both = side([*night(), *on(night(), "x")])
    assert [line.threads for line in both.lines] == [1] * 5 + [4] * 5


def test_the_same_choice_everywhere_is_one_sentence():
    assert side([*night(), *on(night(), "x")]).sentence == "int8 is the best choice on both devices."
    three = [*night(), *on(night(), "x"), *on(night(), "y")]
    assert side(three).sentence == "int8 is the best choice on all 3 devices."


def test_choices_that_differ_are_said_by_device():
    assert side(three_devices()).sentence == (
        "The best choice differs by device: int8 on Raspberry Pi 4, 1 thread; dynamic on Ryzen 9 7950X, 1 thread; "
        "on Pixel 8, 4 threads nothing is recommended (fastest there: float16)."
    )


def test_a_choice_by_size_and_accuracy_says_so():
    pi = each(raspberry(), lambda one: change(one, latency=None))
    sentence = side([*pi, *on(raspberry(), "x")]).sentence
    assert "(by size and accuracy alone on Raspberry Pi 4, where no times were compared)" in sentence


def test_without_any_advice_the_common_fastest_is_named():
    bare = each(phone(), lambda one: change(one, accuracy=None))
    other = on(bare, "Pixel 9", environment__reached_by="adb:OTHER")
    assert side([*bare, *other]).sentence == (
        "Nothing is recommended on any of the 2 devices; float16 is the fastest on each."
    )


def test_the_sentence_is_the_last_line_of_every_text():
    sentence = side(three_devices()).sentence
    assert " ".join(printed(three_devices(), 100).split()).endswith(sentence)
    lines = [line for line in render(three_devices(), "md").splitlines() if line.startswith("**")]
    assert lines[3].replace("\\", "") == f"**{sentence}**"


def test_two_boards_of_one_kind_are_two_devices():
    two = [*raspberry(), *raspberry(reached_by="ssh:pi@kitchen")]
    summary = summarise(two)
    assert len(summary.sections) == 2
    assert side(two).devices == (
        "Raspberry Pi 4, 4 cores (ssh:pi@raspberrypi)",
        "Raspberry Pi 4, 4 cores (ssh:pi@kitchen)",
    )


def test_another_file_by_the_same_name_is_noted():
    other = each(
        on(night(), "x"),
        lambda one: change(one, variant__sha256="0" * 64) if one.variant.name == "int8" else one,
    )
    assert side([*night(), *other]).notes == ("not the same file on every device: int8",)


def test_accuracy_on_other_items_is_noted():
    few = each(on(night(), "x"), lambda one: change(one, accuracy__n=200, accuracy__data_digest="other"))
    assert side([*night(), *few]).notes == (
        "accuracy is each device's own: 4,000 items on Cortex-A72 and 200 items on x",
    )


def test_without_labels_the_agreement_stands_in_the_cells():
    found = side([*without_labels(night(threads=(1,))), *on(without_labels(night(threads=(1,))), "x")])
    assert cells(found, "x")["int8"].quality == "agreement 98.2 %"


def test_failed_parity_stands_in_the_cell():
    failing = each(on(night(threads=(1,)), "x"), lambda one: near(one, passed=one.variant.name != "int8"))
    assert cells(side([*night(threads=(1,)), *failing]), "x")["int8"].parity == "✗ 12.1 dB, 81.2 %"


def test_hostile_names_stay_text_in_markdown():
    evil = "|<b>[x](y)"
    text = render([*night(), *on(night(), evil)], "md")
    assert "\\|\\<b\\>" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| variant | Cortex-A72 ")]
    assert row.replace("\\|", "").count("|") == 4


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 200])
def test_no_line_on_the_console_is_wider_than_the_terminal(width):
    text = printed(three_devices(), width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_of_very_many_devices_some_are_shown_side_by_side_and_each_has_its_table():
    many = [one for number in range(40) for one in on(night(threads=(1,)), f"board {number}")]
    summary = summarise(many)
    assert len(summary.sections) == 40
    assert len(side(many).devices) == 24
    assert side(many).notes == ("16 further devices not shown side by side",)
