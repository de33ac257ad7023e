"""What the rules on models ask of a graph: layers by name, who makes and who takes a tensor, constants as arrays."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.doctor.case import Case
from edgeq.errors import ModelError
from edgeq.inspection.activations import ActivationStatistics
from edgeq.tflite.file import open_flatbuffer
from edgeq.tflite.layer_names import layer_names
from edgeq.tflite.model import OPTIONAL, Operator, Subgraph, Tensor, TfliteModel, read_model
from edgeq.tflite.weights import read_values

WEIGHTED = {
    "CONV_2D": 0,
    "CONV_3D": 4,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 0,
    "TRANSPOSE_CONV": 0,
}
"""Layers with weights as their second input, and the axis of their output channels (TensorFlow Lite's layouts: OHWI,
DHWIO, 1HWO, OI and OHWI)."""

MOVING = frozenset(
    {"EXPAND_DIMS", "GATHER", "PACK", "PAD", "PADV2", "RESHAPE", "SLICE", "SPLIT", "SQUEEZE", "STRIDED_SLICE"}
    | {"TRANSPOSE", "UNPACK", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}
)
"""Operators that pass values on as they are."""

_FLOATS = ("float32", "float16")
_FUSING = {"ADD": 0, "SUB": 0, "MUL": 0, "DIV": 0}
"""Operators that may end in an activation, and the slot of it among their options in the schema."""


@dataclass(frozen=True, eq=False)
class Graph:
    """The first subgraph of a file, with what its structure implies.

    Attributes:
        path: of the file.
        model: the whole.
        main: its first subgraph.
        makers: operator by the tensor that it makes.
        takers: operators by the tensor that they take.
    """

    path: Path
    model: TfliteModel
    main: Subgraph
    makers: dict[int, Operator]
    takers: dict[int, list[Operator]] = field(repr=False)
    _names: tuple[str, ...] = field(repr=False)

    def tensor(self, index: int) -> Tensor:
        """A tensor by its index."""
        return self.main.tensors[index]

    def name(self, operator: Operator) -> str:
        """The Keras layer of an operator where the file's names tell, else its output's name."""
        return self._names[operator.index]

    def input(self, operator: Operator, place: int) -> Tensor | None:
        """A tensor that an operator takes; None where it takes none there."""
        if place >= len(operator.inputs) or operator.inputs[place] == OPTIONAL:
            return None
        return self.main.tensors[operator.inputs[place]]

    def constant(self, tensor: Tensor | None) -> npt.NDArray[np.float32] | None:
        """The content of a float constant, float32 of its shape; None for anything else, or a size that is wrong."""
        if tensor is None or not tensor.is_constant or tensor.dtype not in _FLOATS:
            return None
        try:
            return read_values(self.path, self.model, tensor)
        except ModelError:
            return None

    def is_activated(self, operator: Operator) -> bool:
        """Whether an addition, subtraction, multiplication or division ends in an activation that was fused into it."""
        if operator.name not in _FUSING:
            return False
        with open_flatbuffer(self.path) as file:
            subgraph = next(iter(file.root().tables(2, "subgraph")))
            table = next(itertools.islice(subgraph.tables(3, "operator"), operator.index, None))
            options = table.table(4, f"the options of {table.what}")
            return options is not None and options.scalar(_FUSING[operator.name], "int8") != 0

    def weights(self, operator: Operator) -> npt.NDArray[np.float32] | None:
        """The weights of a layer as [output channels, …], the axis of input channels last; None where it has none."""
        if operator.name not in WEIGHTED:
            return None
        tensor = self.input(operator, 1)
        values = self.constant(tensor)
        axis = WEIGHTED[operator.name]
        if values is None or values.ndim <= axis or not values.size:
            return None
        return np.moveaxis(values, axis, 0)


def graph_of(path: Path, model: TfliteModel | None = None) -> Graph:
    """Reads a file.

    Args:
        path: of the file.
        model: its structure, where it was read already.

    Raises:
        ModelError: it is missing or damaged.
    """
    model = model or read_model(path)
    main = model.subgraphs[0]
    makers: dict[int, Operator] = {}
    takers: dict[int, list[Operator]] = {}
    for operator in main.operators:
        for index in operator.outputs:
            if index != OPTIONAL:
                makers[index] = operator
        for index in dict.fromkeys(operator.inputs):
            if index != OPTIONAL:
                takers.setdefault(index, []).append(operator)
    return Graph(path, model, main, makers, takers, layer_names(model)[0])


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names for a sentence: each once, the first ones, and how many more there are."""
    each = list(Counter(names))
    shown = ", ".join(each[:most])
    return shown if len(each) <= most else f"{shown} and {len(each) - most} more"


def activations_of(case: Case) -> dict[int, ActivationStatistics]:
    """Statistics of the float32 file's activations by tensor index; empty where no runtime runs it.

    Raises:
        ModelError: the runtime fails on it.
    """
    if case.float32_file is None or case.float32_model is None or case.probe is None:
        return {}
    if any(operator.is_flex for graph in case.float32_model.subgraphs for operator in graph.operators):
        # M202 says so.
        return {}
    return case.activations(case.float32_file)
