"""Freezes a graph once for all variants that are made of it.

``TFLiteConverter`` turns variables into constants anew for each variant. A graph that has none left is rebuilt
operator by operator for nothing: 0.85 of the 1.4 s that a float variant of MobileNetV2 takes. Here the first
variant's result serves the others. The files are the same to the byte (the test of the shared calibration
compares them).

Like the shared calibration this relies on TensorFlow's private interface, and where that is another one,
nothing is replaced.
"""

from __future__ import annotations

from typing import Any

from edgeq.convert.shared_calibration import is_known_version


class SharedFreezing:
    """What the first converter made of the graph."""

    def __init__(self) -> None:
        self._frozen: tuple[Any, ...] | None = None

    def install(self, converter: Any) -> bool:
        """Makes a converter use what is kept here.

        Args:
            converter: from ``from_concrete_functions``, always with the same function.

        Returns:
            Whether it was possible with this version of TensorFlow.
        """
        freeze = getattr(converter, "_freeze_concrete_function", None)
        if not is_known_version() or not callable(freeze):
            return False

        def once() -> tuple[Any, ...]:
            if self._frozen is None:
                self._frozen = freeze()
            definition, *rest = self._frozen
            # A copy, so that no converter finds what another one changed.
            copied = type(definition)()
            copied.CopyFrom(definition)
            return copied, *rest

        converter._freeze_concrete_function = once
        return True
