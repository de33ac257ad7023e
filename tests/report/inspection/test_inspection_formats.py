"""Inspections as JSON, text and HTML."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from page_outline import Outline
from sample_inspections import (
    HOSTILE,
    document,
    float32,
    histograms,
    hostile,
    int8,
    long_model,
    with_histograms,
)

from edgeq.errors import MissingExtraError, UsageError
from edgeq.inspection.difference import compare_files
from edgeq.inspection.structure import Inspection, Layer
from edgeq.report import html_page
from edgeq.report.inspection import html_figures
from edgeq.report.inspection.document import Histogram
from edgeq.report.inspection.json_format import to_json
from edgeq.report.inspection.render import format_of, render


def compared():
    return document(float32(), difference=compare_files(float32(), int8()))


DOCUMENTS = {
    "file": lambda: document(int8()),
    "bundle": lambda: document(int8(), float32(), bundle="photos"),
    "difference": compared,
    "histograms": with_histograms,
    "hostile": lambda: document(hostile()),
    "hostile difference": lambda: document(hostile(), difference=compare_files(hostile(), int8())),
    "long": lambda: document(long_model(300)),
}


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_is_versioned_and_strict(name):
    value = json.loads(render(DOCUMENTS[name](), "json"), parse_constant=refuse)
    assert (value["format"], value["version"]) == ("edgeq-inspection", 1)
    assert value["files"]


def test_json_has_every_field():
    (value,) = to_json(document(int8()))["files"]
    assert {field.name for field in dataclasses.fields(Inspection)} <= value.keys()
    assert {field.name for field in dataclasses.fields(Layer)} == value["layers"][0].keys()
    assert value["macs"] == int8().macs
    assert value["layers"][0]["constants"][0]["scales"] == 16


def test_json_has_the_numbers_of_histograms_each_in_a_line():
    text = render(with_histograms(), "json")
    (value,) = json.loads(text)["files"]
    assert value["histogram_items"] == 64
    assert {field.name for field in dataclasses.fields(Histogram)} == value["histograms"][0].keys()
    assert value["histograms"][0]["counts"] == list(histograms()[0].counts)
    assert '"counts": [0, 1, 5, 20, ' in text


def test_json_of_a_difference_names_layers_and_fields():
    value = to_json(compared())["difference"]
    assert value["values"]["scheme"] == ["float32", None]
    assert [layer["name"] for layer in value["layers_added"]] == ["block1/dequantize", "block1/quantize"]
    assert value["layers_changed"][0]["fields"] == ["version", "precision", "output", "weights", "size"]


def test_numbers_that_json_has_not_become_null():
    (value,) = to_json(document(hostile()))["files"]
    assert value["inputs"][0]["scale"] is None
    assert value["metadata"]["mean"] == [None]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_is_fetched(name):
    fetching = {"src", "href", "srcset", "data", "poster", "action"}
    for tag, attributes in Outline(render(DOCUMENTS[name](), "html")).elements:
        assert not fetching & attributes.keys(), (tag, attributes)
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")


def test_hostile_names_make_no_elements():
    elements = Outline(render(document(hostile()), "html")).elements
    assert [tag for tag, _ in elements].count("script") == 1
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)
    assert "\x1b" not in render(document(hostile()), "html")
    assert HOSTILE not in render(document(hostile()), "html")


def test_the_policy_lets_only_the_pages_own_script_run():
    page = render(document(int8()), "html")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert policy.count("sha256-") == 1
    assert "unsafe-eval" not in policy


def test_the_page_of_a_file_has_its_parts():
    page = render(with_histograms(), "html")
    for text in (
        "Inputs and outputs",
        "Where size",
        "Float islands",
        "What can run it",
        "Weights",
        "Activations on 64",
    ):
        assert text in page
    assert page.count("<svg") == 3


def test_macs_of_loops_of_unknown_turns_are_at_least_so_many():
    looping = dataclasses.replace(float32(), macs_at_least=True)
    assert "at least" in render(document(looping), "html")
    assert to_json(document(looping))["files"][0]["macs_at_least"] is True
    assert "at least" not in render(document(float32()), "html")


def test_layers_of_an_island_are_marked_in_the_page():
    rows = re.findall(r'<tr class="island"[^>]*>.*?</tr>', render(document(int8()), "html"), re.DOTALL)
    assert len(rows) == 1
    assert "block1/activation" in rows[0]


def test_the_bars_of_a_page_are_whole():
    for bar in html_figures.bars(int8()):
        assert sum(segment.share for segment in bar.segments) == pytest.approx(100)
    many = html_figures.bars(long_model(300))[0].segments
    assert len(many) == 25
    assert sum(segment.share for segment in many) == pytest.approx(100)


def test_a_histogram_fills_its_box_and_no_more():
    for one in histograms():
        for x, y, width, height in html_figures.plot(one).rectangles:
            assert 0 <= x <= x + width <= 240
            assert 0 <= y <= y + height <= 64.01


def test_without_jinja_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(html_page, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"edgeq\[report\]"):
        render(document(int8()), "html")


def test_text_is_what_a_pipe_gets():
    lines = render(document(int8()), "txt").splitlines()
    assert lines[0] == "photos.int8.tflite"
    assert all(line == line.rstrip() and len(line) <= 120 for line in lines)


def test_other_suffixes_are_refused():
    assert format_of("a/b.HTML") == "html"
    with pytest.raises(UsageError, match=r"expected a file that ends in \.json, \.html or \.txt"):
        format_of("a.pdf")


def keys_of(value):
    """Every key of an object, whose names are the format's own."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            if key not in ("precisions", "values") and not (
                key in ("inputs", "outputs") and isinstance(one, dict)
            ):
                yield from keys_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from keys_of(one)


def test_every_key_of_the_format_is_described():
    page = (Path(__file__).parents[3] / "docs" / "inspect.md").read_text()
    described = set(re.findall(r"`([^`]+)`", page.partition("## JSON")[2]))
    assert set(keys_of(to_json(with_histograms())["files"])) <= described
    assert set(to_json(compared())["difference"]) <= described
