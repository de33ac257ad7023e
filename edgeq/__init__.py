"""edgeq: trained Keras models to TensorFlow Lite files that can be trusted."""

from __future__ import annotations

__version__ = "0.1.0"
