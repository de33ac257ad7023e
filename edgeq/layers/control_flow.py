"""Which subgraphs the operators of a file call: bodies of loops, branches, initializations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tflite.BuiltinOptions import BuiltinOptions
from tflite.BuiltinOptions2 import BuiltinOptions2

from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.flatbuffer import Table
from edgeq.tflite.model import Operator, TfliteModel


@dataclass(frozen=True)
class _Options:
    """Where the schema's table of an operator's options names subgraphs.

    Attributes:
        type: of the options.
        slots: of the table's fields that are indices of subgraphs.
        type_slot: of the operator's field that holds the type; that of the table is the next.
    """

    type: int
    slots: tuple[int, ...]
    type_slot: int = 3


_CALLING: Mapping[str, _Options] = {
    "CALL": _Options(BuiltinOptions.CallOptions, (0,)),
    "CALL_ONCE": _Options(BuiltinOptions.CallOnceOptions, (0,)),
    "IF": _Options(BuiltinOptions.IfOptions, (0, 1)),
    "STABLEHLO_COMPOSITE": _Options(BuiltinOptions2.StableHLOCompositeOptions, (1,), 11),
    "STABLEHLO_WHILE": _Options(BuiltinOptions2.StablehloWhileOptions, (0, 1), 11),
    "WHILE": _Options(BuiltinOptions.WhileOptions, (0, 1)),
}


def called_subgraphs(source: Path | bytes, model: TfliteModel) -> dict[int, frozenset[int]]:
    """The subgraphs that operators of the first one call, also through others.

    Args:
        source: what the model was read from.
        model: the model.

    Returns:
        Subgraphs by operator of the first subgraph, of those that call any. A subgraph that several call belongs to
        the first of them; an index that the file has no subgraph for is left out.

    Raises:
        ModelError: the file is damaged, or is missing by now.
    """
    if len(model.subgraphs) < 2 or not any(op.name in _CALLING for op in model.subgraphs[0].operators):
        return {}
    with open_flatbuffer(source) as file:
        graphs = list(file.root().tables(2, "subgraph"))
        direct = [
            _direct(graph, known.operators) for graph, known in zip(graphs, model.subgraphs, strict=False)
        ]
    taken = {0}
    found: dict[int, frozenset[int]] = {}
    for index, subgraphs in direct[0].items():
        reached: set[int] = set()
        waiting = list(subgraphs)
        while waiting:
            subgraph = waiting.pop()
            # A file may call in circles.
            if subgraph in taken or not 0 <= subgraph < len(direct):
                continue
            taken.add(subgraph)
            reached.add(subgraph)
            waiting += [inner for called in direct[subgraph].values() for inner in called]
        if reached:
            found[index] = frozenset(reached)
    return found


def _direct(graph: Table, operators: Sequence[Operator]) -> dict[int, tuple[int, ...]]:
    """The subgraphs that operators of a subgraph name, by operator."""
    found = {}
    for operator, table in zip(operators, graph.tables(3, "operator"), strict=False):
        options = _CALLING.get(operator.name) if operator.custom_code is None else None
        if options is None or table.scalar(options.type_slot, "int8") != options.type:
            continue
        fields = table.table(options.type_slot + 1, f"options of {operator.name}")
        if fields is not None:
            found[operator.index] = tuple(fields.scalar(slot, "int32") for slot in options.slots)
    return found
