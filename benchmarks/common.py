"""What the studies share: every side in a fresh process, quiet around it, the result file and the table.

A study is a file whose last line is ``run(__file__, study, sides)``. A *side* is a function of that file which
`side` runs in a process of its own; its arguments and its answer travel as JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq import cache
from edgeq.benchmark.environment import read_environment
from edgeq.files import write_atomic

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("edgeq", "numpy", "tensorflow", "keras", "ai-edge-litert")

_CPU_SHARE_OF_OTHERS = 0.25
"""A run beside programs that used more than this share of one core is made again, whatever came out."""

_MOST_REPETITIONS = 4
_QUIET_LIMIT_S = 300.0


@dataclass(frozen=True)
class Run:
    """A process that ended well.

    Attributes:
        answer: what the side returned; None for a foreign program.
        wall_s: from starting the process to its end.
        cpu_s: of the process and all that it started and waited for.
        others_cpu_s: of everything else on the machine meanwhile; None where the system does not say.
        peak_mib: peak resident memory of the largest of its processes (``ru_maxrss`` of ``wait4``).
        repeated: how many runs before it were thrown away, because other programs were running.
    """

    answer: Any
    wall_s: float
    cpu_s: float
    others_cpu_s: float | None
    peak_mib: float
    repeated: int = 0

    def to_json(self) -> dict[str, Any]:
        """Everything but the answer."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "answer"
        }


@dataclass(frozen=True)
class Spread:
    """One number out of several runs: the median with the smallest and the largest."""

    median: float
    least: float
    most: float
    n: int

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return Spread(statistics.median(values), min(values), max(values), len(values))

    def text(self, digits: int = 3) -> str:
        """``median (least–most)``."""
        return f"{self.median:.{digits}f} ({self.least:.{digits}f}–{self.most:.{digits}f})"


def side(script: str | Path, name: str, *, smoke: bool = False, **arguments: Any) -> Run:
    """Runs a side of a study in a fresh process.

    Args:
        script: the study's file.
        name: of the function.
        smoke: neither waits for quiet nor repeats.
        arguments: JSON values.

    Raises:
        SystemExit: the process failed; its last lines are the message.
    """
    with tempfile.TemporaryDirectory(prefix="edgeq-study-") as folder:
        answer = Path(folder, "answer.json")
        given = json.dumps(arguments)
        done = process(
            [sys.executable, str(script), "--side", name, given, "--answer", str(answer)], smoke=smoke
        )
        return dataclasses.replace(done, answer=json.loads(answer.read_text(encoding="utf-8")))


def process(command: Sequence[str], *, smoke: bool = False) -> Run:
    """Runs a program to its end, alone on the machine as far as that can be had.

    Args:
        command: the program and its arguments.
        smoke: neither waits for quiet nor repeats.

    Raises:
        SystemExit: the program failed; its last lines are the message.
    """
    repeated = 0
    while True:
        if not smoke:
            wait_for_quiet()
        run = dataclasses.replace(_once(command), repeated=repeated)
        alone = run.others_cpu_s is None or run.others_cpu_s <= _CPU_SHARE_OF_OTHERS * run.wall_s
        if smoke or alone or repeated == _MOST_REPETITIONS:
            return run
        repeated += 1
        print(f"  again: others used {run.others_cpu_s:.1f} s of CPU in {run.wall_s:.1f} s", flush=True)


def _once(command: Sequence[str]) -> Run:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    # Users have compiled modules; without them each process would begin by compiling edgeq.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as log:
        busy, start = _busy_s(), time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        wall, busy_now = time.perf_counter() - start, _busy_s()
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            log.seek(0)
            tail = log.read().decode("utf-8", "replace")[-3000:]
            raise SystemExit(f"{' '.join(command)}\nended with status {child.returncode}:\n{tail}")
    cpu = usage.ru_utime + usage.ru_stime
    others = None if busy is None or busy_now is None else round(max(0.0, busy_now - busy - cpu), 3)
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Run(None, round(wall, 4), round(cpu, 3), others, round(peak, 1))


def wait_for_quiet() -> None:
    """Waits until others use less than a quarter of a core for two seconds, but not longer than five minutes."""
    deadline = time.monotonic() + _QUIET_LIMIT_S
    told = False
    while time.monotonic() < deadline:
        before, own = _busy_s(), time.process_time()
        time.sleep(2)
        after = _busy_s()
        if before is None or after is None:
            return
        if after - before - (time.process_time() - own) <= 2 * _CPU_SHARE_OF_OTHERS:
            return
        if not told:
            print("  waiting for other programs", flush=True)
            told = True


def _busy_s() -> float | None:
    """Seconds that all cores together were not idle since the system started; None elsewhere than on Linux."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def cache_folder() -> Path:
    """Where models and images of the studies lie."""
    return cache.cache_folder("benchmarks")


def version(package: str) -> str:
    """Of an installed package; ``none`` where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def write_result(study: str, result: Mapping[str, Any], *, smoke: bool) -> Path:
    """Writes the result with machine, versions and date.

    Args:
        study: its name.
        result: settings, summary and raw figures; JSON values and dataclasses.
        smoke: writes into a temporary folder instead: smoke runs claim nothing.

    Returns:
        Where it was written.
    """
    folder = Path(tempfile.gettempdir()) / "edgeq-smoke" if smoke else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "study": study,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": dataclasses.asdict(read_environment()),
        "versions": {package: version(package) for package in PACKAGES},
        **result,
    }
    path = folder / f"{study}.json"
    write_atomic(path, json.dumps(content, indent=1, default=_plain) + "\n")
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, Run):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints columns, the first one left-aligned."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells))


def run(script: str, study: Callable[[bool], None], sides: Sequence[Callable[..., Any]]) -> None:
    """The command line of a study: itself, or one of its sides in the process that `side` started.

    Args:
        script: the study's file, for the description.
        study: called with whether it is a smoke run.
        sides: by their function names.
    """
    parser = argparse.ArgumentParser(description=f"The study in {Path(script).name}; see README.md there.")
    parser.add_argument("--smoke", action="store_true", help="a tiny model and few runs: claims nothing")
    parser.add_argument("--side", nargs=2, metavar=("NAME", "ARGUMENTS"), help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is None:
        study(options.smoke)
        return
    name, arguments = options.side
    function = {function.__name__: function for function in sides}[name]
    options.answer.write_text(json.dumps(function(**json.loads(arguments))), encoding="utf-8")
