"""The check of a finished file: its scheme, that it runs, and that its numbers are the source's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.benchmark.accuracy_statistics import SQNR_LIMIT_DB, sqnr_db
from edgeq.benchmark.classification import classifies, top1
from edgeq.bundle import Check, Tensor
from edgeq.convert.flex import flex_operators, run_in_parts
from edgeq.errors import ConversionError
from edgeq.runtime.interpreter import Array, TensorInfo
from edgeq.runtime.running import Ran, run_file
from edgeq.schemes import BASELINE, TUNED, Scheme, VariantSpec, recognise
from edgeq.sources.graph import FLATBUFFER, SourceGraph, placeholder_name
from edgeq.tflite.model import TfliteModel, read_model
from edgeq.tflite.precision import MIXED, Precision, compute_types, precision_of, scheme_of
from edgeq.tflite.signature import add_signature, tensor_indices


@dataclass(frozen=True)
class Checked:
    """A file that runs.

    Attributes:
        inputs: of the file.
        outputs: of the file.
        check: the comparison with the source.
        stored: outputs as stored, by name, [n, *shape].
        warning: what a user should know of the comparison; None if nothing.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    check: Check
    stored: Mapping[str, Array]
    warning: str | None


def sign(content: bytes, graph: SourceGraph) -> bytes:
    """Gives the file the source's input and output names.

    Args:
        content: a file as the converter made it from a frozen graph, without signature.
        graph: the graph.

    Raises:
        ConversionError: the file's inputs cannot be told apart.
    """
    if graph.frozen.form == FLATBUFFER:
        # It was signed before, and what quantizes it keeps signatures.
        return content
    model = read_model(content)
    main = model.subgraphs[0]
    names = _input_names(model, graph)
    if names != [spec.name for spec in graph.inputs]:
        # The calibration was fed in the graph's order.
        raise ConversionError(f"the converter changed the order of the inputs to {', '.join(names)}")
    inputs = dict(zip(names, main.inputs, strict=True))
    return add_signature(content, inputs, tensor_indices(graph.outputs, main.outputs))


def _input_names(model: TfliteModel, graph: SourceGraph) -> list[str]:
    """The source's name of each input of the file, found by the placeholder's name and never by position."""
    placeholders = {placeholder_name(spec.name, i): spec.name for i, spec in enumerate(graph.inputs)}
    main = model.subgraphs[0]
    names = []
    for index in main.inputs:
        tensor = main.tensors[index].name
        matches = [placeholder for placeholder in placeholders if tensor.startswith(placeholder)]
        if not matches:
            raise ConversionError(
                f"the converter renamed an input to {tensor!r}: expected one of {', '.join(placeholders)}"
            )
        names.append(placeholders.pop(max(matches, key=len)))
    if placeholders:
        raise ConversionError(f"the converter dropped the input {', '.join(placeholders.values())}")
    return names


def check_scheme(content: bytes, spec: VariantSpec) -> tuple[str, ...]:
    """Reads the scheme back from the flatbuffer.

    Some operators have no integer kernel that the converter would use (LayerNormalization's NEG, for one).
    It leaves them in float without a word; such a file runs on a CPU and is no full-integer file.

    Returns:
        Operators that compute in float although the scheme computes in integers; empty in a clean file.

    Raises:
        ConversionError: the file is of another scheme, as after an empty calibration.
    """
    model = read_model(content)
    precision = precision_of(model)
    matches = recognise(precision.weights, precision.activations, [spec.scheme]) is not None
    by_type = compute_types(model)
    floating = by_type.get("float32", ())
    islands = precision.activations == MIXED and len(by_type.get(spec.scheme.activations, ())) > len(floating)
    by_recipe = spec.label == TUNED or spec.scheme.converter is None
    if by_recipe:
        # Layers of other precisions are what a recipe is for; it must only have made integers of something.
        islands = any(dtype.startswith("int") for dtype in by_type)
    if not matches and not (islands and (by_recipe or precision.weights == spec.scheme.weights)):
        raise ConversionError(_other_scheme(spec, precision, scheme_of(model)))
    main = model.subgraphs[0]
    for kind, indices in (("input", main.inputs), ("output", main.outputs)):
        for index in indices:
            tensor = main.tensors[index]
            # Token ids, flags and pixels that the source itself takes as integers stay what they are.
            decided = tensor.dtype == "float32" or tensor.quantization is not None
            if decided and tensor.dtype != spec.io:
                raise ConversionError(
                    f"{spec.name} was asked for and its {kind} {tensor.name!r} is {tensor.dtype}: "
                    "nothing that computes in integers is connected to it"
                )
    if not spec.scheme.needs_calibration or matches:
        return ()
    return tuple(sorted({operator.name for operator in floating}))


