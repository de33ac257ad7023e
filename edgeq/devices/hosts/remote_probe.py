"""What a device has: its interpreters with their packages, processor and room.

This file is the program that the other end runs (``python3 -c``). It has to be read by any Python 3, for it is what
tells which one that is: so no syntax newer than 3.5.
"""

import json
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

_ONE = "--one"
_PATIENCE_S = 30
_RUNTIMES = ("ai-edge-litert", "tflite-runtime")
_HOME_VENV = "~/.local/share/edgeq/venv/bin/python"


def main(words: "list[str]") -> int:
    """Prints what there is as one line of JSON behind a token; words: the token, this source, more interpreters."""
    if words[0] == _ONE:
        sys.stdout.write(json.dumps(interpreter()) + "\n")
        return 0
    token, source = words[:2]
    interpreters = [interpreter()]  # type: list[object]
    for path in words[2:] or [_HOME_VENV]:
        other = described(Path(path).expanduser(), source)
        if other is not None:
            interpreters.append(other)
    found = {
        "machine": platform.machine(),
        "system": sys.platform,
        "model": model(),
        "home": str(Path("~").expanduser()),
        "free": {"home": free("~"), "temporary": free(tempfile.gettempdir())},
        "interpreters": interpreters,
    }
    sys.stdout.write(token + " " + json.dumps(found) + "\n")
    return 0


def interpreter() -> "dict[str, object]":
    """This interpreter and its packages."""
    return {
        "path": sys.executable,
        "version": list(sys.version_info[:3]),
        "bits": struct.calcsize("P") * 8,
        "libc": " ".join(platform.libc_ver()),
        "is_cpython": platform.python_implementation() == "CPython",
        "numpy": version("numpy"),
        "runtimes": {name: version(name) for name in _RUNTIMES if version(name)},
    }


def described(path: Path, source: str) -> object:
    """Another interpreter, as it describes itself; None where there is none."""
    if not path.exists():
        return None
    command = [str(path), "-c", source, _ONE]
    try:
        said = subprocess.check_output(command, stdin=subprocess.DEVNULL, timeout=_PATIENCE_S)
        return json.loads(said.decode("utf-8", "replace"))
    except (OSError, ValueError, subprocess.SubprocessError):
        # An environment of a Python that is no longer there, as after an upgrade.
        return None


def version(distribution: str) -> "str | None":
    """Of an installed distribution; None where it is not installed, or Python is too old to say."""
    try:
        from importlib import metadata
    except ImportError:
        return None
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def model() -> str:
    """Of the board, or of the processor; empty where nothing tells."""
    for path, key in (("/proc/device-tree/model", None), ("/proc/cpuinfo", "model name")):
        try:
            with Path(path).open(encoding="utf-8", errors="replace") as file:
                text = file.read(1 << 16)
        except OSError:
            continue
        if key is None:
            return text.strip("\0 \n")
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def free(folder: str) -> "int | None":
    """Bytes that a folder has room for; None where it cannot be told."""
    try:
        return shutil.disk_usage(str(Path(folder).expanduser())).free
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
