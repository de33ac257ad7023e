"""What Android's ``benchmark_model`` prints: the classic tool's lines and LiteRT's block of results.

Both come from one family of tools: TensorFlow Lite's prints one line of statistics for the warm-up and one for the
timed runs, in microseconds, and a summary; LiteRT's prints these lines too in most versions, and then a block of
results in milliseconds with two decimals. So each number is taken from the most exact line that has it.

The text comes from a device and from a program that the user found somewhere: nothing in it is trusted. Its size is
bounded before it comes here, every pattern runs in linear time, and every number is checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from edgeq.devices.phones.benchmark_model_delegates import NO_DELEGATE, delegates_told
from edgeq.errors import ResultsError
from edgeq.printing import printable

_LINE_LIMIT = 2_000
"""Characters of a line that are looked at; the longest line of either tool, that of its flags, has about 600."""

_MOST_MS = 1e9
"""Longer than eleven days is no time of an inference."""

_LEAST_MS = 1e-6
"""A nanosecond; the tool's clock counts microseconds."""

_LEVEL = re.compile(r"(INFO|VERBOSE|WARNING|WARN|ERROR|DEBUG): ?(?:\[[^\]]{0,300}:\d{1,9}\] ?)?")
_STATISTIC = re.compile(r"\b(count|first|curr|min|max|avg|std|p5|median|p95)=([^\s=(]{1,40})")
_SUMMARY = re.compile(
    r"Inference timings in us: Init: ([^\s,]{1,40}), First inference: ([^\s,]{1,40}), "
    r"Warmup \(avg\): ([^\s,]{1,40}), Inference \(avg\): ([^\s,]{1,40})"
)
_MEMORY = re.compile(
    r"Memory footprint delta from the start of the tool \(MB\): init=(\S{1,40}) overall=(\S{1,40})"
)
_BLOCK = re.compile(
    r"(Model initialization|First inference|Warmup \((?:first|avg)\)|"
    r"Inference \((?:avg|min|max|median|p95)\)|Overall footprint):"
    r"\s{1,40}(\S{1,40})(?: (?:ms|MB))?(?: \((\d{1,12}) runs\))?"
)
_UNKNOWN_FLAGS = "Unconsumed cmdline flags:"


@dataclass(frozen=True)
class ToolResult:
    """What one run of the tool tells, as far as it does.

    Attributes:
        mean_ms: of the timed inferences.
        median_ms: of them; older versions do not tell.
        p95_ms: 95th percentile of them; older versions do not tell.
        min_ms: the fastest.
        max_ms: the slowest.
        count: timed inferences.
        load_ms: reading the file, making the interpreter and allocating its tensors.
        first_ms: the first inference.
        memory_bytes: by how much the tool's peak resident memory has grown since its start.
        delegate: what the output says was applied and executes nodes, such as ``XNNPACK``, or ``none``.
        nodes_delegated: operators of the first subgraph that delegates took.
        nodes: operators of the first subgraph.
        unknown_flags: options that this version of the tool does not know, without hyphens.
    """

    mean_ms: float
    median_ms: float | None = None
    p95_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    count: int | None = None
    load_ms: float | None = None
    first_ms: float | None = None
    memory_bytes: int | None = None
    delegate: str = NO_DELEGATE
    nodes_delegated: int | None = None
    nodes: int | None = None
    unknown_flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Line:
    number: int
    level: str
    text: str


def parse_output(text: str) -> ToolResult:
    """Reads the output of one run, in either format.

    Args:
        text: standard output and error of the tool together.

    Returns:
        What it tells.

    Raises:
        ResultsError: it tells no time of an inference, or a number is none; says which line.
    """
    lines = list(_lines(text))
    found: dict[str, float] = {}
    # From the least to the most exact: what comes later replaces what came earlier.
    for reader in (_from_summary, _from_block, _from_statistics):
        found.update(reader(lines))
    if "mean_ms" not in found:
        raise ResultsError(f"its output tells no time of an inference; {_last_words(lines)}")
    count = found.get("count")
    memory = found.get("memory_bytes")
    told = delegates_told(line.text for line in lines)
    result = ToolResult(
        mean_ms=found["mean_ms"],
        median_ms=found.get("median_ms"),
        p95_ms=found.get("p95_ms"),
        min_ms=found.get("min_ms"),
        max_ms=found.get("max_ms"),
        count=None if count is None else int(count),
        load_ms=found.get("load_ms"),
        first_ms=found.get("first_ms"),
        memory_bytes=None if memory is None else int(memory),
        delegate=told.name,
        nodes_delegated=told.nodes_delegated,
        nodes=told.nodes,
        unknown_flags=_unknown_flags(lines),
    )
    return checked(result)


def reason_of_failure(text: str) -> str:
    """Why the tool failed, as it says: its last error, else its last line; for a message, in one line."""
    lines = list(_lines(text))
    errors = [
        line for line in lines if line.level == "ERROR" and not line.text.startswith("Benchmarking failed")
    ]
    if errors:
        return _quoted(errors[-1].text)
    return _last_words(lines)


