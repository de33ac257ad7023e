"""Dataclasses out of decoded JSON, every type checked."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from typing import Any

from edgeq.errors import ResultsError


def build(annotation: Any, value: Any, where: str) -> Any:
    """Builds a value of the annotated type from decoded JSON, checking as it goes.

    Args:
        annotation: a dataclass, or what its fields are annotated with.
        value: the decoded JSON; keys that a dataclass does not have are ignored.
        where: the path of the value, for messages.

    Raises:
        ResultsError: a key is missing, or a value has the wrong type or is not finite.
    """
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if annotation is Any:
        return value
    if type(None) in arguments:
        if value is None:
            return None
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return build(inner, value, where)
    if dataclasses.is_dataclass(annotation):
        return _build_dataclass(annotation, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(where, "a list", value)
        return tuple(build(arguments[0], item, where) for item in value)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        return {str(key): build(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if annotation is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(value, where)
    if not isinstance(value, annotation) or (annotation is int and isinstance(value, bool)):
        raise _wrong(where, annotation.__name__, value)
    return value


def _finite(value: float, where: str) -> float:
    """A float; whole numbers beyond its range, NaN and infinity are refused, which JSON does not have anyway."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ResultsError(f"{where}: expected float, found a number that is not finite")
    return number


def _build_dataclass(annotation: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    hints = typing.get_type_hints(annotation)
    fields = {}
    for field in dataclasses.fields(annotation):
        if field.name in value:
            fields[field.name] = build(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING:
            raise ResultsError(f"{where}.{field.name} is missing from the measurement")
    return annotation(**fields)


def _wrong(where: str, expected: str, found: object) -> ResultsError:
    return ResultsError(f"{where}: expected {expected}, found {type(found).__name__}")
