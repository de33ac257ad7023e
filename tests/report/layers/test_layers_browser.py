"""The heat map in a real browser: it fits a phone, sorts, follows the colour scheme."""

from __future__ import annotations

import devtools
import pytest
from sample_layers import clothes, hostile, lone, repeated

from edgeq.report.layers.render import render

pytestmark = devtools.MARKS

PAGES = {"clothes": clothes, "lone": lone, "repeated": repeated, "hostile": hostile}
NAMES = "[...document.querySelectorAll('tbody .name')].map((cell) => cell.textContent).join()"


@pytest.fixture
def page(open_page):
    return lambda name, **options: open_page(render(PAGES[name](), "html", target="clothes-edgeq"), **options)


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(page, name):
    opened = page(name)
    for width in (1280, 820, 390, 320):
        opened.resize(width)
        assert opened.run("document.documentElement.scrollWidth") == width


def test_a_phone_shows_the_damage_beside_the_name(page):
    opened = page("clothes", width=390)
    damage = "[...document.querySelectorAll('th button')].find((one) => one.textContent.startsWith('damage'))"
    assert opened.run(f"{damage}.getBoundingClientRect().right") <= 390


def test_a_heading_sorts_by_the_largest_first_and_then_by_the_smallest(page):
    opened = page("clothes")
    assert opened.run(NAMES) == "image,conv_1,depthwise_1,pool,scores"
    click = "[...document.querySelectorAll('th button')].find((one) => one.textContent.startsWith('damage')).click()"
    opened.run(click)
    assert opened.run(NAMES) == "depthwise_1,conv_1,scores,image,pool"
    opened.run(click)
    assert opened.run(NAMES) == "image,scores,conv_1,depthwise_1,pool"


def test_a_layer_without_any_noise_sorts_as_the_best(page):
    opened = page("clothes")
    opened.run(
        "[...document.querySelectorAll('th button')].find((one) => one.textContent.startsWith('alone')).click()"
    )
    assert opened.run(NAMES).split(",")[:2] == ["image", "scores"]


@pytest.mark.parametrize("dark", [False, True])
def test_the_largest_value_of_a_column_stands_out_from_the_page(page, dark):
    opened = page("clothes", dark=dark)
    color = "getComputedStyle(document.querySelector('td.hot[style=\"--heat: 1.000\"]')).backgroundColor"
    assert "0.62" in opened.run(color)
    assert opened.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 22, 26)" if dark else "rgb(255, 255, 255)"
    )
