"""Range statistics: edgeq's on all cores against the calibration of TensorFlow's own converter, same file, same images.

Each side is a fresh process that has the float32 file, which the converter made, and 100 images as float32 arrays
before its clock starts; what is read, imported or converted before is not counted. What is counted of the converter is
``Calibrator.calibrate`` alone: it feeds the images to the float32 file and keeps the minimum and the maximum of each
activation. Its adding of logging operators, its loading of the file and its quantizing are left out. What is counted of
edgeq is `gather_in_parallel` from call to return: the processes start, import and load the file, run the images, and
histograms and the extremes of each image come back. A third side is edgeq's in its own process, without a pool.

Where the extremes of both differ by more than rounding, the activation is made the file's output and run once more
without either: the study fails if edgeq's are not those. Of the tensors where the converter's differ one was looked at:
an ADD reads it, and it had the sum's extremes, as if TensorFlow Lite had put the sum in its place before.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import subject
from common import Run, Spread, print_table, run, side, write_result

REPEATS = 5
MOST_TIME = 0.25

_SAME = 1e-3
"""In parts of a tensor's width. The converter runs kernels that add in another order."""


def study(smoke: bool) -> None:
    """Alternates the sides, compares what they found, prints and writes."""
    model = subject.subject(smoke)
    names = ("converter", "edgeq", "edgeq, one process")
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="edgeq-ranges-") as folder:
        float32 = str(Path(folder, f"{model.model.stem}.tflite"))
        side(__file__, "converted", smoke=True, model=str(model.model), output=float32)
        given = {"file": float32, "images": str(model.images), "folder": folder}
        for position in range(1 if smoke else REPEATS):
            runs["converter"].append(side(__file__, "calibrated", smoke=smoke, **given))
            runs["edgeq"].append(side(__file__, "gathered", smoke=smoke, **given, parallel=True))
            runs["edgeq, one process"].append(
                side(__file__, "gathered", smoke=smoke, **given, parallel=False)
            )
            seconds = ", ".join(f"{name} {runs[name][-1].answer['wall_s']:.2f} s" for name in names)
            print(f"{position + 1}: {seconds}", flush=True)

        ours, theirs = (runs[name][0].answer["ranges"] for name in ("edgeq", "converter"))
        differ = _different(ours, theirs)
        direct = side(__file__, "measured", smoke=True, **given, names=differ).answer
    wrong = _different({name: ours[name] for name in differ}, direct)
    if wrong or set(theirs) - set(ours):
        raise SystemExit(
            f"edgeq's extremes of {len(wrong)} activations are not those of a plain run: {wrong}"
        )
    medians = {
        name: {key: Spread.of([made.answer[key] for made in runs[name]]) for key in ("wall_s", "cpu_s")}
        for name in names
    }
    ratios = {
        name: Spread.of(
            [
                our.answer["wall_s"] / their.answer["wall_s"]
                for our, their in zip(runs[name], runs["converter"], strict=True)
            ]
        )
        for name in names[1:]
    }
    rows = [[name, found["wall_s"].text(2), found["cpu_s"].text(2)] for name, found in medians.items()]
    print()
    print_table(["side", f"wall s, median of {len(runs['edgeq'])}", "CPU s"], rows)
    print(f"\ntime, edgeq / converter: {ratios['edgeq'].text()}, target at most {MOST_TIME}")
    print(f"time, edgeq in one process / converter: {ratios['edgeq, one process'].text()}")
    print(
        f"activations: {len(ours)}; the converter's extremes differ from a plain run's in {len(differ)}, edgeq's in 0"
    )
    path = write_result(
        "range_statistics",
        {
            "smoke": smoke,
            "settings": {
                "model": model.model.stem,
                "images": subject.CALIBRATION_IMAGES,
                "counted_of_converter": "Calibrator.calibrate",
                "counted_of_edgeq": "gather_in_parallel, start of its processes included",
                "cpu_of": "the process and those that it started, during what is counted",
            },
            "summary": {
                "medians": medians,
                "time_ratio": ratios["edgeq"],
                "time_ratio_one_process": ratios["edgeq, one process"],
                "activations": len(ours),
                "extremes_of_converter_differ_from_plain_run": differ,
                "met": ratios["edgeq"].median <= MOST_TIME,
            },
            "raw": {
                name: [
                    {**made.to_json(), "counted": {key: made.answer[key] for key in ("wall_s", "cpu_s")}}
                    for made in found
                ]
                for name, found in runs.items()
            },
        },
        smoke=smoke,
    )
    print(f"\n{path}")


