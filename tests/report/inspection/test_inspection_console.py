"""What `edgeq inspect` prints."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from golden_files import check_printed
from rich.cells import cell_len
from rich.console import Console
from sample_inspections import (
    HOSTILE,
    document,
    float32,
    histograms,
    hostile,
    inspection,
    int8,
    long_model,
    with_histograms,
)

from edgeq.inspection.difference import compare_files
from edgeq.inspection.structure import Run
from edgeq.report.inspection.console import print_document
from edgeq.report.inspection.console_text import Cells, Column, fitting, sparkline
from edgeq.report.inspection.document import Document, FileView
from edgeq.report.inspection.tree import MOST_SHOWN

GOLDEN = Path(__file__).parent / "golden"


def printed(shown, width=100, *, encoding="utf-8", layers=None):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True, newline="\n")
    print_document(shown, Console(file=stream, width=width, highlight=False), layers=layers)
    return raw.getvalue().decode(encoding)


def compared():
    return document(float32(), difference=compare_files(float32(), int8()))


@pytest.mark.parametrize("width", [80, 120])
def test_a_file(width):
    check_printed(GOLDEN / f"file-{width}.txt", printed(document(int8()), width))


@pytest.mark.parametrize("width", [80, 120])
def test_a_bundle(width):
    check_printed(
        GOLDEN / f"bundle-{width}.txt", printed(document(int8(), float32(), bundle="photos"), width)
    )


@pytest.mark.parametrize("width", [80, 120])
def test_two_files(width):
    check_printed(GOLDEN / f"difference-{width}.txt", printed(compared(), width))


@pytest.mark.parametrize("width", [80, 120])
def test_histograms(width):
    check_printed(GOLDEN / f"histograms-{width}.txt", printed(with_histograms(), width, layers=False))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize(
    "shown", [lambda: document(int8()), compared, with_histograms, lambda: document(hostile())]
)
def test_no_line_is_wider_than_the_terminal(shown, width):
    assert max(cell_len(line) for line in printed(shown(), width).splitlines()) <= width


def test_a_long_model_is_cut_and_says_how_much_is_missing_and_what_shows_it():
    text = printed(document(long_model(100)))
    shown = sum("CONV_2D " in line for line in text.partition("Layers")[2].splitlines())
    assert f"and {100 - shown} layers more (" in text
    assert "--layers shows them all" in text
    assert shown <= MOST_SHOWN
    whole = printed(document(long_model(100)), layers=True)
    assert "--layers" not in whole
    assert sum("CONV_2D " in line for line in whole.partition("Layers")[2].splitlines()) == 100


def test_without_layers_the_rest_is_there():
    text = printed(document(int8()), layers=False)
    assert "├─" not in text
    assert "Operators" in text
    assert "Float islands" in text


def test_a_refusal_is_a_warning_with_its_reason():
    refused = dataclasses.replace(
        float32(), run=Run("litert", "2.3.0", "none", None, None, None, None, "no kernel for FOO")
    )
    text = printed(document(refused))
    assert "warning: it does not run here: no kernel for FOO" in text
    assert "litert 2.3.0: refused" in text


def test_a_refusal_that_is_a_warning_already_is_said_once():
    refused = dataclasses.replace(
        float32(),
        run=Run("litert", "2.3.0", "none", None, None, None, None, "no kernel for FOO"),
        warnings=("litert refuses it: no kernel for FOO",),
    )
    assert printed(document(refused)).count("no kernel for FOO") == 1


def test_macs_of_loops_of_unknown_turns_are_at_least_so_many():
    looping = dataclasses.replace(float32(), macs_at_least=True)
    assert printed(document(looping)).count("at least") == 1
    assert "at least" in printed(document(looping, int8()), 160)
    assert "at least" not in printed(document(float32()))


def test_a_file_that_was_not_run_says_so_and_has_no_column_of_delegation():
    layers = [dataclasses.replace(layer, delegated=None) for layer in float32().layers]
    text = printed(document(inspection(layers, run=None)), 160)
    assert "run here    not run" in text
    assert "delegated" not in text


def test_an_empty_file_is_shown():
    empty = inspection((), inputs=(), outputs=(), signatures=(), runtimes=(), weights="none", run=None)
    text = printed(document(empty))
    assert "no weights" in text
    assert "Layers" not in text


def test_control_characters_and_markup_in_names_are_shown_and_not_obeyed():
    text = printed(document(hostile()), 200)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]\\x1b[2J" in text
    assert "[/red]" in text
    assert HOSTILE not in text


def test_control_characters_in_a_difference_are_shown_and_not_obeyed():
    text = printed(document(hostile(), difference=compare_files(hostile(), int8())), 200, layers=True)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_terminal_without_unicode_gets_ascii():
    text = printed(with_histograms(), 120, encoding="ascii")
    assert "zero point -128" in text
    assert "|- stem" in text
    assert printed(compared(), 120, encoding="ascii")


def test_values_that_are_not_finite_are_called_out():
    assert "warning: 640 values are NaN or infinite" in printed(with_histograms())


def test_notes_are_printed():
    view = FileView(
        "photos", int8(), histograms(), 64, ("the weights 'x' cannot be read: they are stored sparsely",)
    )
    assert "note: the weights 'x' cannot be read" in printed(Document((view,)))


def test_equal_files_are_the_same_bytes():
    text = printed(document(int8(), difference=compare_files(int8(), int8())))
    assert text.splitlines()[1] == "The same bytes."


def test_a_wider_terminal_shows_more_columns_and_never_fewer():
    columns = (Column("a"), Column("b", priority=2), Column("c", priority=1), Column("d", priority=3))
    rows = [Cells(("x" * 10, "y" * 10, "z" * 10, ""))]
    assert [fitting(columns, rows, width) for width in (5, 22, 34, 99)] == [[0], [0, 2], [0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((), ""),
        ((0, 0), "  "),
        ((1,), "█"),
        ((1000, 1, 0), "█▁ "),
        ((4, 4, 2, 2), "█▄"),
        ((8, 0, 0, 1), "█▁"),
    ],
)
def test_a_sparkline_shows_any_value_at_all(counts, line):
    assert sparkline(counts, 2 if len(counts) == 4 else 24) == line
