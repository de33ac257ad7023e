from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from debian_packages import UnavailableError, require_debian
from machines import Machine, machines
from proof import BARE, DEVICE, KINDS, MOBILENET, SMOKE, Proofs, Ran

_DIFFERENCES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def known_machines() -> dict[str, Machine]:
    """All machines by name; skips where Debian's packages cannot be had."""
    try:
        require_debian()
    except UnavailableError as error:
        pytest.skip(str(error))
    return machines(importlib.metadata.version("ai-edge-litert"))


@pytest.fixture(scope="session")
def proofs(
    request: pytest.FixtureRequest,
    known_machines: dict[str, Machine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proofs]:
    """What the collected tests want, begun for all of them at once."""
    wanted = {
        (kind, item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        for kind in KINDS
        if kind in item.fixturenames and "name" in item.callspec.params
    }
    made = Proofs(known_machines, tmp_path_factory.mktemp("proof"), wanted)
    yield made
    made.close()


def _result(proofs: Proofs, kind: str, name: str) -> Ran:
    try:
        ran = proofs.result(kind, name)
    except UnavailableError as error:
        pytest.skip(str(error))
    assert isinstance(ran, Ran)
    return ran


@pytest.fixture
def bare(proofs: Proofs, name: str) -> Ran:
    """The machine with NumPy and a runtime, and its run of the packed demo."""
    return _result(proofs, BARE, name)


@pytest.fixture
def mobilenet(proofs: Proofs, name: str) -> Ran:
    """Likewise, and its run of a packed MobileNetV2."""
    return _result(proofs, MOBILENET, name)


@pytest.fixture
def device(proofs: Proofs, name: str) -> Ran:
    """The machine with edgeq installed, and its runs of the commands."""
    return _result(proofs, DEVICE, name)


@pytest.fixture
def smoke(proofs: Proofs, name: str) -> Ran:
    """The machine with NumPy and a runtime, and its run of one variant."""
    return _result(proofs, SMOKE, name)


@pytest.fixture
def differences(request: pytest.FixtureRequest) -> list[str]:
    """Lines that are printed after the tests, whether or not they passed."""
    return request.config.stash.setdefault(_DIFFERENCES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(_DIFFERENCES, [])
    if lines:
        terminalreporter.section("output values that differ from those recorded on this machine")
        for line in lines:
            terminalreporter.write_line(line)
