"""Converting: edgeq's bundle against six plain conversions with TensorFlow's own converter.

Each side is a fresh process from start to end: Python starts, TensorFlow is imported, the .keras file and the 100
calibration images are read, six files are made and written. edgeq's side also runs every file in a
process of its own, compares its outputs with the model's and writes bundle.json and parity.npz.
Memory is that of the largest process; it is compared with a process that makes the int8 file alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import subject
from common import Run, Spread, print_table, run, side, write_result

from edgeq.bundle import read_bundle

REPEATS = 3
MOST_TIME = 0.5
MOST_MEMORY = 1.2
COMPARED_IMAGES = 4


def study(smoke: bool) -> None:
    """Alternates the sides, checks the files, prints and writes."""
    given = subject.subject(smoke)
    paths = {"model": str(given.model), "images": str(given.images)}
    plain: list[Run] = []
    ours: list[Run] = []
    single: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="edgeq-conversion-") as folder:
        files, bundle = str(Path(folder, "plain")), str(Path(folder, "bundle"))
        for position in range(1 if smoke else REPEATS):
            plain.append(
                side(__file__, "plainly", smoke=smoke, **paths, output=files, variants=list(subject.VARIANTS))
            )
            ours.append(side(subject.__file__, "convert", smoke=smoke, **paths, output=bundle))
            alone = str(Path(folder, "alone"))
            single.append(side(__file__, "plainly", smoke=smoke, **paths, output=alone, variants=["int8"]))
            print(f"{position + 1}: {plain[-1].wall_s:.2f} s, edgeq {ours[-1].wall_s:.2f} s", flush=True)
        same_bytes = side(__file__, "equal_bytes", smoke=True, **paths, bundle=bundle).answer
        difference = side(
            __file__, "output_difference", smoke=True, images=paths["images"], bundle=bundle, plain=files
        ).answer

    time_ratio = Spread.of([our.wall_s / their.wall_s for our, their in zip(ours, plain, strict=True)])
    medians = {
        name: {
            "wall_s": Spread.of([item.wall_s for item in runs]),
            "peak_mib": Spread.of([item.peak_mib for item in runs]),
        }
        for name, runs in (("six plain", plain), ("edgeq", ours), ("int8 alone, plain", single))
    }
    memory_ratio = medians["edgeq"]["peak_mib"].median / medians["int8 alone, plain"]["peak_mib"].median
    rows = [[name, row["wall_s"].text(2), row["peak_mib"].text(0)] for name, row in medians.items()]
    print()
    print_table(["side", f"wall s, median of {len(plain)}", "peak MiB"], rows)
    print(f"\ntime, edgeq / six plain: {time_ratio.text()}, target at most {MOST_TIME}")
    print(f"memory, edgeq / int8 alone: {memory_ratio:.3f}, target at most {MOST_MEMORY}")
    print(f"same bytes as the public converter on the same graph: {same_bytes}")
    print(f"largest difference of outputs from from_keras_model's files: {difference}")
    path = write_result(
        "conversion",
        {
            "smoke": smoke,
            "settings": {
                "model": given.model.stem,
                "calibration_images": subject.CALIBRATION_IMAGES,
                "tensorflow_import": "inside, on both sides",
                "memory_of": "largest process, ru_maxrss of wait4",
            },
            "summary": {
                "medians": medians,
                "time_ratio": time_ratio,
                "memory_ratio": round(memory_ratio, 4),
                "met": time_ratio.median <= MOST_TIME and memory_ratio <= MOST_MEMORY,
                "same_bytes": same_bytes,
                "output_difference": difference,
            },
            "raw": {"plain": plain, "edgeq": ours, "int8_alone": single},
        },
        smoke=smoke,
    )
    print(f"\n{path}")


def plainly(model: str, images: str, output: str, variants: list[str]) -> None:
    """Side: one ``TFLiteConverter.from_keras_model`` a file, as TensorFlow's guide shows it."""
    import keras
    import tensorflow as tf

    loaded = keras.models.load_model(model, compile=False)
    pixels = np.load(images)["image"]
    folder = Path(output)
    folder.mkdir(exist_ok=True)
    for variant in variants:
        converter = tf.lite.TFLiteConverter.from_keras_model(loaded)
        _configure(tf, converter, variant, pixels)
        (folder / f"{variant}.tflite").write_bytes(converter.convert())


def equal_bytes(model: str, images: str, bundle: str) -> dict[str, bool]:
    """Side: whether the public converter makes edgeq's files of edgeq's frozen graph.

    The converter gives such files no signature; edgeq's is added to both.
    """
    import tensorflow as tf

    from edgeq.convert.check import sign
    from edgeq.sources.graph import Dimensions
    from edgeq.sources.opening import open_source

    graph = open_source(Path(model), Dimensions())
    frozen = graph.frozen
    definition = tf.compat.v1.GraphDef.FromString(frozen.content)
    function = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    tensor = function.graph.as_graph_element
    pruned = function.prune(list(map(tensor, frozen.inputs)), list(map(tensor, frozen.outputs)))
    pixels = np.load(images)["image"]
    made = read_bundle(Path(bundle))
    same = {}
    for variant in made.manifest.variants:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([pruned])
        _configure(tf, converter, variant.name, pixels)
        same[variant.name] = sign(converter.convert(), graph) == made.path(variant).read_bytes()
    return same


def output_difference(images: str, bundle: str, plain: str) -> dict[str, float]:
    """Side: largest difference of stored outputs between edgeq's files and ``from_keras_model``'s.

    Integer outputs differ in steps, float ones in their own unit.
    """
    from edgeq.runtime.available import find_runtime
    from edgeq.runtime.interpreter import LoadedModel

    pixels = np.load(images)["image"][:COMPARED_IMAGES]
    made = read_bundle(Path(bundle))
    largest = {}
    for variant in made.manifest.variants:
        outputs = []
        for path in (made.path(variant), Path(plain, f"{variant.name}.tflite")):
            loaded = LoadedModel(path, find_runtime())
            (given,) = loaded.inputs
            rows = []
            for item in pixels:
                loaded.set_inputs({given.name: given.encode(subject.real_values(item[None]))})
                loaded.invoke()
                (row,) = loaded.outputs_stored().values()
                rows.append(row.astype(np.float64))
            outputs.append(np.stack(rows))
        largest[variant.name] = float(np.abs(outputs[0] - outputs[1]).max())
    return largest


def _configure(tf: Any, converter: Any, variant: str, pixels: Any) -> None:
    """The options of TensorFlow's guide to post-training quantization for each of the six files."""
    if variant == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in ("float16", "dynamic"):
        return
    converter.representative_dataset = _representative(pixels)
    if variant == "int16x8":
        ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        io = tf.int16
    else:
        ops = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        io = tf.float32 if variant.endswith("io-float32") else tf.int8
    converter.target_spec.supported_ops = [ops]
    converter.inference_input_type = converter.inference_output_type = io


def _representative(pixels: Any) -> Callable[[], Iterator[list[Any]]]:
    def items() -> Iterator[list[Any]]:
        for item in pixels:
            yield [subject.real_values(item[None])]

    return items


if __name__ == "__main__":
    run(__file__, study, [plainly, equal_bytes, output_difference])
