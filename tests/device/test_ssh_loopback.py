"""Measuring over a real sshd: a run in full, cuts at every stage, and hosts that are not what they should be."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from loopback_sshd import UnavailableError, free_port, loopback_sshd  # noqa: E402

from edgeq.benchmark.targets import find_targets  # noqa: E402
from edgeq.data.reading import read_dataset  # noqa: E402
from edgeq.devices.hosts import ssh_connection  # noqa: E402
from edgeq.devices.hosts.python import choose, install_runtime, probe  # noqa: E402
from edgeq.devices.hosts.ssh import measure_over_ssh, open_connection  # noqa: E402
from edgeq.devices.hosts.ssh_connection import SshConnection  # noqa: E402
from edgeq.devices.job_options import JobOptions  # noqa: E402
from edgeq.devices.packed.packing import pack_bundle, write_packed  # noqa: E402
from edgeq.errors import DeviceError  # noqa: E402
from edgeq.scratch import scratch_folder  # noqa: E402

DEMO = HERE.parents[1] / "edgeq/demo"
QUICK = JobOptions(variants=("int8",), threads=(1,), speed="quick", accuracy=False)
LASTING = dataclasses.replace(QUICK, speed="full", max_seconds=3.0)
"""It has not ended yet when its first progress is told."""
LONG = JobOptions(variants=("int8",), threads=(1,), sustained_s=120.0)
GRACE_S = 3.0
DECODE = (
    f'echo "$COMMAND" | {sys.executable} -c \'import base64, json, sys, zlib; '
    "print(*json.loads(zlib.decompress(base64.b64decode(sys.stdin.read().split()[-1])))[1:])'"
)
"""What a command is told, on one line."""


@pytest.fixture(scope="module")
def server():
    try:
        # Of the user's own folder for temporary files: the paths of sockets must be short.
        with scratch_folder("sshd") as folder, loopback_sshd(folder) as running:
            yield running
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _ssh_of_the_server(server, monkeypatch):
    monkeypatch.setenv("PATH", f"{server.bin}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def host(server, request):
    made = server.host("".join(char if char.isalnum() else "-" for char in request.node.name).strip("-"))
    yield made
    assert made.left_in_the_end() == []
    assert server.clients_in_the_end() == []


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "demo model.pyz"
    data = read_dataset(DEMO / "test.npz")
    write_packed(path, pack_bundle(find_targets([DEMO / "bundle"]), data=data))
    return path


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder / "bin" / "python")


def measured(host, packed, options=QUICK, **others):
    with open_connection(host.spec) as connection:
        return connection.measure(packed, options, python=sys.executable, grace_s=GRACE_S, **others)


def is_measuring(what):
    """Whether progress is told from there."""
    return not what.startswith(("copying", "connection"))


def refused(host, packed, options=QUICK, **others):
    """The message of a run that fails; it leaves nothing there."""
    with pytest.raises(DeviceError) as caught:
        measured(host, packed, options, **others)
    message = str(caught.value)
    assert message.startswith(f"{host.spec}: ")
    assert "\n" not in message
    assert "\x1b" not in message
    assert host.left_in_the_end() == []
    return message.removeprefix(f"{host.spec}: ")


def test_a_run_brings_measurements_and_leaves_nothing(host, packed):
    seen = []
    options = dataclasses.replace(QUICK, accuracy=True)
    session = measured(host, packed, options, progress=lambda what, done, total: seen.append(what))
    (one,) = session.measurements
    assert one.variant.name == "int8"
    assert one.environment.reached_by == str(host.spec)
    assert one.latency is not None
    assert one.accuracy.n == 200
    assert session.failures == {}
    assert "accuracy is that of the 200 packed inputs" in session.notes
    assert any(is_measuring(what) for what in seen)
    assert any(what.startswith("copying demo model.pyz") for what in seen)


def test_the_output_of_the_runtime_comes_where_it_is_let_through(host, packed):
    said = []
    options = dataclasses.replace(QUICK, verbose=True)
    measured(host, packed, options, say=said.append)
    assert any("XNNPACK delegate" in line for line in said)
    assert all(line.startswith(f"{host.spec}: ") for line in said)


def test_a_login_that_prints_much_does_not_matter(server, packed):
    host = server.host("motd", 'seq 1 5000; echo "edgeq-0000000000000000 {}" ', 'exec sh -c "$COMMAND"')
    assert len(measured(host, packed).measurements) == 1
    assert host.left_in_the_end() == []


@pytest.mark.parametrize("master", [False, True], ids=["command", "connection"])
def test_a_job_goes_on_after_a_cut_and_nothing_is_measured_twice(host, server, packed, master):
    cuts = []

    def cut(what, done, total):
        if is_measuring(what) and not cuts:
            cuts.append(what)
            server.cut(master=master)

    session = measured(host, packed, LASTING, progress=cut)
    assert cuts
    assert [one.variant.name for one in session.measurements] == ["int8"]
    assert f"the connection to {host.spec} was cut once and went on where it was" in session.notes


def test_a_dead_link_is_noticed_and_the_job_goes_on_over_another(host, server, packed, monkeypatch):
    sooner = [
        word.replace("ServerAliveInterval=5", "ServerAliveInterval=1") for word in ssh_connection.OPTIONS
    ]
    monkeypatch.setattr(ssh_connection, "OPTIONS", tuple(sooner))
    with contextlib.ExitStack() as silence, open_connection(host.spec) as connection:

        def die(what, done, total):
            if is_measuring(what) and not silenced:
                silenced.append(silence.enter_context(server.silence()))

        silenced = []
        session = connection.measure(packed, LASTING, python=sys.executable, progress=die, grace_s=20.0)
    assert silenced
    assert len(session.measurements) == 1
    assert f"the connection to {host.spec} was cut once and went on where it was" in session.notes


@pytest.fixture
def asking_host(server, host, tmp_path, monkeypatch):
    """A host whose key has a passphrase, and the file in which every question is a line."""
    asked = tmp_path / "asked"
    asked.touch()
    answering = tmp_path / "askpass"
    answering.write_text(f"#!/bin/sh\necho asked >> {asked}\necho open sesame\n")
    answering.chmod(0o755)
    server.lock_key(host.name, "open sesame")
    monkeypatch.setenv("SSH_ASKPASS", str(answering))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    return host, asked


def test_one_question_is_asked_for_a_whole_job(asking_host, packed):
    host, asked = asking_host
    assert len(measured(host, packed).measurements) == 1
    assert asked.read_text() == "asked\n"


def test_nothing_is_asked_in_the_middle_of_a_job(asking_host, server, packed):
    host, asked = asking_host

    def cut(what, done, total):
        if is_measuring(what):
            server.cut(master=True)

    assert refused(host, packed, LONG, progress=cut).startswith(
        "the connection was lost midway (refuses the login"
    )
    assert asked.read_text() == "asked\n"


def test_a_copy_goes_on_where_it_was_cut(host, server, packed, tmp_path):
    large = tmp_path / "large.pyz"
    # Before the archive itself a zip file may have anything.
    large.write_bytes(os.urandom(8 << 20) + packed.read_bytes())
    copied = []

    def cut(what, done, total):
        copied.append((what, done))
        if done > 6 << 20 and not any("again" in what for what, _ in copied):
            arrived = list(host.home.rglob("large.pyz"))
            while not arrived or arrived[0].stat().st_size < 1 << 20:
                arrived = list(host.home.rglob("large.pyz"))
            server.cut(master=True)

    # What was sent is not what was packed, which the program says: SHA-256 has said before that the copy is whole.
    assert "altered or cut off" in refused(host, large, progress=cut)
    names = [what.partition(" ")[0] for what, _ in copied]
    again = len(names) - names[::-1].index("connection")
    assert copied[again][1] > 1 << 20


def test_a_host_that_stays_away_is_one_line_and_cleans_up_by_itself(server, packed):
    host = server.host("stays-away")

    def cut(what, done, total):
        if is_measuring(what):
            server.configure("stays-away", f"Port {free_port()}")
            server.cut(master=True)

    with pytest.raises(DeviceError, match=r"lost midway \(nothing listens on its SSH port"):
        measured(host, packed, LONG, progress=cut)
    assert host.left_in_the_end() == []


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["kill", "int", "term"]
)
def test_nothing_is_left_when_the_driver_dies(host, server, packed, number):
    script = (
        "import sys; from pathlib import Path\n"
        "from edgeq.devices.job_options import JobOptions; from edgeq.devices.specs import read_device\n"
        "from edgeq.devices.hosts.ssh import open_connection; from edgeq.unwinding import prepare_process\n"
        "prepare_process()\n"
        "with open_connection(read_device(sys.argv[1])) as connection:\n"
        "    connection.measure(Path(sys.argv[2]), JobOptions(variants=('int8',), threads=(1,), sustained_s=120),\n"
        "        python=sys.executable, grace_s=3, progress=lambda *now: print(*now, flush=True))\n"
    )
    command = [sys.executable, "-c", script, str(host.spec), str(packed)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as driver:
        while (line := driver.stdout.readline()).startswith(("copying", "connection")):
            pass
        assert line
        assert host.left() != []
        # As a terminal does, to the whole group.
        os.killpg(driver.pid, number)
        driver.communicate()
    assert host.left_in_the_end() == []


def test_the_end_of_a_connection_ends_what_another_thread_measures_over_it(host, packed):
    outcome = []
    begun = threading.Event()

    def measure(connection):
        try:
            connection.measure(
                packed, LONG, python=sys.executable, grace_s=GRACE_S, progress=lambda *_: begun.set()
            )
        except DeviceError as error:
            outcome.append(str(error))

    with open_connection(host.spec) as connection:
        thread = threading.Thread(target=measure, args=(connection,))
        thread.start()
        begun.wait()
    thread.join()
    assert outcome == [f"{host.spec}: interrupted"]


def test_a_measuring_process_that_dies_is_named(host, packed):
    def kill(what, done, total):
        if is_measuring(what):
            (number,) = host.home.rglob("pid")
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number.read_text()), signal.SIGKILL)

    assert "the measuring process there died" in refused(host, packed, LONG, progress=kill)


def test_what_the_job_refuses_comes_as_its_own_line(host, packed):
    message = refused(host, packed, JobOptions(variants=("int9",), speed="quick"))
    assert "int9" in message


def test_leftovers_of_a_power_cut_are_removed_by_the_next_job(host, packed):
    left = host.home / ".cache/edgeq/jobs/edgeq-job-0123456789abcdef"
    left.mkdir(parents=True)
    (left / "demo.pyz").write_bytes(b"x")
    others = left.with_name("not-ours")
    others.mkdir()
    measured(host, packed)
    assert not left.exists()
    others.rmdir()
    for folder in (others.parent, others.parent.parent, host.home / ".cache"):
        folder.rmdir()


def test_a_home_that_cannot_be_written_is_not_needed(server, packed):
    host = server.host("no-home")
    (host.home / ".cache").write_text("a file, so that no folder can be made in it")
    assert len(measured(host, packed).measurements) == 1
    (host.home / ".cache").unlink()
    assert host.left_in_the_end() == []


def test_a_full_disk_is_said_before_anything_is_copied(server, packed):
    host, _ = small_host(server, "small", "1m")
    with on_small_disk(host, "1m"):
        assert "its storage is full" in refused(host, packed)


def test_a_disk_that_fills_up_midway_is_said(server, packed):
    host, is_mounted = small_host(server, "filling", "32m")
    with on_small_disk(host, "32m"):
        ballast = host.home / "tmp" / "ballast"

        def fill(what, done, total):
            if is_mounted and is_measuring(what):
                with contextlib.suppress(OSError), ballast.open("wb") as file:
                    for _ in range(64):
                        file.write(bytes(1 << 20))
                        file.flush()

        with pytest.raises(DeviceError) as caught:
            measured(host, packed, LONG, progress=fill)
        ballast.unlink(missing_ok=True)
        assert any(
            words in str(caught.value) for words in ("storage is full", "No space left", "File too large")
        )
        assert host.left_in_the_end() == []


def small_host(server, name, size):
    """A host whose storage is small: a disk of its own for root, else files that cannot grow."""
    if can_mount(server.folder):
        return server.host(name), True
    blocks = int(size[:-1]) * 2048 // 40
    return server.host(name, f"ulimit -f {blocks}", 'exec sh -c "$COMMAND"'), False


def can_mount(folder):
    place = folder / "mount"
    place.mkdir(exist_ok=True)
    if os.geteuid() or mount(place, "1m"):
        return False
    subprocess.run(["umount", str(place)], check=True)
    return True


def mount(place, size):
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@contextlib.contextmanager
def on_small_disk(host, size):
    mounted = os.geteuid() == 0 and mount(host.home, size) == 0
    (host.home / "tmp").mkdir(exist_ok=True)
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(host.home)], check=True)


def test_a_byte_altered_on_the_way_is_noticed_before_anything_runs(server, packed):
    alter = (
        "import sys\n"
        "data = bytearray(sys.stdin.buffer.read(300000))\n"
        "data[200000] ^= 1\n"
        "while data:\n"
        "    sys.stdout.buffer.write(data); sys.stdout.buffer.flush(); data = sys.stdin.buffer.read1(65536)\n"
    )
    (server.folder / "alter.py").write_text(alter)
    host = server.host(
        "altering",
        f'ALTER="{sys.executable} {server.folder}/alter.py"',
        f'case "$({DECODE})" in *" receive "*) $ALTER | sh -c "$COMMAND"; exit;; esac',
        'exec sh -c "$COMMAND"',
    )
    assert "what arrived there is not what was sent" in refused(host, packed)


def test_a_wrong_key_is_refused_in_one_line(server, packed):
    host = server.host("wrong-key", authorized=False)
    message = refused(host, packed)
    assert message.startswith("refuses the login: 'ssh-copy-id wrong-key' puts your key there")


def test_an_unknown_host_key_is_said_where_nobody_can_be_asked(server, packed, tmp_path):
    host = server.host("unknown-key")
    server.configure("unknown-key", f"UserKnownHostsFile {tmp_path}/none", "StrictHostKeyChecking yes")
    assert "its host key is not known here: run 'ssh unknown-key' once" in refused(host, packed)


def test_a_changed_host_key_is_said(server, packed, tmp_path):
    host = server.host("changed-key")
    other = (server.folder / "changed-key.key.pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"[127.0.0.1]:{server.port} {' '.join(other)}\n")
    server.configure("changed-key", f"UserKnownHostsFile {tmp_path}/known")
    assert "its host key is not the one known here" in refused(host, packed)


def connecting(spec):
    with pytest.raises(DeviceError) as caught, SshConnection(spec):
        pass
    return str(caught.value).removeprefix(f"{spec}: ")


def test_a_host_that_nobody_knows_is_one_line(server):
    spec = server.configure("nobody", "HostName nobody.invalid")
    assert connecting(spec).startswith("no host of that name is known")


def test_a_closed_port_is_one_line(server):
    spec = server.configure("closed", f"Port {free_port()}")
    assert connecting(spec).startswith("nothing listens on its SSH port")


@pytest.mark.parametrize("is_greeting", [True, False], ids=["silent", "blackhole"])
def test_a_host_that_does_not_answer_is_one_line(server, monkeypatch, is_greeting):
    shorter = [word.replace("ConnectTimeout=10", "ConnectTimeout=1") for word in ssh_connection.OPTIONS]
    monkeypatch.setattr(ssh_connection, "OPTIONS", tuple(shorter))
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        if not is_greeting:
            # With a full queue of connections Linux leaves further ones without an answer.
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
        spec = server.configure(f"mute-{is_greeting}", f"Port {listener.getsockname()[1]}")
        assert connecting(spec).startswith("gives no answer")


def test_no_python_there_is_one_line_with_the_remedy(server, packed):
    host = server.host("no-python", "export PATH=/nowhere", 'exec /bin/sh -c "$COMMAND"')
    with pytest.raises(DeviceError, match=r"there is no Python .*sudo apt install python3"):
        measure_over_ssh(host.spec, packed, QUICK)


def test_no_runtime_there_is_one_line_with_the_remedy(host, packed, bare_python):
    with pytest.raises(DeviceError, match=r"no TensorFlow Lite runtime in .*add --install"):
        measure_over_ssh(host.spec, packed, QUICK, python=bare_python)


def test_a_long_path_of_the_temporary_folder_is_no_matter(host, tmp_path, monkeypatch):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with SshConnection(host.spec) as connection:
        assert probe(connection, sys.executable).home == str(host.home)


def test_an_account_without_a_shell_is_one_line(server, packed):
    host = server.host("no-shell", "echo This account is currently not available. >&2; exit 1")
    assert "This account is currently not available." in refused(host, packed)


HOSTILE = {
    "endless": "exec yes",
    "zeros": "exec cat /dev/zero",
    "errors": "exec cat /dev/zero >&2",
    "escapes": r"""printf '\033]0;owned\007\033[2J\n' >&2; exit 3""",
    "no-json": 'echo "$TOKEN {"',
    "list": 'echo "$TOKEN [1, 2]"',
    "deep": 'printf "%s " "$TOKEN"; head -c 1000000 /dev/zero | tr "\\0" "["; echo',
    "not-a-number": 'echo "$TOKEN {\\"machine\\": NaN}"',
    "wrong-types": 'echo "$TOKEN {\\"machine\\": \\"x\\", \\"system\\": [], \\"interpreters\\": 7}"',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_a_host_prints_is_one_line(server, packed, kind):
    find = f"TOKEN=$({DECODE} | cut -d ' ' -f 1)"
    host = server.host(f"hostile-{kind}", find, HOSTILE[kind])
    assert 10 < len(refused(host, packed)) < 700


def test_an_environment_is_made_with_the_runtime_that_fits(server, tmp_path):
    script = (
        "import sys, zipfile\nfor name, version in (('ai_edge_litert', '2.3.0'), ('numpy', '2.1.0')): pass\n"
    )
    assert script
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, version in (("ai_edge_litert", "2.3.0"), ("numpy", "2.1.0")):
        make_wheel(wheels, name, version)
    settings = f"export PIP_NO_INDEX=1 PIP_FIND_LINKS={wheels}"
    host = server.host("installing", settings, 'exec sh -c "$COMMAND"')
    said = []
    with SshConnection(host.spec) as connection:
        install_runtime(connection, probe(connection), None, said.append)
        chosen = choose("it", probe(connection), None)
    assert chosen.path == f"{host.home}/.local/share/edgeq/venv/bin/python"
    assert chosen.runtimes == {"ai-edge-litert": "2.3.0"}
    assert any("Successfully installed" in line for line in said)
    shutil.rmtree(host.home / ".local")


def test_an_installation_without_a_network_is_one_line_and_leaves_no_environment(server):
    settings = "export PIP_INDEX_URL=http://127.0.0.1:9/simple PIP_RETRIES=1"
    host = server.host("offline", settings, 'exec sh -c "$COMMAND"')
    with SshConnection(host.spec) as connection:
        there = probe(connection)
        with pytest.raises(DeviceError, match="no way to the internet"):
            install_runtime(connection, there, None, lambda line: None)
    assert not (host.home / ".local/share/edgeq").exists()


def make_wheel(folder, name, version):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
