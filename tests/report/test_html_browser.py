"""The HTML report in a real browser: it runs, fits a phone, sorts by keyboard, follows the colour scheme."""

from __future__ import annotations

import devtools
import pytest
from sample_devices import phone, three_devices, throttled
from sample_measurements import change, each, lone_file, night, without_labels
from sample_tasks import clothes, comparison_only, detection, regression, segmentation
from test_html import EVIL, hostile

from edgeq.report.compare import compare
from edgeq.report.render import render

pytestmark = devtools.MARKS

REPORTS = {
    "night": lambda: render(night(), "html"),
    "two nights": lambda: render(
        night(), "html", compare=compare(night(), night(session="old", slowdown=1.1))
    ),
    "two devices": lambda: render(
        [*night(), *each(night(), lambda one: change(one, environment__device_id="x"))], "html"
    ),
    "three devices": lambda: render(three_devices(), "html"),
    "throttled": lambda: render(throttled(), "html"),
    "phone": lambda: render(phone(), "html"),
    "no labels": lambda: render(without_labels(night()), "html"),
    "no accuracy": lambda: render(each(night(), lambda one: change(one, accuracy=None)), "html"),
    "lone file": lambda: render([lone_file(night()[0], "detector")], "html"),
    "hostile": lambda: render(hostile(), "html"),
    "regression": lambda: render(regression(), "html"),
    "segmentation": lambda: render(segmentation(), "html"),
    "detection": lambda: render(detection(), "html"),
    "comparison": lambda: render(comparison_only(), "html"),
    "clothes": lambda: render(clothes(), "html"),
}


@pytest.fixture
def page(open_page):
    return lambda name, **options: open_page(REPORTS[name](), **options)


@pytest.mark.parametrize("name", REPORTS)
def test_every_plot_is_drawn_and_no_page_scrolls_sideways(page, name):
    opened = page(name)
    places = opened.run("document.querySelectorAll('.plot').length")
    assert places > 0
    assert opened.run("document.querySelectorAll('.plot .plot-container').length") == places
    opened.run("for (const details of document.querySelectorAll('details')) details.open = true")
    for width in (1280, 820, 390, 320):
        opened.resize(width)
        assert opened.run("document.documentElement.scrollWidth") == width


def test_a_device_has_a_bar_for_each_of_its_variants(page):
    opened = page("three devices")
    assert opened.run("document.querySelectorAll('#bars-3 .bars .point').length") == 4 + 2 + 4
    assert opened.run("document.querySelectorAll('#bars-3 .ytick').length") == 4


def test_the_colour_of_a_device_in_the_table_is_that_of_its_bars(page):
    opened = page("three devices")
    dots = opened.run(
        "[...document.querySelectorAll('.across thead .swatch')].map(dot => getComputedStyle(dot).backgroundColor)"
    )
    bars = opened.run(
        "[...document.querySelectorAll('#bars-3 .trace.bars')].map("
        "trace => getComputedStyle(trace.querySelector('.point path')).fill)"
    )
    assert dots == bars


def test_clock_and_temperature_are_drawn_over_time(page):
    opened = page("throttled")
    assert opened.run("document.querySelectorAll('#states-0 .scatterlayer .trace').length") == 2
    assert opened.run("document.querySelectorAll('#states-0 .y2tick').length") > 1


def test_minutes_are_drawn_with_the_temperature_of_each_variant(page):
    opened = page("throttled")
    assert opened.run("document.querySelectorAll('#sustained-0 .scatterlayer .trace').length") == 10
    ticks = opened.run(
        "[...document.querySelectorAll('#sustained-0 .xtick text')].map(tick => tick.textContent)"
    )
    assert ticks == ["1", "2", "3", "4", "5"]


def test_a_page_that_opens_on_a_phone_fits_it(page):
    opened = page("night", width=390)
    assert opened.run("document.documentElement.scrollWidth") == 390
    for plot in ("#tradeoff-0", "#spread-0"):
        assert opened.run(f"document.querySelector('{plot} .main-svg').getBoundingClientRect().right") <= 390


def test_every_variant_has_a_bubble_and_every_row_a_box(page):
    opened = page("night")
    assert opened.run("document.querySelectorAll('#tradeoff-0 .points path').length") == 10
    assert opened.run("document.querySelectorAll('#spread-0 path.box').length") == 10


def test_the_wide_table_scrolls_in_its_own_frame_on_a_phone(page):
    opened = page("night", width=390)
    assert opened.run("(s => s.scrollWidth > s.clientWidth)(document.querySelector('.scroll'))")


COLUMN = "[...document.querySelectorAll('.sortable tbody tr')].map(row => row.children[{}].innerText.trim())"
HEADER = "[...document.querySelectorAll('.sortable thead th')][{}]"


def test_a_header_sorts_by_keyboard_and_says_how(page):
    opened = page("night")
    opened.run(HEADER.format(2) + ".querySelector('button').focus()")
    opened.press("Enter")
    sizes = [float(text) for text in opened.run(COLUMN.format(2))]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert opened.run(HEADER.format(2) + ".getAttribute('aria-sort')") == "ascending"
    opened.press("Enter")
    assert [float(text) for text in opened.run(COLUMN.format(2))] == sizes[::-1]
    assert opened.run(HEADER.format(2) + ".getAttribute('aria-sort')") == "descending"


