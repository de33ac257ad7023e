from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeq.android.placing import REMOVED, UNCHANGED, WRITTEN, place
from edgeq.android.record import RECORD, Record, content_digest, read_record
from edgeq.errors import OutputError
from edgeq.files import atomic_directory

MODEL, OTHER, SOURCE = (
    "src/main/assets/edgeq/m.int8.tflite",
    "src/main/assets/edgeq/m.float32.tflite",
    "src/main/java/a/b/EdgeqModel.kt",
)
FIRST = {MODEL: b"one", SOURCE: b"// one\nclass\n"}
SECOND = {OTHER: b"two", SOURCE: b"// two\nclass\n"}


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src" / "main").mkdir(parents=True)
    (folder / "build.gradle").write_text("old")
    return folder


def content(module: Path) -> dict[str, bytes]:
    return {
        path.relative_to(module).as_posix(): path.read_bytes()
        for path in module.rglob("*")
        if path.is_file() and path.name != RECORD
    }


def states(module: Path, files: dict[str, bytes], **options: bool) -> dict[str, str]:
    placed = place(module, "m", files, {}, **options)
    return {one.path.relative_to(module).as_posix(): one.state for one in placed}


def test_files_are_put_and_recorded(module: Path) -> None:
    place(module, "m", FIRST, {module / "build.gradle": "new"})
    assert content(module) == {**FIRST, "build.gradle": b"new"}
    assert read_record(module).files == {name: (content_digest(name, text),) for name, text in FIRST.items()}


def test_a_second_run_changes_nothing(module: Path) -> None:
    place(module, "m", FIRST, {})
    before = {path: path.stat().st_mtime_ns for path in module.rglob("*")}
    assert set(states(module, FIRST).values()) == {UNCHANGED}
    assert {path: path.stat().st_mtime_ns for path in module.rglob("*")} == before


def test_what_is_not_needed_any_more_is_removed(module: Path) -> None:
    place(module, "m", FIRST, {})
    assert states(module, SECOND) == {OTHER: WRITTEN, SOURCE: WRITTEN, MODEL: REMOVED}
    assert content(module) == {**SECOND, "build.gradle": b"old"}


@pytest.mark.parametrize("name", [MODEL, SOURCE])
@pytest.mark.parametrize("files", [FIRST, SECOND], ids=["again", "others"])
def test_what_a_person_changed_is_kept_without_force(
    module: Path, name: str, files: dict[str, bytes]
) -> None:
    place(module, "m", FIRST, {})
    (module / name).write_bytes(b"mine")
    before = content(module)
    with pytest.raises(OutputError, match=r"not as edgeq wrote it.*overwrite it with --force"):
        place(module, "m", files, {module / "build.gradle": "new"})
    assert content(module) == before
    place(module, "m", files, {}, force=True)
    assert content(module) == {**files, "build.gradle": b"old"}


def test_files_of_others_in_their_place_are_kept_without_force(module: Path) -> None:
    (module / SOURCE).parent.mkdir(parents=True)
    (module / SOURCE).write_bytes(b"mine")
    with pytest.raises(OutputError, match="not written by edgeq"):
        place(module, "m", FIRST, {})
    assert not (module / MODEL).exists()


def test_other_files_in_the_assets_stay(module: Path) -> None:
    place(module, "m", FIRST, {})
    (module / MODEL).with_name("notes").mkdir()
    ((module / MODEL).with_name("notes") / "mine.txt").write_bytes(b"mine")
    place(module, "m", SECOND, {})
    assert content(module)["src/main/assets/edgeq/notes/mine.txt"] == b"mine"


def test_line_breaks_of_version_control_are_no_change(module: Path) -> None:
    place(module, "m", FIRST, {})
    (module / SOURCE).write_bytes(FIRST[SOURCE].replace(b"\n", b"\r\n"))
    place(module, "m", SECOND, {})
    assert content(module)[SOURCE] == SECOND[SOURCE]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": "other", "version": 1, "model": "m", "files": {}}',
        '{"format": "edgeq-android", "version": 1, "model": "m", "files": {"../../x": []}}',
        '{"format": "edgeq-android", "version": 1, "model": "m", "files": {"src/main/java/Main.kt": []}}',
        '{"format": "edgeq-android", "version": 1, "model": "m", "files": {"/etc/EdgeqModel.kt": []}}',
        '{"format": "edgeq-android", "version": 1, "model": "m", "files": {"src/main/../../EdgeqModel.kt": []}}',
        '{"format": "edgeq-android", "version": 1, "model": "m", "files": {"src/main/assets/edgeq/..": []}}',
        '{"format": "edgeq-android", "version": 1, "model": "m", "files": []}',
    ],
)
def test_a_damaged_record_is_refused(module: Path, text: str) -> None:
    (module / RECORD).write_text(text)
    with pytest.raises(OutputError, match="is damaged"):
        place(module, "m", FIRST, {})
    place(module, "m", FIRST, {}, force=True)
    assert read_record(module).model == "m"


def test_a_newer_record_is_refused(module: Path) -> None:
    (module / RECORD).write_text(
        json.dumps({"format": "edgeq-android", "version": 2, "model": "m", "files": {}})
    )
    with pytest.raises(OutputError, match="has version 2, this edgeq reads up to 1: update edgeq"):
        place(module, "m", FIRST, {})


def test_a_file_in_the_place_of_a_folder_is_named(module: Path) -> None:
    (module / "src" / "main" / "assets").touch()
    with pytest.raises(OutputError, match=r"assets is a file") as caught:
        place(module, "m", FIRST, {})
    assert " -o" not in str(caught.value)
    assert content(module) == {"build.gradle": b"old", "src/main/assets": b""}


