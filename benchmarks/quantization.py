"""What quantization loses: the converter and litert-quantizer as they come against `edgeq optimize`, on CIFAR-10.

``python benchmarks/quantization.py`` takes the ResNet of ``converters/`` and the same made hard; `quantization_gates`
takes the networks with gates. All files of a network are made from the same model and the same calibration images, 200
of the ResNets and 500 of the networks with gates, and answer the 10,000 test images. The search sees these, too: its
choice among the few files that it measures there flatters it by less than the intervals that it prints; ranges,
rewrites and weights never see them. Agreement is the share of images on which the answer is the float32 file's, drop
what is lost of top-1 accuracy. Latency is the median of alternating runs of all files of a network in one process, one
thread.

Four-bit files of litert-quantizer have its ranges too; ``octav`` is its own better method for weights.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import print_table, run, side, write_result

CONVERTERS = Path(__file__).resolve().parents[1] / "converters"
sys.path.insert(0, str(CONVERTERS))

INT8_SEARCHES = {"cifar10_resnet": 0.15, "cifar10_resnet_hard": 0.3}
"""Largest drop that the search for the fastest file may lose, in percentage points, by converter script."""

SMALLEST = ("cifar10_resnet", 1.5)
"""The network whose smallest file is searched, and its largest drop."""

IMAGES = 10_000
ROUNDS, RUNS = 7, 300
BATCH = 100
SMOKE_IMAGES = 200


def study(smoke: bool) -> None:
    """Makes every file, scores all files of a network at once, prints and writes."""
    searches = {script: [("latency", drop)] for script, drop in INT8_SEARCHES.items()}
    searches[SMALLEST[0]].append(("size", SMALLEST[1]))
    compare("quantization", {SMALLEST[0]: searches[SMALLEST[0]]} if smoke else searches, smoke, labels=True)


def compare(
    name: str, searches: Mapping[str, Sequence[tuple[str, float]]], smoke: bool, *, labels: bool
) -> None:
    """Compares what searches find with what other tools make, network by network.

    Args:
        name: of the results.
        searches: objective and largest drop in percentage points, by converter script.
        smoke: whether little is measured.
        labels: whether the searches see them; without, all layers stay in int8 and a drop is one of agreement.
    """
    results = {}
    with tempfile.TemporaryDirectory(prefix="edgeq-quantization-") as folder:
        for script, wanted in searches.items():
            results[script] = _network(script, wanted, Path(folder, script), smoke, labels)
    head = ["network", "file", "top-1 %", "drop pp", "agreement %", "kB", "of stock", "latency of stock"]
    rows = [
        [script, file, *(f"{value:.2f}" for value in _figures(found["files"], file))]
        for script, found in results.items()
        for file in found["files"]
    ]
    print_table(head, rows)
    for script, found in results.items():
        for made in found["searches"]:
            print(f"{script}: {made}")
    path = write_result(name, {"smoke": smoke, "images": IMAGES, "networks": results}, smoke=smoke)
    print(f"\n{path}")


def _network(
    script: str, searches: Sequence[tuple[str, float]], folder: Path, smoke: bool, labels: bool
) -> dict[str, Any]:
    """Files of one network, and what they are worth."""
    folder.mkdir()
    files = side(__file__, "stock", smoke=True, network=script, folder=str(folder)).answer
    given = {"float32": files["float32"], "folder": str(folder), "count": files.pop("items")}
    files |= side(__file__, "tools", smoke=True, **given, four_bits=script == SMALLEST[0]).answer
    told = []
    for objective, drop in searches:
        given = {"network": script, "objective": objective, "drop": drop, "folder": str(folder)}
        given |= {"labels": labels, "candidates": 2 if smoke else None}
        made = side(__file__, "searched", smoke=True, **given).answer
        files[f"edgeq optimize, {objective}"] = made.pop("file")
        told.append({"objective": objective, "largest_drop_pp": drop, **made})
    images = SMOKE_IMAGES if smoke else IMAGES
    scores = side(__file__, "scored", smoke=True, files=files, images=images).answer
    latencies = side(__file__, "timed", smoke=smoke, files=files, rounds=1 if smoke else ROUNDS).answer
    return {
        "files": {name: scores[name] | {"latency_us": latencies[name]} for name in files},
        "searches": told,
    }


def _figures(files: dict[str, Any], name: str) -> tuple[float, ...]:
    found, stock = files[name], files["stock int8"]
    return (
        found["top1"],
        files["float32"]["top1"] - found["top1"],
        found["agreement"],
        found["bytes"] / 1000,
        found["bytes"] / stock["bytes"],
        found["latency_us"] / stock["latency_us"],
    )


def stock(network: str, folder: str) -> dict[str, Any]:
    """Side: the converter's own files, the calibration images as the network sees them, and how many these are."""
    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert
    from edgeq.quantize.items import write_arrays

    options = Options(schemes=("float32", "int8"))
    bundle = convert(CONVERTERS / f"{network}.py", output=Path(folder, "stock"), options=options).bundle
    variants = {variant.name: variant for variant in bundle.manifest.variants}
    pixels, _ = importlib.import_module(network).calibration()
    write_arrays({bundle.manifest.inputs[0].name: _real_values(pixels)}, Path(folder, "items"))
    return {
        "float32": str(bundle.path(variants["float32"])),
        "stock int8": str(bundle.path(variants["int8"])),
        "items": len(pixels),
    }


