"""A search as an HTML page."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from page_outline import Outline
from sample_results import FOUR, INT8, LAYERS, VIEWS, missed, nothing, outcomes, smallest

from edgeq.errors import MissingExtraError
from edgeq.optimize.page.html import to_html
from edgeq.optimize.page.labels import Label, place_labels
from edgeq.optimize.page.scatter import scatter
from edgeq.optimize.page.sensitivity import sensitivity
from edgeq.report import html_page


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_page_has_one_script_and_fetches_nothing(name):
    outline = Outline(to_html(VIEWS[name]()))
    assert outline.count("script") == 1
    assert [attrs for _, attrs in outline.elements if {"src", "href", "onclick"} & attrs.keys()] == []


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_page_has_a_row_a_candidate(name):
    view = VIEWS[name]()
    outline = Outline(to_html(view))
    heads = 2 if view.front else 1
    assert outline.count("tr") == heads + len(view.front) + len(view.result.outcomes)


def test_equal_searches_are_equal_bytes():
    assert to_html(smallest()) == to_html(smallest())


def test_every_candidate_has_its_reason_in_the_table():
    page = to_html(smallest())
    for outcome in smallest().result.outcomes:
        assert f'<td class="why" data-key="{outcome.reason}">{outcome.reason}</td>' in page


def test_every_measured_candidate_is_drawn_with_why_it_fell():
    view = smallest()
    drawn = scatter(view)
    measured = [one for one in view.result.outcomes if one.quality is not None]
    assert len(drawn.points) == len(measured)
    assert drawn.missing == len(view.result.outcomes) - len(measured)
    assert all(any(one.reason in point.text for point in drawn.points) for one in measured)
    assert drawn.points[-1].kind == "chosen"


def test_less_loss_stands_further_up_and_less_size_further_left():
    drawn = scatter(smallest())
    chosen, front = drawn.points[-1], drawn.points[-2]
    assert (chosen.kind, front.kind) == ("chosen", "front")
    assert chosen.y > front.y
    assert chosen.x < front.x
    assert drawn.budget > chosen.y


def test_what_loses_many_times_the_budget_stands_at_the_edge_and_leaves_the_rest_its_room():
    view = smallest()
    drawn = scatter(view)
    (beyond,) = [point for point in drawn.points if point.is_beyond]
    assert view.result.outcome(FOUR.key).reason in beyond.text
    assert beyond.y == drawn.bottom
    assert beyond.low is None


def test_every_point_and_every_interval_lies_in_the_drawing():
    for name in VIEWS:
        drawn = scatter(VIEWS[name]())
        if drawn is None:
            continue
        for point in drawn.points:
            assert drawn.left <= point.x <= drawn.right
            heights = [point.y, *(end for end in (point.low, point.high) if end is not None)]
            assert all(drawn.top <= height <= drawn.bottom for height in heights)


def test_the_front_is_a_line_through_its_points():
    drawn = scatter(smallest())
    corners = {f"{point.x:g},{point.y:g}" for point in drawn.points if point.kind != "other"}
    assert set(drawn.front.split()) == corners


def test_nothing_measured_is_nothing_drawn():
    assert scatter(nothing()) is None
    assert "<svg" not in to_html(nothing())


def test_layers_that_were_moved_alone_are_bars_from_the_strongest_on():
    found = sensitivity(smallest())
    assert [bar.name for bar in found.bars] == ["stem", "scores", "block1", "block2"]
    assert [bar.helps for bar in found.bars] == [True, True, True, False]
    assert found.bars[0].share == 100.0
    assert found.bars[0].change == "−0.0381"
    assert {bar.precision for bar in found.bars} == {"int8"}
    assert found.error == "0.200"


def test_recipes_that_differ_in_more_than_layers_say_nothing_of_layers():
    view = smallest()
    others = dataclasses.replace(view, result=dataclasses.replace(view.result, outcomes=outcomes()))
    assert sensitivity(others) is None


def test_the_recipe_of_the_winner_and_how_to_make_it_again_are_on_the_page():
    page = to_html(smallest())
    assert "edgeq convert MODEL --data DATA --recipe resnet-optimized/optimize.json" in page
    text = re.sub(r"\s*<[^>]+>\s*", "|", page)
    assert "|2 layers in int8||stem and scores|" in text


def test_a_winner_of_the_converter_has_no_recipe():
    view = smallest()
    result = dataclasses.replace(view.result, chosen=view.result.outcomes[0].key)
    page = to_html(dataclasses.replace(view, result=result))
    assert "the converter, as its variant float16" in page
    assert "--recipe" not in page


def test_a_budget_that_was_missed_is_the_headline():
    page = to_html(missed())
    assert "<h1>Nothing within 0.05 pp</h1>" in page
    assert '<span class="badge">nearest</span>' in page
    assert '<span class="badge">ship</span>' not in page


def test_statistics_of_the_search_are_told():
    page = to_html(smallest())
    assert "28 recipes built, and the converter&#39;s 3 variants; 6 measured on the validation set" in page
    assert "built: 7.5 % of the 412 combinations" in page


def test_foreign_text_is_escaped_everywhere():
    page = to_html(VIEWS["hostile"]())
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_page_without_the_template_engine_names_the_extra(monkeypatch):
    monkeypatch.setattr(html_page, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"edgeq\[report\]"):
        to_html(smallest())


def test_the_templates_are_installed():
    setup = (Path(__file__).parents[3] / "setup.cfg").read_text()
    assert "edgeq.optimize.page = templates/*" in setup


def test_a_layers_name_is_the_users():
    assert smallest().layer(LAYERS[0].name) == "stem"
    assert smallest().layer("model/other/out") == "model/other/out"


def test_a_candidate_is_called_by_its_variant_or_by_what_it_is():
    view = smallest()
    assert view.name(view.result.outcome(INT8.key)) == "int8-best"
    assert view.name(view.result.outcomes[0]) == "float16"
    assert view.name(view.result.outcome(FOUR.key)) == FOUR.title


def test_every_fate_that_occurs_and_every_column_is_explained_below_the_table():
    for name in VIEWS:
        page = to_html(VIEWS[name]())
        legend = page.partition('<dl class="pairs wide legend-below">')[2].partition("</dl>")[0]
        there = {one.status for one in VIEWS[name]().result.outcomes}
        terms = re.findall(r"<dt>([a-z -]+)</dt>", legend)
        assert set(terms[: len(there)]) == there
        assert ("delegated" in terms) == ('<button type="button">delegated' in page)


def test_an_interval_that_leaves_the_drawing_is_marked():
    assert not any(point.is_low_cut or point.is_high_cut for point in scatter(smallest()).points)
    view = smallest()
    wide = dataclasses.replace(view.result.winner.quality, low_pp=-20.0, high_pp=20.0)
    changed = tuple(
        dataclasses.replace(one, quality=wide) if one is view.result.winner else one
        for one in view.result.outcomes
    )
    drawn = dataclasses.replace(view, result=dataclasses.replace(view.result, outcomes=changed))
    chosen = scatter(drawn).points[-1]
    assert chosen.is_low_cut
    assert chosen.is_high_cut
    assert to_html(drawn).count('class="cut"') == 2


def test_no_name_lies_on_what_is_written_at_the_budget():
    written = Label(300.0, 100.0, "end", "budget 0.0001 pp")
    area = (0.0, 400.0, 0.0, 200.0)
    free, beside = (place_labels([(200.0, 95.0, "float32")], area, others=each) for each in ([], [written]))
    assert free[0].y == pytest.approx(99.5)
    assert beside[0] != free[0]
