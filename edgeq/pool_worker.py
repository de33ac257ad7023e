"""The program that runs inside a process of `edgeq.pool.ProcessPool`: calls functions by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from edgeq.processes import answers_on_stdout, serve


def call(function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Calls ``module:function``."""
    module, _, name = function.partition(":")
    return {"result": getattr(importlib.import_module(module), name)(*args, **kwargs)}


def main() -> None:
    """Serves calls until the parent closes the pipe."""
    serve({"call": call}, answers_on_stdout())


if __name__ == "__main__":
    main()
