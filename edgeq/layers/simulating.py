"""Runs edited forms of a float32 file on items, in processes of their own, two or more at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.classification import classifies
from edgeq.errors import ModelError, WorkerError
from edgeq.layers.editing import edited
from edgeq.layers.edits import Grid
from edgeq.layers.outcome import Outcome, Plan, as_sums, noise_ratio, relative_noise
from edgeq.layers.simulation_worker import compare_items, on_grid, run_items
from edgeq.memory import memory_share
from edgeq.pool import ProcessPool
from edgeq.runtime.host import cpu_count
from edgeq.runtime.process import ENVIRONMENT
from edgeq.tflite.io import model_io
from edgeq.tflite.model import TfliteModel

Array = npt.NDArray[Any]

_TIMEOUT_S = 600.0
"""No form of a file may take longer for all items: a model that hangs is ended and named."""


@dataclass(frozen=True)
class Files:
    """The file that is edited, and the variant that is imitated.

    Attributes:
        floats: the float32 file.
        model: its structure.
        variant: the variant's file.
        grids: of the inputs by name, as the variant quantizes them.
    """

    floats: Path
    model: TfliteModel
    variant: Path
    grids: Mapping[str, Grid | None]


class Simulator:
    """Forms of one file on one set of items; a context manager that ends the processes.

    Attributes:
        n: items.
        classifies: whether the output is one score a class.
        real_problem: why the variant's own file does not run; empty where it does.
    """

    def __init__(
        self,
        files: Files,
        items: Mapping[str, Array],
        folder: Path,
        *,
        runtime: str | None = None,
    ) -> None:
        """Writes the items down and runs both files on them.

        Args:
            files: what is run.
            items: real values by input name, [n, *shape with batch axis].
            folder: for items, answers and edited files; a scratch folder.
            runtime: which; None for the best installed.

        Raises:
            WorkerError: the float32 file does not run.
        """
        self.n = len(next(iter(items.values())))
        self.real_problem = ""
        self._files = files
        self._content = files.floats.read_bytes()
        self._other = files.variant.read_bytes()
        self._folder = folder
        self._runtime = runtime
        self._outputs = [info.name for info in model_io(files.model)[1]]
        self._processes = cpu_count()
        self._pool = ProcessPool(
            self._processes,
            "the runtime",
            activity="run",
            environment=ENVIRONMENT,
            timeout_s=_TIMEOUT_S,
            most_bytes=memory_share(self._processes),
        )
        self._made = 0
        self._inputs = self._write_inputs(items)
        with ExitStack() as on_failure:
            on_failure.callback(self._pool.shutdown, cancel_futures=True)
            self._start()
            on_failure.pop_all()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

    def outcomes(
        self, plans: Iterable[Plan], *, apart: bool = False, n: int | None = None
    ) -> Iterator[Outcome]:
        """Runs forms of the file, in their order; few of them are on the disk at a time.

        Args:
            plans: the forms.
            apart: whether they are compared with the variant's real file, too, where that runs.
            n: how many of the items, the first ones; None for all.
        """
        waiting: deque[tuple[Future[Any] | str, Path]] = deque()
        for plan in plans:
            if len(waiting) >= 2 * self._processes:
                yield self._outcome(*waiting.popleft())
            waiting.append(self._submit(plan, apart, n or self.n))
        while waiting:
            yield self._outcome(*waiting.popleft())

    def outcome(self, plan: Plan, *, apart: bool = False) -> Outcome:
        """Runs one form of the file."""
        return next(self.outcomes([plan], apart=apart))

    def real(self) -> Outcome:
        """The variant's real file, compared."""
        if self.real_problem:
            return Outcome(problem=self.real_problem)
        task = self._pool.submit(
            compare_items,
            str(self._files.variant),
            self._input_files(frozenset()),
            self._runtime,
            [self._float_answers],
            self.n,
            classifies=self.classifies,
        )
        return self._outcome(task, self._files.variant, keep=True)

    def samples(self, tensors: Sequence[int]) -> list[npt.NDArray[np.float32]]:
        """Samples of tensors of the float32 file: float32[n, k] each, NaN where an item has fewer than k values.

        Raises:
            ModelError: the file cannot be edited.
            WorkerError: it does not run.
        """
        path = self._write(edited(self._content, self._files.model, (), watched=tensors))
        target = path.with_suffix(".npz")
        answers = self._answers(f"samples-{self._made}")
        self._pool.submit(
            run_items, str(path), self._input_files(frozenset()), self._runtime, answers, str(target)
        ).result()
        with np.load(target, allow_pickle=False) as archive:
            return [archive[str(place)] for place in range(len(tensors))]

    def _start(self) -> None:
        plain = self._input_files(frozenset())
        self._float_answers, self._real_answers = self._answers("float"), self._answers("real")
        floats, real = (
            self._pool.submit(run_items, str(path), plain, self._runtime, answers, None)
            for path, answers in (
                (self._files.floats, self._float_answers),
                (self._files.variant, self._real_answers),
            )
        )
        try:
            shapes = floats.result()["shapes"]
        except WorkerError as error:
            raise WorkerError(
                f"{self._files.floats.name}, which the others are compared with: {error}"
            ) from error
        self.classifies = classifies([tuple(shape) for shape in shapes])
        try:
            real.result()
        except WorkerError as error:
            self.real_problem = str(error)

    def _answers(self, whose: str) -> dict[str, str]:
        return {name: str(self._folder / f"{whose}-{place}.npy") for place, name in enumerate(self._outputs)}

    def _write_inputs(self, items: Mapping[str, Array]) -> dict[str, tuple[str, str]]:
        """Writes each input down as it is and as it is quantized."""
        written = {}
        for place, (name, values) in enumerate(items.items()):
            plain = self._folder / f"input-{place}.npy"
            np.save(plain, values)
            grid = self._files.grids.get(name)
            quantized = plain
            if grid is not None:
                quantized = self._folder / f"input-{place}-quantized.npy"
                np.save(quantized, on_grid(values, grid)[0])
            written[name] = (str(plain), str(quantized))
        return written

    def _input_files(self, quantized: frozenset[str]) -> dict[str, str]:
        return {name: both[name in quantized] for name, both in self._inputs.items()}

    def _write(self, content: bytes) -> Path:
        self._made += 1
        path = self._folder / f"form-{self._made}.tflite"
        path.write_bytes(content)
        return path

    def _submit(self, plan: Plan, apart: bool, n: int) -> tuple[Future[Any] | str, Path]:
        """A task and its file; the problem instead where there is no such file."""
        probed = next((edit for edit in plan.edits if edit.probe), None)
        other = self._other if any(edit.like is not None for edit in plan.edits) else b""
        try:
            path = self._write(edited(self._content, self._files.model, plan.edits, other=other))
        except ModelError as error:
            return str(error), self._files.floats
        references = [self._float_answers]
        if apart and not self.real_problem:
            references.append(self._real_answers)
        grid = None if probed is None else probed.grids.get(0)
        probe = None if probed is None else [] if grid is None else [grid.dtype, grid.scale, grid.zero_point]
        task = self._pool.submit(
            compare_items,
            str(path),
            self._input_files(plan.inputs),
            self._runtime,
            references,
            n,
            probe=probe,
            classifies=self.classifies,
        )
        return task, path

    def _outcome(self, task: Future[Any] | str, path: Path, *, keep: bool = False) -> Outcome:
        if isinstance(task, str):
            return Outcome(problem=task)
        try:
            answer = task.result()
        except WorkerError as error:
            return Outcome(problem=str(error).replace(path.name, "the edited file"))
        finally:
            if not keep:
                with suppress(OSError):
                    path.unlink()
        own, beyond, sums = answer["own"], answer["beyond"], [as_sums(each) for each in answer["sums"]]
        return Outcome(
            noise=relative_noise(sums[0]),
            changed=answer["changed"],
            own_noise=None if own is None else noise_ratio(*own),
            saturation=None if beyond is None or not beyond[1] else beyond[0] / beyond[1],
            apart=relative_noise(sums[1]) if len(sums) > 1 else None,
            sums=sums[0],
        )
