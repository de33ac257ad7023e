"""The parent's end of a worker process: start it, command it, notice when it dies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.errors import WorkerError
from edgeq.memory import memory_share
from edgeq.printing import printable
from edgeq.processes import CommandProcess
from edgeq.runtime.available import instead_of
from edgeq.runtime.interpreter import TensorInfo
from edgeq.runtime.quantization import Quantization

_COMMAND_TIMEOUT_S = 600.0
"""No single command may take longer: a model that hangs is killed and named."""


ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Our arithmetic is single-threaded loops: BLAS threads would only spin beside the runtime's own.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


def environment(*, verbose: bool) -> dict[str, str]:
    """Variables for a process that runs files; `verbose` lets the runtime's own output through."""
    return ENVIRONMENT | ({"TF_CPP_MIN_LOG_LEVEL": "0"} if verbose else {})


@dataclass(frozen=True)
class Loaded:
    """What a worker says of the file that it loaded.

    Attributes:
        load_ms: making the interpreter and allocating.
        first_ms: the first inference.
        inputs: of the file.
        outputs: of the file.
        runtime: name of the runtime.
        version: of the runtime.
        delegate: ``XNNPACK`` or ``none``.
        delegated: operators in the delegate; None where unknown.
        nodes: operators in the file; None where unknown.
        kernel_path: see `edgeq.runtime.host.kernel_path`.
        partitions: parts that the delegate took in one piece each; None where unknown.
        delegated_operators: indices in the first subgraph of the operators in the delegate.
    """

    load_ms: float
    first_ms: float
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    runtime: str
    version: str
    delegate: str
    delegated: int | None
    nodes: int | None
    kernel_path: str
    partitions: int | None = None
    delegated_operators: tuple[int, ...] = ()


class Worker(CommandProcess):
    """A process that holds one model; a context manager that ends it."""

    def __init__(
        self,
        variant: str,
        *,
        verbose: bool = False,
        timeout_s: float = _COMMAND_TIMEOUT_S,
        most_bytes: int | None = None,
    ) -> None:
        """Starts the process; it loads nothing yet.

        Args:
            variant: what error messages call it.
            verbose: whether the runtime's own output is let through.
            timeout_s: longest time for one command.
            most_bytes: of memory of its own that the process may take, on Linux; None for nearly all that there is.
        """
        super().__init__(
            "edgeq.runtime.worker",
            "the runtime",
            environment=environment(verbose=verbose),
            timeout_s=timeout_s,
            most_bytes=memory_share() if most_bytes is None else most_bytes,
            verbose=verbose,
        )
        self.variant = variant

    def tie_to(self, cpus: Sequence[int]) -> None:
        """Ties the process to cores, and with it the threads of a runtime that is loaded afterwards.

        Raises:
            WorkerError: a core cannot be used.
        """
        self.ask("tie_to", cpus=list(cpus))

    def load(self, path: Path, threads: int, runtime: str | None, *, free_size: int | None = None) -> Loaded:
        """Loads a file and runs it once on zeros.

        Args:
            path: the file.
            threads: of the interpreter.
            runtime: which runtime; None for the best installed.
            free_size: of each free dimension of an input beside the batch; None for what the file gives, often 1.

        Raises:
            WorkerError: the runtime refuses it or dies of it.
        """
        answer = self.ask("load", path=str(path), threads=threads, runtime=runtime, free_size=free_size)
        return Loaded(
            load_ms=answer["load_ms"],
            first_ms=answer["first_ms"],
            inputs=_infos(answer["inputs"]),
            outputs=_infos(answer["outputs"]),
            runtime=answer["runtime"],
            version=answer["version"],
            delegate=answer["delegate"],
            delegated=answer["delegated"],
            nodes=answer["nodes"],
            kernel_path=answer["kernel_path"],
            partitions=answer["partitions"],
            delegated_operators=tuple(answer["delegated_operators"]),
        )

    def set_inputs(self, path: Path) -> None:
        """Sets real-valued inputs from an .npz with one item each."""
        self.ask("set_inputs", path=str(path))

    def time(self, discard: int, runs: int) -> list[int]:
        """Nanoseconds of each of `runs` inferences, after `discard` that do not count."""
        samples: list[int] = self.ask("time", discard=discard, runs=runs)["samples_ns"]
        return samples

    def sustain(
        self, seconds: float, on_progress: Callable[[int, int], None] | None = None
    ) -> tuple[float, int]:
        """Runs inferences without a pause.

        Args:
            seconds: how long; the inference that is going on then is finished.
            on_progress: called about once a second with the seconds that are done and that there are.

        Returns:
            Median in nanoseconds, and how many inferences there were.
        """
        answer = self.ask("sustain", on_progress, seconds=seconds)
        return answer["median_ns"], answer["n"]

    def predict(self, inputs: Path, outputs: Path) -> None:
        """Runs the items of an .npz and writes the outputs as stored to another."""
        self.ask("predict", inputs=str(inputs), outputs=str(outputs))

    def peak_memory_bytes(self) -> int | None:
        """Peak resident memory of the process so far."""
        peak: int | None = self.ask("memory")["peak_bytes"]
        return peak

    def arena_bytes(
        self, path: Path, runtime: str | None, tensors: Sequence[int], first_scratch: int
    ) -> int | None:
        """See `edgeq.runtime.arena.arena_bytes`. The worker holds no model afterwards.

        Raises:
            WorkerError: the runtime refuses the file or dies of it.
        """
        answer = self.ask(
            "arena", path=str(path), runtime=runtime, tensors=list(tensors), first_scratch=first_scratch
        )
        arena: int | None = answer["arena_bytes"]
        return arena

    def ask(
        self, do: str, on_progress: Callable[[int, int], None] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """See `CommandProcess.ask`; errors begin with the variant's name."""
        try:
            return super().ask(do, on_progress, **arguments)
        except WorkerError as error:
            # What the runtime printed last may hold names out of the file.
            text = printable(str(error)) + _about_crash(str(error), arguments.get("runtime"))
            is_named = text.startswith(f"{self.variant} is ")
            raise WorkerError(text if is_named else f"{self.variant}: {text}") from error


def _about_crash(text: str, runtime: str | None) -> str:
    """What to try where the processor does not know an instruction of the runtime; empty for other errors."""
    if "(SIGILL)" not in text:
        return ""
    return f": this processor lacks an instruction that the runtime uses; {instead_of(runtime) or 'none other fits'}"


def _infos(described: Iterable[Mapping[str, Any]]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            name=tensor["name"],
            index=tensor["index"],
            shape=tuple(tensor["shape"]),
            dtype=tensor["dtype"],
            quantization=(
                None if tensor["scale"] is None else Quantization(tensor["scale"], tensor["zero_point"])
            ),
        )
        for tensor in described
    )
