"""The hosts that a user's OpenSSH configuration names, and what ssh makes of each.

Only the names are read here, see ssh_config(5) for the file's form; what they mean, ``ssh -G`` says.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

_DEEPEST = 16
"""Files that include each other, as in OpenSSH (READCONF_MAX_DEPTH)."""
_LARGEST = 1 << 20
_MOST_FILES = 256
_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*\S)")
_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
_PATIENCE_S = 10.0


def configured_hosts(path: Path | None = None) -> tuple[str, ...]:
    """Names of hosts, in their order; patterns name none.

    Args:
        path: of the configuration; ``~/.ssh/config`` by default. What it includes is read too.
    """
    path = path or Path.home() / ".ssh" / "config"
    return tuple(dict.fromkeys(_hosts(path, path.parent, 0, [_MOST_FILES])))


def resolved(host: str) -> Mapping[str, str]:
    """What ssh makes of a name: ``hostname``, ``user``, ``port`` and more; empty where it makes nothing of it."""
    try:
        done = subprocess.run(
            ["ssh", "-G", "--", host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return {key: value for key, _, value in (line.partition(" ") for line in lines)}


def _hosts(path: Path, folder: Path, depth: int, left: list[int]) -> Iterator[str]:
    left[0] -= 1
    for key, words in _lines(path) if left[0] >= 0 else ():
        if key == "host":
            yield from (word for word in words if not set(word) & set("*?!"))
        elif key == "include" and depth < _DEEPEST:
            for word in words:
                for included in _included(word, folder):
                    yield from _hosts(included, folder, depth + 1, left)


def _included(word: str, folder: Path) -> list[Path]:
    """The files that an ``Include`` names: a relative path is below ~/.ssh, wherever the file is that includes it."""
    try:
        pattern = folder / Path(word).expanduser()
        return sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
    except (OSError, ValueError, IndexError, RuntimeError, NotImplementedError):
        # The home of a user who is not there, or no pattern: OpenSSH itself says so.
        return []


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Keywords in lower case, and their words."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            # Not of a pipe, which gives nothing until somebody writes to it.
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            text = file.read(_LARGEST).decode("utf-8", "replace") if is_file else ""
    except OSError:
        return
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is not None:
            words = [quoted or plain for quoted, plain in _WORD.findall(match.group(2))]
            yield match.group(1).lower(), words
