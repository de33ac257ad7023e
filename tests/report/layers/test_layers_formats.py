"""Analyses of layers as JSON, text and HTML."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from page_outline import Outline
from sample_layers import clothes, hostile, lone, repeated

from edgeq.errors import MissingExtraError, UsageError
from edgeq.report import html_page
from edgeq.report.layers.render import FORMATS, format_of, render

ANALYSES = {"clothes": clothes, "lone": lone, "repeated": repeated, "hostile": hostile}


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("name", ANALYSES)
def test_json_has_a_version_and_only_what_json_has(name):
    document = json.loads(render(ANALYSES[name](), "json", target="x"), parse_constant=refuse)
    assert (document["format"], document["version"]) == ("edgeq-layers", 1)
    assert len(document["layers"]) == len(ANALYSES[name]().layers)


def test_json_holds_every_field_with_infinite_ratios_as_text():
    document = json.loads(render(clothes(), "json", target="x"))
    assert document["layers"][0]["sqnr_db"] == "Infinity"
    assert document["layers"][2]["remedies"][0]["gain_db"] == 7.58
    assert document["kept_float"][1]["names"] == ["depthwise_1", "conv_1"]
    assert json.loads(render(hostile(), "json", target="x"))["layers"][0]["own_sqnr_db"] is None


def keys_of(value):
    """Every key of an object."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from keys_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from keys_of(one)


def test_every_key_of_the_format_is_described():
    page = (Path(__file__).parents[3] / "docs" / "layers.md").read_text()
    described = re.findall(r"`(?:layers\[\]\.)?([^`]+)`", page.partition("## JSON")[2])
    assert set(keys_of(json.loads(render(clothes(), "json", target="x")))) <= set(described)


def test_json_has_the_interval_of_what_a_layer_costs_and_null_without_noise():
    layers = json.loads(render(clothes(), "json", target="x"))["layers"]
    assert [layer["sqnr_interval_db"] for layer in layers] == [
        None, [33.42, 34.85], [20.9, 22.6], None, [38.1, 40.04],
    ]  # fmt: skip


def test_a_page_has_the_interval_beside_the_ratio():
    page = render(clothes(), "html", target="x")
    assert '<td class="number" data-key="20.9">20.9 to 22.6</td>' in page


def test_a_text_file_lists_all_layers():
    text = render(clothes(), "txt", target="clothes-edgeq")
    assert all(layer.name in text for layer in clothes().layers)
    assert text == "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@pytest.mark.parametrize("name", ANALYSES)
def test_a_page_has_a_row_a_layer_and_one_script_and_fetches_nothing(name):
    outline = Outline(render(ANALYSES[name](), "html", target="x"))
    assert outline.count("script") == 1
    sums = 2 if name == "repeated" else 0
    assert outline.count("tr") == 1 + len(ANALYSES[name]().layers) + sums
    assert [attrs for tag, attrs in outline.elements if {"src", "href", "onclick"} & attrs.keys()] == []


def test_heat_is_relative_to_the_largest_of_the_column():
    outline = Outline(render(clothes(), "html", target="x"))
    heats = [
        float(attrs["style"].removeprefix("--heat: ")) for _, attrs in outline.elements if "style" in attrs
    ]
    assert heats.count(1.0) == 4
    assert all(0 <= heat <= 1 for heat in heats)


def test_the_headline_names_what_costs_most():
    assert "<h1>depthwise_1 does 93.1 % of the damage</h1>" in render(clothes(), "html", target="x")
    assert "<h1>conv takes 90.0 % of the time</h1>" in render(lone(), "html", target="x")


def test_a_tile_has_the_best_of_what_was_tried():
    text = re.sub(r"\s*<[^>]+>\s*", "|", render(clothes(), "html", target="x"))
    assert "keep depthwise_1 in float32" in text
    assert "+7.6 dB; top-1 differs for 1 of 64; file 921 B larger" in text


def test_the_headline_and_the_json_add_up_the_operators_of_a_layer():
    assert "<h1>norm takes 70.0 % of the time</h1>" in render(repeated(), "html", target="x")
    norm, conv = json.loads(render(repeated(), "json", target="x"))["by_layer"]
    assert (norm["name"], norm["operators"], norm["indices"]) == ("norm", ["MEAN", "MUL"], [0, 2])
    assert (norm["latency_us"], norm["latency_share"], norm["size_bytes"], norm["macs"]) == (0.7, 0.7, 50, 20)
    assert (conv["latency_share"], conv["error_share"]) == (0.3, None)


def test_a_page_without_the_template_engine_names_the_extra(monkeypatch):
    monkeypatch.setattr(html_page, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"edgeq\[report\]"):
        render(lone(), "html", target="x")


def test_formats_are_told_by_the_suffix():
    assert [format_of(f"a.{name}") for name in FORMATS] == list(FORMATS)
    with pytest.raises(UsageError, match="unknown format 'csv'"):
        format_of("a.csv")
    with pytest.raises(UsageError, match="unknown format 'csv'"):
        render(lone(), "csv", target="x")
