"""What docs/raspberry-pi.md says that edgeq says, edgeq says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import edgeq
from edgeq.benchmark.environment_warnings import machine_warnings, state_warnings
from edgeq.devices.hosts.python import Interpreter, RemoteHost, what_is_missing
from edgeq.errors import RuntimeUnavailableError
from edgeq.runtime.available import InstalledRuntime, RuntimePackage
from edgeq.runtime.fitting import System, what_fits
from edgeq.runtime.host_state import CoreState, HostState

PAGE = (Path(__file__).parents[2] / "docs" / "raspberry-pi.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## What goes wrong")[2]

OTHERS_SAY = ("error: externally-managed-environment", "can't find '__main__' module", ".pyz")
"""What pip and Python say, and names."""


def quoted() -> list[str]:
    """What stands in the first column."""
    cells = re.findall(r"^\| ([^|]+) \|", TABLE, re.MULTILINE)
    return [words for cell in cells for words in re.findall(r"`([^`]+)`", cell) if words not in OTHERS_SAY]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Whole messages where parts of them vary, and the fixed parts of all others."""
    bare = Interpreter("/usr/bin/python3", (3, 11, 2), 64, "glibc 2.36", True, None, {})
    host = RemoteHost("aarch64", "linux", "Raspberry Pi 5", "/home/pi", (bare,), {})
    cores = tuple(CoreState(core, "powersave", 600.0) for core in range(4))
    state = HostState("before", 0.0, cores, 50.0, 0x1, 3.1, 1 << 30)
    root = tmp_path_factory.mktemp("root")
    # What numpy says where a module was built for another one has its name in it, like this.
    refused = InstalledRuntime(
        RuntimePackage("tflite-runtime", "tflite-runtime", "needs_other_numpy"), "2.14.0"
    )
    with pytest.raises(RuntimeUnavailableError) as does_not_load:
        refused.module()
    return [
        *(what_fits(System("aarch64", 32, python, glibc=(2, 36))) for python in ((3, 11), (3, 13))),
        what_fits(System("aarch64", 64, (3, 10), glibc=(2, 31))),
        what_is_missing(host),
        str(does_not_load.value),
        *machine_warnings(state, 4, None, None, root),
        *state_warnings(state, 1 << 30),
        *fixed_parts(),
    ]


def fixed_parts() -> list[str]:
    return [
        node.value
        for path in Path(edgeq.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("words", quoted())
def test_every_message_of_the_table_is_one_of_edgeqs(said: list[str], words: str) -> None:
    assert any(words in text for text in said)


def test_the_table_is_about_many_messages() -> None:
    assert len(quoted()) > 15
