"""A float32 file, explicit ranges and a precision for each operator to a quantized file, by litert-quantizer.

litert-quantizer finds operators by regular expressions on the names of the tensors that they write, wants names that
are unique, and cuts long ones. Tensors therefore get short names of their own before, and theirs again after it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from edgeq.errors import ConversionError, MissingExtraError, UsageError
from edgeq.printing import printable
from edgeq.quantize.editable import CONV, DENSE, EditableModel
from edgeq.quantize.folding import fold
from edgeq.quantize.integer_operators import for_integers
from edgeq.quantize.precision_plan import PrecisionPlan
from edgeq.quantize.recipe import FLOAT32, INT8, INT8X4, INT16X8, Range

_BITS = {INT8: (8, 8), INT8X4: (8, 4), INT16X8: (16, 8)}
"""Of activations and weights."""

_OTHER_NAMES = {"TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}
"""Operators that litert-quantizer calls otherwise than the schema."""

FOUR_BIT = (CONV, DENSE)
"""Operators that TensorFlow Lite computes with weights of four bits; with int8x4, the others have eight."""

_MAIN = r"^t\d+;"
"""Operators of the first subgraph; those of others, as loops have them, stay in float."""

_TOKEN = re.compile(r"\b((?:s\d+)?t\d+)(?=_|\b)")

_REFUSALS = (ValueError, RuntimeError, KeyError, TypeError, IndexError, NotImplementedError)


def lower(float32: bytes, ranges: Mapping[str, Range], plan: PrecisionPlan) -> bytes:
    """Quantizes a file; its float inputs and outputs become integers.

    Args:
        float32: content of the file.
        ranges: of its float activations, by name.
        plan: what each operator computes in.

    Returns:
        The quantized file, with the names and the signature of the float32 file. Operators that litert-quantizer does
        not quantize are in float, with DEQUANTIZE before and QUANTIZE behind them.

    Raises:
        ConversionError: litert-quantizer refuses.
        MissingExtraError: it is not installed.
        UsageError: an operator cannot compute in what the plan has for it alone.
    """
    tools = _import_tools()
    model = EditableModel(float32)
    names = _with_tokens(model)
    statistics = {
        token: {"min": _statistic(ranges[name][0]), "max": _statistic(ranges[name][1])}
        for token, name in names.items()
        if name in ranges
    }
    recipe = _recipe(tools, model, plan, names)
    try:
        with _silence():
            tool = tools.quantizer.Quantizer(model.content(), recipe)
            result = tool.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    except _REFUSALS as error:
        raise ConversionError(f"litert-quantizer refuses: {_reason(error, names)}") from error
    quantized = _with_names(bytes(result.quantized_model), names)
    fold(quantized, ranges, _kept(model, plan, names))
    for_integers(quantized)
    return quantized.content()


def _kept(model: EditableModel, plan: PrecisionPlan, names: Mapping[str, str]) -> set[str]:
    """Outputs of the operators that are to compute in something else than int8."""
    scheme = plan.scheme
    return {
        names[model.name(int(operator.outputs[0]))]
        for place, operator in enumerate(model.graph.operators)
        if len(operator.outputs) and plan.exceptions.get(place, scheme) not in (INT8, INT8X4)
    }


def _with_tokens(model: EditableModel) -> dict[str, str]:
    """Renames all tensors: ``t0``, ``t1`` and so on, ``s1t0`` in the second subgraph; returns their names by token."""
    names = {}
    for place, graph in enumerate(model.model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            token = f"s{place}t{index}" if place else f"t{index}"
            name = tensor.name or b""
            names[token] = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
            tensor.name = token.encode()
    return names


def _with_names(content: bytes, names: Mapping[str, str]) -> EditableModel:
    """Names tensors as they were; what was added keeps what litert-quantizer appended to its source's name."""
    model = EditableModel(content)
    for graph in model.model.subgraphs:
        for tensor in graph.tensors:
            name = tensor.name.decode() if isinstance(tensor.name, bytes) else tensor.name
            tensor.name = _TOKEN.sub(lambda match: names[match[1]], name).encode("utf-8", "surrogateescape")
    return model


def _recipe(
    tools: Any, model: EditableModel, plan: PrecisionPlan, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The plan as litert-quantizer has it: later entries override earlier ones."""
    manager, kinds = tools.recipe_manager.RecipeManager(), tools.qtyping.TFLOperationName
    activations, weights = _BITS[plan.scheme]
    manager.add_static_config(_MAIN, kinds.ALL_SUPPORTED, activations, 8)
    if weights == 4:
        for kind in FOUR_BIT:
            manager.add_static_config(_MAIN, kinds(kind), activations, weights)
    for place, precision in plan.exceptions.items():
        operator = model.graph.operators[place]
        kind = model.kind(operator)
        token = model.name(int(operator.outputs[0]))
        known = _OTHER_NAMES.get(kind, kind)
        if known not in kinds._value2member_map_:
            continue
        if precision == FLOAT32:
            no_quantize = tools.recipe_manager.AlgorithmName.NO_QUANTIZE
            manager.add_quantization_config(f"^{token};", kinds(known), algorithm_key=no_quantize)
            continue
        activations, weights = _BITS[precision]
        bits = weights if kind in FOUR_BIT else 8
        try:
            manager.add_static_config(f"^{token};", kinds(known), activations, bits)
        except ValueError as error:
            raise UsageError(
                f"layer {printable(names[token])!r} is a {kind}, which cannot compute in {precision}"
            ) from error
    recipe: list[dict[str, Any]] = manager.get_quantization_recipe()
    return recipe


def _statistic(value: float) -> Any:
    return np.array([[value]], np.float32)


def _reason(error: Exception, names: Mapping[str, str]) -> str:
    """The first line of a message, with the file's names."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _TOKEN.sub(lambda match: repr(printable(names.get(match[1], match[1]))), lines[0])


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keeps what litert-quantizer prints and logs from the user."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _import_tools() -> SimpleNamespace:
    try:
        from litert_quantizer import qtyping, quantizer, recipe_manager
    except ImportError as error:
        raise MissingExtraError(
            "litert-quantizer, which quantizes with chosen ranges,", "optimize"
        ) from error
    return SimpleNamespace(qtyping=qtyping, quantizer=quantizer, recipe_manager=recipe_manager)
