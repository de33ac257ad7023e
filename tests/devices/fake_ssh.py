"""A program ``ssh`` for tests of what asks many hosts: each answers as its name says."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = r"""#!{python}
import os, subprocess, sys
words = sys.argv[1:]
host = words[words.index("--") + 1]
if "-G" in words:
    print("user", "git" if host == "repositories" else "me")
    print("hostname", host)
    sys.exit(0)
line = words[-1]
with open({log!r}, "a") as log:
    log.write(host + " " + " ".join(words[: words.index("--")]) + "\n")
if host == "good":
    print("Welcome!")
    sys.stdout.flush()
    python = line.replace("exec python3", {python!r}, 1)
    sys.exit(subprocess.run(["sh", "-c", python]).returncode)
if host == "bare":
    sys.exit(subprocess.run(["sh", "-c", line.replace("exec python3", {bare!r}, 1)]).returncode)
failures = {{
    "closed": "ssh: connect to host closed port 22: Connection refused",
    "password": "me@password: Permission denied (publickey,password).",
    "unknown": "Host key verification failed.",
}}
if host in failures:
    sys.stderr.write(failures[host] + "\n")
    sys.exit(255)
if host == "nopython":
    sys.stderr.write("sh: 1: exec: python3: not found\n")
    sys.exit(127)
sys.stderr.write("This account is currently not available.\x1b[2J\n")
sys.exit(1)
"""


def fake_ssh(folder: Path, bare: str) -> Path:
    """Writes the program; returns the file in which it says what it was called with."""
    log = folder / "log"
    log.touch()
    program = folder / "ssh"
    program.write_text(PROGRAM.format(python=sys.executable, bare=bare, log=str(log)))
    program.chmod(0o755)
    return log
