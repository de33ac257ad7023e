"""The page of an inspected file in a real browser: it fits, sorts by keyboard, filters, follows the colour scheme."""

from __future__ import annotations

import devtools
import pytest
from sample_inspections import document, float32, hostile, int8, long_model, with_histograms

from edgeq.inspection.difference import compare_files
from edgeq.report.inspection.render import render

pytestmark = devtools.MARKS

PAGES = {
    "file": with_histograms,
    "bundle": lambda: document(int8(), float32(), bundle="photos"),
    "difference": lambda: document(float32(), difference=compare_files(float32(), int8())),
    "hostile": lambda: document(hostile()),
    "long": lambda: document(long_model(300)),
}
ROWS = "[...document.querySelectorAll('table.layers tbody tr')]"
HEADER = "[...document.querySelectorAll('table.layers thead th')][{}]"


@pytest.fixture
def page(open_page):
    return lambda name, **options: open_page(render(PAGES[name](), "html"), **options)


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(page, name):
    opened = page(name)
    opened.run("for (const details of document.querySelectorAll('details')) details.open = true")
    for width in (1280, 820, 390, 320):
        opened.resize(width)
        assert opened.run("document.documentElement.scrollWidth") == width


def test_a_header_sorts_by_keyboard_the_largest_first(page):
    opened = page("file")
    opened.run(HEADER.format(7) + ".querySelector('button').focus()")
    opened.press("Enter")
    sizes = [int(key) for key in opened.run(ROWS + ".map(row => row.children[7].dataset.key)")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
    assert opened.run(HEADER.format(7) + ".getAttribute('aria-sort')") == "descending"
    opened.press("Enter")
    again = [int(key) for key in opened.run(ROWS + ".map(row => row.children[7].dataset.key)")]
    assert again == sorted(sizes)
    assert opened.run(HEADER.format(7) + ".getAttribute('aria-sort')") == "ascending"


def test_the_order_of_execution_comes_back(page):
    opened = page("file")
    opened.run(HEADER.format(1) + ".querySelector('button').click()")
    names = opened.run(ROWS + ".map(row => row.children[1].innerText)")
    assert names == sorted(names)
    opened.run(HEADER.format(0) + ".querySelector('button').click()")
    assert opened.run(ROWS + ".map(row => row.children[0].innerText)") == [str(index) for index in range(9)]


def test_the_filter_leaves_what_was_looked_for_and_counts_it(page):
    opened = page("file")
    opened.run(
        "const box = document.querySelector('input.filter'); box.value = 'conv_2d';"
        "box.dispatchEvent(new Event('input'))"
    )
    assert opened.run(ROWS + ".filter(row => !row.hidden).length") == 3
    assert opened.run("document.querySelector('.find output').textContent") == "3 of 9"


def test_the_bars_fill_their_frames(page):
    opened = page("file")
    for width in opened.run(
        "[...document.querySelectorAll('.share-bar')].map(bar => bar.lastElementChild.getBoundingClientRect().right"
        " - bar.getBoundingClientRect().right)"
    ):
        assert abs(width) < 1


def test_colours_follow_the_scheme(page):
    fill = "getComputedStyle(document.querySelector('.histograms path')).fill"
    opened = page("file")
    light = opened.run(fill)
    opened.dark(True)
    assert opened.run(fill) != light
