"""Runs a ``.tflite`` in this process and hands out any of its activations in real values.

Only for processes that may crash: what comes from users runs in workers of `edgeq.pool`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import ModelError
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import reason_of
from edgeq.runtime.quantization import Quantization, dequantize, quantize
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import Tensor, read_model

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

_BATCH = 25
"""Items of one inference: small networks spend most of the time around it with one."""

_BATCH_BYTES = 256 << 20
"""Of all activations of a batch, which are kept at once."""


class LocalModel:
    """A file in the runtime with all of its activations kept until the next inference.

    Attributes:
        batch: items that one inference takes.
    """

    def __init__(self, content: bytes, *, batch: int = _BATCH) -> None:
        """Loads a file; it runs one item at a time where it cannot take more.

        Args:
            content: of any scheme.
            batch: most items of one inference.

        Raises:
            ModelError: the runtime refuses the file.
        """
        self._content = content
        model = read_model(content)
        self._inputs, self._outputs = model_io(model)
        self._tensors: dict[str, Tensor] = {}
        for tensor in model.subgraphs[0].tensors:
            self._tensors.setdefault(tensor.name, tensor)
        item_bytes = sum(4 * int(np.prod(tensor.shape)) for tensor in model.subgraphs[0].tensors)
        most = max(1, min(batch, _BATCH_BYTES // max(1, item_bytes)))
        self.batch, self._interpreter = self._loaded(most)

    @property
    def input_names(self) -> tuple[str, ...]:
        """As the signature has them."""
        return tuple(info.name for info in self._inputs)

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name."""
        return name in self._tensors

    def run(self, inputs: Mapping[str, Array]) -> Iterator[tuple[int, int]]:
        """Runs items; after each batch `values` has its activations.

        Args:
            inputs: [n, *item shape] in real values, by name.

        Yields:
            The first item of the batch, and the one behind its last.

        Raises:
            ModelError: the runtime fails.
        """
        count = len(inputs[self._inputs[0].name])
        for start in range(0, count, self.batch):
            stop = min(start + self.batch, count)
            self._invoke(self._interpreter, inputs, start, stop)
            yield start, stop

    def values(self, name: str, items: int) -> Floats:
        """Real values of a tensor of the last batch.

        Args:
            name: of the tensor in the file.
            items: how many of the batch count; a last batch may be filled up.

        Returns:
            float32 with as many items along the first axis as were asked for.
        """
        stored = self._interpreter.get_tensor(self._tensors[name].index)
        quantization = self._tensors[name].quantization
        kept = stored[: items * len(stored) // self.batch] if stored.ndim else stored
        if kept.dtype == np.float32 or quantization is None:
            return np.asarray(kept, np.float32)
        return dequantize(kept, Quantization(quantization.scales[0], quantization.zero_points[0]))

    def stored(self, name: str) -> Array:
        """A tensor of the last batch as it is stored: a view, which must be gone before the next inference.

        Args:
            name: of the tensor in the file.

        Returns:
            All items of the batch, those that filled it up included; empty where the runtime gave the tensor no
            memory, as for results of a loop that nothing takes.
        """
        try:
            values: Array = self._interpreter.tensor(self._tensors[name].index)()
        except ValueError:
            return np.empty(0, np.dtype(self._tensors[name].dtype))
        return values

    def activations(self, names: Sequence[str], inputs: Mapping[str, Array]) -> dict[str, Floats]:
        """Real values of tensors for all items, float32[n, ...] by name."""
        parts: dict[str, list[Floats]] = {name: [] for name in names}
        for start, stop in self.run(inputs):
            for name in names:
                parts[name].append(self.values(name, stop - start).copy())
        return {name: np.concatenate(found) for name, found in parts.items()}

    def _loaded(self, batch: int) -> tuple[int, Any]:
        """The interpreter for as many items as the model takes at once."""
        if batch > 1 and all(info.shape and info.shape[0] == 1 for info in self._inputs):
            try:
                interpreter = self._interpreter_of(batch)
                self._invoke(interpreter, self._blank(), 0, 1)
                shapes = [interpreter.get_tensor(info.index).shape for info in self._outputs]
                wanted = [(batch * info.shape[0], *info.shape[1:]) for info in self._outputs if info.shape]
                if shapes == wanted:
                    return batch, interpreter
            except (ModelError, ValueError, RuntimeError, MemoryError):
                pass  # Shapes that the file has in constants: one by one, it is not resized.
        try:
            return 1, self._interpreter_of(1)
        except (ValueError, RuntimeError, MemoryError) as error:
            raise ModelError(f"the file is refused: {reason_of(error)}") from error

    def _interpreter_of(self, batch: int) -> Any:
        with warnings.catch_warnings():
            # LiteRT warns of the memory: that of all activations of one inference.
            warnings.simplefilter("ignore", UserWarning)
            interpreter = (
                find_runtime()
                .module()
                .Interpreter(
                    model_content=self._content, experimental_preserve_all_tensors=True, num_threads=1
                )
            )
        if batch > 1:
            for info in self._inputs:
                interpreter.resize_tensor_input(info.index, (batch, *info.shape[1:]))
        interpreter.allocate_tensors()
        return interpreter

    def _blank(self) -> dict[str, Array]:
        return {info.name: np.zeros((1, *info.shape[1:]), np.float32) for info in self._inputs}

    def _invoke(self, interpreter: Any, inputs: Mapping[str, Array], start: int, stop: int) -> None:
        # What a recurrent network remembers of the item before must not count for this one.
        interpreter.reset_all_variables()
        for info in self._inputs:
            shape = interpreter.get_tensor(info.index).shape
            real = np.asarray(inputs[info.name][start:stop])
            if stop - start < shape[0] and info.shape:
                real = np.concatenate([real, np.repeat(real[-1:], shape[0] - (stop - start), axis=0)])
            interpreter.set_tensor(info.index, _stored(real.reshape(shape), info))
        try:
            interpreter.invoke()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise ModelError(f"the file fails: {reason_of(error)}") from error


def _stored(real: Array, info: TensorInfo) -> Array:
    """Real values as the input stores them."""
    if info.scale is None or info.zero_point is None or info.dtype not in ("int8", "uint8", "int16"):
        return np.ascontiguousarray(real, dtype=info.dtype)
    return quantize(real, Quantization(info.scale, info.zero_point), info.dtype)
