"""A model's inputs and outputs as its users see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeq.tflite.model import Tensor, TfliteModel


@dataclass(frozen=True)
class TensorInfo:
    """An input or an output.

    Attributes:
        name: in the signature; the tensor's own where there is no signature.
        index: of the tensor in the first subgraph.
        shape: dimensions that the file is allocated with; unknown ones are 1.
        dtype: as in numpy, such as ``int8`` or ``float32``.
        scale: of its integers; None where it is not quantized.
        zero_point: the integer that stands for 0; None where it is not quantized.
        shape_signature: like `shape` with -1 for unknown dimensions.
    """

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    shape_signature: tuple[int, ...]


def model_io(model: TfliteModel) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """The inputs and the outputs of a model, in the order of its first subgraph.

    Names come from the first signature of that subgraph. Where a signature gives one output two names, the
    first of them counts.
    """
    graph = model.subgraphs[0]
    signature = next((item for item in model.signatures if item.subgraph_index == 0), None)
    input_names = _by_index(signature.inputs) if signature else {}
    output_names = _by_index(signature.outputs) if signature else {}
    return (
        tuple(_info(graph.tensors[index], input_names) for index in graph.inputs),
        tuple(_info(graph.tensors[index], output_names) for index in graph.outputs),
    )


def _by_index(names: Mapping[str, int]) -> dict[int, str]:
    by_index: dict[int, str] = {}
    for name, index in names.items():
        by_index.setdefault(index, name)
    return by_index


def _info(tensor: Tensor, names: Mapping[int, str]) -> TensorInfo:
    quantization = tensor.quantization
    # A scale of 0 is how some writers say that there is none.
    scaled = quantization is not None and len(quantization.scales) == 1 and quantization.scales[0] > 0
    return TensorInfo(
        name=names.get(tensor.index, tensor.name),
        index=tensor.index,
        shape=tensor.shape,
        dtype=tensor.dtype,
        scale=quantization.scales[0] if quantization and scaled else None,
        zero_point=quantization.zero_points[0] if quantization and scaled else None,
        shape_signature=tensor.shape_signature,
    )
