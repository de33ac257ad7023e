from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeq.convert.quiet import Quiet


def shout() -> None:
    sys.stdout.write("python\n")
    sys.stderr.write("python error\n")
    os.write(1, b"descriptor\n")
    os.write(2, b"descriptor error\n")


def test_nothing_gets_out_while_it_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with Quiet().silence():
        shout()
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
    assert capfd.readouterr() == ("", "")


def test_afterwards_everything_gets_out_again(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), Quiet().silence():
        raise ZeroDivisionError
    shout()
    out, err = capfd.readouterr()
    assert set(out.split("\n")) == {"python", "descriptor", ""}
    assert set(err.split("\n")) == {"python error", "descriptor error", ""}


def test_a_callback_is_let_through_and_silence_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    quiet = Quiet()
    with quiet.silence():
        shout()
        with quiet.aloud():
            os.write(1, b"progress\n")
        shout()
    assert capfd.readouterr() == ("progress\n", "")


def test_silence_inside_of_silence_is_one_silence(capfd: pytest.CaptureFixture[str]) -> None:
    quiet = Quiet()
    with quiet.silence():
        with quiet.silence():
            shout()
        shout()
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("after\n", "")


def test_disabled_it_lets_everything_through(capfd: pytest.CaptureFixture[str]) -> None:
    quiet = Quiet(enabled=False)
    with quiet.silence(), quiet.aloud():
        os.write(1, b"descriptor\n")
    assert capfd.readouterr() == ("descriptor\n", "")


def test_it_leaves_no_descriptor_open() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    before = count()
    for _ in range(5):
        with Quiet().silence():
            shout()
    assert count() == before