def tools(float32: str, folder: str, count: int, four_bits: bool) -> dict[str, str]:
    """Side: litert-quantizer's files with its own ranges, and with the 99.99 percentile in their place."""
    from litert_quantizer import quantizer, recipe, recipe_manager

    from edgeq.quantize.building import build
    from edgeq.quantize.items import CalibrationItems
    from edgeq.quantize.recipe import Recipe

    content = Path(float32).read_bytes()
    items = CalibrationItems(Path(folder, "items"), count)
    percentile = build(content, Recipe(range_method="percentile:99.99"), items).content

    def made(described: Any) -> bytes:
        tool = quantizer.Quantizer(content, described)
        name, values = next(iter(items.inputs().items()))
        ranges = tool.calibrate({"serving_default": [{name: np.array(value[None])} for value in values]})
        return bytes(tool.quantize(ranges).quantized_model)

    def with_four_bits(algorithm: str) -> Any:
        manager, names = recipe_manager.RecipeManager(), recipe.AlgorithmName
        kinds = recipe.TFLOperationName
        manager.add_static_config(".*", kinds.ALL_SUPPORTED, 8, 8, algorithm_key=names.MIN_MAX_UNIFORM_QUANT)
        for kind in (kinds.CONV_2D, kinds.FULLY_CONNECTED):
            manager.add_static_config(".*", kind, 8, 4, algorithm_key=getattr(names, algorithm))
        return manager.get_quantization_recipe()

    contents = {"litert-quantizer int8": made(recipe.static_wi8_ai8()), "percentile 99.99 int8": percentile}
    if four_bits:
        contents["litert-quantizer 4 bits"] = made(with_four_bits("MIN_MAX_UNIFORM_QUANT"))
        contents["litert-quantizer 4 bits, octav"] = made(with_four_bits("OCTAV"))
    paths = {name: Path(folder, f"{name.replace(' ', '-')}.tflite") for name in contents}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    return {name: str(path) for name, path in paths.items()}


def searched(
    network: str, objective: str, drop: float, folder: str, labels: bool, candidates: int | None
) -> dict[str, Any]:
    """Side: the winner of a search that knows nothing from before; without labels, of those with all layers in int8."""
    from edgeq.optimize.budget import Budget
    from edgeq.optimize.options import OptimizeOptions
    from edgeq.optimize.pipeline import optimize
    from edgeq.optimize.result import Goal

    given: dict[str, Any] = {}
    if not labels:
        script = importlib.import_module(network)
        for what, images in (("data", script.data()[0]), ("calibration", script.calibration()[0])):
            given[what] = Path(folder, f"{what}.npy")
            np.save(given[what], images)
    begun = time.perf_counter()
    made = optimize(
        CONVERTERS / f"{network}.py",
        goal=Goal(drop, objective=objective),
        output=Path(folder, f"optimized-{objective}"),
        options=OptimizeOptions(cache=False, keep=() if labels else ("*=int8",)),
        budget=Budget(None, candidates),
        **given,
    )
    winner = made.bundle.manifest.variants[0]
    return {
        "file": str(made.bundle.path(winner)),
        "variant": winner.name,
        "meets": made.result.meets,
        "evaluations": made.result.evaluations,
        "grid": made.result.grid,
        "seconds": time.perf_counter() - begun,
        "recipe": str(made.result.outcome(str(made.result.chosen)).candidate.title),
    }


def scored(files: dict[str, str], images: int) -> dict[str, dict[str, float]]:
    """Side: what each file answers."""
    import cifar10_resnet

    pixels, classes = (values[:images] for values in cifar10_resnet.data())
    values = _real_values(pixels)
    answers = {name: _answers(path, values) for name, path in files.items()}
    return {
        name: {
            "top1": 100 * float(np.mean(found == classes)),
            "agreement": 100 * float(np.mean(found == answers["float32"])),
            "bytes": Path(files[name]).stat().st_size,
        }
        for name, found in answers.items()
    }


def timed(files: dict[str, str], rounds: int) -> dict[str, float]:
    """Side: median latency of each file in microseconds, in turns."""
    loaded = {name: _interpreter(path, 1) for name, path in files.items()}
    times: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(rounds):
        for name, interpreter in loaded.items():
            # The first ones after another file's find cold caches.
            for number in range(RUNS + 20):
                begun = time.perf_counter()
                interpreter.invoke()
                if number >= 20:
                    times[name].append(1e6 * (time.perf_counter() - begun))
    return {name: float(np.median(found)) for name, found in times.items()}


def _answers(path: str, values: Any) -> Any:
    from edgeq.runtime.quantization import Quantization, quantize

    interpreter = _interpreter(path, BATCH)
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for start in range(0, len(values), BATCH):
        batch = values[start : start + BATCH]
        if given["dtype"] != np.float32:
            batch = quantize(batch, Quantization(*given["quantization"]), np.dtype(given["dtype"]).name)
        interpreter.set_tensor(given["index"], batch)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(made["index"]).argmax(axis=1))
    return np.concatenate(answers)


def _interpreter(path: str, batch: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    given = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(given["index"], [batch, *given["shape"][1:]])
    interpreter.allocate_tensors()
    return interpreter


def _real_values(pixels: Any) -> Any:
    return (pixels.astype(np.float32) - 128) / np.float32(128)


if __name__ == "__main__":
    run(__file__, study, [stock, tools, searched, scored, timed])  # type: ignore[list-item]
