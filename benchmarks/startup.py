"""Starting: the CPU time of ``edgeq --help`` and of ``import edgeq``, beside an interpreter that does nothing.

Each program is a fresh process, started nine times in turn with the others. What counts is CPU time, user and system,
of the whole process: the time that a shell completion or a script that calls edgeq in a loop pays each time.
"""

from __future__ import annotations

import sys

from common import Run, Spread, print_table, process, run, write_result

REPEATS = 9
TARGET_S = 0.15
"""What a person does not notice, beside the 0.1 s that NumPy alone would take."""

PROGRAMS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import edgeq": [sys.executable, "-c", "import edgeq"],
    "edgeq --help": [sys.executable, "-m", "edgeq", "--help"],
}


def study(smoke: bool) -> None:
    """Starts each program in turn, prints and writes."""
    runs: dict[str, list[Run]] = {name: [] for name in PROGRAMS}
    for command in PROGRAMS.values():
        # The first start compiles modules and fills the file system's cache.
        process(command, smoke=True)
    for _ in range(2 if smoke else REPEATS):
        for name, command in PROGRAMS.items():
            runs[name].append(process(command, smoke=smoke))

    cpu = {name: Spread.of([done.cpu_s for done in each]) for name, each in runs.items()}
    wall = {name: Spread.of([done.wall_s for done in each]) for name, each in runs.items()}
    print_table(
        ["program", f"CPU s, median of {len(next(iter(runs.values())))}", "wall s", f"within {TARGET_S} s"],
        [
            [name, cpu[name].text(), wall[name].text(), "yes" if cpu[name].median <= TARGET_S else "no"]
            for name in PROGRAMS
        ],
    )
    path = write_result(
        "startup",
        {
            "settings": {"repeats": REPEATS, "target_s": TARGET_S, "smoke": smoke},
            "summary": {name: {"cpu_s": cpu[name], "wall_s": wall[name]} for name in PROGRAMS},
            "runs": runs,
        },
        smoke=smoke,
    )
    print(f"written: {path}")


if __name__ == "__main__":
    run(__file__, study, [])
