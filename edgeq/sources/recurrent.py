"""Recurrent layers without loops, for TensorFlow's calibrator.

Keras 3 writes an LSTM, a GRU or any other RNN as a loop (``While``). The float schemes convert it; for the
integer schemes the calibrator of TensorFlow 2.19 to 2.22 crashes on loops (SIGSEGV). Unrolled, each time step is
a copy of the cell's operators on the same weights, which is quantized like any other network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edgeq.sources.graph import Frozen, GraphInput

MOST_STEPS = 256
"""Each step of an LSTM is some 20 operators: longer sequences make files that take minutes to convert."""


def unroller(
    layers: Sequence[Any], inputs: Sequence[GraphInput], freeze: Callable[[], Frozen]
) -> Callable[[], Frozen] | None:
    """How to make the graph without loops.

    Args:
        layers: all of the model's, nested ones too.
        inputs: of the graph; the longest second axis bounds the time steps.
        freeze: traces the model as it is.

    Returns:
        A function that traces it unrolled; None where no layer loops, or the sequence is too long.
    """
    loops = [layer for layer in layers if getattr(layer, "unroll", None) is False]
    steps = max((spec.shape[1] for spec in inputs if len(spec.shape) > 1), default=0)
    if not loops or steps > MOST_STEPS:
        return None

    def unrolled_graph() -> Frozen:
        with _unrolled(loops):
            return freeze()

    return unrolled_graph


@contextmanager
def _unrolled(loops: Sequence[Any]) -> Iterator[None]:
    """Sets the layers' own switch for the time of a trace: the model is its user's."""
    for layer in loops:
        layer.unroll = True
    try:
        yield
    finally:
        for layer in loops:
            layer.unroll = False