def _other_scheme(spec: VariantSpec, precision: Precision, found: Scheme | None) -> str:
    if not spec.scheme.needs_calibration and found is not None and found.name == BASELINE:
        return f"the converter left everything in float32: no layer is large enough for {spec.scheme.name}"
    described = found.name if found else "none that edgeq knows"
    return (
        f"{spec.name} was asked for and the scheme of the file is {described} "
        f"(weights {precision.weights}, activations {precision.activations})"
    )


def run_and_compare(
    path: Path,
    spec: VariantSpec,
    inputs: Mapping[str, Array],
    reference: Mapping[str, Array],
    *,
    runtime: str | None,
    own_sqnr_db: float = math.inf,
) -> Checked:
    """Loads, allocates and runs a file in a process of its own and compares its outputs with the source's.

    Args:
        path: the file.
        spec: what it should be.
        inputs: real values by name, [n, *shape].
        reference: the source's outputs by name, float32[n, *shape].
        runtime: which runtime; None for the best installed.
        own_sqnr_db: of the source, where it computes in half precision itself.

    Raises:
        ConversionError: it does not run, or a float32 file's numbers are not the source's.
        WorkerError: the process died.
    """
    if flex_operators(read_model(path)):
        ran = run_in_parts(path, spec.name, dict(inputs))
    else:
        ran = run_file(path, spec.name, inputs, runtime=runtime)
    _require_names(spec, ran, inputs, reference)
    real = {info.name: info.decode(ran.stored[info.name]) for info in ran.outputs}
    noise = sqnr_db(_flat(reference, reference), _flat(reference, real))
    agreement = None
    if classifies([tuple(array.shape[1:]) for array in reference.values()]):
        (name,) = reference
        agreement = float(np.mean(top1(reference[name]) == top1(real[name])))
    n = len(next(iter(inputs.values())))
    least = min(spec.scheme.least_sqnr_db, own_sqnr_db)
    too_far = noise < least
    message = (
        f"{spec.name}: its outputs are {noise:.1f} dB from the source model's on {n} inputs, "
        f"expected at least {least:.0f} dB"
    )
    if noise <= -SQNR_LIMIT_DB and not np.isfinite(_flat(reference, real)).all():
        message = (
            f"{spec.name}: its outputs are NaN or infinite on {n} inputs where the source model's are numbers: look "
            "for weights that are not finite or values that overflow (edgeq doctor MODEL --select M211 names the layer)"
        )
    if too_far and spec.scheme.name == BASELINE:
        raise ConversionError(message)
    return Checked(
        inputs=tensors(ran.inputs),
        outputs=tensors(ran.outputs),
        check=Check(n=n, sqnr_db=noise, agreement=agreement, kernel_path=ran.kernel_path),
        stored=ran.stored,
        warning=message if too_far else None,
    )


def tensors(infos: Sequence[TensorInfo]) -> tuple[Tensor, ...]:
    """Inputs or outputs of a loaded file, as the bundle describes them."""
    return tuple(
        Tensor(
            name=info.name,
            shape=info.shape,
            dtype=info.dtype,
            scale=None if info.quantization is None else info.quantization.scale,
            zero_point=None if info.quantization is None else info.quantization.zero_point,
        )
        for info in infos
    )


def _require_names(
    spec: VariantSpec, ran: Ran, inputs: Mapping[str, Array], reference: Mapping[str, Array]
) -> None:
    for kind, infos, expected in (
        ("inputs", ran.inputs, inputs),
        ("outputs", ran.outputs, reference),
    ):
        found = {info.name for info in infos}
        if found != set(expected):
            raise ConversionError(
                f"{spec.name}: expected the {kind} {', '.join(sorted(expected))}, "
                f"the signature has {', '.join(sorted(found))}"
            )


def _flat(order: Mapping[str, Array], values: Mapping[str, Array]) -> Array:
    return np.concatenate([np.asarray(values[name], dtype=np.float64).ravel() for name in order])
