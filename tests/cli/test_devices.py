from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SSH = """#!/bin/sh
echo 'ssh: connect to host pi port 22: Connection refused' >&2
exit 255
"""


@pytest.fixture
def environment(tmp_path):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host pi [red]\n")
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    # The real one would start a server that stays.
    adb = ssh.with_name("adb")
    adb.write_text("#!/bin/sh\necho 'List of devices attached'\n")
    adb.chmod(0o755)
    return {**os.environ, "HOME": str(tmp_path), "PATH": f"{ssh.parent}:/bin"}


def run(environment, *arguments):
    command = [sys.executable, "-m", "edgeq", "devices", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_what_cannot_be_measured_on_is_listed_with_the_reason(environment):
    done = run(environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["--on", "model"]
    assert any(line.startswith("local") and "ai-edge-litert" in line for line in lines)
    assert any(line.startswith("ssh:pi") and "nothing listens on its SSH port" in line for line in lines)


def test_json_has_all_of_it(environment):
    done = run(environment, "--json")
    devices = json.loads(done.stdout)["devices"]
    assert [one["name"] for one in devices][:2] == ["local", "ssh:pi"]
    assert devices[1]["would_run"] == ""
    assert devices[1]["reason"] == "nothing listens on its SSH port"