def converted(model: str, output: str) -> None:
    """Side: the float32 file, for both."""
    import keras
    import tensorflow as tf

    loaded = keras.models.load_model(model, compile=False)
    Path(output).write_bytes(tf.lite.TFLiteConverter.from_keras_model(loaded).convert())


def calibrated(file: str, images: str, folder: str) -> dict[str, Any]:
    """Side: the converter's calibration of the float32 file."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.python.optimize import calibrator

    pixels = subject.real_values(np.load(images)["image"])
    # As `TFLiteConverter._quantize` does it.
    wrapper = calibrator.Calibrator(calibrator.add_intermediate_tensors(Path(file).read_bytes()))
    wall, cpu = time.perf_counter(), time.process_time()
    content = wrapper.calibrate(lambda: ([item[None]] for item in pixels))
    counted = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    ranges = {
        tensor.name.decode(): [float(tensor.quantization.min[0]), float(tensor.quantization.max[0])]
        for tensor in graph.tensors
        if tensor.quantization is not None and tensor.quantization.min is not None
    }
    return counted | {"ranges": ranges}


def gathered(file: str, images: str, folder: str, parallel: bool) -> dict[str, Any]:
    """Side: edgeq's statistics of the float32 file."""
    import os

    from edgeq.quantize.items import write_arrays
    from edgeq.quantize.statistics import gather_in_parallel, gather_statistics

    items = write_arrays({_input(file): subject.real_values(np.load(images)["image"])}, Path(folder, "items"))
    wall, before = time.perf_counter(), os.times()
    found = (
        gather_in_parallel(Path(file), items)
        if parallel
        else gather_statistics(Path(file).read_bytes(), items)
    )
    after = os.times()
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": sum(after[:4]) - sum(before[:4]),
        "ranges": {name: [entry.minimum, entry.maximum] for name, entry in found.items()},
    }


def measured(file: str, images: str, folder: str, names: list[str]) -> dict[str, list[float]]:
    """Side: extremes of activations that are outputs of a file of their own."""
    from ai_edge_litert.interpreter import Interpreter

    from edgeq.quantize.editable import EditableModel

    pixels = subject.real_values(np.load(images)["image"])
    found = {}
    for name in names:
        model = EditableModel(Path(file).read_bytes())
        model.graph.outputs = np.array([model.index(name)], np.int32)
        model.model.signatureDefs = []
        interpreter = Interpreter(model_content=model.content(), num_threads=1)
        interpreter.allocate_tensors()
        (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
        extremes = []
        for item in pixels:
            interpreter.set_tensor(given["index"], item[None])
            interpreter.invoke()
            values = interpreter.get_tensor(result["index"])
            extremes.append((values.min(), values.max()))
        lows, highs = zip(*extremes, strict=True)
        found[name] = [float(min(lows)), float(max(highs))]
    return found


def _input(file: str) -> str:
    """Name of the file's one input."""
    from edgeq.tflite.io import model_io
    from edgeq.tflite.model import read_model

    ((given,), _) = model_io(read_model(Path(file)))
    return given.name


def _different(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> list[str]:
    """Activations whose extremes differ by more than rounding, of those that both have."""
    return [
        name
        for name in sorted(set(ours) & set(theirs))
        if np.abs(np.subtract(ours[name], theirs[name])).max() > _SAME * (ours[name][1] - ours[name][0])
    ]


if __name__ == "__main__":
    run(__file__, study, [converted, calibrated, gathered, measured])
