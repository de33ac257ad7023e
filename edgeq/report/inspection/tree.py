"""Layers as a tree of name scopes, line by line."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edgeq.inspection.structure import Layer
from edgeq.report.inspection.wording import count

MOST_SHOWN = 60
"""Lines that are shown without ``--layers``: two screens; MobileNetV2 has 65."""

CONVERTS = "converts"
"""`Layer.precision` of what only changes the type."""

_DEEPEST = 6
"""Levels of scopes: deeper ones, which only a hostile file has by the thousand, become one name."""

_LEAST_FOLDED = 4
"""So many conversions in a row become one line: a float16 file begins with one for each of its weights."""

_BRANCH, _LAST, _BAR, _SPACE = "├─ ", "└─ ", "│  ", "   "


@dataclass(frozen=True)
class Line:
    """One line of the tree.

    Attributes:
        guide: what is drawn in front of the label.
        label: name of the layer below its scope, of the scope, or of several layers together; as in the file.
        layers: that it stands for; one, except for scopes and folded layers.
        is_scope: whether the lines below it show the layers.
    """

    guide: str
    label: str
    layers: tuple[Layer, ...]
    is_scope: bool = False

    @property
    def layer(self) -> Layer | None:
        """The only layer that it stands for; None for several."""
        return None if self.is_scope or len(self.layers) != 1 else self.layers[0]


@dataclass
class _Scope:
    """A scope while the tree is built: what is in it, in the order of first appearance."""

    label: str
    entries: list[_Scope | tuple[str, Layer]] = field(default_factory=list)
    scopes: dict[str, _Scope] = field(default_factory=dict)

    def scope(self, label: str) -> _Scope:
        if label not in self.scopes:
            self.scopes[label] = _Scope(label)
            self.entries.append(self.scopes[label])
        return self.scopes[label]

    def layers(self) -> tuple[Layer, ...]:
        return tuple(
            layer
            for entry in self.entries
            for layer in (entry.layers() if isinstance(entry, _Scope) else (entry[1],))
        )


def tree_lines(layers: Iterable[Layer]) -> list[Line]:
    """The tree, from the top; layers of other subgraphs than the first have a scope of their own.

    Args:
        layers: in order.
    """
    root = _Scope("")
    for layer in layers:
        *path, label = layer.name.split("/")
        if len(path) >= _DEEPEST:
            path, label = path[:_DEEPEST], "/".join((*path[_DEEPEST:], label))
        scope = root if layer.subgraph == 0 else root.scope(f"subgraph {layer.subgraph}")
        for part in path:
            scope = scope.scope(part)
        scope.entries.append((label, layer))
    return _lines(root, "")


def _lines(scope: _Scope, guide: str) -> list[Line]:
    found: list[Line] = []
    entries = _folded([_collapsed(entry) for entry in scope.entries])
    for position, entry in enumerate(entries):
        is_last = position == len(entries) - 1
        mark = guide + (_LAST if is_last else _BRANCH)
        if isinstance(entry, _Scope):
            found.append(Line(mark, f"{entry.label}/", entry.layers(), is_scope=True))
            found += _lines(entry, guide + (_SPACE if is_last else _BAR))
        else:
            label, members = entry
            found.append(Line(mark, label, members))
    return found


def _collapsed(entry: _Scope | tuple[str, Layer]) -> _Scope | tuple[str, Layer]:
    """A scope with one entry is no scope: both names become one."""
    while isinstance(entry, _Scope) and len(entry.entries) == 1:
        (only,) = entry.entries
        if isinstance(only, _Scope):
            entry = _Scope(f"{entry.label}/{only.label}", only.entries, only.scopes)
        else:
            return f"{entry.label}/{only[0]}", only[1]
    return entry


_Entry = _Scope | tuple[str, tuple[Layer, ...]]


def _folded(entries: Sequence[_Scope | tuple[str, Layer]]) -> list[_Entry]:
    """Conversions in a row become one entry."""
    found: list[_Entry] = []
    for operator, group in itertools.groupby(entries, _converting_operator):
        members = list(group)
        if operator and len(members) >= _LEAST_FOLDED:
            layers = tuple(entry[1] for entry in members if not isinstance(entry, _Scope))
            found.append((count(len(layers), "conversion"), layers))
        else:
            found += [entry if isinstance(entry, _Scope) else (entry[0], (entry[1],)) for entry in members]
    return found


def _converting_operator(entry: _Scope | tuple[str, Layer]) -> str:
    """The operator of a layer that only converts; empty for any other entry."""
    if isinstance(entry, _Scope):
        return ""
    return entry[1].operator if entry[1].precision == CONVERTS else ""
