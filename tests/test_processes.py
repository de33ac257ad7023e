from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeq.errors import WorkerError
from edgeq.processes import CommandProcess

CHILD = """
import ctypes, os, signal, sys, time
from edgeq.errors import ModelError
from edgeq.processes import answers_on_stdout, serve

answers = answers_on_stdout()

def echo(**arguments):
    return {"heard": arguments, "pid": os.getpid()}

def chatter(count):
    # What libraries do: print, write to the descriptor, let a child process and C write.
    for number in range(count):
        print("chatter", number)
        os.write(1, b"more chatter\\n")
    os.system("echo and more")
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    return {"count": count}

def count(total):
    for done in range(total):
        answers.progress(done + 1, total)
    return {"counted": total}

def user_error():
    raise ModelError("the file is damaged: get another")

def bug():
    raise ValueError("several\\n  lines " + "x" * 1000)

def crash():
    os.kill(os.getpid(), signal.SIGSEGV)

def leave(status):
    print("the reason why", file=sys.stderr)
    os._exit(status)

def hang():
    time.sleep(1000)

def garbage(raw):
    # Straight into the pipe of the answers.
    answers._stream.buffer.write(raw.encode("latin-1"))
    answers._stream.flush()
    time.sleep(1000)

def half_an_answer():
    answers._stream.write('{"counted": ')
    answers._stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)

actions = [echo, chatter, count, user_error, bug, crash, leave, hang, garbage, half_an_answer]
serve({action.__name__: action for action in actions}, answers)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "answering_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "answering_child"


def process(child: str, *, timeout_s: float | None = None, verbose: bool = False) -> CommandProcess:
    return CommandProcess(child, "the child", timeout_s=timeout_s, verbose=verbose)


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true at all; what is waited for takes milliseconds."""
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    """Whether there is such a process and it is no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_commands_and_answers_travel_as_json(child: str) -> None:
    with process(child) as asked:
        answer = asked.ask("echo", text="ä\n€", number=1.5, nested={"list": [1, None, True]})
        assert answer["heard"] == {"text": "ä\n€", "number": 1.5, "nested": {"list": [1, None, True]}}
        assert answer["pid"] != os.getpid()
        assert asked.ask("echo") == {"heard": {}, "pid": answer["pid"]}


def test_chatter_on_stdout_does_not_corrupt_answers(child: str, capfd: pytest.CaptureFixture[str]) -> None:
    with process(child) as asked:
        assert asked.ask("chatter", count=500) == {"count": 500}
        assert asked.ask("echo", after="chatter")["heard"] == {"after": "chatter"}
    assert capfd.readouterr() == ("", "")


def test_chatter_goes_to_stderr_where_it_is_asked_for(child: str, capfd: pytest.CaptureFixture[str]) -> None:
    with process(child, verbose=True) as asked:
        asked.ask("chatter", count=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert {"chatter 0", "more chatter", "and more", "from C"} <= set(err.splitlines())


def test_progress_arrives_before_the_answer(child: str) -> None:
    seen: list[tuple[int, int]] = []
    with process(child) as asked:
        answer = asked.ask("count", lambda done, total: seen.append((done, total)), total=3)
        assert asked.ask("count", total=2) == {"counted": 2}
    assert answer == {"counted": 3}
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_error_for_the_user_arrives_word_by_word_and_the_process_lives_on(child: str) -> None:
    with process(child) as asked:
        with pytest.raises(WorkerError) as caught:
            asked.ask("user_error")
        assert str(caught.value) == "the file is damaged: get another"
        assert asked.ask("echo", still="here")["heard"] == {"still": "here"}


def test_any_other_error_arrives_as_one_line_of_bounded_length(child: str) -> None:
    with process(child) as asked:
        with pytest.raises(WorkerError, match=r"ValueError: several lines x+$") as caught:
            asked.ask("bug")
        assert len(str(caught.value)) < 400
        with pytest.raises(WorkerError, match="KeyError: 'no such command'"):
            asked.ask("no such command")


def test_a_crash_is_named_by_its_signal(child: str) -> None:
    with process(child) as asked:
        assert not asked.is_dead
        with pytest.raises(WorkerError, match=r"^the child crashed at 'crash' \(SIGSEGV\)$"):
            asked.ask("crash")
        assert asked.is_dead
        with pytest.raises(WorkerError, match=r"^the child crashed at 'echo' \(SIGSEGV\)$"):
            asked.ask("echo")


def test_an_exit_is_told_with_its_status_and_last_words(child: str) -> None:
    ended = "the child ended at 'leave' with status 7: the reason why"
    with process(child) as asked, pytest.raises(WorkerError, match=ended):
        asked.ask("leave", status=7)


def test_a_module_that_cannot_be_run_is_told_with_pythons_reason() -> None:
    with (
        process("no_such_module_anywhere") as asked,
        pytest.raises(WorkerError, match=r"ended at 'echo' with status 1: .*No module named"),
    ):
        asked.ask("echo")


def test_a_hanging_command_is_ended_and_told(child: str) -> None:
    with process(child, timeout_s=60.0) as asked:
        pid = asked.ask("echo")["pid"]
        # Only now, because starting Python on a busy machine may itself take so long.
        asked._timeout_s = 1.0
        with pytest.raises(WorkerError, match="the child gave no answer to 'hang' within 1 s and was ended"):
            asked.ask("hang")
        assert asked.is_dead
        assert not is_running(pid)


@pytest.mark.parametrize("raw", ["no JSON at all\n", "[1, 2]\n", "\xff\xfe\n", '{"a": 1} {"b": 2}\n', "\n"])
def test_an_answer_that_cannot_be_read_ends_the_process(child: str, raw: str) -> None:
    with process(child) as asked:
        with pytest.raises(
            WorkerError, match=r"the child gave no readable answer to 'garbage' and was ended"
        ):
            asked.ask("garbage", raw=raw)
        assert asked.is_dead


def test_an_answer_cut_off_by_a_crash_is_a_crash(child: str) -> None:
    with process(child) as asked, pytest.raises(WorkerError, match=r"the child crashed .* \(SIGKILL\)"):
        asked.ask("half_an_answer")


def test_leaving_the_block_ends_the_process_also_after_an_error(child: str) -> None:
    pids = []

    def fail_inside() -> None:
        with process(child) as asked:
            pids.append(asked.ask("echo")["pid"])
            assert is_running(pids[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert not is_running(pids[0])


def test_closing_twice_is_fine(child: str) -> None:
    asked = process(child)
    asked.close()
    asked.close()
    assert asked.is_dead


def test_the_child_ends_when_its_parent_is_killed(child: str) -> None:
    # Two children, because the second must not keep the first one's pipe open.
    parent = (
        "import time\n"
        "from edgeq.processes import CommandProcess\n"
        f"children = [CommandProcess({child!r}, 'the child') for _ in range(2)]\n"
        "print(*[asked.ask('echo')['pid'] for asked in children], flush=True)\n"
        "time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as killed:
        try:
            assert killed.stdout is not None
            pids = [int(pid) for pid in killed.stdout.readline().split()]
            assert len(pids) == 2
            assert all(map(is_running, pids))
        finally:
            killed.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not any(map(is_running, pids)))


@pytest.mark.parametrize("name", ["edgeq/__init__.py", "json.py", "numpy.py", "runpy.py"])
def test_nothing_is_imported_from_the_working_directory(
    child: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "elsewhere" / name
    file.parent.mkdir(parents=True)
    file.write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(tmp_path / "elsewhere")
    with process(child) as asked:
        assert asked.ask("echo", here=1)["heard"] == {"here": 1}
