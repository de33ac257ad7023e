"""One adapter over the runtimes' ``Interpreter``: named inputs in, named outputs out."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import DataError, ModelError
from edgeq.memory import own_limit_bytes
from edgeq.printing import printable
from edgeq.runtime import delegation
from edgeq.runtime.available import InstalledRuntime
from edgeq.runtime.quantization import Quantization, dequantize, quantize

Array = npt.NDArray[Any]

FAILS_AT_INFERENCE = "the runtime fails at inference"
"""What messages begin with when a file was allocated and an operator fails: it crosses processes as text."""


_NO_REASON = re.compile(r"(Node number \d+ \(\w+\) failed to (prepare|invoke)\.)?")
"""All that LiteRT 2.3.0 says where an allocation fails. Kernels that refuse something say what before that."""

_GLUED = re.compile(r"(?<=\S)(?=Node number \d)|(?<=[Dd]elegate)(?=[a-z]{3})")
"""Where one of the runtime's messages ends and the next begins: it joins what its kernels report without a break."""


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a file as the runtime sees it.

    Attributes:
        name: in the signature; the tensor's own name in a file without one.
        index: of the tensor.
        shape: as allocated.
        dtype: NumPy's name of the dtype.
        quantization: scale and zero point; None for a float or unquantized tensor.
    """

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None

    def encode(self, values: Array) -> Array:
        """Values as the tensor stores them: quantized where it is quantized, else cast.

        Args:
            values: real numbers of the tensor's shape, or values that have its dtype already.

        Raises:
            DataError: the shape differs.
        """
        if tuple(values.shape) != self.shape:
            raise DataError(
                f"input {self.name!r}: expected shape {list(self.shape)}, found {list(values.shape)}"
            )
        if self.quantization is None:
            return np.ascontiguousarray(values, dtype=self.dtype)
        return quantize(values, self.quantization, np.dtype(self.dtype))

    def decode(self, stored: Array) -> Array:
        """The real numbers behind stored values: dequantized where the tensor is quantized."""
        return stored if self.quantization is None else dequantize(stored, self.quantization)


def path_argument(path: Path) -> str | bytes:
    """A path as the runtimes' ``Interpreter`` takes it: bytes where it is no UTF-8, which they refuse as text."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


class LoadedModel:
    """A .tflite file, loaded and allocated.

    Attributes:
        inputs: in the order of the file.
        outputs: in the order of the file.
        load_ms: time to make the interpreter and allocate.
        runtime: what runs it.
        threads: of the interpreter.
    """

    def __init__(
        self, path: Path, runtime: InstalledRuntime, threads: int = 1, free_size: int | None = None
    ) -> None:
        """Loads and allocates the file.

        Args:
            path: the .tflite file.
            runtime: what runs it.
            threads: of the interpreter.
            free_size: of each free dimension of an input beside the batch; None for what the file gives, often 1.

        Raises:
            ModelError: the runtime refuses the file; the message holds its reason.
        """
        module = runtime.module()
        start = time.perf_counter()
        try:
            self._interpreter = module.Interpreter(model_path=path_argument(path), num_threads=threads)
            if free_size is not None:
                _fix_free_dimensions(self._interpreter, free_size)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise ModelError(
                f"{path.name} is refused by {runtime.package.distribution} {runtime.version}: {reason_of(error)}"
            ) from error
        self.load_ms = (time.perf_counter() - start) * 1e3
        self.runtime = runtime
        self.threads = threads
        input_names, output_names = _signature_names(self._interpreter)
        self.inputs = _infos(self._interpreter.get_input_details(), input_names)
        self.outputs = _infos(self._interpreter.get_output_details(), output_names)

    @property
    def delegation(self) -> delegation.Delegation:
        """How many of the file's operators a delegate took."""
        return delegation.count(self._interpreter)

    def set_inputs(self, stored: Mapping[str, Array]) -> None:
        """Puts values, encoded as the tensors store them, by input name."""
        for info in self.inputs:
            self._interpreter.set_tensor(info.index, stored[info.name])

    def memory_of(self, info: TensorInfo) -> Callable[[], Array]:
        """A function that returns the tensor's own memory, for reading or writing without a copy.

        Drop what it returns before the next `invoke`: the runtime refuses to run while views exist.
        """
        view: Callable[[], Array] = self._interpreter.tensor(info.index)
        return view

    def invoke(self) -> None:
        """Runs the model on the inputs that are set.

        Raises:
            ModelError: an operator fails; the message holds the runtime's reason.
        """
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise ModelError(f"{FAILS_AT_INFERENCE}: {reason_of(error)}") from error

    def outputs_stored(self) -> dict[str, Array]:
        """A copy of every output as it is stored, by name.

        Raises:
            ModelError: no operator computes an output; the message holds the runtime's reason.
        """
        try:
            return {info.name: self._interpreter.get_tensor(info.index) for info in self.outputs}
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"it ran and an output has no values: {reason_of(error)}") from error

    def time_invocations(self, discard: int, runs: int) -> list[int]:
        """Times inference alone, without copying inputs or outputs, as ``litert-benchmark`` does.

        Args:
            discard: runs before, whose times are thrown away: they find cold caches.
            runs: timed runs.

        Returns:
            Nanoseconds of each timed run.
        """
        invoke = self._interpreter.invoke
        clock = time.perf_counter_ns
        for _ in range(discard):
            invoke()
        samples = [0] * runs
        for position in range(runs):
            start = clock()
            invoke()
            samples[position] = clock() - start
        return samples


