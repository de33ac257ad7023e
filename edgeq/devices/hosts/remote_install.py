"""Makes a virtual environment with a runtime in it on a device.

This file is the program that the other end runs (``python3 -c``): it needs Python 3.10 or newer and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_LONGEST_LINE = 500
_OPTIONS = ("--progress-bar", "off", "--no-cache-dir")
"""Of pip: what it has fetched is not kept a second time on a small card."""


def main(words: list[str]) -> int:
    """Makes the environment; words: a token, whether it sees the system's packages, and what pip installs."""
    token, system_packages, *requirements = words
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        _tell(token, error="venv")
        return 0
    folder = Path("~/.local/share/edgeq/venv").expanduser()
    made = not folder.exists()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        options = ["--system-site-packages"] if system_packages == "yes" else []
        _tell(token, line=f"making the virtual environment {folder}")
        failed = _run(token, [sys.executable, "-m", "venv", *options, str(folder)])
        if not failed:
            pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
            failed = _run(token, [*pip, "install", *_OPTIONS, *requirements])
    except OSError as error:
        failed = str(error)
    except BaseException:
        # The connection was cut, or nobody wants it any more.
        _discard(folder, made)
        raise
    if failed:
        _discard(folder, made)
        _tell(token, error="failed", text=failed)
    else:
        _tell(token, installed=str(folder / "bin" / "python"))
    return 0


def _run(token: str, command: list[str]) -> str:
    """Runs a command and tells its output as it comes; why it failed, empty where it did not."""
    last = [""]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "NO_COLOR": "1", "PIP_USER": "0"},
    ) as process:
        try:
            for line in process.stdout or ():
                text = line.strip()[:_LONGEST_LINE]
                if text:
                    last = [*last[-19:], text]
                    _tell(token, line=text)
        except BaseException:
            process.kill()
            raise
    return "" if process.returncode == 0 else "\n".join(last)


def _discard(folder: Path, made: bool) -> None:
    """An environment that was there before stays."""
    if made:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def _tell(token: str, **what: object) -> None:
    sys.stdout.write(f"{token} {json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # A cut connection is then an error of writing, or a signal that unwinds.
    signal.signal(signal.SIGHUP, lambda number, frame: sys.exit(128 + number))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
