"""The Python on a device that measures there: found, chosen, or made in a virtual environment."""

from __future__ import annotations

import base64
import importlib.util
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeq.devices.hosts.host import OLDEST, Interpreter, RemoteHost, read_host
from edgeq.devices.hosts.ssh_connection import SshConnection, new_token
from edgeq.errors import DeviceError, EdgeqError
from edgeq.runtime.fitting import System, litert_problem, no_runtime, tflite_runtime_problem

PROBE_S = 60.0
_LOADER = (
    "import base64,json,sys,zlib;sys.path[:]=filter(None,sys.path);"
    "sys.argv[1:]=json.loads(zlib.decompress(base64.b64decode(sys.argv[1])).decode());exec(sys.argv.pop(1))"
)

_INSTALL_S = 1800.0
"""A Raspberry Pi 3 needs a minute; a slow link needs longer."""


@dataclass(frozen=True)
class Requirements:
    """What an interpreter needs to measure.

    Attributes:
        packages: that pip installs.
        system_packages: whether the environment is to see the distribution's, as on 32-bit ARM, for which most
            packages have no wheels.
    """

    packages: tuple[str, ...]
    system_packages: bool = False


def source_of(name: str) -> str:
    """The source of one of our modules that is a program for the other end."""
    spec = importlib.util.find_spec(f"edgeq.devices.hosts.{name}")
    source = None if spec is None or spec.loader is None else spec.loader.get_source(spec.name)  # type: ignore[attr-defined]
    if not isinstance(source, str):
        raise EdgeqError(f"edgeq/devices/{name}.py cannot be read: install edgeq again")
    return source


def command_for(python: str, program: str, *words: str) -> list[str]:
    """The command that runs one of our programs on a device, in UTF-8 whatever the device's language is.

    The program and its words go as one word of letters and digits, for which no login shell has a meaning, not even
    fish or csh, which have their own ideas of what is between quotes.

    Args:
        python: path of the interpreter there.
        program: name of our module.
        words: its arguments.
    """
    # Commands begin in the home folder, and no shell is to expand anything.
    path = f".{python[1:]}" if python.startswith("~/") else python
    said = zlib.compress(json.dumps([source_of(program), *words]).encode("ascii"), 9)
    return [path, "-X", "utf8", "-c", _LOADER, base64.b64encode(said).decode("ascii")]


def probe_command(python: str | None, token: str) -> list[str]:
    """The command that prints what is there, on a line behind the token."""
    words = [token, source_of("remote_probe"), *([python] if python else [])]
    return command_for(python or "python3", "remote_probe", *words)


def probe(connection: SshConnection, python: str | None = None) -> RemoteHost:
    """What the host has.

    Args:
        connection: to it.
        python: path of the interpreter to use; None for ``python3`` or that of the environment made earlier.

    Raises:
        DeviceError: it has no Python, or cannot be reached.
    """
    token = new_token()
    with connection.start(probe_command(python, token), token, timeout_s=PROBE_S) as process:
        return read_host(str(connection.spec), process.answer())


def choose(name: str, host: RemoteHost, runtime: str | None) -> Interpreter:
    """The first interpreter that can measure.

    Args:
        name: of the device, for messages.
        host: what it has.
        runtime: that is asked for; None for any.

    Raises:
        DeviceError: none can; the line says what is missing and what to do.
    """
    for one in host.interpreters:
        if one.can_measure(runtime):
            return one
    raise DeviceError(f"{name}: {what_is_missing(host, runtime)}")


def what_is_missing(host: RemoteHost, runtime: str | None = None) -> str:
    """Why no interpreter there can measure, and the next step, as the end of a sentence."""
    # One that was made for the purpose comes last, and is nearest to what is needed.
    best = max(host.interpreters, key=lambda one: (one.version >= OLDEST, one.runtime(runtime) is not None))
    if best.version < OLDEST:
        return f"{best.path} is Python {best.python}, expected {_dotted(OLDEST)} or newer: name another with --python"
    if best.runtime(runtime) is not None:
        return f"{best.path} has no NumPy: add --install, or sudo apt install python3-numpy there"
    fitting = requirements(host, best, runtime)
    wanted = "TensorFlow Lite runtime" if runtime is None else f"runtime {runtime!r}"
    if isinstance(fitting, str):
        return f"no {wanted} there, and {fitting}"
    kind = "" if best.bits == 64 else f" (its Python is {best.bits}-bit, its kernel says {host.machine})"
    return (
        f"no {wanted} in {best.path}{kind}: add --install, which makes a virtual environment there with "
        f"{fitting.packages[0]}, or name a Python that has one with --python"
    )


