"""Inspecting a large file: ``edgeq inspect`` on a network of 100 MB against what the runtime alone takes to load it.

The files are ResNet50 (He and others, CVPR 2016) with random weights as the public converter makes them: 102 MB in
float32 and 26 MB in int8. Each program is a fresh process, started in turn with the others: the whole command, printing
to a pipe, once for people and once as JSON; the same without running the file; and a bare process that loads the file
in LiteRT and allocates it, which is less than the command does, that runs it once, too.

Wall and CPU time are those of the whole process and of what it starts. The peaks of memory are VmHWM of the command's
own process and of its worker, asked by themselves before they end; megabytes are 10⁶ bytes. VmHWM counts the pages of
the file that were read through its mapping, which the system can take back at any time. Linux only.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import Run, Spread, cache_folder, print_table, process, run, side, version, write_result

from edgeq.files import atomic_directory

REPEATS = 7
TARGET_S = 2.0
TARGET_MB = 300.0

FILES = ("float32", "int8")
LARGE = "float32"
"""The one that the targets are for."""

BARE = "LiteRT, load and allocate"
WHOLE = "edgeq inspect"

_BARE = """
import sys
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
"""

_PEAKS = """
import json, sys
from pathlib import Path
from edgeq.cli import main
from edgeq.runtime.host import peak_memory_bytes
from edgeq.runtime.process import Worker

answer, workers, close = Path(sys.argv.pop()), [], Worker.close

def ask_and_close(self):
    workers.append(self.peak_memory_bytes())
    close(self)

Worker.close = ask_and_close
try:
    main(["inspect", *sys.argv[1:]])
finally:
    (worker,) = workers
    answer.write_text(json.dumps({"own_mb": peak_memory_bytes() / 1e6, "worker_mb": worker / 1e6}))
"""
"""The command as it is, but for the question; its arguments are the command's and a file for the answer."""

PROGRAMS = {
    BARE: [sys.executable, "-c", _BARE],
    WHOLE: [sys.executable, "-m", "edgeq", "inspect"],
    "edgeq inspect --json": [sys.executable, "-m", "edgeq", "inspect", "--json"],
    "edgeq inspect --no-run": [sys.executable, "-m", "edgeq", "inspect", "--no-run"],
}


def study(smoke: bool) -> None:
    """Makes the files, starts each program on each in turn, prints and writes."""
    files = _files(smoke)
    runs: dict[str, dict[str, list[Run]]] = {name: {program: [] for program in PROGRAMS} for name in files}
    peaks: dict[str, list[dict[str, float]]] = {name: [] for name in files}
    # The first start compiles modules and fills the file system's cache.
    for path in files.values():
        for command in PROGRAMS.values():
            process([*command, str(path)], smoke=True)
    for _ in range(2 if smoke else REPEATS):
        for name, path in files.items():
            for program, command in PROGRAMS.items():
                runs[name][program].append(process([*command, str(path)], smoke=smoke))
            peaks[name].append(_peaks(path))
    summary = {
        name: {
            "bytes": files[name].stat().st_size,
            "programs": {program: _spreads(each) for program, each in runs[name].items()},
            "ratios": Spread.of(_ratios(runs[name])),
            "own_mb": Spread.of([peak["own_mb"] for peak in peaks[name]]),
            "worker_mb": Spread.of([peak["worker_mb"] for peak in peaks[name]]),
        }
        for name in files
    }
    _print(summary, len(peaks[LARGE]))
    path = write_result(
        "inspection",
        {
            "smoke": smoke,
            "settings": {"repeats": REPEATS, "most_s": TARGET_S, "most_mb": TARGET_MB, "threads": 1},
            "summary": {**summary, "met": _met(summary[LARGE])},
            "raw": {"runs": runs, "peaks": peaks},
        },
        smoke=smoke,
    )
    print(f"written: {path}")


def _peaks(path: Path) -> dict[str, float]:
    """Peak memory of the command's own process and of its worker in megabytes."""
    with tempfile.TemporaryDirectory(prefix="edgeq-inspection-") as folder:
        answer = Path(folder, "peaks.json")
        process([sys.executable, "-c", _PEAKS, str(path), str(answer)], smoke=True)
        found: dict[str, float] = json.loads(answer.read_text(encoding="ascii"))
    return found


def _spreads(runs: list[Run]) -> dict[str, Spread]:
    return {
        "wall_s": Spread.of([done.wall_s for done in runs]),
        "cpu_s": Spread.of([done.cpu_s for done in runs]),
    }


def _ratios(runs: dict[str, list[Run]]) -> list[float]:
    """Wall time of the whole command to that of the bare process beside it."""
    return [round(whole.wall_s / bare.wall_s, 3) for whole, bare in zip(runs[WHOLE], runs[BARE], strict=True)]


def _met(row: dict[str, Any]) -> dict[str, bool]:
    seconds = [row["programs"][program]["wall_s"].median for program in PROGRAMS if program != BARE]
    return {
        "wall_s": max(seconds) < TARGET_S,
        "memory": max(row["own_mb"].median, row["worker_mb"].median) < TARGET_MB,
    }


def _print(summary: dict[str, Any], repeats: int) -> None:
    print_table(
        ["file, program", f"wall s, median of {repeats}", "CPU s"],
        [
            [f"{name}, {program}", spreads["wall_s"].text(), spreads["cpu_s"].text()]
            for name, row in summary.items()
            for program, spreads in row["programs"].items()
        ],
    )
    print()
    print_table(
        ["file", "MB", f"{WHOLE} / bare", "own peak MB", "worker's peak MB"],
        [
            [
                name,
                f"{row['bytes'] / 1e6:.0f}",
                row["ratios"].text(2),
                row["own_mb"].text(0),
                row["worker_mb"].text(0),
            ]
            for name, row in summary.items()
        ],
    )
    met = _met(summary[LARGE])
    print(f"\ntargets for {LARGE}: {TARGET_S} s {'met' if met['wall_s'] else 'missed'}, ", end="")
    print(f"{TARGET_MB:.0f} MB {'met' if met['memory'] else 'missed'}")


def _files(smoke: bool) -> dict[str, Path]:
    """The two files out of the cache; makes them where they are not there."""
    name = "smoke-inspection" if smoke else "resnet50"
    folder = cache_folder() / f"{name}-tf{version('tensorflow')}"
    if not folder.exists():
        side(__file__, "make", smoke=True, folder=str(folder), smoke_model=smoke)
    return {scheme: folder / f"{name}.{scheme}.tflite" for scheme in FILES}


def make(folder: str, smoke_model: bool) -> None:
    """Side: converts the network with the public converter, to float32 and with noise for calibration to int8."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    size = 32 if smoke_model else 224
    image = keras.Input((size, size, 3), name="image")
    model = _small(image) if smoke_model else keras.applications.ResNet50(weights=None, input_tensor=image)
    generator = np.random.default_rng(0)
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_directory(target) as new:
        for scheme in FILES:
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            if scheme == "int8":
                noise = generator.normal(size=(2, 1, size, size, 3)).astype(np.float32)
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda items=noise: ([item] for item in items)
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.int8
            name = target.name.partition("-tf")[0]
            (new / f"{name}.{scheme}.tflite").write_bytes(converter.convert())


def _small(image: Any) -> Any:
    import keras

    values = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(image)
    return keras.Model(image, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(values)))


if __name__ == "__main__":
    run(__file__, study, [make])
