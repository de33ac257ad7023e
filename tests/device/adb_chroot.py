"""A phone for tests: Debian's own `adbd` with the tools that Android has (mksh, toybox), in a chroot.

It listens in a network namespace of its own, because `adbd` listens on all addresses and asks for no key there; adb's
server is in that namespace, too, and its clients reach it through a socket in the file system. Needs root.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debian_packages import Archive, UnavailableError, host_architecture, unpack

_PORT = 7555
"""Not one of 5555 to 5585, where adb looks for Android's emulators: it would list the phone twice."""

SERIAL = f"127.0.0.1:{_PORT}"

_PROPERTIES = {
    "ro.product.cpu.abilist": "x86_64",
    "ro.product.manufacturer": "Debian",
    "ro.product.model": "chroot",
    "ro.build.version.release": "13",
    "ro.build.version.sdk": "33",
}

_START = """\
set -e
exec 3<&0
mount -t tmpfs -o size=4m,mode=0771 tmpfs {root}/data/local/tmp
mount -t proc proc {root}/proc
mount --bind /sys {root}/sys
{chroot} {root} /usr/bin/toybox ifconfig lo up
env -i PATH=/usr/bin:/system/bin ADBD_PORT={port} {chroot} {root} /usr/sbin/adbd > {folder}/adbd.log 2>&1 &
adbd=$!
{folder}/bin/adb server nodaemon > {folder}/server.log 2>&1 &
server=$!
# The end of the input is the end of the tests, however they end.
{{ cat <&3 > /dev/null; : > {folder}/over; kill -9 $adbd $server; }} &
# This shell is process 1 here, to which orphans are given: it waits for them, too.
set +e
while [ ! -e {folder}/over ]; do wait; sleep 0.2; done
"""

# What stands for benchmark_model on the phone: it replays a file for the size of the model.
_REPLAY = """\
#!/system/bin/sh
for word; do
case $word in --graph=*) graph=${word#*=};; --result_file_path=*) result=${word#*=};; esac
done
size=$(wc -c < $graph)
cat /replays/$size.txt
[ -f /replays/$size.pb ] && cp /replays/$size.pb $result
[ -f /replays/$size.hang ] && exec sleep 600
exit $(cat /replays/$size.status 2>/dev/null || echo 0)
"""


@dataclass(frozen=True)
class Chroot:
    """The phone.

    Attributes:
        root: its file system, but for /data/local/tmp, which only it sees.
        program: a file here that is a program there, which replays.
        environment: of processes that are to find its adb.
    """

    root: Path
    program: Path
    environment: dict[str, str]

    def adb(self, *words: str) -> str:
        """What adb prints."""
        done = subprocess.run(
            ["adb", *words], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    def shell(self, script: str) -> str:
        """What a script prints there."""
        return self.adb("-s", SERIAL, "shell", script)

    def replay(
        self, size: int, text: str, *, result: bytes = b"", status: int = 0, hangs: bool = False
    ) -> None:
        """Sets what is replayed for a model of that size."""
        folder = self.root / "replays"
        (folder / f"{size}.txt").write_text(text, encoding="utf-8")
        (folder / f"{size}.status").write_text(f"{status}\n", encoding="utf-8")
        for name, content, wanted in (("pb", result, bool(result)), ("hang", b"", hangs)):
            (folder / f"{size}.{name}").unlink(missing_ok=True)
            if wanted:
                (folder / f"{size}.{name}").write_bytes(content)


def require_chroot() -> None:
    """Checks that a chroot can be made here.

    Raises:
        UnavailableError: it cannot, with what is missing.
    """
    if os.geteuid() != 0:
        raise UnavailableError("a chroot with adbd needs root: run the tests as root, as in a container")
    if host_architecture() != "amd64":
        raise UnavailableError("the stand-in for benchmark_model is a program for x86-64")
    if shutil.which("unshare") is None:
        raise UnavailableError("unshare is not installed: it is in the package util-linux")
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False
    )
    if tried.returncode:
        raise UnavailableError(
            "the system allows no namespaces: run the container with --privileged or CAP_SYS_ADMIN"
        )


