"""Mends .tflite files: signatures, and scales that older runtimes do not take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from edgeq.doctor.case import Case
from edgeq.errors import EdgeqError, ModelError
from edgeq.files import write_atomic
from edgeq.runtime.process import Worker
from edgeq.scratch import scratch_folder
from edgeq.tflite.dense_scales import with_per_tensor_dense
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import read_model
from edgeq.tflite.signature import add_signature


def mend_file(case: Case, path: Path, fixes: Iterable[str]) -> str:
    """Writes a mended copy of a file beside it, or beside its bundle, once the runtime has run it.

    Args:
        case: that the file is of.
        path: of the file.
        fixes: names in `FILE_FIXES`.

    Returns:
        A sentence that says what was written.

    Raises:
        EdgeqError: it cannot be mended, the mended file does not run, or it cannot be written.
    """
    content, done = path.read_bytes(), []
    for name in dict.fromkeys(fixes):
        content, what = FILE_FIXES[name](content)
        done.append(what)
    with scratch_folder("fix") as folder, Worker(path.name) as worker:
        trial = folder / path.name
        trial.write_bytes(content)
        worker.load(trial, threads=1, runtime=case.runtime)
    folder = path.parent if case.bundle is None else case.bundle.folder.resolve().parent
    target = folder / f"{path.name.removesuffix('.tflite')}-fixed.tflite"
    if target.exists():
        raise ModelError(f"{target} exists already: move it away to have the mended file written")
    write_atomic(target, content)
    return f"{target}: {' and '.join(done)}; it runs here"


def _signed(content: bytes) -> tuple[bytes, str]:
    inputs, outputs = model_io(read_model(content))
    signed = add_signature(content, _names(inputs), _names(outputs))
    return signed, "a signature with the tensors' own names was added"


def _names(tensors: Iterable[TensorInfo]) -> dict[str, int]:
    """A name for each tensor: its own, made different where several have the same."""
    names: dict[str, int] = {}
    for tensor in tensors:
        name = tensor.name or "tensor"
        while name in names:
            name += "_"
        names[name] = tensor.index
    return names


def _per_tensor(content: bytes) -> tuple[bytes, str]:
    mended = with_per_tensor_dense(content)
    count = len(mended.layers)
    if not count:
        raise EdgeqError(
            "no dense layer has a scale for each output: convert the model again for the older runtime"
        )
    return mended.content, f"{count} dense layer{'s' * (count > 1)} got one scale each"


FILE_FIXES: dict[str, Callable[[bytes], tuple[bytes, str]]] = {
    "add-signature": _signed,
    "per-tensor-dense": _per_tensor,
}
"""By name, as rules give it: from the content of a file to that of the mended one, and what was done."""
