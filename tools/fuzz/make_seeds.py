"""Writes a corpus for ``fuzz_tflite.py``: small real files, each whole and with one field-aware mutation."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_OPERATORS = 4
"""Of the demo's files: with more, executions are slow and find no more."""


def main() -> None:
    """Writes into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    mutants = runpy.run_path(str(_ROOT / "tests" / "robustness" / "mutants.py"))
    seeds = {path.stem: path.read_bytes() for path in sorted((_ROOT / "tests/tflite/data").glob("*.tflite"))}
    for path in sorted((_ROOT / "edgeq/demo/bundle").glob("*.tflite")):
        seeds[path.stem] = mutants["without_weights"](path.read_bytes(), _OPERATORS)
    written = 0
    for number, (name, content) in enumerate(seeds.items()):
        (folder / f"{name}.tflite").write_bytes(content)
        (folder / f"{name}.labels.tflite").write_bytes(mutants["with_labels"](content, b"cat\ndog\n", 20))
        for mutation in mutants["MUTATIONS"]:
            changed = mutants["mutant"](content, [mutation], number)
            if len(changed) < 2 * len(content):
                (folder / f"{name}.{mutation}.tflite").write_bytes(changed)
                written += 1
    sys.stdout.write(f"{written} mutants of {len(seeds)} files\n")


if __name__ == "__main__":
    main()
