"""From variants that run to the bundle."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import edgeq
from edgeq.bundle import Bundle, Manifest, Parity, Tensor, Variant, write_bundle
from edgeq.convert.calibrating import Calibration, parity_count
from edgeq.convert.check import Checked
from edgeq.convert.flex import flex_operators
from edgeq.convert.making import Making
from edgeq.convert.options import Options
from edgeq.data.preprocessing import Preprocessing
from edgeq.files import gzip_bytes, sha256_bytes
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import Array
from edgeq.schemes import Selection, VariantSpec
from edgeq.sources.graph import SourceGraph
from edgeq.tflite.model import read_model


def assemble(
    folder: Path,
    graph: SourceGraph,
    making: Making,
    checked: Mapping[str, tuple[VariantSpec, Checked]],
    *,
    options: Options,
    selection: Selection,
    preprocessing: Preprocessing,
    labels: tuple[str, ...],
    calibration: Calibration | None,
    inputs: Mapping[str, Array],
    reference: Mapping[str, Array],
) -> Bundle:
    """Writes the bundle.

    Args:
        folder: where.
        graph: the source.
        making: the variants' files, and which failed.
        checked: the variants that run, in their order.
        options: how it was converted.
        selection: what was asked for.
        preprocessing: of the data.
        labels: class names; empty where unknown.
        calibration: the items that fixed the activation ranges; None where there were no data.
        inputs: what every file was compared on, by name.
        reference: the source's outputs on them, by name.

    Raises:
        OutputError: the folder exists, is being written by another process, or cannot be written.
    """
    names = {name: f"{graph.name}.{name}.tflite" for name in checked}
    manifest = Manifest(
        name=graph.name,
        inputs=tuple(Tensor(spec.name, spec.shape, spec.dtype) for spec in graph.inputs),
        outputs=graph.outputs,
        batched={spec.name: spec.batched for spec in graph.inputs},
        preprocessing=preprocessing,
        labels=labels,
        calibration=() if calibration is None else calibration.digests,
        variants=tuple(
            _variant(spec, names[name], making.models[name], result, making.float_operators[name])
            for name, (spec, result) in checked.items()
        ),
        failures=tuple(making.failures),
        provenance=_provenance(graph, options, selection, preprocessing, making),
        task=options.task,
    )
    kept = parity_count(inputs)
    parity = Parity(
        inputs={name: array[:kept] for name, array in inputs.items()},
        reference={name: array[:kept] for name, array in reference.items()},
        stored={
            name: {output: array[:kept] for output, array in result.stored.items()}
            for name, (_, result) in checked.items()
        },
    )
    models = {names[name]: making.models[name] for name in checked}
    return write_bundle(folder, manifest, models, parity, force=options.force)


def _provenance(
    graph: SourceGraph,
    options: Options,
    selection: Selection,
    preprocessing: Preprocessing,
    making: Making,
) -> dict[str, Any]:
    import keras
    import tensorflow as tf

    runtime = find_runtime()
    recipes: dict[str, Any] = {}
    if making.recipes:
        quantizer = {"litert-quantizer": version("litert-quantizer")}
        recipes = {"recipes": {name: recipe.to_json() for name, recipe in making.recipes.items()}}
    else:
        quantizer = {}
    return {
        "source": {"kind": graph.kind, "sha256": graph.digest},
        "options": {
            "variants": [spec.name for spec in selection.specs],
            "preprocess": None if options.preprocess is None else preprocessing.name,
            "batch": options.batch,
            "size": list(options.size),
            "calibration_items": options.calibration_items,
            "calibration_draw": options.calibration_draw,
            "seed": options.seed,
            "allow_flex": options.allow_flex,
        },
        "versions": {
            "edgeq": edgeq.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            runtime.package.distribution: runtime.version,
            "python": platform.python_version(),
        }
        | quantizer,
    } | recipes


def _variant(
    spec: VariantSpec, file: str, content: bytes, result: Checked, float_operators: tuple[str, ...]
) -> Variant:
    return Variant(
        name=spec.name,
        file=file,
        scheme=spec.scheme.name,
        io=spec.io,
        sha256=sha256_bytes(content),
        size_bytes=len(content),
        inputs=result.inputs,
        outputs=result.outputs,
        check=result.check,
        needs_flex=bool(flex_operators(read_model(content))),
        float_operators=float_operators,
        gzip_bytes=gzip_bytes(content),
    )