def test_one_column_at_a_time_is_sorted_and_empty_cells_come_last(page):
    opened = page("night")
    drop = next(index for index in range(13) if "drop" in opened.run(HEADER.format(index) + ".innerText"))
    for index in (0, drop):
        opened.run(HEADER.format(index) + ".querySelector('button').click()")
    cells = opened.run(COLUMN.format(drop))
    assert cells[-2:] == ["–", "–"]
    assert cells[0].startswith("−0.03")
    assert opened.run("document.querySelectorAll('[aria-sort]').length") == 1
    opened.run(HEADER.format(drop) + ".querySelector('button').click()")
    assert opened.run(COLUMN.format(drop))[-2:] == ["–", "–"]


def test_names_sort_as_words(page):
    opened = page("night")
    opened.run(HEADER.format(0) + ".querySelector('button').click()")
    names = [name.split("\n")[0].removesuffix("ship").strip() for name in opened.run(COLUMN.format(0))]
    assert names == sorted(names)


def test_the_axis_of_an_error_points_down(page):
    opened = page("regression")
    low, high = opened.run("document.getElementById('tradeoff-0').layout.yaxis.range")
    assert low > high
    assert not opened.run("document.getElementById('tradeoff-0').layout.yaxis.title.text").startswith(
        "undefined"
    )


CLASSES = "[...document.querySelectorAll('details:last-of-type .small tbody tr')]"


def test_a_table_of_classes_sorts_like_the_others(page):
    opened = page("segmentation")
    changes = CLASSES + ".map(row => row.children[6].innerText)"
    opened.run("for (const details of document.querySelectorAll('details')) details.open = true")
    assert opened.run(changes)[0] == "−3.8"
    opened.run("document.querySelector('details:last-of-type .small thead th:nth-child(1) button').click()")
    names = opened.run(CLASSES + ".map(row => row.children[0].innerText)")
    assert names[:2] == ["aeroplane", "background"]


def test_the_confusion_matrix_is_coloured_by_share(page):
    opened = page("clothes")
    opened.run("for (const details of document.querySelectorAll('details')) details.open = true")
    cell = "getComputedStyle(document.querySelector('.matrix .{}')).backgroundColor"
    right, wrong = opened.run(cell.format("right")), opened.run(cell.format("wrong"))
    assert right != wrong
    assert "rgba(0, 0, 0, 0)" not in (right, wrong)
    assert opened.run("document.querySelectorAll('.matrix').length") == 5


INK = "getComputedStyle(document.body).color"
PLOT_INK = "document.querySelector('#tradeoff-0 .xtick text').style.fill"


def test_the_colours_follow_the_system_while_the_page_is_open(page):
    opened = page("night")
    light = opened.run(INK), opened.run(PLOT_INK)
    opened.dark(True)
    dark = opened.run(f"new Promise(done => setTimeout(() => done([{INK}, {PLOT_INK}]), 500))")
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_a_page_that_opens_dark_looks_like_one_that_turned_dark(page):
    opened = page("night", dark=True)
    opens = opened.run(INK), opened.run(PLOT_INK)
    opened.dark(False)
    opened.dark(True)
    turned = opened.run(f"new Promise(done => setTimeout(() => done([{INK}, {PLOT_INK}]), 500))")
    assert list(opens) == turned


def test_printing_opens_the_details_in_light_colours_and_restores_the_page(page):
    opened = page("night", dark=True)
    before = opened.run(PLOT_INK)
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run("document.querySelectorAll('details:not([open])').length") == 0
    assert opened.run(PLOT_INK) != before
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run("document.querySelectorAll('details[open]').length") == 0
    assert opened.run(PLOT_INK) == before


def test_hostile_names_are_text_in_table_and_plots(page):
    opened = page("hostile")
    first_line = EVIL.split("\u2028")[0]
    assert first_line in opened.run("document.querySelector('h1').innerText")
    assert first_line in opened.run("document.querySelector('#spread-0').textContent")
    assert opened.run("document.querySelectorAll('img').length") == 0
    assert opened.run("document.querySelectorAll('script').length") == 4


def test_an_injected_script_does_not_run(browser, page):
    opened = page("night")
    opened.run(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.owned = 1'}))"
    )
    assert opened.run("window.owned === undefined")
    # The browser reports the attempt, which is what the policy is for.
    opened.run("0")
    assert any("Content Security Policy" in problem for problem in browser.problems)
    browser.problems.clear()


def test_everything_on_hover_is_shown(page):
    opened = page("night")
    opened.run("Plotly.Fx.hover(document.getElementById('tradeoff-0'), [{curveNumber: 5, pointNumber: 0}])")
    text = opened.run("document.querySelector('#tradeoff-0 .hoverlayer').textContent")
    assert "int8" in text
    assert "drop (pp): 0.40 [0.02, 0.80]" in text
