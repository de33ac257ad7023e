"""The files of a folder."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path

import pytest

from edgeq.data.readers.listing import files_below, is_file_name, list_folder, suffix_of
from edgeq.errors import DataError

links = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_names_are_sorted_and_folders_apart(tmp_path):
    for name in ("b/x", "a/x", "z.png", "y.png"):
        touch(tmp_path / name)
    listing = list_folder(tmp_path)
    assert listing.folders == ("a", "b")
    assert listing.files == ("y.png", "z.png")


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/a.png", ".thumbs/a.png", "@eaDir/a.png", "._a.png"],
)
def test_what_systems_leave_behind_is_not_there(tmp_path, name):
    touch(tmp_path / name)
    assert list_folder(tmp_path).folders == list_folder(tmp_path).files == ()
    assert files_below(tmp_path, {".png", ".db", ".ini"}) == []


def test_files_of_all_depths_come_in_the_order_of_their_parts(tmp_path):
    names = ["a/z.png", "a-b/a.png", "a.png", "a/b/c.PNG", "c.txt"]
    for name in names:
        touch(tmp_path / name)
    found = files_below(tmp_path, {".png"})
    assert found == sorted(found)
    assert {path.relative_to(tmp_path).as_posix() for path in found} == set(names) - {"c.txt"}


def test_folders_may_lie_deeper_in_each_other_than_functions_may(tmp_path):
    touch(tmp_path.joinpath(*["d"] * 200, "x.png"))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        found = files_below(tmp_path, {".png"})
    finally:
        sys.setrecursionlimit(limit)
    assert [path.name for path in found] == ["x.png"]


@links
def test_links_to_folders_are_not_followed_and_may_lead_in_circles(tmp_path):
    touch(tmp_path / "a" / "x.png")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "a" / "itself").symlink_to(tmp_path / "a" / "itself")
    assert [path.name for path in files_below(tmp_path, {".png"})] == ["x.png"]
    assert list_folder(tmp_path / "a").files == ("itself", "x.png")


@links
def test_a_link_that_leads_nowhere_and_a_folder_named_like_a_file_do_not_vanish(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in files_below(tmp_path, {".png"})] == ["folder.png", "gone.png"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path):
    file = touch(tmp_path / "file")
    with pytest.raises(DataError, match="gone cannot be listed: No such file or directory"):
        list_folder(tmp_path / "gone")
    with pytest.raises(DataError, match="file cannot be listed: Not a directory"):
        files_below(file, {".png"})


@pytest.mark.skipif(os.name == "nt", reason="names are texts on Windows")
def test_names_that_are_no_utf_8_are_listed_and_named_readably(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"")
    assert len(files_below(tmp_path, {".png"})) == 1
    with pytest.raises(DataError, match=r"caf\\xe9/none cannot be listed"):
        list_folder(folder / "none")


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.PNG", ".png"), ("a.b.jpg", ".jpg"), (".png", ""), ("a", ""), ("a.", ".")]
)
def test_suffixes_are_in_lower_case(name, suffix):
    assert suffix_of(name) == suffix


@pytest.mark.parametrize(
    ("text", "fits"), [("a b/ä.png", True), ("", False), ("a\0b", False), ("\ud800", False)]
)
def test_some_texts_are_no_names_of_files(text, fits):
    assert is_file_name(text) is fits
