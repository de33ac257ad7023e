"""What an app's code must know of a bundle, and how its parts are written in Kotlin and Java."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgeq.bundle import Manifest, Tensor, Variant
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import BundleError

CLASS = "EdgeqModel"
"""Of the generated source."""

ASSETS = "edgeq"
"""Folder of the bundle below an app's assets."""

HEADER = "// Written by edgeq android, which writes it anew: do not edit."
"""First line of a generated source."""

_LARGEST = float(np.finfo(np.float32).max)

_RESERVED = frozenset({"ALL", "LABELS", "LABELS_ASSET"})


@dataclass(frozen=True)
class Named:
    """A variant with the name that code has for it.

    Attributes:
        identifier: such as ``INT8_IO_FLOAT32``.
        variant: of the bundle.
    """

    identifier: str
    variant: Variant


def named(variants: Iterable[Variant]) -> tuple[Named, ...]:
    """A constant's name for each variant: its own in capitals, made an identifier and different from the others."""
    taken = set(_RESERVED)
    found = []
    for variant in variants:
        plain = re.sub(r"[^A-Z0-9]+", "_", variant.name.upper()).strip("_")
        name = plain if plain[:1].isalpha() else f"VARIANT_{plain}".rstrip("_")
        number, identifier = 2, name
        while identifier in taken:
            identifier, number = f"{name}_{number}", number + 1
        taken.add(identifier)
        found.append(Named(identifier, variant))
    return tuple(found)


def quoted(text: str, *, dollar: bool) -> str:
    """A string between quotes, in plain ASCII.

    Args:
        text: any.
        dollar: whether the dollar begins a template, as in Kotlin.
    """
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"} | (
        {"$": "\\$"} if dollar else {}
    )
    return '"' + "".join(escapes.get(character) or _plain(character) for character in text) + '"'


def _plain(character: str) -> str:
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def one_line(text: str) -> str:
    """A text for a comment: printable ASCII, without what could end the comment."""
    printable = "".join(character if " " <= character <= "~" else "?" for character in text)
    return printable.replace("*/", "* /").replace("/*", "/ *")[:80]


def float_literal(value: float, what: str) -> str:
    """A number as float32, in the fewest digits that are that number again.

    Args:
        value: any.
        what: it is, for the error.

    Raises:
        BundleError: it is no number in float32.
    """
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise BundleError(f"{what} is {value}, expected a number: convert the model again")
    return f"{np.float32(value)!s}f"


def preprocessing_of(manifest: Manifest, tensor: Tensor) -> Preprocessing:
    """What happens to the values of an input before they are quantized."""
    return manifest.preprocessing.of(tensor.name)


def asset(name: str) -> str:
    """Where a file of the bundle lies, as ``AssetManager`` names it."""
    return f"{ASSETS}/{name}"
