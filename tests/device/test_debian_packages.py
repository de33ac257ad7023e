from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from debian_packages import MIRROR_VARIABLE, Archive, UnavailableError, mirror, require_debian, unpack

_RISC_V = 243
"""``e_machine`` of an ELF file."""

_OF_APT = ("/var/lib/apt/lists", "/var/lib/dpkg/status", "/var/cache/apt/archives", "/etc/apt")


def state_of_apt() -> list[tuple[str, int]]:
    paths = [path for name in _OF_APT for path in (Path(name), *Path(name).rglob("*"))]
    return [(str(path), os.lstat(path).st_mtime_ns) for path in paths]


@pytest.fixture
def _has_debian() -> None:
    try:
        require_debian()
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_has_debian")
def test_a_package_of_another_architecture_is_unpacked_and_apt_here_knows_nothing_of_it(
    tmp_path: Path,
) -> None:
    before = state_of_apt()
    unpack(Archive("trixie", "riscv64"), ["hello"], tmp_path, with_dependencies=False)
    program = (tmp_path / "usr" / "bin" / "hello").read_bytes()
    assert program[:4] == b"\x7fELF"
    assert int.from_bytes(program[18:20], "little") == _RISC_V
    assert state_of_apt() == before


@pytest.mark.usefixtures("_has_debian")
def test_a_package_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no-such-package") as refused:
        unpack(Archive("trixie", "riscv64"), ["no-such-package"], tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("_has_debian")
def test_a_mirror_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = (tmp_path / "nowhere").as_uri()
    monkeypatch.setenv(MIRROR_VARIABLE, f"{nowhere}/")
    assert mirror() == nowhere
    with pytest.raises(
        UnavailableError, match=f"apt-get failed: .*{re.escape(str(tmp_path))}/nowhere"
    ) as refused:
        unpack(Archive("trixie", "riscv64"), ["hello"], tmp_path)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"apt-get is not installed"):
        require_debian()
