from __future__ import annotations

import pytest

from edgeq.devices.hosts.ssh_errors import ConnectionLostError, last_line, short_reason, ssh_error
from edgeq.devices.specs import read_device
from edgeq.errors import DeviceError

PI = read_device("ssh:pi@raspberrypi:2222")

# As OpenSSH 9.2 prints them.
SAID = {
    "ssh: Could not resolve hostname raspberrypi: Name or service not known\n": (
        "no host of that name",
        True,
    ),
    "ssh: Could not resolve hostname raspberrypi: Temporary failure in name resolution\n": (
        "no host of that",
        True,
    ),
    "ssh: connect to host raspberrypi port 2222: Connection refused\n": (
        "nothing listens on its SSH port",
        True,
    ),
    "ssh: connect to host raspberrypi port 2222: No route to host\n": ("is not reachable from here", True),
    "ssh: connect to host raspberrypi port 2222: Connection timed out\n": ("gives no answer", True),
    "Connection timed out during banner exchange\nConnection to 10.0.0.7 port 2222 timed out\n": (
        "gives no answer",
        True,
    ),
    "Timeout, server raspberrypi not responding.\n": ("gives no answer", True),
    "kex_exchange_identification: Connection closed by remote host\n": ("closed the connection", True),
    "pi@raspberrypi: Permission denied (publickey).\n": (
        "refuses the login: 'ssh-copy-id -p 2222 pi@raspberrypi' puts your key there",
        False,
    ),
    "Received disconnect from 10.0.0.7 port 2222:2: Too many authentication failures\n": (
        "ssh offers too many keys",
        False,
    ),
    "No ED25519 host key is known for [raspberrypi]:2222 and you have requested strict checking.\n"
    "Host key verification failed.\n": ("run 'ssh -p 2222 pi@raspberrypi' once", False),
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n": (
        "run 'ssh-keygen -R [raspberrypi]:2222' and then",
        False,
    ),
    "Bad owner or permissions on /home/me/.ssh/config\n": (
        "Bad owner or permissions on /home/me/.ssh",
        False,
    ),
    "Unable to negotiate with 10.0.0.7 port 22: no matching host key type found. Their offer: ssh-rsa\n": (
        "Their offer: ssh-rsa",
        False,
    ),
    "something new\n": ("ssh failed: something new", True),
    "": ("ssh failed: without a word", True),
}


@pytest.mark.parametrize("said", SAID)
def test_each_message_of_openssh_is_one_line_with_a_next_step(said):
    expected, may_pass = SAID[said]
    error = ssh_error(PI, said)
    assert expected in str(error)
    assert str(error).startswith("ssh:pi@raspberrypi:2222: ")
    assert "\n" not in str(error)
    assert isinstance(error, DeviceError)
    assert isinstance(error, ConnectionLostError) == may_pass


def test_what_a_server_prints_cannot_steer_the_terminal():
    assert "\x1b" not in str(ssh_error(PI, "\x1b[2Jowned\n"))
    assert len(last_line("x" * 100_000)) == 200


def test_a_host_that_takes_passwords_is_said_to_be_one():
    said = "pi@raspberrypi: Permission denied (publickey,password).\n"
    assert short_reason(PI, said) == "wants a password, which --on asks for"
    assert short_reason(PI, "pi@raspberrypi: Permission denied (publickey).\n") == "refuses the login"


def test_the_name_that_ssh_tells_is_the_one_to_forget():
    said = (
        "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
        '  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "10.0.0.7"\n'
    )
    assert "'ssh-keygen -R 10.0.0.7'" in str(ssh_error(PI, said))