def _fix_free_dimensions(interpreter: Any, size: int) -> None:
    for detail in interpreter.get_input_details():
        free = [False, *(declared < 0 for declared in detail["shape_signature"][1:])]
        if any(free):
            shape = [
                size if is_free else int(own) for own, is_free in zip(detail["shape"], free, strict=True)
            ]
            interpreter.resize_tensor_input(detail["index"], shape)


_Names = Mapping[int, tuple[str, ...]]
"""By tensor index: an LSTM's output and its last state, say, are one tensor with two names."""


def _signature_names(interpreter: Any) -> tuple[_Names, _Names]:
    """Names of inputs and of outputs from the first signature; empty where the file has none."""
    signatures = interpreter.get_signature_list()
    if not signatures:
        return {}, {}
    key = next(iter(signatures))
    try:
        runner = interpreter.get_signature_runner(key)
        return _by_index(runner.get_input_details()), _by_index(runner.get_output_details())
    except (ValueError, AttributeError):
        # A signature of another subgraph, or tflite-runtime's older interface: tensors' own names serve.
        return {}, {}


def _by_index(details: Mapping[str, Mapping[str, Any]]) -> _Names:
    names: dict[int, tuple[str, ...]] = {}
    for name, detail in details.items():
        names[detail["index"]] = (*names.get(detail["index"], ()), name)
    return names


def _infos(details: list[dict[str, Any]], names: _Names) -> tuple[TensorInfo, ...]:
    left = {index: iter(own) for index, own in names.items()}
    return tuple(
        _info(detail, next(left.get(detail["index"], iter(())), detail["name"])) for detail in details
    )


def _info(detail: Mapping[str, Any], name: str) -> TensorInfo:
    scale, zero_point = detail["quantization"]
    integer = np.issubdtype(detail["dtype"], np.integer)
    return TensorInfo(
        name=name,
        index=int(detail["index"]),
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]).name,
        quantization=Quantization(float(scale), int(zero_point)) if integer and scale else None,
    )


def reason_of(error: Exception) -> str:
    """The runtime's reason in one line, and what is likely where it gives none."""
    # Custom operators are named by the file.
    text = _GLUED.sub(" ", printable(" ".join(str(error).split())))
    if isinstance(error, MemoryError):
        return f"it needs more memory than {_memory_here()}"
    if _NO_REASON.fullmatch(text):
        beginning = f"{text} It" if text else "it"
        return f"{beginning} gives no reason, as where it needs more memory than {_memory_here()}"
    if "Select TensorFlow op" in text:
        return "it has TensorFlow's own operators, which need the Flex delegate; no Python runtime has it"
    return text[:300]


def _memory_here() -> str:
    most = own_limit_bytes()
    return "there is" if most is None else f"the {most / 1e9:.1f} GB that a process may take here"
