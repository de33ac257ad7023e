"""The HTML report as a text: what it holds, and what it does not let in."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
import sys

import pytest
from page_outline import Outline
from sample_measurements import change, each, lone_file, night, without_labels
from sample_tasks import (
    CLOTHES,
    clothes,
    comparison_only,
    detection,
    regression,
    segmentation,
    with_primary,
)

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import ClassScore, Estimate, Fidelity
from edgeq.errors import MissingExtraError
from edgeq.report import html as html_report
from edgeq.report.compare import compare
from edgeq.report.html import embedded_json
from edgeq.report.html_details import environment_details, provenance_details, variant_details
from edgeq.report.html_plots import MOST_DOTS, plot_data, thinned
from edgeq.report.html_tables import (
    MOST_CLASSES,
    class_grids,
    confusion_grid,
    confusion_matrix,
    fidelity_grid,
)
from edgeq.report.render import render
from edgeq.report.tables import build_tables

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&"


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
    # One for each device, and one across both.
    assert text.count("<section") == 3


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


def test_of_an_error_less_is_further_up_and_the_budget_lies_below():
    (table,) = build_tables(regression())
    data = plot_data(table)
    assert (data["metric"], data["isTurned"]) == ("MAE (lower is better)", True)
    assert data["budget"] == pytest.approx(0.4117 * 1.01)
    assert data["budgetLabel"] == "float32 + 1 %"
    names = [data["points"][index]["variant"] for index in data["fronts"][0]]
    assert names == ["int8", "float32", "float16"]


def test_the_error_bars_of_an_error_are_its_drop_in_percent_of_the_baselines():
    (table,) = build_tables(regression())
    int8 = plot_data(table)["points"][3]
    assert int8["metric"] == pytest.approx(0.4117 * 1.0046)
    assert int8["metricLow"] == pytest.approx(0.4117 * 1.0015)
    assert int8["metricHigh"] == pytest.approx(0.4117 * 1.0077)


def test_an_interval_without_ends_does_not_stretch_the_axis():
    endless = Estimate(3.1, -UNBOUNDED, UNBOUNDED, 1)
    (table,) = build_tables(
        [with_primary(one, drop=endless) for one in regression(variants=("float32", "int8"))]
    )
    assert [plot_data(table)["points"][1][end] for end in ("metricLow", "metricHigh")] == [None, None]


def test_the_budget_of_a_rate_is_one_point_below_the_baseline():
    (table,) = build_tables(segmentation())
    data = plot_data(table)
    assert (data["metric"], data["isTurned"], data["budgetLabel"]) == (
        "mean IoU (%)",
        False,
        "float32 − 1 pp",
    )
    assert data["budget"] == pytest.approx(71.14)


def test_outputs_without_meaning_are_drawn_by_their_noise():
    (table,) = build_tables(comparison_only())
    data = plot_data(table)
    assert (data["metric"], data["budget"]) == ("SQNR (dB)", None)
    assert [point["metric"] for point in data["points"]] == [None, 68.4, 31.2, 21.7, 21.7]


def test_the_details_have_every_metric_with_interval_and_p_value():
    (table,) = build_tables(detection())
    quality = dict(dict(variant_details(table, "int8"))["Quality"])
    assert quality["mAP of large objects"] == "53.77 [51.77, 55.77] %"
    assert quality["Drop in mAP"] == "0.46 [0.15, 0.77] pp, p < 0.001"
    assert quality["Cosine of the worst output"] == "0.9956"
    (table,) = build_tables(regression())
    quality = dict(dict(variant_details(table, "dynamic"))["Quality"])
    assert quality["MAE"] == "0.413 [0.396, 0.429]"
    assert quality["MAE, worse by"] == "0.21 [−0.10, 0.52] %, p = 0.48"


def test_items_that_were_left_out_are_told_apart():
    (table,) = build_tables(detection())
    facts = dict(environment_details(table))
    assert facts["Left out"] == "100 items that calibration used, 3 items that cannot be read"
    assert facts["Task"] == "detection"


def test_the_classes_that_lost_most_come_first():
    (table,) = build_tables(segmentation())
    (grid,) = class_grids(table)
    assert grid.title == "IoU by class"
    assert grid.remark == "most lost: cat with int8-io-float32, −3.8 pp"
    assert [name for name, _, _ in grid.headings] == ["class", "n", *table.variants]
    assert [unit for _, unit, _ in grid.headings] == ["", "", "%", "pp", "pp", "pp", "pp"]
    worst = [min(cell.key for cell in row[3:]) for row in grid.rows]
    assert worst == sorted(worst)
    assert [cell.text for cell in grid.rows[0]] == ["cat", "75,352", "92.5", "+0.2", "−1.7", "−3.6", "−3.8"]
    assert [cell.tone for cell in grid.rows[0][2:]] == ["", "good", "bad", "bad", "bad"]


def test_without_a_baseline_the_classes_that_do_worst_come_first():
    alone = [change(one, baseline=None) for one in segmentation(variants=("int8",))]
    (table,) = build_tables(alone)
    (grid,) = class_grids(table)
    assert list(grid.headings) == [
        ("class", "", False),
        ("n", "", True),
        ("int8", "%", True),
    ]
    shares = [row[2].key for row in grid.rows]
    assert shares == sorted(shares)
    assert (grid.remark, grid.note) == ("", "")


def test_a_thousand_classes_are_cut_and_the_note_says_so():
    many = tuple(ClassScore(f"c{index}", 50, {"recall": index / 1000}) for index in range(1000))
    (table,) = build_tables([change(one, accuracy__classes=many) for one in clothes()])
    (grid,) = class_grids(table)
    assert len(grid.rows) == MOST_CLASSES
    assert grid.note.endswith("Shown are the 200 of 1,000 classes that lost most.")


def test_two_classes_of_one_name_stay_two():
    cranes = (ClassScore("crane", 50, {"recall": 0.5}), ClassScore("crane", 40, {"recall": 0.9}))
    (table,) = build_tables([change(one, accuracy__classes=cranes) for one in clothes()])
    (grid,) = class_grids(table)
    assert [[cell.text for cell in row[:3]] for row in grid.rows] == [
        ["crane", "50", "50.0"],
        ["crane", "40", "90.0"],
    ]


def test_each_metric_of_the_classes_has_a_table():
    (table,) = build_tables(clothes())
    assert [grid.title for grid in class_grids(table)] == ["Recall by class", "Precision by class"]


def test_a_few_classes_have_their_whole_confusion_matrix():
    (table,) = build_tables(clothes())
    row = table.rows[3]
    matrix = confusion_matrix(row)
    assert matrix.rows == matrix.columns == CLOTHES
    counts = [[n for n, _, _ in line] for line in matrix.cells]
    assert counts == [list(line) for line in row.accuracy.confusion]
    assert [[right for _, _, right in line].index(True) for line in matrix.cells] == list(range(10))
    assert confusion_grid(row, table.baseline) is None


def test_of_many_classes_the_most_frequent_confusions_are_shown_against_the_baseline():
    (table,) = build_tables(segmentation())
    row = table.rows[3]
    assert confusion_matrix(row) is None
    grid = confusion_grid(row, table.baseline)
    assert [name for name, _, _ in grid.headings] == [
        "class",
        "answer",
        "count",
        "of the class",
        "count of float32",
    ]
    assert [cell.text for cell in grid.rows[0]] == ["bottle", "motorbike", "822", "0.8", "799"]
    counts = [line[2].key for line in grid.rows]
    assert counts == sorted(counts, reverse=True)
    assert grid.note == "The 20 most frequent of 420 confusions."
    assert len(confusion_grid(table.baseline, table.baseline).headings) == 4


@pytest.mark.parametrize("counts", [((5, 1, 2), (0, 0)), ((0,), (0,)), ((-5, 5), (1, -1)), ((),)])
def test_a_crooked_confusion_matrix_is_shown_as_it_is(counts):
    measured = [change(one, accuracy__confusion=counts) for one in clothes()]
    (table,) = build_tables(measured)
    matrix = confusion_matrix(table.rows[3])
    assert len(matrix.rows) == len(counts)
    assert len({len(line) for line in matrix.cells}) == 1
    assert all(0 <= share <= 1 for line in matrix.cells for _, share, _ in line)
    assert "<h1>" in render(measured, "html")


def test_several_outputs_are_told_apart():
    (table,) = build_tables(detection())
    grid = fidelity_grid(table.rows[3])
    assert [[cell.text for cell in row] for row in grid.rows] == [
        ["boxes", "25.7", "0.9966"],
        ["scores", "18.7", "0.9956"],
    ]
    assert fidelity_grid(table.baseline) is None
    (table,) = build_tables(regression())
    assert fidelity_grid(table.rows[3]) is None


def test_hostile_classes_and_outputs_make_no_elements():
    evil = [
        change(
            with_primary(one, label=EVIL, key=EVIL),
            accuracy__task=EVIL,
            accuracy__classes=(ClassScore(EVIL, 1, {EVIL: 0.5}),),
            accuracy__confusion=((1,),),
            accuracy__fidelity=(Fidelity(EVIL, 1.0, None), Fidelity(EVIL, 1.0, None)),
        )
        for one in clothes()
    ]
    found = Outline(render(evil, "html")).elements
    assert [tag for tag, _ in found].count("script") == 4
    assert not any(tag == "img" for tag, _ in found)
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)


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