def unknown_flags(text: str) -> tuple[str, ...]:
    """Options that the tool says it does not know, without hyphens and values."""
    return _unknown_flags(list(_lines(text)))


def checked(result: ToolResult) -> ToolResult:
    """The result, if its numbers go together.

    Raises:
        ResultsError: an inference takes no time, or the fastest is slower than the slowest.
    """
    if result.mean_ms < _LEAST_MS or (result.median_ms is not None and result.median_ms < _LEAST_MS):
        raise ResultsError(
            "its output tells inferences that take no time: the model is too fast for the clock of the tool"
        )
    low, high = result.min_ms, result.max_ms
    if low is not None and high is not None and low > high:
        raise ResultsError(
            f"its output contradicts itself: the fastest inference takes {low:g} ms, the slowest {high:g}"
        )
    return result


def _lines(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line[:_LINE_LIMIT].strip()
        level = _LEVEL.match(stripped)
        if level is None:
            yield _Line(number, "", stripped)
        else:
            yield _Line(number, level.group(1), stripped[level.end() :].strip())


def _from_statistics(lines: list[_Line]) -> dict[str, float]:
    """The last line of statistics, which is that of the timed inferences, in milliseconds.

    Where all took the same time it has neither mean nor extremes, only the last time: ``curr=5012(all same)``.
    """
    told = [line for line in lines if line.text.startswith("count=")]
    if not told:
        return {}
    line = told[-1]
    values = {key: _number(value, line) for key, value in _STATISTIC.findall(line.text)}
    count = values.get("count") or 0.0
    if count < 1:
        raise ResultsError(f"line {line.number} of its output: no inference was timed: {_quoted(line.text)}")
    for key in ("avg", "min", "max"):
        if key not in values and "curr" in values:
            values[key] = values["curr"]
    names = {
        "avg": "mean_ms",
        "median": "median_ms",
        "p95": "p95_ms",
        "min": "min_ms",
        "max": "max_ms",
    }
    return {name: values[key] / 1e3 for key, name in names.items() if key in values} | {"count": count}


def _from_summary(lines: list[_Line]) -> dict[str, float]:
    """``Inference timings in us: …`` and the memory, of the classic tool."""
    found: dict[str, float] = {}
    for line in lines:
        summary = _SUMMARY.search(line.text)
        if summary is not None:
            load, first, _, mean = summary.groups()
            found["load_ms"] = _number(load, line) / 1e3
            found["mean_ms"] = _number(mean, line) / 1e3
            # Without a warm-up there is no first inference, and the tool prints the number of none.
            if not first.endswith("nan"):
                found["first_ms"] = _number(first, line) / 1e3
        memory = _MEMORY.search(line.text)
        if memory is not None:
            found["memory_bytes"] = _number(memory.group(2), line) * 2**20
    return found


def _from_block(lines: list[_Line]) -> dict[str, float]:
    """The block ``BENCHMARK RESULTS`` of LiteRT's tool, in milliseconds and megabytes."""
    names = {
        "Model initialization": "load_ms",
        "First inference": "first_ms",
        "Warmup (first)": "first_ms",
        "Inference (avg)": "mean_ms",
        "Inference (min)": "min_ms",
        "Inference (max)": "max_ms",
        "Inference (median)": "median_ms",
        "Inference (p95)": "p95_ms",
    }
    found: dict[str, float] = {}
    for line in lines:
        told = _BLOCK.match(line.text)
        if told is None:
            continue
        label, value, runs = told.groups()
        if label == "Overall footprint":
            found["memory_bytes"] = _number(value, line) * 2**20
        elif label in names:
            found[names[label]] = _number(value, line)
        if label == "Inference (avg)" and runs is not None:
            found["count"] = float(runs)
    return found


def _unknown_flags(lines: list[_Line]) -> tuple[str, ...]:
    told = [line.text.partition(_UNKNOWN_FLAGS)[2] for line in lines if _UNKNOWN_FLAGS in line.text]
    return tuple(re.findall(r"--(\w{1,60})", " ".join(told)))


def _number(text: str, line: _Line) -> float:
    """A number that is finite, not negative and no more than a time can be."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    # In microseconds for the classic tool, so the bound is a thousand times that of milliseconds.
    if not 0 <= value <= _MOST_MS * 1e3 or "_" in text:
        raise ResultsError(
            f"line {line.number} of its output: expected a number of 0 or more, "
            f"found {_quoted(text)} in {_quoted(line.text)}"
        )
    return value


def _last_words(lines: list[_Line]) -> str:
    said = [line for line in lines if line.text]
    return f"its last line is {_quoted(said[-1].text)}" if said else "it printed nothing"


def _quoted(text: str) -> str:
    """Foreign text for a message: printable, one line, not long."""
    shown = printable(text)
    return repr(shown if len(shown) <= 200 else shown[:197] + "…").replace("\\\\", "\\")
