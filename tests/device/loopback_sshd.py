"""A real sshd on loopback, with hosts that are what a test needs: each is a key with a command of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edgeq.devices.specs import DeviceSpec, read_device

_START_S = 20.0
_PATIENCE_S = 30.0


class UnavailableError(Exception):
    """There is no sshd here; says what to install."""


@dataclass(frozen=True)
class Host:
    """One of the hosts.

    Attributes:
        name: of it in the configuration of ssh.
        home: of its user.
    """

    name: str
    home: Path

    @property
    def spec(self) -> DeviceSpec:
        return read_device(f"ssh:{self.name}")

    def left(self) -> list[str]:
        """What is in its home and its temporary folder, and which processes know of them."""
        # Path.rglob does not bear that what it looks at is removed meanwhile.
        files = [
            f"{folder}/{name}"
            for folder, folders, names in os.walk(self.home)
            for name in (*folders, *names)
            if name != "tmp"
        ]
        return files + [f"{pid}: {line}" for pid, line in processes(f"HOME={self.home}", "environ")]

    def left_in_the_end(self) -> list[str]:
        """The same, once it is nothing or the time is up."""
        return in_the_end(self.left)


class LoopbackSshd:
    """The server, and the program ``ssh`` with a configuration that names its hosts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._pid = 0
        self._keys = folder / "authorized_keys"
        self._keys.touch()
        self.config = folder / "config"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("ssh", "ssh-keygen"):
            if shutil.which(name) is None:
                raise UnavailableError(f"{name} is missing: sudo apt install openssh-client")
        ssh = self.bin / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.config} "$@"\n')
        ssh.chmod(0o755)
        self.config.write_text(
            f"Host *\n HostName 127.0.0.1\n Port {self.port}\n User {getpass.getuser()}\n"
            f" UserKnownHostsFile {folder}/known_hosts\n IdentitiesOnly yes\n IdentityAgent none\n"
            " PreferredAuthentications publickey\n"
        )

    def start(self) -> subprocess.Popen[bytes]:
        server = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if server is None:
            raise UnavailableError("sshd is missing: sudo apt install openssh-server")
        if os.geteuid() == 0:
            # Where it locks itself up before the login.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._make_key("host_key")
        kind, key = (self.folder / "host_key.pub").read_text().split()[:2]
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")
        settings = self.folder / "sshd_config"
        settings.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self._keys}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 100\n"
        )
        process = subprocess.Popen([server, "-D", "-f", str(settings), "-E", str(self.folder / "log")])
        self._pid = process.pid
        end = time.monotonic() + _START_S
        while process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return process
            time.sleep(0.02)
        process.kill()
        process.wait()
        raise UnavailableError(f"sshd does not start: {(self.folder / 'log').read_text()[-500:]}")

    def host(self, name: str, *script: str, authorized: bool = True) -> Host:
        """A host, each of whose commands runs after the lines of a script; ``$COMMAND`` is what was sent.

        Args:
            name: of the host.
            script: lines of sh; the last one runs the command.
            authorized: whether its key lets anybody in.
        """
        home = self.folder / name
        (home / "tmp").mkdir(parents=True)
        program = self.folder / f"{name}.sh"
        lines = [f"export HOME={home} TMPDIR={home}/tmp", 'COMMAND="$SSH_ORIGINAL_COMMAND"']
        lines += script or ['exec sh -c "$COMMAND"']
        program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        program.chmod(0o755)
        public = self._make_key(f"{name}.key")
        if authorized:
            with self._keys.open("a") as keys:
                keys.write(f'restrict,command="{program}" {public}\n')
        # What comes first counts.
        self.config.write_text(
            f"Host {name}\n IdentityFile {self.folder}/{name}.key\n" + self.config.read_text()
        )
        return Host(name, home)

    def configure(self, name: str, *lines: str) -> DeviceSpec:
        """A host of which only the configuration tells."""
        self.config.write_text("\n ".join([f"Host {name}", *lines]) + "\n" + self.config.read_text())
        return read_device(f"ssh:{name}")

    def clients_in_the_end(self) -> list[str]:
        """Processes of ssh that were started here, the master among them, once there are none or the time is up."""
        return in_the_end(lambda: [line for _, line in processes(f"-F {self.config}")])

    def lock_key(self, name: str, passphrase: str) -> None:
        """Gives a host's key a passphrase, so that a login asks for it."""
        key = str(self.folder / f"{name}.key")
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", key], check=True)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Stops the server's ends of all connections, as when a link is dead; new ones are taken."""
        stopped = [
            pid for pid, line in processes("sshd: ") if self._is_mine(pid) and "[listener]" not in line
        ]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _is_mine(self, pid: int) -> bool:
        """Whether a process descends from the server."""
        while pid > 1:
            if pid == self._pid:
                return True
            pid = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
        return False

    def cut(self, *, master: bool) -> None:
        """Kills the processes of ssh: with their master, or only what goes over it."""
        for pid, line in processes(f"-F {self.config}"):
            if master or " -M " not in line:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _make_key(self, name: str) -> str:
        path = self.folder / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path.with_suffix(path.suffix + ".pub").read_text().strip()


@contextmanager
def loopback_sshd(folder: Path) -> Iterator[LoopbackSshd]:
    """The server, while the block runs.

    Raises:
        UnavailableError: there is none to start.
    """
    server = LoopbackSshd(folder)
    process = server.start()
    try:
        yield server
    finally:
        process.terminate()
        process.wait()


def in_the_end(look: Callable[[], list[str]]) -> list[str]:
    """What there is once there is nothing, or when the time is up."""
    end = time.monotonic() + _PATIENCE_S
    while (found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def processes(words: str, where: str = "cmdline") -> list[tuple[int, str]]:
    """Living processes, but this one, whose command line contains the words, or whose environment has the variable."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            line = _words(entry / "cmdline")
            if (
                words in line
                if where == "cmdline"
                else words in (entry / where).read_text("latin-1").split("\0")
            ):
                found.append((int(entry.name), line))
        except OSError:
            continue
    return found


def _words(path: Path) -> str:
    return path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
