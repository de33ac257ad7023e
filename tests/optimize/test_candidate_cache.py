from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeq.optimize.candidate_cache import CANDIDATES, ITEMS, Store, digest_of, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_is_kept_is_found(store: Store, tmp_path: Path) -> None:
    (tmp_path / "large.npy").write_bytes(b"large")
    assert store.find(ITEMS, "one") is None
    store.keep(ITEMS, "one", {"a": b"small", "b": tmp_path / "large.npy"})
    folder = store.find(ITEMS, "one")
    assert folder is not None
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"small", "b": b"large"}


def test_the_first_of_two_writers_wins(store: Store) -> None:
    store.keep(CANDIDATES, "one", {"a": b"first"})
    folder = store.keep(CANDIDATES, "one", {"a": b"second"})
    assert (folder / "a").read_bytes() == b"first"
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_a_kill_leaves_no_half_of_an_entry(store: Store) -> None:
    program = (
        "import os, sys; from pathlib import Path; from edgeq.optimize import candidate_cache as cache\n"
        "write = cache._write\n"
        "def dies(path, content):\n"
        "    write(path, content)\n"
        "    if path.name == 'a': os.kill(os.getpid(), 9)\n"
        "cache._write = dies\n"
        "cache.Store(Path(sys.argv[1])).keep('candidates', 'one', {'a': b'1', 'b': b'2'})"
    )
    done = subprocess.run([sys.executable, "-c", program, str(store.root)], check=False)
    assert done.returncode == -9
    assert store.find(CANDIDATES, "one") is None
    (left,) = (store.root / CANDIDATES).iterdir()
    os.utime(left, (0, time.time() - 2 * 86_400))
    store.prune()
    assert not left.exists()


def test_what_was_used_longest_ago_goes_first(store: Store) -> None:
    for age, name in enumerate(("new", "used", "old")):
        folder = store.keep(CANDIDATES, name, {"a": bytes(1000)})
        os.utime(folder, (0, time.time() - 3600 * age))
    store.find(CANDIDATES, "old")
    store.prune(most_bytes=2000)
    assert {path.name for path in (store.root / CANDIDATES).iterdir()} == {"new", "old"}


def test_what_nobody_used_for_a_month_goes(store: Store) -> None:
    for name, days in (("fresh", 29), ("stale", 31)):
        os.utime(store.keep(ITEMS, name, {"a": b""}), (0, time.time() - days * 86_400))
    store.prune()
    assert [path.name for path in (store.root / ITEMS).iterdir()] == ["fresh"]


def test_a_full_disk_is_one_line(store: Store) -> None:
    program = (
        "import resource, sys; from pathlib import Path; from edgeq.errors import OutputError\n"
        "from edgeq.optimize.candidate_cache import Store\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: Store(Path(sys.argv[1])).keep('items', 'one', {'a': bytes(500), 'b': bytes(2000)})\n"
        "except OutputError as error: print(error)"
    )
    command = [sys.executable, "-c", program, str(store.root)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.count("\n") == 1
    assert "cannot be written: File too large; free some space" in printed
    assert not any((store.root / ITEMS).iterdir())


def test_without_a_home_that_can_be_written_it_works_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with open_store() as store:
        assert store.keep(ITEMS, "one", {"a": b"1"}).is_dir()
        root = store.root
    assert not root.exists()


def test_digests_depend_on_values_and_not_on_their_order() -> None:
    assert digest_of({"a": 1, "b": [2, 3]}) == digest_of({"b": [2, 3], "a": 1})
    assert digest_of({"a": 1, "b": [2, 3]}) != digest_of({"a": 1, "b": [3, 2]})


def test_on_a_full_disk_it_works_in_a_temporary_folder_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with open_store(least_room=1 << 62) as store:
        assert not store.root.is_relative_to(tmp_path)
        assert "has no room" in store.note
        assert "nothing of this search is kept" in store.note
    with open_store(least_room=0) as store:
        assert store.root.is_relative_to(tmp_path)
        assert store.note == ""


def test_what_only_a_later_search_needs_may_fail_to_be_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "file" / "store")
    (tmp_path / "file").touch()
    store.remember(CANDIDATES, "one", {"a": b"1"})
    assert store.note.startswith("not all of this search is kept for the next one: ")
    assert store.find(CANDIDATES, "one") is None
