"""Result files: measurements as JSON Lines, one a line, read and appended.

A measurement is appended with one write and one fsync. What a kill may leave is a last line without its end;
the reader names it, and appending refuses to continue behind it.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgeq.benchmark.measurement import Measurement, from_json, to_json
from edgeq.errors import OutputError, ResultsError


def to_line(measurement: Measurement) -> str:
    """The measurement as one line of JSON Lines, without its newline.

    Raises:
        ResultsError: a number in it is infinite or not a number, which JSON cannot hold.
    """
    try:
        return json.dumps(to_json(measurement), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ResultsError(
            f"the measurement of {measurement.variant.name} holds a number that is not finite: {error}"
        ) from error


def read_results(paths: Iterable[str | Path]) -> tuple[Measurement, ...]:
    """Reads result files and merges what they have twice.

    Args:
        paths: files of JSON Lines.

    Returns:
        The measurements in the order of the files; see `merge` for duplicates.

    Raises:
        ResultsError: a file is missing, is not JSON Lines, is cut off or has a newer schema; the message
            names file and line.
    """
    return merge(measurement for path in paths for measurement in _read(Path(path)))


def merge(measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Joins measurements of one file in one session with one thread count.

    Latency, accuracy, memory and parity each come from the last one that has them, so that a file read twice counts
    once, and one that was measured for latency and then for accuracy becomes one measurement.
    """
    merged: dict[tuple[object, ...], Measurement] = {}
    for measurement in measurements:
        key = _key(measurement)
        earlier = merged.get(key)
        merged[key] = measurement if earlier is None else _join(earlier, measurement)
    return tuple(merged.values())


def require_some(measurements: Sequence[Measurement]) -> None:
    """Makes sure that there is something to report.

    Raises:
        ResultsError: there is no measurement.
    """
    if not measurements:
        raise ResultsError("there are no measurements to report: run 'edgeq benchmark' first")


def append_results(path: str | Path, measurements: Sequence[Measurement]) -> None:
    """Appends measurements to a file of JSON Lines; the file is made where there is none.

    Raises:
        ResultsError: the file holds something else, or its last line is cut off.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    lines = [to_line(measurement).encode() + b"\n" for measurement in measurements]
    check_appendable(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            for line in lines:
                _write_all(descriptor, line, is_file)
                if is_file:
                    os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}; {_remedy(error)}") from error


def _remedy(error: OSError) -> str:
    return (
        "free some space or write to another file"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        else "write to another file with -o"
    )


def check_appendable(path: str | Path) -> None:
    """Makes sure that measurements can be appended, before an hour is spent on measuring them.

    Raises:
        ResultsError: the file holds something else than measurements, or its last line is cut off.
        OutputError: its folder is missing.
    """
    path = Path(path)
    if not path.exists():
        if not path.parent.is_dir():
            raise OutputError(f"{path}: the folder {path.parent} does not exist: create it first")
        return
    if not path.is_file() and not path.is_dir():
        # A pipe would wait for a writer, and a device may have no end.
        return
    data = _bytes(path)
    _read(path)
    if data and not data.endswith(b"\n"):
        raise ResultsError(
            f"{path}: the last line has no newline at its end: add one, or write to another file"
        )


def _key(measurement: Measurement) -> tuple[object, ...]:
    variant, runtime = measurement.variant, measurement.runtime
    return (
        measurement.session,
        (measurement.environment.device_id, measurement.environment.reached_by),
        (runtime.name, runtime.version),
        (variant.model, variant.name, variant.sha256),
        measurement.threads,
    )


def _join(earlier: Measurement, later: Measurement) -> Measurement:
    changes: dict[str, Any] = {}
    for name in ("latency", "accuracy", "peak_memory_bytes", "parity"):
        if getattr(later, name) is None:
            changes[name] = getattr(earlier, name)
    if later.latency is None:
        # Why times must not be compared belongs to the times.
        changes["invalid"] = earlier.invalid
    return dataclasses.replace(later, **changes)


def _write_all(descriptor: int, line: bytes, is_file: bool) -> None:
    # One write where the system takes it all, which for a regular file it does unless the disk is full.
    written = os.write(descriptor, line)
    while written < len(line):
        try:
            written += os.write(descriptor, line[written:])
        except OSError:
            if is_file:
                # Half a line would make the whole file unreadable.
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            raise


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise ResultsError(f"{path}: expected a file of JSON Lines, found a folder")
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ResultsError(
            f"{path}: no such file: expected results that 'edgeq benchmark -o FILE.jsonl' wrote"
        ) from error
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from error


def _read(path: Path) -> list[Measurement]:
    lines = _bytes(path).split(b"\n")
    measurements: list[Measurement] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        is_cut_off = number == len(lines)
        try:
            value = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            if is_cut_off and measurements:
                raise ResultsError(
                    f"{where}: cut off, its writing was interrupted: delete this line to read the rest"
                ) from error
            raise ResultsError(
                f"{where}: not JSON Lines: expected one measurement a line, as in the .jsonl file that "
                "'edgeq benchmark -o' writes"
            ) from error
        try:
            measurements.append(from_json(value))
        except ResultsError as error:
            raise ResultsError(f"{where}: {error}") from error
    return measurements


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
