"""The HTML report as a text: what it holds, and what it does not let in."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from sample_measurements import change, each, lone_file, night, without_labels

from edgeq.errors import MissingExtraError
from edgeq.report import html as html_report
from edgeq.report.compare import compare
from edgeq.report.html import embedded_json
from edgeq.report.html_details import provenance_details
from edgeq.report.html_plots import MOST_DOTS, plot_data, thinned
from edgeq.report.render import render
from edgeq.report.tables import build_tables

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&"


class Outline(HTMLParser):
    """Which elements a page has, with their attributes and the text of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def hostile():
    return each(
        night(threads=(1,)),
        lambda one: change(
            one,
            variant__model=EVIL,
            variant__name=one.variant.name + EVIL,
            variant__file=EVIL,
            variant__scheme=EVIL,
            baseline="float32" + EVIL,
            environment__device=EVIL,
            environment__warnings=(EVIL,),
            runtime__kernel_path=EVIL,
            inputs={EVIL: "float32[1, 2]"},
            provenance={EVIL: {EVIL: [EVIL]}},
        ),
    )


@pytest.fixture(scope="module")
def page():
    return render(night(), "html")


def test_the_headline_is_the_recommendation(page):
    assert "<h1>Ship int8</h1>" in page
    assert "drop 0.40 pp, at most 0.80 (95 % interval, 4,000 items)" in page


def test_nothing_is_fetched(page):
    fetching = {"src", "href", "srcset", "data", "poster", "action"}
    for tag, attributes in Outline(page).elements:
        assert not fetching & attributes.keys(), (tag, attributes)
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")


def test_the_policy_lets_exactly_the_scripts_of_the_page_run(page):
    outline = Outline(page)
    (policy,) = (
        attributes["content"]
        for tag, attributes in outline.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    run = [script for script in outline.scripts if not script.startswith("[")]
    digests = {
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in run
    }
    assert set(re.search(r"script-src ([^;]+);", policy)[1].split()) == digests
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy


def test_hostile_names_make_no_elements():
    ours = Outline(render(night(threads=(1,)), "html")).elements
    theirs = Outline(render(hostile(), "html")).elements
    expected = [tag for tag, _ in ours]
    found = [tag for tag, _ in theirs]
    for tag in ("script", "img", "style", "meta", "button"):
        assert found.count(tag) == expected.count(tag)
    assert not any(name.startswith("on") for _, attributes in theirs for name in attributes)


def test_hostile_names_are_shown_as_text():
    text = html.unescape(render(hostile(), "html"))
    assert "int8</script><script>alert(1)</script>" in text


def test_embedded_json_cannot_end_its_element_and_stays_the_same_value():
    text = embedded_json({"name": EVIL})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"name": EVIL}


def test_what_every_section_holds(page):
    for text in (
        "Environment",
        "Provenance",
        "How steady each variant is",
        "powersave",
        "options.seed",
        "SHA-256",
    ):
        assert text in page


def test_options_that_were_not_used_are_left_out_of_the_provenance():
    used = {"options": {"seed": 0, "flex": False, "batch": None, "size": []}}
    (table,) = build_tables(each(night(threads=(1,)), lambda one: change(one, provenance=used)))
    assert provenance_details(table) == [("options.seed", "0"), ("options.flex", "no")]


def test_two_nights_are_shown_side_by_side():
    old = night(session="before", started_at="2026-11-20T03:11:07+00:00", slowdown=1.1)
    text = render(night(), "html", compare=compare(night(), old))
    assert "Changes since 2026-11-20 03:11 UTC" in text
    assert "67.6 → 61.4 ms" in text


def test_several_devices_each_get_a_section_and_an_answer():
    other = each(night(), lambda one: change(one, environment__device_id="x", environment__device="Ryzen"))
    text = render([*night(), *other], "html")
    assert "mobilenet_v2 on Ryzen: Ship int8" in text
    assert text.count("<section") == 2


def test_without_labels_the_plot_shows_agreement_with_the_baseline_at_100():
    (table,) = build_tables(without_labels(night(threads=(1,))))
    data = plot_data(table)
    assert data["metric"] == "agreement (%)"
    assert [point["metric"] for point in data["points"]][:2] == [100.0, pytest.approx(99.925)]


def test_a_lone_file_has_no_plot_of_a_metric():
    text = render([lone_file(night()[0], "detector")], "html")
    assert 'id="tradeoff-0"' not in text
    assert 'id="spread-0"' in text


def test_without_latency_there_is_no_plot():
    text = render(each(night(), lambda one: change(one, latency=None)), "html")
    assert 'class="plot"' not in text


def test_the_fronts_are_apart_for_each_thread_count():
    (table,) = build_tables(night())
    data = plot_data(table)
    names = [
        [(data["points"][i]["variant"], data["points"][i]["threads"]) for i in front]
        for front in data["fronts"]
    ]
    assert names == [
        [("int8", 1), ("float32", 1), ("float16", 1)],
        [("int8", 4), ("float32", 4), ("float16", 4)],
    ]


def test_the_error_bars_are_the_paired_interval_of_the_drop():
    (table,) = build_tables(night(threads=(1,)))
    int8 = plot_data(table)["points"][3]
    assert int8["metric"] == pytest.approx(81.8)
    assert int8["metricLow"] == pytest.approx(82.2 - 0.8019)
    assert int8["metricHigh"] == pytest.approx(82.2 - 0.0211)


def test_many_runs_are_thinned_with_the_slowest_kept():
    runs = [tuple(float(run) for run in range(chunk * 100 + 1, chunk * 100 + 101)) for chunk in range(50)]
    kept = thinned(runs)
    assert len(kept) == MOST_DOTS
    assert (kept[0], kept[-1]) == (1.0, 5000.0)
    assert kept == sorted(kept)


def test_a_missing_plotting_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(html_report, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "edgeq\[report\]"'):
        render(night(), "html")


def test_the_plotting_library_is_loaded_only_for_html():
    program = (
        "import sys, edgeq.report.render, edgeq.report.console; "
        "assert not {'plotly', 'jinja2'} & set(sys.modules), 'loaded too early'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