def run(code: str, *arguments: object) -> int:
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=False).returncode


KILLED = """
import os, sys
from pathlib import Path
import edgeq.android.placing as placing
left = int(sys.argv[2])

def dying(function):
    def run(*arguments):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        function(*arguments)
    return run

placing.write_atomic = dying(placing.write_atomic)
placing.replace_assets = dying(placing.replace_assets)
module = Path(sys.argv[1])
placing.place(module, "m", {FILES!r}, {{module / "build.gradle": "new"}})
"""


@pytest.mark.parametrize("steps", range(5))
def test_a_kill_at_any_step_leaves_old_or_new_files_and_the_next_run_goes_on(
    module: Path, steps: int
) -> None:
    place(module, "m", FIRST, {})
    old = {**FIRST, "build.gradle": b"old"}
    new = {**SECOND, "build.gradle": b"new"}
    code = KILLED.replace("{FILES!r}", repr(SECOND)).replace("{{", "{").replace("}}", "}")
    assert run(code, module, steps) == 9
    found = content(module)
    assert all(text in (old.get(name), new.get(name)) for name, text in found.items())
    assert SOURCE in found
    assert (MODEL in found) != (OTHER in found)
    place(module, "m", SECOND, {module / "build.gradle": "new"})
    assert content(module) == new


KILLED_INSIDE = """
import os, sys
from pathlib import Path
import edgeq.files as files
from edgeq.android.placing import place
name = sys.argv[2]
files._put_in_place = lambda new, target: os._exit(9)
if name == "file":
    Path.replace = lambda source, target: os._exit(9)
place(Path(sys.argv[1]), "m", {FILES!r}, {})
"""


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_a_killed_run_left_is_removed_also_where_nothing_changes(module: Path, what: str) -> None:
    place(module, "m", FIRST, {})
    before = {path for path in module.rglob("*") if not path.is_dir()}
    assert run(KILLED_INSIDE.replace("{FILES!r}", repr(SECOND)), module, what) == 9
    left = [path for path in module.rglob(".*") if ".edgeq-" in path.name]
    assert left
    place(module, "m", FIRST, {})
    assert {path for path in module.rglob("*") if not path.is_dir()} == before
    assert not any(path.exists() for path in left)


def test_what_a_running_process_writes_is_not_swept(module: Path) -> None:
    place(module, "m", FIRST, {})
    folder = (module / MODEL).parent
    running = folder.with_name(f".{folder.name}.edgeq-{os.getppid()}-0123abcd")
    running.mkdir()
    place(module, "m", FIRST, {})
    assert running.is_dir()


def test_another_run_is_named_without_advice_that_does_not_fit(module: Path) -> None:
    place(module, "m", FIRST, {})
    with atomic_directory((module / MODEL).parent, force=True, replaceable=lambda _: True) as other:
        shutil.copytree((module / MODEL).parent, other, dirs_exist_ok=True)
        with pytest.raises(OutputError, match=r"is being written by another process: wait for it$"):
            place(module, "m", SECOND, {})


LIMITED = """
import resource, signal, sys
from pathlib import Path
from edgeq.android.placing import place
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))
module = Path(sys.argv[1])
place(module, "m", {FILES!r}, {module / "build.gradle": "x" * (1 << 15)})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("first", [None, FIRST], ids=["new", "old"])
def test_a_build_file_that_cannot_be_written_takes_the_rest_back(
    module: Path, first: dict[str, bytes] | None
) -> None:
    if first is not None:
        place(module, "m", first, {})
    before = {path: path.is_dir() or path.read_bytes() for path in module.rglob("*")}
    assert run(LIMITED.replace("{FILES!r}", repr(SECOND)), module) == 1
    assert {path: path.is_dir() or path.read_bytes() for path in module.rglob("*")} == before


@pytest.fixture
def guarded() -> Iterator[Path]:
    """A module whose folder this process may write to, and its build file not."""
    # Not pytest's own folder: nobody but its owner may enter that one.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "src" / "main").mkdir(parents=True)
        (folder / "build.gradle").write_text("old")
        (folder / "build.gradle").chmod(0o444)
        for path in (folder, folder / "src", folder / "src" / "main"):
            path.chmod(0o777)
        is_root = os.name != "nt" and os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        yield folder
        if is_root:
            os.seteuid(0)


def test_a_build_file_that_is_read_only_is_named_before_anything_is_written(guarded: Path) -> None:
    with pytest.raises(OutputError, match=r"build.gradle is read-only: make it writable"):
        place(guarded, "m", FIRST, {guarded / "build.gradle": "new"})
    assert content(guarded) == {"build.gradle": b"old"}
    assert sorted(path.name for path in (guarded / "src" / "main").iterdir()) == []


def test_a_link_in_the_place_of_the_assets_is_refused(module: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (module / "src/main/assets").mkdir()
    (module / MODEL).parent.symlink_to(tmp_path / "shared")
    with pytest.raises(OutputError, match="assets/edgeq is a symbolic link: expected a folder"):
        place(module, "m", FIRST, {})
    assert list((tmp_path / "shared").iterdir()) == []
    assert not (module / RECORD).exists()


def test_the_demo_app_stays_one(module: Path) -> None:
    (module / RECORD).write_text(Record("m", is_demo=True).to_text())
    place(module, "m", {MODEL: b"one"}, {})
    assert read_record(module).is_demo
