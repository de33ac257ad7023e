"""The program inside a packed bundle: verifies, checks parity, measures, prints the table, writes JSON Lines.

It runs on a bare device, from the archive, with the standard library, NumPy and a TensorFlow Lite runtime alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import edgeq
from edgeq.benchmark.measurement import reached, to_json
from edgeq.benchmark.parity import parity_code
from edgeq.benchmark.session import Progress, Session
from edgeq.benchmark.targets import Targets, find_targets
from edgeq.devices.here import measure_here
from edgeq.devices.hosts import remote_job
from edgeq.devices.job_options import JobOptions, add_options, job_options
from edgeq.devices.packed.archive import extract_bundle
from edgeq.devices.packed.inputs import PackedInputs, read_inputs
from edgeq.errors import EXIT_BAD_INPUT, EXIT_FINE, EXIT_PARTIAL, DataError, EdgeqError, UsageError
from edgeq.report.plain_text import plain_report
from edgeq.report.results import append_results, check_appendable, to_line
from edgeq.runtime.available import find_runtime
from edgeq.scratch import scratch_folder
from edgeq.unwinding import INTERRUPTED, explanation, prepare_process

_REDRAW_S = 0.2


def main(archive: str, arguments: Sequence[str] | None = None) -> int:
    """Runs the packed bundle.

    Args:
        archive: path of the packed bundle.
        arguments: instead of ``sys.argv[1:]``.

    Returns:
        The exit code.
    """
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
        # The archive's first file has ended the program so far.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    prepare_process()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == [remote_job.COMMAND]:
            return remote_job.main(Path(archive), words[1:], run)
        return _measure(Path(archive), words)
    except EdgeqError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return EXIT_FINE
    except OSError as error:
        return _fail(explanation(error), EXIT_BAD_INPUT)


def run(archive: Path, options: JobOptions, progress: Progress | None = None) -> Session:
    """Measures what is packed.

    Args:
        archive: the packed bundle.
        options: what is measured.
        progress: called with what is being done, how much of it is done, and how much there is.

    Raises:
        EdgeqError: the bundle is damaged, or nothing can be measured.
        OSError: there is no room to unpack it.
    """
    # Before anything is unpacked: this is the commonest thing to be missing.
    find_runtime(options.runtime)
    with scratch_folder("packed") as folder:
        bundle, inputs_path = extract_bundle(archive, folder)
        targets = find_targets([bundle], options.variants)
        inputs = None if inputs_path is None or not options.accuracy else read_inputs(inputs_path)
        try:
            return _measured(targets, inputs, options, archive.stem, progress)
        except DataError as error:
            # Such as labels of another model: what does not need them is measured all the same.
            session = _measured(targets, None, options, archive.stem, progress)
            reason = f"{error}; pack the bundle again, with the data set right"
            return dataclasses.replace(session, failures={**session.failures, "accuracy": reason})


def _measured(
    targets: Targets, inputs: PackedInputs | None, options: JobOptions, name: str, progress: Progress | None
) -> Session:
    if inputs is None:
        return measure_here(targets, options, progress=progress)
    return measure_here(
        targets,
        options,
        data=inputs.dataset(f"{name}'s packed inputs"),
        preprocessing=inputs.preprocessing,
        task=inputs.task,
        progress=progress,
    )


def _measure(archive: Path, words: Sequence[str]) -> int:
    parsed = _parser(archive).parse_args(words)
    results = _results_file(parsed.output, archive)
    with _ProgressLine() as progress:
        session = run(archive, job_options(parsed), progress)
    for note in session.notes:
        _say(note)
    # Two boards of one kind are told apart by their names.
    measurements = reached(session.measurements, f"packed:{platform.node()}")
    if results is not None:
        append_results(results, measurements)
    if parsed.json:
        sys.stdout.write(json.dumps([to_json(one) for one in measurements]) + "\n")
    elif results is None:
        sys.stdout.write("".join(f"{to_line(one)}\n" for one in measurements))
    else:
        sys.stdout.write(
            plain_report(
                measurements,
                width=shutil.get_terminal_size().columns,
                encoding=sys.stdout.encoding or "ascii",
            )
        )
    if results is not None:
        _say(f"written: {results} (edgeq report {results} merges it with others)")
    for variant, reason in session.failures.items():
        _say(f"not measured: {variant}: {reason.removeprefix(f'{variant}: ')}")
    return parity_code(session.measurements) or (EXIT_PARTIAL if session.failures else EXIT_FINE)


def _results_file(asked: str | None, archive: Path) -> Path | None:
    """Where measurements are appended to; None for stdout."""
    if asked == "-":
        return None
    path = Path(asked or f"{archive.stem}.jsonl")
    if path.suffix != ".jsonl":
        raise UsageError(
            f"-o {path}: expected a name that ends in .jsonl, or -; edgeq report makes the others of it"
        )
    check_appendable(path)
    return path


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, and the exit code of wrong usage."""
        sys.exit(_fail(f"{message} ({self.prog} --help lists the options)", EXIT_BAD_INPUT))


def _parser(archive: Path) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=archive.name,
        description="Verifies the packed .tflite files, checks that this device computes what was recorded, and "
        "measures latency, memory, size and, on the packed inputs, accuracy.",
        epilog="Exit codes: 0 fine; 1 a variant does not compute what was recorded; 2 wrong usage, a damaged archive "
        "or no runtime; 3 a variant could not be measured, the others were.",
    )
    add_options(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=f"JSON Lines to append to, {archive.stem}.jsonl by default; - for stdout",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the measurements as JSON instead of the table"
    )
    parser.add_argument("--version", action="version", version=f"edgeq {edgeq.__version__}")
    return parser


class _ProgressLine:
    """What is being done, on a line of stderr that is drawn over; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._drawn = 0.0

    def __enter__(self) -> Progress:
        return self._update

    def __exit__(self, *exception: object) -> None:
        if self._shown and self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _update(self, what: str, done: int, total: int) -> None:
        if not self._shown or (done < total and time.monotonic() - self._drawn < _REDRAW_S):
            return
        self._drawn = time.monotonic()
        sys.stderr.write(f"\r\x1b[K{what}: {done:,} of {total:,}")
        sys.stderr.flush()


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")


def _fail(message: str, code: int) -> int:
    _say(f"edgeq: {message}")
    return code
