"""The profiler in LiteRT's own library: time of every operator, also inside the XNNPACK delegate.

LiteRT's Python package has no profiling, but the library in it exports the C API of `litert/c/litert_profiler.h`. Its
structs have no version: run this only in a process that may die, and only with a version in `VERSIONS`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.errors import ModelError, RuntimeUnavailableError

VERSIONS = ("2.1.6", "2.2.0", "2.3.0")
"""Of ai-edge-litert, with which this was tried, on x86_64 Linux. 2.1.0 takes other options and gives no profiler."""

_LIBRARIES = ("libLiteRt.so", "libLiteRt.dylib", "libLiteRt.dll", "LiteRt.dll")

# struct ProfiledEventData in litert/c/litert_profiler_event.h, with three words for each of the two MemoryUsage of
# tflite/profiling/memory_info.h: tag, type, start, elapsed, 3 + 3 of memory, index, subgraph, source.
_EVENT = struct.Struct("<QIxxxxQQ48xQQIxxxx")
_EVENT_BYTES = 104

# OPERATOR_INVOKE_EVENT and DELEGATE_PROFILED_OPERATOR_INVOKE_EVENT of enum EventType in tflite/core/api/profiler.h.
_OPERATOR, _DELEGATED = 2, 8
_KNOWN_TYPES = frozenset(1 << bit for bit in range(9))

_ACCELERATOR_CPU = 1
_LOCK_WRITE = 1

# LiteRtRankedTensorType in litert/c/litert_model_types.h: the element type, then the LiteRtLayout of
# litert/c/litert_layout.h, which is rank, 8 dimensions and 8 strides of 4 bytes each.
_LAYOUT_AT = 4
_LAYOUT_BYTES = 68

_GUARD = 0xEE
_MOST_EVENTS = 100_000
_LONGEST_TAG = 200

Handle = ctypes.c_void_p


@dataclass(frozen=True)
class Event:
    """An operator that ran.

    Attributes:
        name: of the builtin operator, or of XNNPACK's.
        index: of the operator in its subgraph; of XNNPACK's operator in its partition.
        is_delegated: whether it is one of a delegate's.
    """

    name: str
    index: int
    is_delegated: bool


def library_path() -> Path:
    """Where LiteRT's library is.

    Raises:
        RuntimeUnavailableError: the package is not there, or has none.
    """
    spec = importlib.util.find_spec("ai_edge_litert")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in _LIBRARIES:
            if (Path(folder) / name).is_file():
                return Path(folder) / name
    raise RuntimeUnavailableError("ai-edge-litert brings no libLiteRt here: no profile from its own profiler")


class Profiler:
    """A file compiled with profiling on, its inputs all zeros; everything native ends with the process."""

    def __init__(self, path: Path, threads: int) -> None:
        """Loads, compiles and allocates.

        Args:
            path: the .tflite file.
            threads: of the CPU kernels.

        Raises:
            ModelError: LiteRT refuses a step.
            RuntimeUnavailableError: there is no library.
        """
        self._library = ctypes.CDLL(str(library_path()))
        self._environment, self._model, self._compiled = Handle(), Handle(), Handle()
        self._call("LiteRtCreateEnvironment", ctypes.c_int(0), None, ctypes.byref(self._environment))
        name = ctypes.c_char_p(os.fsencode(path))
        self._call("LiteRtCreateModelFromFile", self._environment, name, ctypes.byref(self._model))
        options = self._options(threads)
        compiled = ctypes.byref(self._compiled)
        self._call("LiteRtCreateCompiledModel", self._environment, self._model, options, compiled)
        signature = Handle()
        self._call("LiteRtGetModelSignature", self._model, ctypes.c_size_t(0), ctypes.byref(signature))
        self._inputs = self._buffers(signature, "Input")
        self._outputs = self._buffers(signature, "Output")
        self._profiler = Handle()
        self._call("LiteRtCompiledModelGetProfiler", self._compiled, ctypes.byref(self._profiler))
        if not self._profiler:
            raise ModelError("LiteRT gives no profiler")

    def run(self) -> None:
        """One inference."""
        self._call(
            "LiteRtRunCompiledModel",
            self._compiled,
            ctypes.c_size_t(0),
            ctypes.c_size_t(len(self._inputs)),
            self._inputs,
            ctypes.c_size_t(len(self._outputs)),
            self._outputs,
        )

    def profiled_run(self) -> tuple[tuple[Event, ...], tuple[int, ...]]:
        """One inference with its events, and how long each took in microseconds.

        Raises:
            ModelError: what the profiler gives is not what the tried versions give.
        """
        with self._profiling() as count:
            start = time.perf_counter()
            self.run()
            longest_us = 1e6 * (time.perf_counter() - start) + 1000
        return self._read(count[0], longest_us)

    @contextmanager
    def _profiling(self) -> Iterator[list[int]]:
        """Collects events while it lasts; afterwards their number stands in the list."""
        count = [0]
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)
        yield count
        self._call("LiteRtStopProfiler", self._profiler)
        number = ctypes.c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, ctypes.byref(number))
        count[0] = number.value

    def _read(self, count: int, longest_us: float) -> tuple[tuple[Event, ...], tuple[int, ...]]:
        if not 0 < count <= _MOST_EVENTS:
            raise ModelError(f"LiteRT's profiler tells of {count} events of one inference")
        # Room for larger events: what is written behind those that were asked for gives another layout away.
        raw = (ctypes.c_ubyte * (4 * count * _EVENT_BYTES))()
        ctypes.memset(raw, _GUARD, len(raw))
        self._call("LiteRtGetProfilerEvents", self._profiler, ctypes.c_int(count), ctypes.byref(raw))
        content = bytes(raw)
        if content[count * _EVENT_BYTES :].strip(bytes([_GUARD])):
            raise ModelError("LiteRT's profiler writes events of another size than the tried versions do")
        events, times = [], []
        for tag, kind, _start, elapsed, index, subgraph, source in _EVENT.iter_unpack(
            content[: count * _EVENT_BYTES]
        ):
            if kind not in _KNOWN_TYPES or source > 2 or not tag:
                raise ModelError(
                    "LiteRT's profiler writes events of another layout than the tried versions do"
                )
            # What runs in the body of a loop is in the time of the loop.
            if kind not in (_OPERATOR, _DELEGATED) or subgraph != 0:
                continue
            if elapsed > longest_us:
                raise ModelError("LiteRT's profiler tells of an operator that took longer than the inference")
            name = ctypes.string_at(tag)[:_LONGEST_TAG].decode("utf-8", "replace")
            events.append(Event(name, index, kind == _DELEGATED))
            times.append(elapsed)
        return tuple(events), tuple(times)

    def _options(self, threads: int) -> Handle:
        options = Handle()
        self._call("LiteRtCreateOptions", ctypes.byref(options))
        self._call("LiteRtSetOptionsHardwareAccelerators", options, ctypes.c_int(_ACCELERATOR_CPU))
        # Identifiers and keys: litert/c/options/litert_runtime_options.cc and litert_cpu_options.cc.
        self._add_options(options, "runtime_options_string", "enable_profiling = true\n")
        self._add_options(options, "xnnpack", f"num_threads = {threads}\n")
        return options

    def _add_options(self, options: Handle, identifier: str, toml: str) -> None:
        """Adds options in TOML; the library frees the text with what is given for it."""
        system = ctypes.CDLL(None)
        system.strdup.restype = ctypes.c_void_p
        text = Handle(system.strdup(ctypes.c_char_p(toml.encode())))
        added = Handle()
        release = ctypes.cast(system.free, Handle)
        name = ctypes.c_char_p(identifier.encode())
        self._call("LiteRtCreateOpaqueOptions", name, text, release, ctypes.byref(added))
        self._call("LiteRtAddOpaqueOptions", options, added)

    def _buffers(self, signature: Handle, kind: str) -> Any:
        """Buffers of all inputs or outputs, full of zeros."""
        number = ctypes.c_size_t()
        self._call(f"LiteRtGetNumSignature{kind}s", signature, ctypes.byref(number))
        buffers = (Handle * number.value)()
        layouts = self._layouts(kind, number.value)
        for position in range(number.value):
            tensor, needs, buffer = Handle(), Handle(), Handle()
            place = ctypes.c_size_t(position)
            self._call(f"LiteRtGetSignature{kind}TensorByIndex", signature, place, ctypes.byref(tensor))
            tensor_type = (ctypes.c_ubyte * (_LAYOUT_AT + _LAYOUT_BYTES))()
            self._call("LiteRtGetRankedTensorType", tensor, ctypes.byref(tensor_type))
            # In the file, a free dimension is -1; as compiled, it is 1.
            tensor_type[_LAYOUT_AT:] = list(layouts[position])
            get_needs = f"LiteRtGetCompiledModel{kind}BufferRequirements"
            self._call(get_needs, self._compiled, ctypes.c_size_t(0), place, ctypes.byref(needs))
            self._call(
                "LiteRtCreateManagedTensorBufferFromRequirements",
                self._environment,
                ctypes.byref(tensor_type),
                needs,
                ctypes.byref(buffer),
            )
            self._clear(buffer)
            buffers[position] = buffer.value
        return buffers

    def _layouts(self, kind: str, number: int) -> list[bytes]:
        """Shapes as compiled, of all inputs or outputs."""
        every = (ctypes.c_ubyte * _LAYOUT_BYTES * number)()
        first = ctypes.c_size_t(0)
        if kind == "Output":
            name = "LiteRtGetCompiledModelOutputTensorLayouts"
            count = ctypes.c_size_t(number)
            self._call(name, self._compiled, first, count, ctypes.byref(every), ctypes.c_bool(True))
        else:
            for position in range(number):
                name = "LiteRtGetCompiledModelInputTensorLayout"
                place = ctypes.c_size_t(position)
                self._call(name, self._compiled, first, place, ctypes.byref(every[position]))
        return [bytes(layout) for layout in every]

    def _clear(self, buffer: Handle) -> None:
        size, memory = ctypes.c_size_t(), Handle()
        self._call("LiteRtGetTensorBufferSize", buffer, ctypes.byref(size))
        self._call("LiteRtLockTensorBuffer", buffer, ctypes.byref(memory), ctypes.c_int(_LOCK_WRITE))
        ctypes.memset(memory, 0, size.value)
        self._call("LiteRtUnlockTensorBuffer", buffer)

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError as error:
            raise ModelError(f"LiteRT's library has no {name}") from error
        function.restype = ctypes.c_int
        status = function(*arguments)
        if status:
            raise ModelError(f"LiteRT refuses the file: {name} gives status {status}")
