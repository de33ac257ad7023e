"""The report where there is no rich: what the console says, as plain lines."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from golden_files import REPORT, check_golden
from rich.console import Console
from sample_devices import emulated, phone, raspberry, three_devices, throttled
from sample_measurements import change, each, lone_file, night, without_labels

from edgeq.benchmark.measurement import to_json
from edgeq.errors import ResultsError
from edgeq.report.console import print_report
from edgeq.report.plain_characters import display_width
from edgeq.report.plain_text import plain_report
from edgeq.report.results import to_line

SAMPLES = {
    "night": night,
    "unlabelled": lambda: without_labels(night()),
    "lone file": lambda: [lone_file(night()[3], "detector")],
    "raspberry": raspberry,
    "phone": phone,
    "emulated": emulated,
    "throttled": throttled,
    "three devices": three_devices,
}

BLOCKED = """
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ImportError(f"{{name}} is not there on a bare device")
        return None


sys.meta_path.insert(0, Blocked())
from edgeq.report.plain_text import plain_report
from edgeq.report.results import read_results

print(plain_report(read_results([sys.argv[1]])), end="")
"""


def words(text):
    """The words of a report; lines are broken elsewhere and rules are as wide as they like."""
    return [word for word in text.split() if word.strip("─")]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [80, 120])
def test_it_says_what_the_console_says(name, width):
    measured = SAMPLES[name]()
    stream = io.StringIO()
    print_report(measured, Console(file=stream, width=width, color_system=None))
    assert words(plain_report(measured, width=width)) == words(stream.getvalue())


def test_three_devices():
    check_golden(REPORT / "plain-devices-80.txt", plain_report(three_devices()))


def test_a_throttled_board():
    check_golden(REPORT / "plain-throttled-100.txt", plain_report(throttled(), width=100))


def test_an_emulated_board():
    check_golden(REPORT / "plain-emulated-80.txt", plain_report(emulated()))


def test_it_needs_neither_rich_nor_any_other_package_of_the_desktop(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("".join(to_line(one) + "\n" for one in three_devices()), encoding="utf-8")
    names = ("rich", "PIL", "jinja2", "plotly", "click", "tflite", "flatbuffers")
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(names=names), str(path)],
        capture_output=True,
        env={"PYTHONIOENCODING": "utf-8", "PYTHONPATH": ":".join(filter(None, sys.path))},
        timeout=120,
    )
    assert done.stderr.decode() == ""
    assert done.stdout.decode() == plain_report(three_devices())


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(name, width):
    assert (
        max(display_width(line) for line in plain_report(SAMPLES[name](), width=width).splitlines()) <= width
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_a_terminal_without_unicode_gets_ascii(name):
    text = plain_report(SAMPLES[name](), encoding="ascii")
    assert text.isascii()
    assert "?" not in text


def test_names_without_end_and_wide_characters_leave_the_numbers_readable():
    long = each(
        night(threads=(1,), variants=("float32", "int8")),
        lambda one: change(one, variant__name="試" * 3000 if one.variant.name == "int8" else "float32"),
    )
    text = plain_report(long)
    assert "2.20× faster" in text
    assert max(map(display_width, text.splitlines())) <= 80
    assert len(text) < 6000


def test_control_characters_in_names_are_escaped():
    hostile = each(
        night(threads=(1,)), lambda one: change(one, environment__device="\x1b[2J", variant__model="\r")
    )
    text = plain_report(hostile)
    assert "\x1b" not in text
    assert "\r" not in text


def test_the_last_line_says_what_to_ship():
    assert plain_report(night(), width=1000).splitlines()[-1].startswith("Ship int8: 2.2× faster")


def test_nothing_measured_is_an_error():
    with pytest.raises(ResultsError, match="no measurements"):
        plain_report([])


def test_the_samples_are_measurements_of_this_schema():
    assert all(to_json(one)["schema"] == one.schema for one in three_devices())
