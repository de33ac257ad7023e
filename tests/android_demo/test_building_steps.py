"""What the build without Gradle rests on: steps, pinned parts, aligned archives, the lookup of references."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tomllib", reason="the tools want Python 3.11")

from tools.android import parts
from tools.android.apk_checks import packing_problems
from tools.android.archive import alignment_of, write_apk
from tools.android.commands import BuildError
from tools.android.members import ClassMembers, Member, Universe
from tools.android.steps import digest_of, steps_in


def test_a_step_runs_again_only_where_what_it_reads_has_changed(tmp_path: Path) -> None:
    source, ran = tmp_path / "source", []
    source.write_text("one")

    def make(folder: Path) -> None:
        ran.append(source.read_text())
        (folder / "made").write_text(source.read_text())

    with steps_in(tmp_path / "steps") as steps:
        for text in ("one", "one", "two", "two"):
            source.write_text(text)
            assert (steps.made("step", digest_of(source), make) / "made").read_text() == text
    assert ran == ["one", "two"]
    assert len(list((tmp_path / "steps").iterdir())) == 1


def test_a_step_that_fails_leaves_nothing_that_is_taken_for_done(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise BuildError("no")

    with steps_in(tmp_path) as steps:
        with pytest.raises(BuildError):
            steps.made("step", digest_of(1), fail)
        made = steps.made("step", digest_of(1), lambda folder: (folder / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_a_step_does_not_remove_another_whose_name_begins_alike(tmp_path: Path) -> None:
    with steps_in(tmp_path) as steps:
        longer = steps.made("core-tests", digest_of(1), lambda folder: None)
        steps.made("core", digest_of(1), lambda folder: None)
        steps.made("core", digest_of(2), lambda folder: None)
    assert longer.is_dir()
    assert len(list(tmp_path.iterdir())) == 2


def test_names_and_contents_of_files_change_a_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = digest_of(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = digest_of(tmp_path)
    (tmp_path / "b").write_text("y")
    assert len({before, renamed, digest_of(tmp_path), digest_of(tmp_path, 1)}) == 4


def test_a_part_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pinned = tmp_path / "parts.toml"
    pinned.write_text(f'[some]\n"group:artifact:1" = "{"0" * 64}"\n')
    monkeypatch.setattr(parts, "PINNED", pinned)

    def other(part: str, folder: Path) -> Path:
        (folder / "artifact").write_text("another file")
        return folder / "artifact"

    monkeypatch.setattr(parts, "fetched_from_maven", other)
    with pytest.raises(BuildError, match="expected 0000"):
        parts.maven_parts("some")
    assert list((tmp_path / "cache").rglob("*.jar")) == []


def test_every_part_is_pinned_by_version_and_digest() -> None:
    import tomllib

    sections = tomllib.loads(parts.PINNED.read_text("utf-8"))
    for digests in sections.values():
        for part, digest in digests.items():
            assert len(bytes.fromhex(digest)) == 32
            assert "==" in part or 2 <= part.count(":") <= 3


@given(sizes=st.lists(st.integers(0, 40_000), min_size=1, max_size=6))
def test_what_is_not_compressed_is_aligned_whatever_comes_before(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("apk") / "app.apk"
    names = (
        "classes.dex",
        "resources.arsc",
        "assets/m.tflite",
        "lib/arm64-v8a/l.so",
        "res/a.png",
        "lib/x86_64/l.so",
    )
    write_apk(
        {name: bytes(size) for name, size in zip(names, sizes, strict=False)}, path, stored=["res/a.png"]
    )
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert [
        problem for problem in packing_problems(path) if "begins at" in problem or "compressed" in problem
    ] == []
    assert alignment_of("lib/x/y.so") == 16384


class _Made:
    def __init__(self, *classes: ClassMembers) -> None:
        self._classes = {one.name: one for one in classes}

    def find(self, name: str) -> ClassMembers | None:
        return self._classes.get(name)


def test_a_member_is_found_in_what_a_class_inherits_from() -> None:
    known = Universe(
        [
            _Made(ClassMembers("app/Child", ("app/Parent", "app/Face"), frozenset())),
            _Made(
                ClassMembers("app/Parent", ("java/lang/Object",), frozenset({("size", "I")})),
                ClassMembers("app/Face", (), frozenset({("draw", "()V")})),
                ClassMembers("java/lang/Object", (), frozenset({("clone", "()Ljava/lang/Object;")})),
            ),
        ]
    )
    assert known.has(Member("app/Child", "size", "I"))
    assert known.has(Member("app/Child", "draw", "()V"))
    assert known.has(Member("[[I", "clone", "()Ljava/lang/Object;"))
    assert not known.has(Member("app/Child", "size", "J"))
    assert not known.has(Member("app/Parent", "draw", "()V"))
    assert not known.has(Member("app/Missing"))
