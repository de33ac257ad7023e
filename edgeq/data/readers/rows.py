"""Tables in text files: CSV with a header, or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeq.data.columns import read_regular
from edgeq.errors import DataError, NoItemsError
from edgeq.printing import printable

DELIMITERS = (",", ";", "\t")

JSON_SUFFIXES = (".jsonl", ".ndjson")
CSV_SUFFIXES = (".csv", ".tsv")

_SHOWN = 100
"""Characters of a file that a message shows."""


@dataclass(frozen=True)
class Rows:
    """The rows of a table.

    Attributes:
        path: of the file.
        columns: the values of each column by name, one a row: texts in CSV; whatever JSON has in JSON Lines, None
            where a row lacks the key.
        numbers: the line of each row in the file, from 1, for messages.
        are_texts: whether all values are texts, as CSV has them.
    """

    path: Path
    columns: Mapping[str, Sequence[Any]]
    numbers: Sequence[int]
    are_texts: bool

    def __len__(self) -> int:
        return len(self.numbers)

    def error(self, index: int, text: str) -> DataError:
        """One line about a row."""
        return DataError(f"{printable(self.path)}, row {self.numbers[index]}: {text}")


def read_rows(path: Path, known: Iterable[str]) -> Rows:
    """Reads a CSV or JSON Lines file.

    Args:
        path: the file; its suffix says which.
        known: names of columns; the delimiter of CSV is the one that finds most of them in the header.

    Raises:
        DataError: it cannot be read, is no UTF-8, has no row, or a row is damaged; says which.
    """
    text = _text(path)
    is_json = path.suffix.lower() in JSON_SUFFIXES
    rows = _json_lines(path, text) if is_json else _csv(path, text, frozenset(known))
    if not len(rows):
        raise NoItemsError(f"{printable(path)} holds no row: expected one line an item")
    return rows


def shown(value: Any) -> str:
    """A value for messages: in quotes, and not longer than a person reads."""
    # JSON escapes line ends and what the terminal cannot show.
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _text(path: Path) -> str:
    try:
        # A byte order mark, as Excel writes it, is no part of the first name.
        return read_regular(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{printable(path)} is no UTF-8 text: save it as UTF-8") from error


def _csv(path: Path, text: str, known: frozenset[str]) -> Rows:
    records = _records(path, text, max(DELIMITERS, key=lambda mark: _fit(text, mark, known)))
    header: tuple[str, ...] = ()
    cells: list[list[str]] = []
    numbers = []
    for number, record in records:
        if not header:
            header = _header(path, record)
            continue
        if len(record) != len(header):
            raise DataError(
                f"{printable(path)}, row {number}: expected {len(header)} fields like the header's, "
                f"found {len(record)}"
            )
        cells.append(record)
        numbers.append(number)
    columns = {name: [row[place].strip() for row in cells] for place, name in enumerate(header)}
    return Rows(path, columns, numbers, are_texts=True)


def _fit(text: str, mark: str, known: frozenset[str]) -> tuple[int, int]:
    """How well a delimiter fits: names in the header that are known, then fields."""
    try:
        header = next((row for row in csv.reader(io.StringIO(text), delimiter=mark) if row), [])
    except csv.Error:
        return 0, 0
    return sum(_name(field) in known for field in header), len(header)


def _records(path: Path, text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their lines; a row in quotes may go over several."""
    # The csv module wants to see line ends as they are.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True, strict=True)
    line = 1
    try:
        for record in reader:
            if any(record):
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{printable(path)}, row {line}: {error}: mend the row") from error


def _header(path: Path, record: Sequence[str]) -> tuple[str, ...]:
    names = tuple(_name(field) for field in record)
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise DataError(
            f"{printable(path)} has two columns {twice!r}: expected different names in the header"
        )
    return names


def _name(text: str) -> str:
    """The name of a column; capitals count only in an input's own name."""
    prefix, colon, name = text.strip().partition(":")
    return prefix.strip().lower() + colon + name.strip()


def _json_lines(path: Path, text: str) -> Rows:
    objects: list[dict[str, Any]] = []
    numbers = []
    # Not splitlines(), which also splits at characters that JSON allows in texts, such as U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise DataError(
                f"{printable(path)}, row {number} is no JSON ({reason}): expected one object a line"
            ) from error
        if not isinstance(value, dict):
            raise DataError(f"{printable(path)}, row {number}: expected an object, found {shown(value)}")
        named = {_name(key): one for key, one in value.items()}
        if len(named) < len(value):
            raise DataError(
                f"{printable(path)}, row {number}: expected keys that differ in more than capitals"
            )
        objects.append(named)
        numbers.append(number)
    names = dict.fromkeys(name for one in objects for name in one)
    columns = {name: [one.get(name) for one in objects] for name in names}
    return Rows(path, columns, numbers, are_texts=False)
