"""Rules on what a model is made of: operators that stay in float or need TensorFlow, free dimensions, no conversion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from edgeq.doctor.case import Case, Trial
from edgeq.doctor.checks.model_finite import has_not_finite_weights
from edgeq.doctor.checks.model_graph import Graph, graph_of, listed
from edgeq.doctor.rule import WARNING, Finding
from edgeq.tflite.layer_names import layer_names
from edgeq.tflite.model import TfliteModel, read_model
from edgeq.tflite.precision import compute_types

_CONVERTING = frozenset({"QUANTIZE", "DEQUANTIZE"})


def stays_float(case: Case) -> Iterator[Finding]:
    """M201: operators that compute in float in the model's int8 form."""
    path = _made(case, "int8")
    if path is None or has_not_finite_weights(case, case.float32_model):
        # Of layers whose weights are NaN nothing else can be said, which is M211's.
        return
    graph = graph_of(path)
    floating = _floating(graph)
    if not floating:
        return
    integers = {operator.name for operator in compute_types(graph.model).get("int8", ())}
    without = [name for name in floating if name not in integers]
    layers = {name: list(dict.fromkeys(where)) for name, where in floating.items()}
    if without:
        shown = "; ".join(f"{name} ({listed(layers[name])})" for name in without)
        cause = f"TensorFlow Lite's quantizer has no int8 form of {shown}"
    else:
        shown = "; ".join(f"{name} ({listed(where)})" for name, where in layers.items())
        cause = f"these have no calibrated range on an input or a result: {shown}"
    count = sum(len(where) for where in floating.values())
    conversions = sum(operator.name in _CONVERTING for operator in graph.main.operators)
    yield Finding(
        case.name,
        f"{count} operator{'s' * (count > 1)} would compute in float32 in the int8 file, which NPUs and "
        f"microcontrollers refuse and which costs {conversions} conversions: {cause}; replace them, or "
        "ship dynamic or float16",
        details={"operators": layers, "conversions": conversions},
    )


def _floating(graph: Graph) -> dict[str, list[str]]:
    """Layers by operator that computes in float; the subgraphs of loops and branches have none of their own."""
    computing = compute_types(graph.model).get("float32", ())
    mine = {id(operator) for operator in graph.main.operators}
    found: dict[str, list[str]] = {}
    for operator in computing:
        where = graph.name(operator) if id(operator) in mine else "a loop or a branch"
        found.setdefault(operator.name, []).append(where)
    return found


def needs_flex(case: Case) -> Iterator[Finding]:
    """M202: TensorFlow's own operators, which need the Flex delegate."""
    if case.is_flex_meant:
        # F313 reminds of linking it.
        return
    for subject, path in _float_or_own(case):
        model = read_model(path)
        found = flex_layers(model)
        if found:
            shown = "; ".join(f"{name} ({listed(where)})" for name, where in found.items())
            yield Finding(
                subject,
                f"needs TensorFlow's own operators: {shown}; TensorFlow Lite has no kernel for them, so that no "
                "runtime runs the file without the Flex delegate: build the layers of other operators, or convert with "
                "--allow-flex and link the delegate into the app",
                details={"operators": found},
            )


def flex_layers(model: TfliteModel) -> dict[str, list[str]]:
    """Layers by TensorFlow operator, such as ``Einsum``.

    Args:
        model: a file's structure.
    """
    found: dict[str, list[str]] = {}
    for graph, names in zip(model.subgraphs, layer_names(model), strict=True):
        for operator in graph.operators:
            if operator.is_flex:
                where = found.setdefault(operator.name.removeprefix("Flex"), [])
                if names[operator.index] not in where:
                    where.append(names[operator.index])
    return found


def dynamic_shape(case: Case) -> Iterator[Finding]:
    """M203: inputs with free dimensions beside the batch that nothing fixes."""
    shapes = {spec.name: spec.item_shape for spec in case.inputs}
    for name in case.dynamic_inputs:
        shape = "x".join(map(str, shapes.get(name, ())))
        if case.files:
            next_step = "convert the model again with --size, such as --size 224x224"
        else:
            next_step = f"say the size that the app feeds with --size; {shape} was assumed here"
        yield Finding(
            name,
            f"input {name!r} has free dimensions beside the batch: memory cannot be planned before the size is known, "
            f"calibration and delegates want it fixed; {next_step}",
            details={"shape": list(shapes.get(name, ()))},
        )


def does_not_convert(case: Case) -> Iterator[Finding]:
    """M210: a model that cannot be converted to float32, or to int8, or whose int8 form does not run."""
    if case.conversion_problem is not None:
        yield Finding(case.name, f"cannot be converted to float32: {case.conversion_problem}")
        return
    trial = tried(case, "int8")
    if trial is not None and trial.problem is not None:
        what = (
            "cannot be converted to int8"
            if trial.path is None
            else "converts to int8, and the file does not run"
        )
        yield Finding(
            case.name,
            f"{what}: {trial.problem}; float32, float16 and dynamic are possible",
            severity=WARNING,
        )


def tried(case: Case, scheme: str) -> Trial | None:
    """The trial of a scheme; None where there can be none, or TensorFlow's own operators make it pointless."""
    if case.trials is None or case.float32_model is None or flex_layers(case.float32_model):
        return None
    return case.trials(scheme)


def _made(case: Case, scheme: str) -> Path | None:
    trial = tried(case, scheme)
    return None if trial is None else trial.path


def _float_or_own(case: Case) -> Iterable[tuple[str, Path]]:
    """The float32 file under the model's name, else each file under its own."""
    if case.float32_file is not None:
        return [(case.name, case.float32_file)]
    return [(file.name, file.path) for file in case.files]
