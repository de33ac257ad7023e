"""What `edgeq layers` finds out, as values: the console, JSON, the heat map and Model Explorer are made of these."""

from __future__ import annotations

from dataclasses import dataclass

KEEP_FLOAT, INT16, RANGE, PER_CHANNEL, FINE_TUNE = (
    "keep-float",
    "int16-activations",
    "range-method",
    "per-channel",
    "fine-tune",
)
"""Kinds of remedies."""


@dataclass(frozen=True)
class Remedy:
    """Something that can be done about a layer.

    Attributes:
        kind: ``keep-float``, ``int16-activations``, ``range-method``, ``per-channel`` or ``fine-tune``.
        sentence: what to do.
        sqnr_db: of the model's outputs with all layers quantized and this remedy applied, as measured by
            simulation; None where it cannot be simulated.
        gain_db: by how much that is better than without; None likewise.
        changed: items whose top-1 differs from float's with it; None where the model does not classify, or likewise.
        n: items that it was measured on; 0 where it was not.
        cost: a sentence: what it costs in size and latency, with figures where they are known.
        extra_bytes: that the file grows by; None where unknown.
        names: of the layers that it changes, each once; empty for the layer's own alone.
    """

    kind: str
    sentence: str
    sqnr_db: float | None
    gain_db: float | None
    changed: int | None
    n: int
    cost: str
    extra_bytes: int | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerCost:
    """An operator of a layer: what it costs in accuracy, time and size.

    A Keras layer may become several operators, which share its name; `edgeq.layers.sums.by_layer` adds them up. The
    model's inputs are pseudo-layers with the operator ``INPUT`` and no index: quantizing an input costs accuracy
    and nothing else.

    Attributes:
        index: of its operator in the first subgraph of the float32 file; of the file itself where it is a
            lone one; None for an input.
        quantized_index: of the same operator in the variant's file; None where it has none.
        name: of the Keras layer where the file's names tell, else of its output tensor.
        operator: such as ``CONV_2D``; ``INPUT`` for an input.
        output: name of its first output tensor.
        output_shape: of it.
        dtype: that the variant stores its output as.
        size_bytes: of its constants in the variant's file; those of the subgraphs that it calls are among them.
        float_bytes: likewise in the float32 file; None in a lone file.
        macs: multiply-accumulates of one inference, without those in the body of a loop.
        n: items that the damage was measured on; 0 where it was not measured.
        sqnr_db: signal to quantization noise of the model's outputs when only this layer is quantized, against
            float, in decibels; None where it was not measured.
        sqnr_interval_db: 95 % interval of that over the items (bootstrap); None where it was not measured, for a lone
            item, and where there is no noise.
        error_share: its part of the noise that all layers add, each alone; between 0 and 1.
        relative_error: root of noise over signal of the model's outputs when only this layer is quantized.
        changed: items whose top-1 differs then; None where the model does not classify.
        own_sqnr_db: the same ratio at the layer's own output; of at most 65,536 values an item, like `saturation`.
        saturation: share of values at its output that are beyond the range of its integers, and so are clipped.
        latency_us: of the variant's operator, a mean over runs; None where it was not profiled.
        latency_share: of the sum over all operators.
        rank: 1 for the largest damage; None where it was not measured.
        remedies: the best first; empty where nothing need be done.
        problem: why the damage could not be measured; empty where it could.
    """

    index: int | None
    quantized_index: int | None
    name: str
    operator: str
    output: str
    output_shape: tuple[int, ...]
    dtype: str
    size_bytes: int
    float_bytes: int | None
    macs: int
    n: int = 0
    sqnr_db: float | None = None
    sqnr_interval_db: tuple[float, float] | None = None
    error_share: float | None = None
    relative_error: float | None = None
    changed: int | None = None
    own_sqnr_db: float | None = None
    saturation: float | None = None
    latency_us: float | None = None
    latency_share: float | None = None
    rank: int | None = None
    remedies: tuple[Remedy, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class KeptFloat:
    """The variant with some of its layers in float, all others quantized; as simulated.

    Attributes:
        names: of the layers that stay in float, each once, in the order in which they were chosen.
        sqnr_db: of the model's outputs.
        changed: items whose top-1 differs from float's; None where the model does not classify.
        n: items.
        extra_bytes: that the file grows by.
    """

    names: tuple[str, ...]
    sqnr_db: float
    changed: int | None
    n: int
    extra_bytes: int


@dataclass(frozen=True)
class LayerAnalysis:
    """A file, layer by layer.

    Attributes:
        subject: the bundle's name, or the name of a lone file.
        variant: that was analysed; the file's own name for a lone one.
        n: items that the damage was measured on; 0 for a lone file.
        items_source: a phrase for which items these are.
        sqnr_db: of the variant's real file against float on the same items; None where it was not run.
        changed: items whose top-1 its real file changes; None where the model does not classify.
        simulated_sqnr_db: of the simulation with all layers quantized, against float.
        simulation_error_db: SQNR of the simulation against the real file: how far it can be trusted. None where
            there is no simulation.
        layers: their operators in order of execution, inputs first.
        kept_float: what keeping more and more layers in float would give, each time the one that helps most.
        latency_us: sum over the profiled operators; None where the file was not profiled.
        profile_source: a phrase for where the latencies come from: method, runtime, threads, runs; empty without.
        notes: what a reader should know, one sentence each.
    """

    subject: str
    variant: str
    n: int
    items_source: str
    sqnr_db: float | None
    changed: int | None
    simulated_sqnr_db: float | None
    simulation_error_db: float | None
    layers: tuple[LayerCost, ...]
    kept_float: tuple[KeptFloat, ...] = ()
    latency_us: float | None = None
    profile_source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ranked(self) -> tuple[LayerCost, ...]:
        """The layers whose damage was measured, the most harmful first."""
        measured = [layer for layer in self.layers if layer.rank is not None]
        return tuple(sorted(measured, key=lambda layer: layer.rank or 0))
