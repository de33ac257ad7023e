"""The well-known names of a converter script, checked one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeq.data.preprocessing import Preprocessing, find_preprocessing
from edgeq.errors import EdgeqError, ModelError

_BETTER = ("lower", "higher")
_RATE = "rate"


@dataclass(frozen=True)
class Names:
    """What a script defines.

    Attributes:
        source: the script, for messages.
        folder: that files are relative to.
        values: by name.
    """

    source: str
    folder: Path
    values: Mapping[str, Any]

    def preprocess(self) -> Preprocessing | None:
        """``preprocess``: a text as after ``--preprocess``, or a mapping as in the JSON file.

        Raises:
            ModelError: it is something else.
            UsageError: there is no preprocessing of that name.
            DataError: the file of that name cannot be read.
        """
        value = self.values.get("preprocess")
        if value is None or isinstance(value, Preprocessing):
            return value
        if isinstance(value, str):
            return find_preprocessing(value, self.folder)
        if not isinstance(value, Mapping):
            raise self._error(
                "preprocess", value, "a text such as '-1..1' or 'FILE.json', or a dictionary as in the file"
            )
        from edgeq.data.preprocessing import parse_preprocessing

        try:
            return parse_preprocessing(value, str(value.get("name", "script")))
        except EdgeqError as error:
            raise ModelError(f"{self.source}: preprocess: {error}") from error

    def labels(self) -> tuple[str, ...]:
        """``labels``: a list of class names.

        Raises:
            ModelError: it is something else.
        """
        value = self.values.get("labels", ())
        if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
            raise self._error("labels", value, "a list of class names")
        return tuple(str(label) for label in value)

    def metrics(self) -> Mapping[str, Any]:
        """``metrics``: by name a function, or a tuple of one, what is better, and perhaps ``rate``.

        Raises:
            ModelError: it is something else.
        """
        value = self.values.get("metrics", {})
        if not isinstance(value, Mapping):
            raise self._error("metrics", value, "a dictionary of functions by name")
        for name, metric in value.items():
            if not isinstance(name, str) or not name.strip():
                raise ModelError(f"{self.source}: metrics has the name {name!r}, expected a text")
            if not _is_metric(metric):
                raise ModelError(
                    f"{self.source}: the metric {name!r} is {metric!r:.100}, expected a function, or a tuple such as "
                    "(function, 'lower') or (function, 'higher', 'rate')"
                )
        return dict(value)

    def task(self) -> str | Mapping[str, Any] | None:
        """``task``: a name, or a mapping with more.

        Raises:
            ModelError: it is something else.
        """
        value = self.values.get("task")
        if value is None or isinstance(value, str):
            return value
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self._error("task", value, "a text such as 'classification', or a dictionary")
        return dict(value)

    def functions(self, names: Sequence[str]) -> dict[str, Callable[[], Any]]:
        """Those of the functions that there are.

        Raises:
            ModelError: a name is no function.
        """
        found = {name: self.values[name] for name in names if name in self.values}
        for name, value in found.items():
            if not callable(value):
                raise self._error(name, value, f"a function {name}()")
        return found

    def _error(self, name: str, value: Any, expected: str) -> ModelError:
        return ModelError(f"{self.source}: {name} is of type {type(value).__name__}, expected {expected}")


def _is_metric(value: Any) -> bool:
    if callable(value):
        return True
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        return False
    function, better, *more = value
    return callable(function) and better in _BETTER and more in ([], [_RATE])
