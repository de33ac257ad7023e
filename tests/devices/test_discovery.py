from __future__ import annotations

import subprocess
import sys

import pytest
from fake_ssh import fake_ssh

from edgeq.devices.discovery import find_devices


@pytest.fixture(scope="module")
def bare_interpreter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder / "bin" / "python")


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    # The real one would start a server that stays.
    adb = tmp_path / "adb"
    adb.write_text("#!/bin/sh\necho 'List of devices attached'\n")
    adb.chmod(0o755)
    path = tmp_path / "config"
    path.write_text(
        "Host good bare closed password unknown nopython noshell repositories *.lab\nHost we;ird\n"
    )
    return path


def found(path):
    return {one.name: one for one in find_devices(path).devices}


def test_every_host_is_there_with_what_would_run_or_why_not(tmp_path, configuration, bare_interpreter):
    log = fake_ssh(tmp_path, bare_interpreter)
    devices = found(configuration)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert "ai-edge-litert" in devices["local"].would_run
    assert devices["ssh:good"].would_run.endswith(f"Python {python}")
    assert devices["ssh:good"].reason == ""
    assert devices["ssh:good"].architecture
    reasons = {name: one.reason for name, one in devices.items() if not one.would_run and one.kind == "ssh"}
    assert reasons == {
        "ssh:bare": f"Python {python} has no runtime: --install makes an environment there",
        "ssh:closed": "nothing listens on its SSH port",
        "ssh:password": "wants a password, which --on asks for",
        "ssh:unknown": "its host key is not known here: run 'ssh unknown' once",
        "ssh:nopython": "has no Python",
        "ssh:noshell": r"This account is currently not available.\x1b[2J",
        "ssh:repositories": "a server of repositories (its user is git)",
    }
    called = log.read_text().splitlines()
    assert len(called) == 7
    assert all("BatchMode=yes" in line and "ConnectTimeout=5" in line for line in called)


def test_no_hosts_and_no_ssh_are_notes(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    nothing = find_devices(tmp_path / "none")
    assert [one.name for one in nothing.devices] == ["local"]
    assert nothing.notes[0].startswith("hosts: no program ssh is installed here")
    assert nothing.notes[1].startswith("phones: ")
    fake_ssh(tmp_path, "none")
    assert find_devices(tmp_path / "none").notes[0].startswith("hosts: none in ~/.ssh/config")
