"""The file that newer versions of ``benchmark_model`` write with ``--result_file_path``.

It is a protocol buffer, ``BenchmarkResult`` of ``benchmark_result.proto`` beside the tool's sources: message 2 holds
times in milliseconds, message 3 memory, message 4 counts. The few fields that are used are read here, so that no
package for protocol buffers is needed; the encoding is that of "Encoding" in the documentation of Protocol Buffers.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import replace

from edgeq.devices.phones.benchmark_model_output import ToolResult, checked
from edgeq.errors import ResultsError

MOST_BYTES = 65_536
"""More than a thousand times what the tool writes: about 130 bytes."""

_LATENCY, _MEMORY, _COUNTS = 2, 3, 4
_TIMES = {
    1: "mean_ms",
    2: "min_ms",
    3: "max_ms",
    5: "median_ms",
    7: "p95_ms",
    8: "load_ms",
    9: "first_ms",
}
_OVERALL_KB = 2
_RUNS = 2

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_MS = 1e9


def with_result_file(result: ToolResult, content: bytes) -> ToolResult:
    """A result with the numbers of the file instead of those that were printed with fewer digits.

    Args:
        result: what the output told.
        content: of the file.

    Raises:
        ResultsError: it is no such file, or tells other inferences than the output did.
    """
    if len(content) > MOST_BYTES:
        raise ResultsError(
            f"its result file has {len(content):,} bytes, expected no more than {MOST_BYTES:,}"
        )
    found: dict[str, float] = {}
    memory, count = result.memory_bytes, result.count
    for number, value in _fields(content):
        if not isinstance(value, bytes):
            continue
        if number == _LATENCY:
            found.update(_times(value))
        elif number == _MEMORY:
            told = [inner for field, inner in _fields(value) if field == _OVERALL_KB]
            memory = _whole(told[-1]) * 1024 if told else memory
        elif number == _COUNTS:
            told = [inner for field, inner in _fields(value) if field == _RUNS]
            count = _whole(told[-1]) if told else count
    if "mean_ms" not in found:
        raise ResultsError("its result file tells no time of an inference")
    merged = checked(replace(result, **found, memory_bytes=memory, count=count))  # type: ignore[arg-type]
    # The printed mean has two decimals in milliseconds, or six digits.
    if not math.isclose(merged.mean_ms, result.mean_ms, rel_tol=1e-4, abs_tol=0.01):
        raise ResultsError(
            f"its result file tells a mean of {merged.mean_ms:g} ms, its output one of {result.mean_ms:g} ms"
        )
    return merged


def _times(content: bytes) -> dict[str, float]:
    found: dict[str, float] = {}
    for number, value in _fields(content):
        if number not in _TIMES:
            continue
        if not isinstance(value, float) or not 0 <= value <= _MOST_MS:
            # Without a warm-up the first inference is no number.
            if number == 9:
                continue
            raise ResultsError(
                f"its result file tells {value!r:.40} as {_TIMES[number]}, expected milliseconds of 0 or more"
            )
        found[_TIMES[number]] = value
    return found


def _whole(value: float | int | bytes) -> int:
    if type(value) is not int or value >= 2**53:
        raise ResultsError("its result file has a number of another kind than expected")
    return value


def _fields(content: bytes) -> Iterator[tuple[int, float | int | bytes]]:
    """Numbers and values of a message's fields; 32-bit fields are taken for float32, as all of the tool's are."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(content, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ResultsError(f"its result file is damaged: field {number} has the kind {kind}")
        if size > len(content) - at:
            raise ResultsError(f"its result file is damaged: field {number} ends behind its end")
        chunk = content[at : at + size]
        at += size
        yield number, chunk if kind == _BYTES else _real(chunk)


def _real(chunk: bytes) -> float:
    (value,) = struct.unpack("<f" if len(chunk) == 4 else "<d", chunk)
    return float(value)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and where it ends."""
    value = 0
    for position in range(10):
        if at + position >= len(content):
            break
        byte = content[at + position]
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value, at + position + 1
    raise ResultsError("its result file is damaged: a number does not end")
