"""What quantization loses on networks with gates, hard-swish or SiLU, and squeeze-and-excite, on CIFAR-10.

``python benchmarks/quantization_gates.py`` asks of the two networks of ``converters/cifar10_gated.py`` on how many of
the 10,000 test images an int8 file answers otherwise than the float32 file: the converter's, litert-quantizer's, and
the nearest to 1 % that `edgeq optimize` finds without labels and with all layers in int8. `quantization` says how.
"""

from __future__ import annotations

from common import run
from quantization import compare

DISAGREEMENT = 1.0
"""Largest part of other answers, in percent."""

NETWORKS = ("cifar10_hard_swish", "cifar10_silu")


def study(smoke: bool) -> None:
    """Compares both."""
    searches = {script: [("latency", DISAGREEMENT)] for script in NETWORKS[: 1 if smoke else None]}
    compare("quantization_gates", searches, smoke, labels=False)


if __name__ == "__main__":
    run(__file__, study, [])  # The sides are those of `quantization`.
