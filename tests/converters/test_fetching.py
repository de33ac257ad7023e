from __future__ import annotations

import hashlib
import io
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from edgeq.errors import DataError

CONVERTERS = Path(__file__).parents[2] / "converters"


@pytest.fixture
def fetching(monkeypatch):
    monkeypatch.syspath_prepend(CONVERTERS)
    import fetching

    return fetching


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder that packages go into, not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "edgeq"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_wheel(path, files):
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return path


def write_tarball(path, *members):
    """Members are names, or pairs of a name and the target of a symbolic link."""
    with tarfile.open(path, "w:gz") as tarball:
        for member in members:
            name, target = member if isinstance(member, tuple) else (member, None)
            entry = tarfile.TarInfo(name)
            if target is None:
                entry.size = 4
                tarball.addfile(entry, io.BytesIO(b"text"))
            else:
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                tarball.addfile(entry)
    return path


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel that pip finds without an index."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    head = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    files = {
        "tiny/weights.bin": "numbers",
        "tiny-1.0.dist-info/METADATA": head,
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.0.dist-info/RECORD": "",
    }
    return write_wheel(links / "tiny-1.0-py3-none-any.whl", files)


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts a program in npm's place, a shell script: what runs here must not depend on a registry."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(script):
        (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "npm").chmod(0o755)

    return install


@pytest.fixture
def tarball(tmp_path):
    return write_tarball(tmp_path / "tiny-1.0.tgz", "package/data.json")


def one_line(caught):
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_wheel_is_fetched_by_pip_and_unpacked(fetching, cache, wheel):
    folder = fetching.fetch_pypi("tiny", "1.0", digest(wheel))
    assert folder == cache / "tiny-1.0"
    assert (folder / "tiny" / "weights.bin").read_text() == "numbers"
    assert [path.name for path in cache.iterdir()] == ["tiny-1.0"]


def test_a_tarball_is_fetched_by_npm_and_unpacked(fetching, cache, npm, tarball):
    npm(f'echo "$@" > {cache.parent}/arguments; cp {tarball} .')
    folder = fetching.fetch_npm("tiny", "1.0", digest(tarball))
    assert folder == cache / "tiny-1.0"
    assert (folder / "package" / "data.json").read_text() == "text"
    assert "tiny@1.0" in (cache.parent / "arguments").read_text().split()


def test_a_package_with_a_scope_lies_in_a_folder_of_its_scope(fetching, cache, npm, tarball):
    npm(f"cp {tarball} .")
    assert fetching.fetch_npm("@some/tiny", "1.0", digest(tarball)) == cache / "@some" / "tiny-1.0"
    assert (cache / "@some" / "tiny-1.0" / "package" / "data.json").is_file()


def test_what_is_in_the_cache_is_not_fetched_again(fetching, cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (cache / "tiny-1.0").mkdir(parents=True)
    assert fetching.fetch_npm("tiny", "1.0", "") == cache / "tiny-1.0"
    assert fetching.fetch_pypi("tiny", "1.0", "") == cache / "tiny-1.0"


def test_another_digest_is_an_error_with_both_and_leaves_nothing(fetching, cache, wheel):
    with pytest.raises(DataError, match=r"tiny-1.0-py3-none-any.whl has SHA-256 .* expected 0{64}") as caught:
        fetching.fetch_pypi("tiny", "1.0", "0" * 64)
    assert digest(wheel) in one_line(caught)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/edgeq-test-evil", "ok/../../evil"])
def test_a_wheel_with_a_path_out_of_its_folder_is_refused(fetching, tmp_path, name):
    archive = write_wheel(tmp_path / "bad.whl", {"fine": "text", name: "text"})
    with pytest.raises(DataError, match=r"bad\.whl holds .*evil', which leads out of its folder") as caught:
        fetching.unpack(archive, tmp_path / "unpacked")
    one_line(caught)
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/edgeq-test-evil").exists()


@pytest.mark.parametrize(
    "members",
    [["../evil"], ["a/../../evil"], [("link", "..")], [("link", ".."), "link/evil"], [("link", "/tmp")]],
    ids=str,
)
def test_a_tarball_with_a_path_or_link_out_of_its_folder_is_refused(fetching, tmp_path, members):
    archive = write_tarball(tmp_path / "bad.tgz", "fine", *members)
    with pytest.raises(DataError, match=r"bad\.tgz cannot be unpacked .*(outside|link to)") as caught:
        fetching.unpack(archive, tmp_path / "unpacked")
    one_line(caught)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", ["short.whl", "short.tgz"])
@pytest.mark.parametrize("kept", [0, 40])
def test_a_truncated_archive_is_an_error(fetching, tmp_path, name, kept):
    archive = tmp_path / name
    if archive.suffix == ".whl":
        write_wheel(archive, {"a": "text"})
    else:
        write_tarball(archive, "a")
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(DataError, match=rf"{name} cannot be unpacked"):
        fetching.unpack(archive, tmp_path / "unpacked")


@pytest.mark.parametrize("position", [0, 30, 60])
def test_an_archive_with_another_byte_is_an_error(fetching, tmp_path, position):
    archive = write_tarball(tmp_path / "odd.tgz", "a", "b")
    content = bytearray(archive.read_bytes())
    content[position] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.tgz cannot be unpacked"):
        fetching.unpack(archive, tmp_path / "unpacked")


def test_an_interrupted_fetch_leaves_nothing_and_can_be_repeated(fetching, cache, npm, tarball, tmp_path):
    npm(f"touch {tmp_path}/started; exec sleep 600")
    code = "import sys, fetching; fetching.fetch_npm('tiny', '1.0', '')"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=CONVERTERS, stderr=subprocess.PIPE)
    while not (tmp_path / "started").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert b"KeyboardInterrupt" in said
    assert list(cache.iterdir()) == []
    npm(f"cp {tarball} .")
    assert fetching.fetch_npm("tiny", "1.0", digest(tarball)).is_dir()


