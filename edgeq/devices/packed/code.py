"""Which of edgeq's own modules a packed bundle carries: those that measuring imports, and no others."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import edgeq
from edgeq.errors import OutputError

ROOTS = (
    "edgeq.devices.packed.program",
    "edgeq.devices.hosts.remote_job",
    # The programs inside of worker processes, and what they are told to call, are named by strings.
    "edgeq.runtime.worker",
    "edgeq.pool_worker",
    "edgeq.benchmark.evaluation_job",
)

NAMES_OF_ENUMS = ("BuiltinOperator", "TensorType")
"""Modules of the package ``tflite`` that are packed, plain classes of constants; its ``__init__`` imports 180."""


def packed_sources() -> dict[str, bytes]:
    """The source of each module by its path in the archive.

    Raises:
        OutputError: edgeq itself is not installed as files.
    """
    package = Path(edgeq.__file__).parent
    waiting = list(ROOTS)
    found: dict[str, bytes] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _source(package, name)
        if path is None:
            assert name not in ROOTS, f"{name} is no module"  # noqa: S101 - of this very package
            continue
        content = _read(path)
        found[f"edgeq/{path.relative_to(package).as_posix()}"] = content
        waiting += _imported(content)
        waiting.append(name.rpartition(".")[0] or "edgeq")
    return found | _enums()


def _source(package: Path, name: str) -> Path | None:
    """The file of a module; None where the name is that of something inside of a module."""
    base = package.joinpath(*name.split(".")[1:])
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OutputError(
            f"{path.name} of edgeq itself cannot be read: install edgeq as files, not as an archive"
        ) from error


def _imported(content: bytes) -> Iterator[str]:
    """Edgeq's modules that a module imports when it is imported itself."""
    for node in _executed(ast.parse(content)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Statements that run at the import: not those of functions, nor those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _executed(node)


def _is_ours(name: str) -> bool:
    return name == "edgeq" or name.startswith("edgeq.")


def _enums() -> dict[str, bytes]:
    sources = {"tflite/__init__.py": b'"""The names of enums, of the package tflite."""\n'}
    for name in NAMES_OF_ENUMS:
        spec = importlib.util.find_spec(f"tflite.{name}")
        if spec is None or spec.origin is None:
            raise OutputError(
                f"the package tflite has no module {name}: pip install --force-reinstall tflite"
            )
        sources[f"tflite/{name}.py"] = _read(Path(spec.origin))
    return sources
