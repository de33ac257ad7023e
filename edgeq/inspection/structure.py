"""What `edgeq inspect` finds out about a file, as values: every view (console, JSON, HTML, a diff) is made of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeq.tflite.io import TensorInfo
from edgeq.tflite.metadata import Metadata
from edgeq.tflite.model import Signature


@dataclass(frozen=True)
class Constant:
    """A constant that a layer computes with.

    Attributes:
        tensor: its name in the file.
        role: ``weights``, ``bias``, or ``constant`` for axes, shapes, paddings and the like.
        dtype: as stored, such as ``int8``, ``int4`` or ``float16``.
        shape: of the tensor.
        size_bytes: in the file.
        scales: how many it has: 0 where it is not quantized, 1 per tensor, else one a channel.
        dimension: axis of per-channel scales; None where there is at most one.
        least_scale: None where it is not quantized.
        largest_scale: None where it is not quantized.
    """

    tensor: str
    role: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    scales: int
    dimension: int | None
    least_scale: float | None
    largest_scale: float | None


@dataclass(frozen=True)
class Layer:
    """An operator of the file.

    Attributes:
        subgraph: index of its subgraph; 0 is the model, others are bodies of control flow.
        index: in its subgraph, which is also the order of execution.
        name: of the Keras layer where the file's names tell, else of its output tensor.
        operator: such as ``CONV_2D``; a custom operator's own name.
        version: of the operator.
        kind: ``builtin``, ``custom`` or ``flex``.
        precision: dtype that it computes in; ``int8 weights`` for float activations with int8 weights
            (dynamic range), ``converts`` for QUANTIZE, DEQUANTIZE and CAST, ``moves`` for what computes nothing.
        output: name of its first output tensor; empty where it has none.
        output_shape: of its first output.
        output_dtype: of its first output.
        constants: what it computes with, weights first.
        size_bytes: of its constants; a buffer that several layers share counts for the first.
        macs: multiply-accumulates of one inference, those of all turns for an operator in the body of a loop (of
            one turn where `Inspection.macs_at_least`); 0 for operators that have none.
        delegated: whether a delegate took it when the file was run here; None where it was not run.
    """

    subgraph: int
    index: int
    name: str
    operator: str
    version: int
    kind: str
    precision: str
    output: str
    output_shape: tuple[int, ...]
    output_dtype: str
    constants: tuple[Constant, ...]
    size_bytes: int
    macs: int
    delegated: bool | None


@dataclass(frozen=True)
class OperatorUse:
    """A kind of operator in the file.

    Attributes:
        operator: its name.
        versions: in use, ascending.
        kind: ``builtin``, ``custom`` or ``flex``.
        count: how many there are.
        precisions: count by `Layer.precision`.
        size_bytes: of their constants.
        macs: of one inference.
    """

    operator: str
    versions: tuple[int, ...]
    kind: str
    count: int
    precisions: Mapping[str, int]
    size_bytes: int
    macs: int


@dataclass(frozen=True)
class FloatIsland:
    """Neighbouring operators that compute in float in a file whose other operators compute in integers.

    Attributes:
        layers: (subgraph, index) of its operators, in order.
        entries: names of the tensors at which integers become floats for it.
        exits: names of the tensors at which its floats become integers again, or leave the model.
        cause: a sentence: which operator has no integer form, or which tensor has no scale.
    """

    layers: tuple[tuple[int, int], ...]
    entries: tuple[str, ...]
    exits: tuple[str, ...]
    cause: str


@dataclass(frozen=True)
class RuntimeSupport:
    """Whether a runtime can run the file.

    Attributes:
        runtime: such as ``LiteRT`` or ``tflite-runtime``.
        least_version: that has all operator versions in use; None where no version of it is known to.
        runs: whether its last (or only) version does; None where that is unknown.
        reason: a sentence where it does not or is unknown, naming the operator; else empty.
    """

    runtime: str
    least_version: str | None
    runs: bool | None
    reason: str


@dataclass(frozen=True)
class Run:
    """How the file was run here, on zeros.

    Attributes:
        runtime: ``litert`` or ``tflite-runtime``; empty where none is installed.
        version: of the runtime.
        delegate: ``XNNPACK`` or ``none``.
        delegated: operators of the file that the delegate took; None where the runtime does not say.
        operators: of the file; None where the runtime does not say.
        partitions: parts that the delegate took in one piece each; None where the runtime does not say.
        arena_bytes: of activations as allocated without a delegate; None where it could not be measured.
        error: why it does not run; None where it does.
        free_size: that free dimensions beside the batch were given, where it does not run with 1; else None.
    """

    runtime: str
    version: str
    delegate: str
    delegated: int | None
    operators: int | None
    partitions: int | None
    arena_bytes: int | None
    error: str | None
    free_size: int | None = None


@dataclass(frozen=True)
class Inspection:
    """A file, inspected.

    Attributes:
        name: of the file.
        file_bytes: its size.
        sha256: of its content.
        schema_version: 3.
        description: the converter's.
        inputs: in the order of the file.
        outputs: in the order of the file.
        signatures: may be empty.
        layers: of all subgraphs, in order.
        operators: in use, the most frequent first.
        scheme: edgeq's name of what the file really is, such as ``int8``; None where it is none of them.
        weights: dtype that most weights have; ``none`` without weights.
        activations: dtype that all operators compute in; ``mixed`` where they differ.
        claimed_scheme: what the file's name says it is; None where it says nothing.
        islands: parts that compute in float in a file that computes in integers.
        weight_bytes: of all constants, shared buffers once.
        arena_bytes: of activations, as the runtime's planner would place them.
        metadata: class names and normalisation.
        metadata_names: of the blocks of metadata in the file.
        min_runtime_version: that the converter wrote into the file; None where it did not.
        runtimes: what can run it.
        run: how it ran here; None where it was not run.
        warnings: what a user should look at, one sentence each.
        macs_at_least: whether there may be more multiply-accumulates than are counted: a loop has some and the file
            does not tell how many turns it takes, so that one counts.
    """

    name: str
    file_bytes: int
    sha256: str
    schema_version: int
    description: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    signatures: tuple[Signature, ...]
    layers: tuple[Layer, ...]
    operators: tuple[OperatorUse, ...]
    scheme: str | None
    weights: str
    activations: str
    claimed_scheme: str | None
    islands: tuple[FloatIsland, ...]
    weight_bytes: int
    arena_bytes: int
    metadata: Metadata
    metadata_names: tuple[str, ...]
    min_runtime_version: str | None
    runtimes: tuple[RuntimeSupport, ...]
    run: Run | None
    warnings: tuple[str, ...]
    macs_at_least: bool = False

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)