def test_a_process_that_was_faster_is_no_error(fetching, cache, npm, tarball):
    npm(f"mkdir -p {cache}/tiny-1.0; touch {cache}/tiny-1.0/theirs; cp {tarball} .")
    folder = fetching.fetch_npm("tiny", "1.0", digest(tarball))
    assert [path.name for path in folder.iterdir()] == ["theirs"]
    assert [path.name for path in cache.iterdir()] == ["tiny-1.0"]


def test_without_npm_the_error_names_it_and_what_to_do(fetching, cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        DataError, match=r"fetching tiny-1\.0 needs npm, .* run apt-get install npm"
    ) as caught:
        fetching.fetch_npm("tiny", "1.0", "")
    one_line(caught)
    assert not cache.exists()


def test_without_pip_the_error_names_it_and_what_to_do(fetching, cache, monkeypatch):
    monkeypatch.setattr(fetching.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        DataError, match=r"fetching tiny-1\.0 needs pip, .* run python -m ensurepip"
    ) as caught:
        fetching.fetch_pypi("tiny", "1.0", "")
    one_line(caught)
    assert not cache.exists()


def test_a_version_that_pip_does_not_find_is_said_in_one_line(fetching, cache, wheel):
    with pytest.raises(
        DataError, match=r"pip could not fetch tiny-2\.0 \(ERROR: .*from versions: 1\.0"
    ) as caught:
        fetching.fetch_pypi("tiny", "2.0", digest(wheel))
    one_line(caught)
    assert list(cache.iterdir()) == []


def test_the_reason_that_npm_gives_is_passed_on(fetching, cache, npm):
    npm('echo "npm warn old" >&2; echo "npm error code E404" >&2; echo "npm error log: x" >&2; exit 1')
    with pytest.raises(DataError, match=r"npm could not fetch tiny-2\.0 \(npm error code E404\)") as caught:
        fetching.fetch_npm("tiny", "2.0", "")
    one_line(caught)
    assert list(cache.iterdir()) == []


def test_a_tool_that_brings_nothing_is_an_error(fetching, cache, npm):
    npm("exit 0")
    with pytest.raises(DataError, match=r"npm could not fetch tiny-1\.0 \(no reason given\)"):
        fetching.fetch_npm("tiny", "1.0", "")


def test_a_cache_that_cannot_be_written_is_said_in_one_line(fetching, cache, npm, tarball):
    cache.parent.write_text("a file where the cache should be")
    npm(f"cp {tarball} .")
    with pytest.raises(DataError, match=r"tiny-1\.0 cannot be unpacked into .* set XDG_CACHE_HOME") as caught:
        fetching.fetch_npm("tiny", "1.0", digest(tarball))
    one_line(caught)