@contextmanager
def adb_chroot(folder: Path) -> Iterator[Chroot]:
    """A phone that runs while the block does.

    Args:
        folder: for everything; its path must be short, as those of sockets are.

    Raises:
        UnavailableError: it cannot be had here.
    """
    require_chroot()
    root = folder / "root"
    unpack(Archive("trixie", "amd64"), ["adbd", "adb", "mksh", "toybox"], root)
    _furnish(root)
    programs = folder / "bin"
    programs.mkdir()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    _script(
        programs / "adb",
        f"#!/bin/sh\nexec {root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {libraries}:{libraries}/android "
        f'{root}/usr/lib/android-sdk/platform-tools/adb "$@"\n',
    )
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "ADB_SERVER_SOCKET": f"localfilesystem:{folder}/adb.sock",
        "HOME": str(folder),
    }
    start = _START.format(
        port=_PORT, root=root, folder=folder, chroot=shutil.which("chroot") or "/usr/sbin/chroot"
    )
    server = subprocess.Popen(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", start],
        env=environment,
        stdin=subprocess.PIPE,
    )
    try:
        program = folder / "benchmark_model"
        program.write_bytes(program_that_runs("/system/bin/replay"))
        phone = Chroot(root, program, environment)
        _connect(phone, server, folder)
        yield phone
    finally:
        server.kill()
        server.wait()


def _connect(phone: Chroot, server: subprocess.Popen[bytes], folder: Path) -> None:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        if server.poll() is not None:
            break
        # Before its socket is there a client would start a server of its own.
        if (folder / "adb.sock").exists():
            phone.adb("connect", SERIAL)
            if "ready" in phone.shell("echo ready"):
                return
        time.sleep(0.1)
    logs = "".join(path.read_text(errors="replace")[-500:] for path in folder.glob("*.log"))
    raise UnavailableError(f"adbd does not answer: {logs}")


def _furnish(root: Path) -> None:
    """What a phone has and packages of Debian have not."""
    for name in ("bin", "sbin", "lib", "lib64"):
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for name in ("data/local/tmp", "system/bin", "dev", "tmp", "proc", "sys", "etc", "replays"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
        os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
    (root / "etc/passwd").write_text("root:x:0:0::/:/system/bin/sh\n", encoding="ascii")
    (root / "system/bin/sh").symlink_to("/usr/bin/mksh")
    (root / "usr/bin/sh").symlink_to("mksh")
    listed = subprocess.run(
        [shutil.which("chroot") or "/usr/sbin/chroot", str(root), "/usr/bin/toybox"],
        capture_output=True,
        text=True,
        check=True,
    )
    for tool in listed.stdout.split():
        if not (root / "usr/bin" / tool).exists():
            (root / "usr/bin" / tool).symlink_to("toybox")
    told = "".join(f"[{key}]: [{value}]\n" for key, value in _PROPERTIES.items())
    _script(root / "system/bin/getprop", f"#!/system/bin/sh\ncat <<'END'\n{told}END\n")
    _script(root / "system/bin/replay", _REPLAY)


def _script(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def program_that_runs(path: str) -> bytes:
    """A program for x86-64 that runs another one with its own words: an ELF file with a few instructions.

    Args:
        path: of the other one.
    """
    code = (
        (
            b"\x48\x8b\x04\x24"  # mov rax, [rsp]: how many words
            b"\x48\x8d\x74\x24\x08"  # lea rsi, [rsp + 8]: the words
            b"\x48\x8d\x54\xc4\x10"  # lea rdx, [rsp + 8 rax + 16]: the environment
            b"\x48\x8d\x3d\x13\x00\x00\x00"  # lea rdi, [rip + 19]: the path, behind the code
            b"\xb8\x3b\x00\x00\x00\x0f\x05"  # execve
            b"\xbf\x7f\x00\x00\x00\xb8\x3c\x00\x00\x00\x0f\x05"  # exit(127)
        )
        + path.encode()
        + b"\0"
    )
    start, base = 64 + 56, 0x400000
    size = start + len(code)
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + segment + code