def requirements(host: RemoteHost, one: Interpreter, runtime: str | None = None) -> Requirements | str:
    """What pip must install for an interpreter, as in setup.cfg; or why nothing fits it, as the end of a sentence."""
    if one.version < OLDEST:
        return f"Python {one.python} is too old, expected {_dotted(OLDEST)} or newer"
    system = System(
        kernel=host.machine,
        bits=one.bits,
        python=(one.version[0], one.version[1]),
        implementation="cpython" if one.is_cpython else "another Python than CPython",
        os=host.system,
        glibc=_glibc(one.libc),
    )
    reason = no_runtime(system)
    if reason:
        return reason
    is_arm32 = system.machine == "armv7l"
    if is_arm32 and runtime == "litert":
        return "LiteRT is 64-bit only: install a 64-bit system, or leave --runtime out"
    if is_arm32 or runtime == "tflite-runtime":
        packages = ("tflite-runtime>=2.14", "numpy>=1.24,<2")
        return tflite_runtime_problem(system) or Requirements(packages, system_packages=is_arm32)
    return litert_problem(system) or Requirements(("ai-edge-litert>=2.1", "numpy>=1.24"))


def install_runtime(
    connection: SshConnection, host: RemoteHost, runtime: str | None, say: Callable[[str], None]
) -> str:
    """Makes a virtual environment on the host, with NumPy and the runtime that fits.

    Args:
        connection: to the host.
        host: what it has; the first of its interpreters makes the environment.
        runtime: that is asked for; None for the best.
        say: called with what is being done, a line at a time.

    Returns:
        Path of its interpreter there.

    Raises:
        DeviceError: nothing fits, or it failed: no network, no room, no module venv.
    """
    name = str(connection.spec)
    one = host.interpreters[0]
    fitting = requirements(host, one, runtime)
    if isinstance(fitting, str):
        raise DeviceError(f"{name}: nothing can be installed: {fitting}")
    token = new_token()
    words = [token, "yes" if fitting.system_packages else "no", *fitting.packages]
    command = command_for(one.path, "remote_install", *words)
    with connection.start(command, token, timeout_s=_INSTALL_S) as process:
        for answer in process.answers():
            if "line" in answer:
                say(f"{name}: {str(answer['line'])[:500]}")
            elif "installed" in answer:
                return str(answer["installed"])
            elif "error" in answer:
                raise DeviceError(f"{name}: {_install_error(one, answer)}")
        raise process.failure()


def _install_error(one: Interpreter, answer: Mapping[str, Any]) -> str:
    if answer["error"] == "venv":
        return f"{one.path} cannot make virtual environments: sudo apt install python3-venv there"
    text = str(answer.get("text", ""))
    if any(words in text for words in ("No space left", "Errno 28", "Disk quota")):
        return "nothing could be installed: its storage is full"
    unreachable = (
        "name resolution",
        "NewConnectionError",
        "Network is unreachable",
        "ConnectTimeout",
        "Max retries",
    )
    if any(words in text for words in unreachable):
        return "nothing could be installed: it has no way to the internet, which pip needs"
    nothing_found = " (has it a way to the internet?)" if "from versions: none" in text else ""
    return f"nothing could be installed: {_last_error(text)}{nothing_found}"


def _last_error(text: str) -> str:
    # printable() has made \\n of the ends of lines.
    lines = [line for line in text.replace("\\n", "\n").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip failed without a word"])[-1][:300]


def _glibc(libc: str) -> tuple[int, int] | None:
    """Of ``glibc 2.36``; None of another C library."""
    name, _, version = libc.partition(" ")
    numbers = version.split(".")[:2]
    if name != "glibc" or len(numbers) != 2 or not all(one.isdecimal() and len(one) < 6 for one in numbers):
        return None
    return int(numbers[0]), int(numbers[1])


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
