"""Starting: the CPU time of ``edgeq --help`` and of ``import edgeq``, and the way to the first inference.

Each program is a fresh process, started nine times in turn with the others. What counts is CPU time, user and system,
of the whole process: the time that a shell completion or a script that calls edgeq in a loop pays each time.

Of ``edgeq benchmark BUNDLE`` it is the wall time that counts, from starting its process to the moment when the first
worker has answered its first command, ``load``, which runs one inference; there it is ended. The bundle is the one of
six variants of MobileNetV2 at 224 pixels.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import subject
from common import Run, Spread, print_table, process, run, write_result

REPEATS = 9
TARGET_S = 0.15
"""What a person does not notice, beside the 0.1 s that NumPy alone would take."""

FIRST_INFERENCE = "edgeq benchmark, to the first inference"
FIRST_INFERENCE_TARGET_S = 0.6

_BENCHMARK = """
import sys, time
from pathlib import Path
from edgeq.runtime.process import Worker

load = Worker.load

def load_and_end(self, path, threads, runtime):
    load(self, path, threads, runtime)
    Path(sys.argv.pop()).write_text(repr(time.monotonic()))
    raise SystemExit(0)

Worker.load = load_and_end
from edgeq.cli import main
main(["benchmark", sys.argv[1]])
"""
"""The command as it is, but for its end; its arguments are the bundle and a file for the time."""

PROGRAMS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import edgeq": [sys.executable, "-c", "import edgeq"],
    "edgeq --help": [sys.executable, "-m", "edgeq", "--help"],
}


def study(smoke: bool) -> None:
    """Starts each program in turn, prints and writes."""
    bundle = subject.bundle(smoke).folder
    runs: dict[str, list[Run]] = {name: [] for name in (*PROGRAMS, FIRST_INFERENCE)}
    first_inference: list[float] = []
    # The first start compiles modules and fills the file system's cache.
    for command in PROGRAMS.values():
        process(command, smoke=True)
    _until_first_inference(bundle, smoke=True)
    for _ in range(2 if smoke else REPEATS):
        for name, command in PROGRAMS.items():
            runs[name].append(process(command, smoke=smoke))
        done, seconds = _until_first_inference(bundle, smoke=smoke)
        runs[FIRST_INFERENCE].append(done)
        first_inference.append(seconds)

    summary: dict[str, Any] = {
        name: {
            "cpu_s": Spread.of([done.cpu_s for done in each]),
            "wall_s": Spread.of([done.wall_s for done in each]),
        }
        for name, each in runs.items()
    }
    # Without what it takes to end the processes.
    summary[FIRST_INFERENCE]["wall_s"] = Spread.of(first_inference)
    met = {name: summary[name]["cpu_s"].median <= TARGET_S for name in PROGRAMS}
    met[FIRST_INFERENCE] = summary[FIRST_INFERENCE]["wall_s"].median < FIRST_INFERENCE_TARGET_S
    targets = dict.fromkeys(PROGRAMS, f"CPU {TARGET_S} s")
    targets[FIRST_INFERENCE] = f"wall {FIRST_INFERENCE_TARGET_S} s"
    print_table(
        ["program", f"CPU s, median of {len(first_inference)}", "wall s", "target", "met"],
        [
            [name, row["cpu_s"].text(), row["wall_s"].text(), targets[name], "yes" if met[name] else "no"]
            for name, row in summary.items()
        ],
    )
    path = write_result(
        "startup",
        {
            "smoke": smoke,
            "settings": {"repeats": REPEATS, "targets": targets},
            "summary": {**summary, "met": met},
            "raw": {"runs": runs, "first_inference_s": first_inference},
        },
        smoke=smoke,
    )
    print(f"written: {path}")


def _until_first_inference(bundle: Path, *, smoke: bool) -> tuple[Run, float]:
    """The run, and the seconds from its start to the first worker's first answer."""
    with tempfile.TemporaryDirectory(prefix="edgeq-startup-") as folder:
        answered = Path(folder, "answered")
        done = process([sys.executable, "-c", _BENCHMARK, str(bundle), str(answered)], smoke=smoke)
        # Both clocks are the system's: it is the same in all processes.
        after = time.monotonic() - float(answered.read_text(encoding="ascii"))
    return done, done.wall_s - after


if __name__ == "__main__":
    run(__file__, study, [])
