from __future__ import annotations

import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import edgeq.files
from edgeq.errors import OutputError
from edgeq.files import atomic_directory, check_target, sha256_bytes, sha256_file, write_atomic

posix_only = pytest.mark.skipif(os.name == "nt", reason="signals, modes and limits of POSIX")


def always(_: Path) -> bool:
    return True


def is_marked(folder: Path) -> bool:
    return (folder / "marker").exists()


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def python(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own, where it may die."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def bundle(tmp_path) -> Path:
    path = tmp_path / "net-edgeq"
    with atomic_directory(path) as folder:
        (folder / "marker").write_text("old")
    return path


@pytest.fixture
def without_exchange(monkeypatch) -> None:
    monkeypatch.setattr(edgeq.files, "_exchange", lambda one, other: False)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


# One file


def test_a_file_is_written_and_nothing_else_remains(tmp_path):
    write_atomic(tmp_path / "a.json", "{µ}\n")
    write_atomic(tmp_path / "b.bin", b"\0\1")
    assert (tmp_path / "a.json").read_bytes() == "{µ}\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\0\1"
    assert names(tmp_path) == ["a.json", "b.bin"]


@posix_only
def test_a_new_file_has_the_usual_mode_and_a_private_one_stays_private(tmp_path):
    usual, private = tmp_path / "usual", tmp_path / "private"
    usual.touch()
    private.touch(0o600)
    write_atomic(tmp_path / "new", "x")
    write_atomic(private, "x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


@posix_only
def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@posix_only
def test_a_device_is_written_to_and_not_replaced(tmp_path):
    read_end = tmp_path / "pipe"
    os.mkfifo(read_end)
    received = []
    reader = threading.Thread(target=lambda: received.append(read_end.read_bytes()))
    reader.start()
    write_atomic(read_end, "report")
    reader.join()
    assert received == [b"report"]
    assert stat.S_ISFIFO(read_end.stat().st_mode)


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="needs /dev/stdout")
def test_standard_output_has_a_file_name_too():
    code = """
        from pathlib import Path
        from edgeq.files import write_atomic
        write_atomic(Path("/dev/stdout"), "report")
        """
    assert python(code).stdout == "report"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_with_a_next_step():
    with pytest.raises(
        OutputError, match=r"^/dev/full cannot be written: the disk is full .*; free some space"
    ):
        write_atomic(Path("/dev/full"), "x")


@posix_only
def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with limited_file_size(1000), pytest.raises(OutputError, match="disk is full or a quota"):
        write_atomic(path, b"x" * 5000)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["report.html"]


@contextmanager
def limited_file_size(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: the nearest thing to a full disk without one."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OutputError, match="is a folder: name a file"):
        write_atomic(tmp_path, "x")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"the folder .*nowhere does not exist; make it first"):
        write_atomic(tmp_path / "nowhere" / "a.json", "x")


@pytest.fixture
def forbidden_folder() -> Iterator[Path]:
    """A folder that this process may not write to."""
    # Not pytest's own folder: nobody but its owner may enter that one.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
            yield Path(name)
            os.seteuid(0)
        else:
            yield Path(name)
        Path(name).chmod(0o755)


@posix_only
def test_a_folder_without_permission_is_one_line_with_a_next_step(forbidden_folder):
    with pytest.raises(OutputError, match=r"no permission in .*; write elsewhere with -o"):
        write_atomic(forbidden_folder / "a.json", "x")
    with pytest.raises(OutputError, match="no permission in"), atomic_directory(forbidden_folder / "net"):
        pytest.fail("there is nowhere to write to")


@posix_only
def test_a_kill_in_the_middle_of_a_file_leaves_the_old_one_and_the_next_write_cleans_up(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("old")
    killed = python(
        """
        import os, signal, sys
        from pathlib import Path
        from edgeq.files import write_atomic
        os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        write_atomic(Path(sys.argv[1]), "new")
        """,
        path,
    )
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2
    write_atomic(path, "newer")
    assert path.read_text() == "newer"
    assert names(tmp_path) == ["results.jsonl"]


# A folder


def test_a_folder_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "net-edgeq"
    with atomic_directory(path) as folder:
        (folder / "a").write_text("1")
        assert folder.parent == path.parent
        assert not path.exists()
    assert names(path) == ["a"]
    assert names(tmp_path) == ["net-edgeq"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_removes_what_was_written_and_passes_on(bundle, error):
    def fail() -> None:
        with atomic_directory(bundle, force=True, replaceable=is_marked) as folder:
            (folder / "marker").write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert (bundle / "marker").read_text() == "old"
    assert names(bundle.parent) == ["net-edgeq"]


def test_an_existing_folder_is_refused_without_force(bundle):
    with (
        pytest.raises(OutputError, match=r"net-edgeq exists: add --force to replace it$"),
        atomic_directory(bundle, replaceable=always),
    ):
        pytest.fail("the work must not begin")
    assert (bundle / "marker").read_text() == "old"


def test_force_replaces_the_whole_folder(bundle):
    with atomic_directory(bundle, force=True, replaceable=is_marked) as folder:
        (folder / "other").write_text("new")
    assert names(bundle) == ["other"]
    assert names(bundle.parent) == ["net-edgeq"]


def test_force_replaces_where_folders_cannot_change_places(bundle, without_exchange):
    with atomic_directory(bundle, force=True, replaceable=is_marked) as folder:
        (folder / "other").write_text("new")
    assert names(bundle) == ["other"]
    assert names(bundle.parent) == ["net-edgeq"]


@pytest.mark.parametrize("replaceable", [{}, {"replaceable": is_marked}])
def test_force_never_deletes_a_folder_of_the_user(tmp_path, replaceable):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"cat")
    with (
        pytest.raises(OutputError, match="was not made by edgeq, so --force does not replace it"),
        atomic_directory(photos, force=True, **replaceable),
    ):
        pytest.fail("the work must not begin")
    assert names(photos) == ["cat.jpg"]


def test_a_folder_that_came_into_being_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "net-edgeq"

    def overtaken() -> None:
        with atomic_directory(path) as folder:
            (folder / "a").write_text("1")
            path.mkdir()
            (path / "theirs").write_text("2")

    with pytest.raises(OutputError, match="add --force"):
        overtaken()
    assert names(path) == ["theirs"]
    assert names(tmp_path) == ["net-edgeq"]


def test_an_empty_folder_counts_as_none(tmp_path):
    (tmp_path / "net-edgeq").mkdir()
    with atomic_directory(tmp_path / "net-edgeq") as folder:
        (folder / "a").write_text("1")
    assert names(tmp_path / "net-edgeq") == ["a"]
    assert names(tmp_path) == ["net-edgeq"]


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "net").write_text("x")
    with (
        pytest.raises(OutputError, match="is not a folder"),
        atomic_directory(tmp_path / "net", force=True, replaceable=always),
    ):
        pytest.fail("the work must not begin")


def test_the_root_of_the_file_system_is_refused(tmp_path):
    with (
        pytest.raises(OutputError, match="name a folder in it"),
        atomic_directory(Path(tmp_path.anchor), force=True, replaceable=always),
    ):
        pytest.fail("the work must not begin")


@posix_only
def test_a_link_to_a_folder_is_followed(bundle):
    link = bundle.parent / "latest"
    link.symlink_to(bundle)
    with atomic_directory(link, force=True, replaceable=is_marked) as folder:
        (folder / "other").write_text("new")
    assert link.is_symlink()
    assert names(bundle) == ["other"]


@posix_only
def test_a_disk_that_fills_up_inside_the_block_is_one_line_and_leaves_the_old_folder(bundle):
    with (
        pytest.raises(OutputError, match="net-edgeq cannot be written: the disk is full"),
        limited_file_size(1000),
        atomic_directory(bundle, force=True, replaceable=is_marked) as folder,
    ):
        (folder / "weights").write_bytes(b"x" * 5000)
    assert (bundle / "marker").read_text() == "old"
    assert names(bundle.parent) == ["net-edgeq"]


def test_an_error_of_reading_inside_the_block_is_not_mistaken_for_one_of_writing(tmp_path):
    with pytest.raises(PermissionError), atomic_directory(tmp_path / "net-edgeq"):
        raise PermissionError(errno.EACCES, "no permission", "photos/cat.jpg")


def test_a_second_writer_of_the_same_folder_is_refused_and_of_another_is_not(tmp_path):
    with atomic_directory(tmp_path / "net-edgeq") as folder:
        (folder / "a").write_text("1")
        with (
            pytest.raises(OutputError, match="being written by another process: wait for it"),
            atomic_directory(tmp_path / "net-edgeq"),
        ):
            pytest.fail("the work must not begin")
        with atomic_directory(tmp_path / "other-edgeq") as other:
            (other / "b").write_text("2")
    assert names(tmp_path) == ["net-edgeq", "other-edgeq"]


WRITER = """
import sys
from pathlib import Path
from edgeq.errors import OutputError
from edgeq.files import atomic_directory
try:
    with atomic_directory(Path(sys.argv[1])) as folder:
        (folder / "a").write_text("1")
        print("begun", flush=True)
        sys.stdin.readline()
except OutputError as error:
    print(error)
"""


@posix_only
def test_a_writer_in_another_process_is_noticed_and_its_death_too(tmp_path):
    path = tmp_path / "net-edgeq"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout.readline() == "begun\n"
        with pytest.raises(OutputError, match="another process"), atomic_directory(path):
            pytest.fail("the work must not begin")
        # The leftovers of a living process are not touched.
        assert sum(".edgeq-" in name for name in names(tmp_path)) == 2
        writer.kill()
    assert not path.exists()
    with atomic_directory(path) as folder:
        (folder / "b").write_text("2")
    assert names(tmp_path) == ["net-edgeq"]
    assert names(path) == ["b"]


KILLED_WHILE_REPLACING = """
import os, shutil, signal, sys
from pathlib import Path
import edgeq.files as files

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where = sys.argv[2]
if where in ("after the exchange", "after both renames"):
    shutil.rmtree = die
if where in ("between the renames", "after both renames"):
    files._exchange = lambda one, other: False
if where == "between the renames":
    rename, calls = Path.rename, []
    Path.rename = lambda self, target: die() if calls else calls.append(rename(self, target))
with files.atomic_directory(Path(sys.argv[1]), force=True, replaceable=lambda _: True) as folder:
    (folder / "marker").write_text("new")
    if where == "inside the block":
        die()
"""


@posix_only
@pytest.mark.parametrize(
    ("where", "left"),
    [
        ("inside the block", "old"),
        pytest.param(
            "after the exchange",
            "new",
            marks=pytest.mark.skipif(not sys.platform.startswith("linux"), reason="renameat2 is Linux's"),
        ),
        ("between the renames", None),
        ("after both renames", "new"),
    ],
)
def test_a_kill_while_replacing_leaves_old_or_new_and_the_next_call_cleans_up(bundle, where, left):
    assert python(KILLED_WHILE_REPLACING, bundle, where).returncode == -signal.SIGKILL
    if left:
        assert (bundle / "marker").read_text() == left
    else:
        assert not bundle.exists()
    assert len(names(bundle.parent)) > 1
    with pytest.raises(OutputError, match="add --force"), atomic_directory(bundle):
        pytest.fail("the folder is there, or was put back")
    assert names(bundle.parent) == ["net-edgeq"]
    assert (bundle / "marker").read_text() == (left or "old")


REPLACING_FOREVER = """
import itertools, sys
from pathlib import Path
from edgeq.files import atomic_directory
for generation in itertools.count():
    with atomic_directory(Path(sys.argv[1]), force=True, replaceable=lambda _: True) as folder:
        for name in "abc":
            (folder / name).write_text(str(generation))
    print(generation, flush=True)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="renameat2 is Linux's")
@pytest.mark.parametrize("generations", [1, 3, 10])
def test_a_kill_at_any_moment_leaves_one_whole_generation(tmp_path, generations):
    path = tmp_path / "net-edgeq"
    command = [sys.executable, "-c", REPLACING_FOREVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(generations):
            writer.stdout.readline()
        writer.kill()
    assert names(path) == ["a", "b", "c"]
    assert len({(path / name).read_text() for name in "abc"}) == 1
    with atomic_directory(path, force=True, replaceable=always) as folder:
        (folder / "a").write_text("last")
    assert names(tmp_path) == ["net-edgeq"]


@posix_only
def test_only_leftovers_of_dead_processes_and_of_the_same_target_are_removed(tmp_path):
    alive, dead = os.getppid(), dead_pid()
    others = [f".net.edgeq-{alive}-01234567", f".other.edgeq-{dead}-01234567"]
    alike = [f".net.edgeq-{dead}-mine", f"x.net.edgeq-{dead}-01234567", "net.txt"]
    for name in [*others, *alike, f".net.edgeq-{dead}-01234567", f".net.edgeq-{os.getpid()}-89abcdef"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text("x")
    with atomic_directory(tmp_path / "net"):
        pass
    assert names(tmp_path) == sorted(["net", *others, *alike])


@posix_only
def test_a_leftover_that_is_a_link_is_removed_and_its_target_is_not(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_text("x")
    (tmp_path / f".net.edgeq-{dead_pid()}-01234567").symlink_to(precious)
    with atomic_directory(tmp_path / "net"):
        pass
    assert names(tmp_path) == ["net", "precious"]
    assert names(precious) == ["thesis"]


def test_a_target_is_refused_before_the_work_as_it_would_be_after_it(bundle, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(OutputError, match="add --force"):
        check_target(bundle, replaceable=is_marked)
    with pytest.raises(OutputError, match="was not made by edgeq"):
        check_target(tmp_path / "photos", force=True, replaceable=is_marked)
    check_target(bundle, force=True, replaceable=is_marked)
    assert (bundle / "marker").read_text() == "old"


def test_checking_a_target_makes_the_folders_above_it_and_leaves_nothing_else(tmp_path):
    check_target(tmp_path / "build" / "out" / "net-edgeq")
    assert names(tmp_path / "build" / "out") == []


@posix_only
def test_checking_a_target_notices_missing_permission(forbidden_folder):
    with pytest.raises(OutputError, match="no permission in"):
        check_target(forbidden_folder / "net-edgeq")


# Digests


def test_digests_of_bytes_and_of_files_are_sha256(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)
    assert sha256_file(tmp_path / "a") == sha256_bytes(content) == hashlib.sha256(content).hexdigest()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_advice_names_the_option_that_named_the_file() -> None:
    with pytest.raises(OutputError, match=r"free some space or write elsewhere with --report"):
        write_atomic(Path("/dev/full"), "x" * 100_000, option="--report")


def test_an_output_that_is_filled_through_another_writer_keeps_the_users_name(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"^\S*/out cannot be written: the disk is full"),
        atomic_directory(tmp_path / "out"),
        atomic_directory(next(tmp_path.glob(".out.edgeq-*-????????")) / "bundle"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
