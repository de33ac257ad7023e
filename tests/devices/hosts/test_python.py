from __future__ import annotations

import ast
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.devices.hosts.host import Interpreter, RemoteHost, read_host
from edgeq.devices.hosts.python import choose, command_for, probe_command, requirements, source_of
from edgeq.errors import DeviceError


def interpreter(version=(3, 11, 2), **others):
    values = {"bits": 64, "libc": "glibc 2.36", "is_cpython": True, "numpy": "1.24.2"}
    values |= {"runtimes": {"ai-edge-litert": "2.3.0"}, "path": "/usr/bin/python3", **others}
    return Interpreter(version=version, **values)


def pi(*interpreters, machine="aarch64", system="linux"):
    return RemoteHost(
        machine, system, "Raspberry Pi 5", "/home/pi", interpreters, {"home": 1, "temporary": None}
    )


def test_the_first_interpreter_with_numpy_and_a_runtime_is_chosen():
    bare = interpreter(numpy=None, runtimes={})
    good = interpreter(path="/home/pi/.local/share/edgeq/venv/bin/python")
    assert choose("pi", pi(bare, good, interpreter()), None) is good


def test_a_runtime_that_is_asked_for_decides():
    classic = interpreter(runtimes={"tflite-runtime": "2.14.0"})
    assert choose("pi", pi(interpreter(), classic), "tflite-runtime") is classic
    assert classic.runtime("litert") is None
    assert classic.runtime(None) == "tflite-runtime 2.14.0"


MISSING = {
    "too old": (
        pi(interpreter((3, 9, 2))),
        "is Python 3.9, expected 3.10 or newer: name another with --python",
    ),
    "no numpy": (
        pi(interpreter(numpy=None)),
        "has no NumPy: add --install, or sudo apt install python3-numpy",
    ),
    "no runtime": (pi(interpreter(runtimes={})), "virtual environment there with ai-edge-litert>=2.1"),
    "32 bits on a 64-bit kernel": (
        pi(interpreter(bits=32, runtimes={})),
        "(its Python is 32-bit, its kernel says aarch64): add --install, which makes a virtual environment there with "
        "tflite-runtime",
    ),
    "32 bits, newer": (
        pi(interpreter((3, 13, 1), bits=32, runtimes={}), machine="armv7l"),
        "tflite-runtime for 32-bit ARM ends at Python 3.11, this is 3.13, and LiteRT is 64-bit only",
    ),
    "too new": (
        pi(interpreter((3, 15, 0), runtimes={})),
        "ai-edge-litert has no wheel for Python 3.15, use Python 3.10 to 3.14",
    ),
    "old glibc": (
        pi(interpreter(libc="glibc 2.31", runtimes={})),
        "ai-edge-litert needs glibc 2.34, this system has 2.31",
    ),
    "musl": (
        pi(interpreter(libc="", runtimes={})),
        "no runtime has a wheel for a C library other than glibc",
    ),
    "pypy": (
        pi(interpreter(is_cpython=False, runtimes={})),
        "no runtime has a wheel for another Python than CPython: use CPython 3.10 to 3.14",
    ),
    "armv6": (
        pi(interpreter(bits=32, runtimes={}), machine="armv6l"),
        "no wheel exists for ARMv6 (Raspberry Pi 1 and Zero)",
    ),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing_is_said_with_the_next_step(case):
    host, expected = MISSING[case]
    with pytest.raises(DeviceError, match=re.escape(expected)):
        choose("ssh:pi", host, None)


def test_a_32_bit_environment_sees_the_packages_of_the_distribution():
    fitting = requirements(pi(machine="armv7l"), interpreter(bits=32))
    assert fitting.packages == ("tflite-runtime>=2.14", "numpy>=1.24,<2")
    assert fitting.system_packages
    assert not requirements(pi(), interpreter()).system_packages
    assert requirements(pi(), interpreter(), "tflite-runtime").packages[0] == "tflite-runtime>=2.14"
    assert "ends at Python 3.11" in requirements(pi(), interpreter((3, 12, 1)), "tflite-runtime")


def test_the_probe_describes_this_machine():
    done = subprocess.run(probe_command(sys.executable, "token"), capture_output=True, text=True, check=True)
    first, _, said = done.stdout.partition(" ")
    host = read_host("here", json.loads(said))
    assert first == "token"
    # The interpreter that was named is asked both as the one that runs and as the one that is named.
    assert [one.version for one in host.interpreters] == [sys.version_info[:3]] * 2
    assert host.interpreters[0].numpy is not None
    assert host.free["home"] > 0


def test_the_probe_can_be_read_by_an_old_python():
    ast.parse(source_of("remote_probe"), feature_version=(3, 7))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"machine": 1},
        {"machine": "x", "system": "x", "model": "", "home": "", "free": {}, "interpreters": []},
        {"machine": "x", "system": "x", "model": "", "home": "", "free": {}, "interpreters": [{"path": "x"}]},
    ],
)
def test_an_answer_of_another_form_is_one_line(said):
    with pytest.raises(DeviceError, match="ssh:pi: what it says of its Python cannot be read"):
        read_host("ssh:pi", said)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
def test_words_reach_the_program_whatever_is_in_them_and_no_shell_sees_them(words):
    command = command_for("python3", "remote_install", *words)
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", command[-1])
    shown = "import sys,json;print(json.dumps(sys.argv[1:]))"
    # The same loader, with another program in its place.
    loader = command[-2].replace("exec(sys.argv.pop(1))", f"sys.argv.pop(1);exec({shown!r})")
    done = subprocess.run([sys.executable, "-c", loader, command[-1]], capture_output=True, check=True)
    assert json.loads(done.stdout) == words


def test_a_tilde_is_not_left_to_a_shell():
    assert command_for("~/venv/bin/python", "remote_probe")[0] == "./venv/bin/python"
    assert command_for("~other/python", "remote_probe")[0] == "~other/python"
