"""Tables and paragraphs as lines of text, by the width that characters take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.report.plain_characters import display_width, encodable
from edgeq.report.text_table import TextColumn, paragraph, table_lines

TEXTS = st.text(st.sampled_from("ab ×試é́ -"), max_size=60)


@given(TEXTS, st.integers(8, 40), st.integers(0, 8))
def test_a_paragraph_keeps_every_word_within_its_width(text, width, indent):
    lines = paragraph(text, width, indent=indent)
    assert all(display_width(line.rstrip()) <= max(width, indent + 8) for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.lists(st.tuples(TEXTS, st.integers(0, 9999)), max_size=6), st.integers(30, 80))
def test_a_table_fits_and_its_numbers_stay_whole(rows, width):
    columns = [TextColumn(("name",), False), TextColumn(("size", "MB"), True)]
    lines = table_lines(columns, [((text,), (str(number),)) for text, number in rows], width=width)
    assert all(display_width(line) <= width for line in lines)
    assert all(any(str(number) in line.split() for line in lines) for _, number in rows)


def test_columns_are_aligned_by_what_is_seen():
    columns = [TextColumn(("variant",), False), TextColumn(("drop", "pp"), True)]
    rows = [(("試験",), ("0.40",)), (("int8", "folded"), ("−1.05",))]
    assert table_lines(columns, rows, width=40, ends=(0,)) == [
        "          drop",
        "variant     pp",
        "──────────────",
        "試験      0.40",
        "",
        "int8     −1.05",
        "folded",
    ]


@pytest.mark.parametrize(
    ("text", "width"), [("int8", 4), ("試験", 4), ("\u00e9", 1), ("e\u0301", 1), ("", 0), ("✓ ★", 3)]
)
def test_the_width_of_a_text(text, width):
    assert display_width(text) == width


@given(st.text())
def test_what_an_encoding_lacks_is_replaced(text):
    for encoding in ("ascii", "latin-1", "utf-8", "no such encoding"):
        shown = encodable(text, encoding)
        assert shown == text or shown.isascii()
    assert encodable("★ 2.20× −0.03 82 °C ✓", "ascii") == "* 2.20x -0.03 82 C yes"
