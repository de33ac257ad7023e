"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


class Size(click.ParamType[tuple[int, ...]]):
    """``224``, ``224x224`` or ``1x16000``: sizes of free dimensions, in order."""

    name = "HxW"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, ...]:
        """The sizes as whole numbers above 0."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if not all(part.isdigit() and int(part) > 0 for part in parts):
            self.fail(f"expected sizes such as 224x224, found {value!r}", parameter, context)
        return tuple(int(part) for part in parts)


def verbose(function: Function) -> Function:
    """``-v``."""
    return click.option(
        "-v", "--verbose", is_flag=True, help="Let the output of TensorFlow and the runtime through."
    )(function)


def json_flag(function: Function) -> Function:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")(
        function
    )


def as_argument(path: Path) -> str:
    """A path as it can be typed after a command."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def preprocess(function: Function) -> Function:
    """``--preprocess``."""
    return click.option(
        "--preprocess",
        metavar="NAME",
        help="raw, 0..1, -1..1, torch, caffe, (x-MEAN)/DIVISOR, keras:NAME or FILE.json, instead of what is found.",
    )(function)


def task(function: Function) -> Function:
    """``--task``."""
    return click.option(
        "--task",
        metavar="NAME",
        help="classification, multi-label, regression, segmentation, detection, anomaly, embedding, custom or "
        "comparison; or FILE.json for a detector's outputs; found from labels and outputs by default.",
    )(function)


def on_bad_input(function: Function) -> Function:
    """``--on-bad-input``."""
    return click.option(
        "--on-bad-input",
        type=click.Choice(["fail", "skip"]),
        default="fail",
        show_default=True,
        help="What becomes of items that cannot be read.",
    )(function)
