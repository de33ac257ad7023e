"""Answers of a command; a program of this machine stands for one at the other end of ssh."""

from __future__ import annotations

import sys

import pytest

from edgeq.devices.hosts.process import RemoteProcess, plain
from edgeq.devices.hosts.ssh_errors import ConnectionLostError
from edgeq.devices.specs import read_device
from edgeq.errors import DeviceError

PI = read_device("ssh:pi")


def running(program, timeout_s=None):
    return RemoteProcess(PI, [sys.executable, "-c", program], "T", timeout_s=timeout_s)


def test_lines_behind_the_token_are_answers_and_others_are_not():
    with running("print('hello'); print('T {\"a\": 1}'); print(' T {}'); print('T {\"a\": [2]}')") as process:
        assert list(process.answers()) == [{"a": 1}, {"a": [2]}]


def test_a_line_that_was_cut_is_no_answer():
    with running("import sys; sys.stdout.write('T {}')") as process:
        assert list(process.answers()) == []


def test_what_is_sent_arrives_and_a_dead_process_takes_nothing():
    with running('print(\'T {"got": "%s"}\' % input(), flush=True); input()') as process:
        assert process.send(b"x\n")
        assert process.answer() == {"got": "x"}
        process.kill()
        assert "cut" in str(process.failure())
        assert not process.send(b"x" * 1_000_000)


def test_a_command_that_says_nothing_is_ended(monkeypatch):
    with (
        running("import time; time.sleep(600)", timeout_s=0.2) as process,
        pytest.raises(ConnectionLostError, match="gave no answer"),
    ):
        process.answer()
    monkeypatch.setattr("edgeq.devices.hosts.process._ANSWER_S", 0.2)
    with (
        running("import time; time.sleep(600)") as process,
        pytest.raises(DeviceError, match="gave no answer"),
    ):
        process.answer()
    with running("import time; time.sleep(600)", timeout_s=0.2) as process:
        assert next(process.answers(), None) is None
        assert process.short_reason() == "gives no answer"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (127, "there is no Python where it was looked for (sh: not found): sudo apt install python3 there"),
        (126, "Python cannot be started there: sh: not found"),
        (255, "ssh failed: sh: not found"),
        (3, "the command there ended with status 3: sh: not found"),
    ],
)
def test_a_status_is_explained(status, reason):
    program = f"import sys; sys.stderr.write('sh: not found\\n'); sys.exit({status})"
    with running(program) as process, pytest.raises(DeviceError) as caught:
        process.answer()
    assert reason in str(caught.value)


def test_python_2_is_told_by_the_option_that_it_does_not_know():
    # As Python 2.7.18 prints it.
    said = "Unknown option: -X\\nusage: python [option] ... [-c cmd]\\nTry `python -h' for more information."
    program = f'import sys; sys.stderr.write("{said}"); sys.exit(2)'
    with running(program) as process, pytest.raises(DeviceError, match="that is Python 2: name Python 3"):
        process.answer()


def test_output_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("edgeq.devices.hosts.process._MOST_NOISE", 10_000)
    with (
        running("while True: print('x' * 50)") as process,
        pytest.raises(DeviceError, match="prints without end"),
    ):
        process.answer()


def test_errors_without_end_are_ended(monkeypatch):
    monkeypatch.setattr("edgeq.devices.hosts.process._MOST_ERRORS", 100_000)
    program = "import sys\nwhile True: sys.stderr.write('x' * 50)"
    with running(program) as process, pytest.raises(DeviceError, match="ssh was ended here"):
        process.answer()


def test_text_is_made_printable_at_every_depth():
    assert plain({"a\x1b": ["\x07", {"b": "\n"}], "n": 1.5}) == {"a\\x1b": ["\\x07", {"b": "\\n"}], "n": 1.5}
