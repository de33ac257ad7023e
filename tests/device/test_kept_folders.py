from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from debian_packages import UnavailableError
from kept_folders import made_once


def test_what_a_killed_process_left_half_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from kept_folders import made_once\n"
        "with made_once('system') as (folder, new):\n"
        "    (new / 'half').mkdir(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent)], check=False)
    assert killed.returncode == -9
    with made_once("system") as (folder, new):
        assert new is not None
        assert not folder.exists()
        (new / "whole").mkdir()
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert [path.name for path in folder.parent.iterdir()] == ["system"]


def test_of_two_that_make_the_same_one_makes_it_also_where_the_first_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    begun, made = threading.Event(), []

    def make(text: str) -> None:
        with made_once("system") as (_, new):
            if new is not None:
                made.append(text)
                begun.set()
                if text == "first":
                    time.sleep(0.2)
                    raise UnavailableError("no network")
                (new / text).mkdir()

    def fail() -> None:
        with pytest.raises(UnavailableError):
            make("first")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(fail)
        assert begun.wait(60)
        others = [pool.submit(make, name) for name in ("second", "third")]
        for one in (first, *others):
            one.result()
    assert made[0] == "first"
    assert len(made) == 2
    assert [path.name for path in (tmp_path / "edgeq" / "emulated-pi").iterdir()] == ["system"]
