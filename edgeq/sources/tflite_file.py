"""A float .tflite file as a source: quantized as it is, and compared with itself on the runtime."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from edgeq.errors import ModelError, UsageError, WorkerError
from edgeq.files import sha256_bytes
from edgeq.runtime.process import Worker
from edgeq.schemes import BASELINE
from edgeq.scratch import scratch_folder
from edgeq.sources.dimensions import batches
from edgeq.sources.graph import FLATBUFFER, Array, Dimensions, Frozen, GraphInput, SourceGraph, require_number
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import TfliteModel, read_model
from edgeq.tflite.precision import precision_of, scheme_of
from edgeq.tflite.signature import add_signature, tensor_indices


def from_file(path: Path, dimensions: Dimensions, *, signature: str | None = None) -> SourceGraph:
    """Opens a float .tflite.

    Names come from its signature, or are those of its tensors where it has none.

    Args:
        path: the file.
        dimensions: cannot change what the file fixes.
        signature: there is no choice in a .tflite; None.

    Raises:
        ModelError: it is damaged, quantized already, or does not run.
        UsageError: it was asked to change its dimensions or for a signature.
    """
    model = read_model(path)
    _require_float(path, model)
    inputs, outputs = model_io(model)
    if signature is not None:
        raise UsageError(f"--signature is for SavedModels: {path} has one graph only")
    if not inputs or not outputs:
        raise ModelError(
            f"{path} has no {'outputs' if inputs else 'inputs'}: expected a model that is called"
        )
    for kind, tensors in (("input", inputs), ("output", outputs)):
        for tensor in tensors:
            require_number(kind, tensor.name, tensor.dtype)
    _refuse_dimensions(path, inputs, dimensions)
    content = path.read_bytes()
    if not model.signatures:
        content = add_signature(
            content,
            tensor_indices(tuple(tensor.name for tensor in inputs), tuple(tensor.index for tensor in inputs)),
            tensor_indices(
                tuple(tensor.name for tensor in outputs), tuple(tensor.index for tensor in outputs)
            ),
        )
    batched = batches({tensor.name: _declared(tensor) for tensor in inputs}, dimensions)
    return SourceGraph(
        name=path.stem,
        kind="tflite",
        digest=sha256_bytes(path.read_bytes()),
        inputs=tuple(
            GraphInput(tensor.name, tensor.shape, tensor.dtype, batched[tensor.name]) for tensor in inputs
        ),
        outputs=tuple(tensor.name for tensor in outputs),
        frozen=Frozen(FLATBUFFER, content),
        predict=_Runs(path, content),
    )


def _require_float(path: Path, model: TfliteModel) -> None:
    scheme = scheme_of(model)
    precision = precision_of(model)
    if scheme is None or scheme.name != BASELINE:
        found = (
            scheme.name
            if scheme
            else f"quantized (weights {precision.weights}, activations {precision.activations})"
        )
        raise ModelError(
            f"{path} is {found} already: expected a float32 file, or convert the model that it was made from"
        )
    flex = sorted({op.name for graph in model.subgraphs for op in graph.operators if op.is_flex})
    if flex:
        raise ModelError(
            f"{path} has TensorFlow's own operators ({', '.join(flex)}), which no runtime here can run: "
            "convert the model that it was made from"
        )


def _refuse_dimensions(path: Path, inputs: tuple[TensorInfo, ...], dimensions: Dimensions) -> None:
    shown = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in inputs)
    if dimensions.size or (
        dimensions.batch is not None and any(tensor.shape[:1] != (dimensions.batch,) for tensor in inputs)
    ):
        raise UsageError(
            f"the shapes of a .tflite are fixed when it is converted ({shown}): give --batch and --size with the "
            "model that it was made from"
        )
    free = [tensor.name for tensor in inputs if -1 in tensor.shape_signature[1:]]
    if free:
        raise ModelError(
            f"{path}: input {free[0]!r} has free dimensions beside the batch, which calibration cannot fix: "
            "convert the model that it was made from with --size"
        )


def _declared(tensor: TensorInfo) -> tuple[int | None, ...]:
    return tuple(None if size < 0 else size for size in tensor.shape_signature)


class _Runs:
    """Runs the file in a process of its own, which ends with this object."""

    def __init__(self, path: Path, content: bytes) -> None:
        """Loads and runs it once.

        Raises:
            ModelError: it does not run.
        """
        with ExitStack() as stack:
            self._worker = stack.enter_context(Worker(path.name))
            self._folder = stack.enter_context(scratch_folder("source"))
            model = self._folder / "model.tflite"
            model.write_bytes(content)
            try:
                self._worker.load(model, threads=1, runtime=None)
            except WorkerError as error:
                raise ModelError(
                    f"{path} does not run: {str(error).removeprefix(f'{path.name}: ')}"
                ) from error
            weakref.finalize(self, stack.pop_all().close)

    def __call__(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        asked, answered = self._folder / "inputs.npz", self._folder / "outputs.npz"
        np.savez(asked, **{name: values[np.newaxis] for name, values in arrays.items()})  # type: ignore[arg-type]
        self._worker.predict(asked, answered)
        with np.load(answered, allow_pickle=False) as archive:
            return {name: archive[name][0] for name in archive.files}
