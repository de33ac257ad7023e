"""What was made of a candidate, as an entry of a store: its file and what was found out, or why there is none."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeq.files import gzip_bytes, sha256_bytes, write_atomic
from edgeq.optimize.candidate_cache import CANDIDATES, MODEL, Store, kernels, makers
from edgeq.optimize.findings import BuiltFile

_FINDINGS = "findings.json"
_FAILED = "failed"


def kept_candidate(store: Store, name: str, path: Path) -> BuiltFile | str | None:
    """What a store knows of a candidate.

    Args:
        store: that may know it.
        name: of the entry.
        path: that its file is copied to: the store is open to others, who may remove what nobody used for long.

    Returns:
        The file, or why there is none; None where the store does not know, or its entry is damaged.

    Raises:
        OutputError: the file cannot be copied.
    """
    folder = store.find(CANDIDATES, name)
    if folder is None:
        return None
    try:
        findings = json.loads((folder / _FINDINGS).read_text(encoding="utf-8"))
        if _FAILED in findings:
            return str(findings[_FAILED])
        content = (folder / MODEL).read_bytes()
        if sha256_bytes(content) == findings["sha256"]:
            return _built(path, content, findings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # Damaged, as after a power cut: it is made again.
    store.drop(CANDIDATES, name)
    return None


def keep_candidate(store: Store, name: str, path: Path, answer: Mapping[str, Any] | str) -> BuiltFile | str:
    """Keeps what a worker answered.

    Args:
        store: to keep it in.
        name: of the entry.
        path: for the file.
        answer: of `edgeq.optimize.build_task.build_candidate`, or why there is none, which is not kept: a worker may
            have died for want of memory.

    Returns:
        The file, or why there is none.

    Raises:
        OutputError: it cannot be written.
    """
    if isinstance(answer, str):
        return answer
    if answer["makers"] != dict(makers()):
        return (
            f"it was made with other versions ({_shown(answer['makers'])}) than those here ({_shown(makers())}): "
            "install the same on all machines"
        )
    if _FAILED in answer:
        store.remember(CANDIDATES, name, {_FINDINGS: json.dumps({_FAILED: answer[_FAILED]}).encode()})
        return str(answer[_FAILED])
    try:
        content = base64.b64decode(answer["content"], validate=True)
    except binascii.Error:
        return "its file was damaged on the way from the worker"
    findings = {key: value for key, value in answer.items() if key not in ("content", "missing")}
    findings["sha256"] = sha256_bytes(content)
    if answer["kernels"] != kernels():
        note = f"made with {answer['kernels']}, where this machine has {kernels()}"
        findings["notes"] = [*findings["notes"], note]
    store.remember(CANDIDATES, name, {MODEL: content, _FINDINGS: json.dumps(findings).encode()})
    return _built(path, content, findings)


def _built(path: Path, content: bytes, findings: Mapping[str, Any]) -> BuiltFile:
    built = BuiltFile(
        path=path,
        size_bytes=len(content),
        gzip_bytes=gzip_bytes(content),
        error=float(findings["output_error"]),
        ranges={str(name): (float(low), float(high)) for name, (low, high) in findings["ranges"].items()},
        operators=int(findings["operators"]),
        delegated=None if findings["delegated"] is None else int(findings["delegated"]),
        float_layers=tuple(map(str, findings["float_layers"])),
        notes=tuple(map(str, findings["notes"])),
        sha256=str(findings["sha256"]),
    )
    write_atomic(path, content)
    return built


def _shown(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
