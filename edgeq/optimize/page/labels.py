"""Names beside the points of a drawing, such that none lies on another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_CHARACTER = 7.2
"""Mean width of a character at 13 pixels, in pixels: 6.9 to 7.1 measured in Liberation Sans and Noto Sans."""
_HEIGHT = 15.0
_GAP = 12.0
_POINT = 6.0
_LONGEST = 34

Box = tuple[float, float, float, float]
"""Left, right, top and bottom, in pixels."""


@dataclass(frozen=True)
class Label:
    """A name in the drawing.

    Attributes:
        x, y: of its anchor, on the base line.
        anchor: ``start``, ``middle`` or ``end``, as SVG has it.
        text: the name.
    """

    x: float
    y: float
    anchor: str
    text: str


def place_labels(
    named: Sequence[tuple[float, float, str]],
    area: Box,
    points: Sequence[tuple[float, float]] = (),
    line: Sequence[tuple[float, float]] = (),
    others: Sequence[Label] = (),
) -> tuple[Label, ...]:
    """Puts names where there is room.

    Args:
        named: positions with their names, the most important first.
        area: that names must stay in.
        points: all that must not be covered.
        line: corners of a line that must not be covered.
        others: texts that stand there already.

    Returns:
        Labels; a name for which there is no room has none.
    """
    taken = [*(_box(x, y) for x, y in (*points, *_along(line))), *map(_box_of, others)]
    labels = []
    for x, y, name in named:
        text = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        for label, box in _places(x, y, text):
            if _is_within(box, area) and not any(_overlap(box, other) for other in taken):
                labels.append(label)
                taken.append(box)
                break
    return tuple(labels)


def _box(x: float, y: float) -> Box:
    """What a point takes."""
    return x - _POINT, x + _POINT, y - _POINT, y + _POINT


def _box_of(label: Label) -> Box:
    """What a text takes."""
    width = _CHARACTER * len(label.text)
    left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    return left, left + width, label.y - 0.8 * _HEIGHT, label.y + 0.3 * _HEIGHT


def _along(line: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points of a line, so near each other that no name fits between them."""
    for (x, y), (end_x, end_y) in pairwise(line):
        steps = max(1, int(max(abs(end_x - x), abs(end_y - y)) / _POINT))
        for step in range(1, steps):
            share = step / steps
            yield x + share * (end_x - x), y + share * (end_y - y)


def _places(x: float, y: float, text: str) -> list[tuple[Label, Box]]:
    """Where a name can stand: right, left, above and below of its point."""
    width, half = _CHARACTER * len(text), _HEIGHT / 2
    anchors = [
        ("start", x + _GAP, y, x + _GAP),
        ("end", x - _GAP, y, x - _GAP - width),
        ("start", x + _GAP, y - _HEIGHT, x + _GAP),
        ("start", x + _GAP, y + _HEIGHT, x + _GAP),
        ("end", x - _GAP, y - _HEIGHT, x - _GAP - width),
        ("end", x - _GAP, y + _HEIGHT, x - _GAP - width),
        ("middle", x, y - 1.5 * _HEIGHT, x - width / 2),
        ("middle", x, y + 1.5 * _HEIGHT, x - width / 2),
    ]
    return [
        (
            Label(round(at, 1), round(middle + 4.5, 1), anchor, text),
            (left, left + width, middle - half, middle + half),
        )
        for anchor, at, middle, left in anchors
    ]


def _is_within(box: Box, area: Box) -> bool:
    return box[0] >= area[0] and box[1] <= area[1] and box[2] >= area[2] and box[3] <= area[3]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
