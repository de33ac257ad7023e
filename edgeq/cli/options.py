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


def read_labels(path: Path | None) -> list[str] | None:
    """Class names, one a line.

    Raises:
        DataError: the file cannot be read or holds no name.
    """
    from edgeq.errors import DataError

    if path is None:
        return None
    try:
        # A byte order mark, as Windows' editors write it, is no part of the first name.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist: expected a text file with class names, one a line"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text: expected class names, one a line") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read as class names, one a line: {error.strerror}") from error
    labels = [line.strip() for line in lines if line.strip()]
    if not labels:
        raise DataError(f"{path} holds no labels: expected one a line")
    return labels
