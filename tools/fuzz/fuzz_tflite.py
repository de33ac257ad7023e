"""Fuzzes all that reads a .tflite without running it. A crash is any exception but `ModelError`.

Atheris (https://github.com/google/atheris) is no dependency of edgeq; it has wheels for CPython 3.11 to 3.13 on Linux:

    python3 -m venv /tmp/fuzz
    /tmp/fuzz/bin/pip install atheris numpy flatbuffers tflite ai-edge-litert -e .
    /tmp/fuzz/bin/python tools/fuzz/make_seeds.py /tmp/corpus
    /tmp/fuzz/bin/python tools/fuzz/fuzz_tflite.py /tmp/corpus -max_total_time=3600 -timeout=60 -rss_limit_mb=4096

libFuzzer prints executions; a unit that hangs for a minute ends it and is saved. Exceptions, units of over 5 s and
units that take over 256 MB are kept apart instead, so that one finding does not end the hour: each place once, as
``crash-NAME`` in the folder of the variable EDGEQ_FUZZ_CRASHES (the working folder by default), with the counts in
``summary.txt`` beside them.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edgeq"]):
    from edgeq.errors import ModelError
    from edgeq.inspection.histograms import weight_histograms
    from edgeq.inspection.inspecting import inspect_file
    from edgeq.tflite.arena import planned_arena_bytes
    from edgeq.tflite.io import model_io
    from edgeq.tflite.metadata import read_metadata
    from edgeq.tflite.model import TfliteModel, read_buffer, read_model
    from edgeq.tflite.precision import precision_of
    from edgeq.tflite.weights import read_values
    from edgeq.tflite.work import multiply_accumulates

_CRASHES = Path(os.environ.get("EDGEQ_FUZZ_CRASHES", "."))
_MOST_READ = 64
"""Buffers and constants of a file that are read one by one."""

_LONGEST_S = 5.0
"""Of a processor, for one execution: libFuzzer's own limit counts what other programs take, too."""

_MOST_GROWTH_KB = 256 << 10
"""Of the process's peak memory in one execution. Over all of them it grows by 1 to 2 kB each, which is what Atheris 3.0
keeps of comparisons of NumPy values in the code that it instruments: 6,000 mutants one after the other, without
libFuzzer, grow it by 14.6 MB, and by 3.3 MB, 2.9 MB of it in the first thousand, where nothing is instrumented. An hour
stays far below the 4 GB of the command above."""

_TOLD_EVERY = 1000
"""Executions between two summaries: libFuzzer ends the process without a last word."""

_ABSURD = (
    0,
    1,
    2,
    127,
    128,
    255,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
    0x7FC00000,
    0x7F800000,
)
"""Also as float32: NaN and infinity."""


class Fuzzer:
    """Calls everything with one content after the other.

    Attributes:
        executions: so far.
        refused: of them, those that ended in a `ModelError` where the structure is read.
        crashes: places that raised something else.
    """

    def __init__(self, folder: Path) -> None:
        self.executions = self.refused = 0
        self.crashes: set[str] = set()
        self._path = folder / "model.tflite"

    def __call__(self, content: bytes) -> None:
        """One execution."""
        self.executions += 1
        # A reader may have mapped the file of the execution before.
        self._path.unlink(missing_ok=True)
        self._path.write_bytes(content)
        began, peak = time.process_time(), _peak_kb()
        try:
            self._check(content)
            if _peak_kb() - peak > _MOST_GROWTH_KB:
                raise MemoryError(f"over {_MOST_GROWTH_KB} KiB more than before")
            if time.process_time() - began > _LONGEST_S:
                raise TimeoutError(f"over {_LONGEST_S} s of a processor")
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._record(error, content)
        if self.executions % _TOLD_EVERY == 0:
            (_CRASHES / "summary.txt").write_text(self.summary() + "\n")

    def _check(self, content: bytes) -> None:
        try:
            model = read_model(content)
        except ModelError:
            self.refused += 1
            return
        precision_of(model)
        model_io(model)
        planned_arena_bytes(model)
        for graph in model.subgraphs:
            for operator in graph.operators:
                multiply_accumulates(operator, graph)
        for call in (self._metadata, self._contents, self._weights, self._inspection):
            try:
                call(model)
            except ModelError:
                continue

    def _metadata(self, model: TfliteModel) -> None:
        read_metadata(self._path, model)

    def _contents(self, model: TfliteModel) -> None:
        for index in range(min(len(model.buffers), _MOST_READ)):
            read_buffer(self._path, model, index)
        constants = [tensor for tensor in model.subgraphs[0].tensors if tensor.is_constant]
        for tensor in constants[:_MOST_READ]:
            try:
                read_values(self._path, model, tensor)
            except ModelError:
                continue

    def _weights(self, model: TfliteModel) -> None:
        weight_histograms(self._path, model)

    def _inspection(self, model: TfliteModel) -> None:
        repr(inspect_file(self._path, run=False))

    def _record(self, error: Exception, content: bytes) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} {Path(frame.filename).name}:{frame.lineno}"
        if place in self.crashes:
            return
        self.crashes.add(place)
        name = hashlib.sha256(place.encode()).hexdigest()[:12]
        (_CRASHES / f"crash-{name}").write_bytes(content)
        (_CRASHES / f"crash-{name}.txt").write_text("".join(traceback.format_exception(error)))
        sys.stderr.write(f"crash-{name}: {place}: {error}\n")

    def summary(self) -> str:
        """Counts in a line."""
        return (
            f"{self.executions:,} executions, {self.refused:,} of them refused as damaged, "
            f"{len(self.crashes)} places crashed"
        )


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def mutate(content: bytes, most: int, seed: int) -> bytes:
    """Once in four what libFuzzer does; else changes numbers where they stand, so that offsets still lead somewhere."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    words = len(content) // 4
    if words < 3 or len(content) > most or chance.random() < 0.25:
        return atheris.Mutate(content, most)
    changed = bytearray(content)
    # From behind the identifier on.
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = 4 * chance.randrange(2, words)
        (old,) = struct.unpack_from("<I", changed, at)
        other = 4 * chance.randrange(2, words)
        values = (*_ABSURD, old + 1, old - 1, old ^ 1 << chance.randrange(32), chance.randrange(words))
        number = chance.choice([*values, struct.unpack_from("<I", changed, other)[0], 4 * words - at])
        struct.pack_into("<I", changed, at, number & 0xFFFFFFFF)
    return bytes(changed)


def main() -> None:
    """Runs until libFuzzer's options say that it is enough."""
    # In memory where there is such a folder: each execution writes a file.
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        fuzzer = Fuzzer(Path(folder))
        atheris.Setup(sys.argv, fuzzer, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
