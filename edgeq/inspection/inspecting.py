"""Inspects a file: reads its structure, and runs it once in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeq.errors import ModelError
from edgeq.files import sha256_file
from edgeq.inspection.claims import claimed_scheme
from edgeq.inspection.islands import float_islands
from edgeq.inspection.layers import inspect_layers, operator_uses
from edgeq.inspection.runtimes import runtime_support
from edgeq.inspection.structure import Inspection
from edgeq.inspection.trying import Trial, try_file
from edgeq.inspection.warnings import file_warnings
from edgeq.schemes import recognise
from edgeq.tflite.arena import planned_arena_bytes
from edgeq.tflite.io import model_io
from edgeq.tflite.loops import executions
from edgeq.tflite.metadata import Metadata, read_metadata
from edgeq.tflite.model import TfliteModel, read_buffer, read_model
from edgeq.tflite.precision import precision_of

_VERSION_BLOCK = "min_runtime_version"


def inspect_file(
    path: Path, *, run: bool = True, runtime: str | None = None, verbose: bool = False
) -> Inspection:
    """Finds out what a ``.tflite`` is made of. Nothing in it is trusted.

    Args:
        path: the file.
        run: whether it is run here on zeros, in a process of its own, for delegation and memory.
        runtime: which runtime; None for the best installed.
        verbose: whether the runtime's own output is let through.

    Raises:
        ModelError: it is missing, damaged, or no TensorFlow Lite model.
        UsageError: there is no runtime of that name.
    """
    path = Path(path)
    model = read_model(path)
    metadata, problems = _metadata(path, model)
    arena_bytes = planned_arena_bytes(model)
    # The digest of a large file takes as long as its run, and neither needs the other.
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_sha256, path)
        trial = try_file(path, model, arena_bytes, runtime, verbose=verbose) if run else None
        inspection = _described(path, model, metadata, arena_bytes, trial, digest.result())
    return _with_warnings(inspection, model, problems)


def _described(
    path: Path, model: TfliteModel, metadata: Metadata, arena_bytes: int, trial: Trial | None, sha256: str
) -> Inspection:
    """Everything but the warnings."""
    inputs, outputs = model_io(model)
    precision = precision_of(model)
    scheme = recognise(precision.weights, precision.activations)
    turns = executions(model, partial(read_buffer, path, model))
    layers = inspect_layers(model, trial.delegated if trial is not None else None, turns)
    return Inspection(
        name=path.name,
        file_bytes=model.file_bytes,
        sha256=sha256,
        schema_version=model.version,
        description=model.description,
        inputs=inputs,
        outputs=outputs,
        signatures=model.signatures,
        layers=layers,
        operators=operator_uses(layers),
        scheme=None if scheme is None else scheme.name,
        weights=precision.weights,
        activations=precision.activations,
        claimed_scheme=claimed_scheme(path.name),
        islands=float_islands(model, layers),
        weight_bytes=_constant_bytes(model),
        arena_bytes=arena_bytes,
        metadata=metadata,
        metadata_names=tuple(model.metadata),
        min_runtime_version=_min_runtime_version(path, model),
        runtimes=runtime_support(model, trial.run if trial is not None else None),
        run=trial.run if trial is not None else None,
        warnings=(),
        macs_at_least=any(layer.macs and turns[layer.subgraph] is None for layer in layers),
    )


def _with_warnings(inspection: Inspection, model: TfliteModel, problems: Iterable[str]) -> Inspection:
    return replace(inspection, warnings=(*problems, *file_warnings(inspection, model)))


def _metadata(path: Path, model: TfliteModel) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata; nothing and the reason where they are damaged."""
    try:
        metadata = read_metadata(path, model)
        return metadata, tuple(filter(None, [metadata.problem]))
    except ModelError as error:
        return Metadata(), (str(error),)


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}; run the command again") from error


def _constant_bytes(model: TfliteModel) -> int:
    """Of the buffers that tensors use, each once."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors if tensor.is_constant}
    return sum(model.buffers[index].size for index in used)


def _min_runtime_version(path: Path, model: TfliteModel) -> str | None:
    index = model.metadata.get(_VERSION_BLOCK)
    if index is None or model.buffers[index].size > 64:
        return None
    return read_buffer(path, model, index).rstrip(b"\0").decode("ascii", "replace") or None
