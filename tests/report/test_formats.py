"""The report as JSON Lines, JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json

import pytest
from golden_files import REPORT, check_golden
from sample_measurements import change, each, lone_file, night, without_labels
from sample_tasks import clothes, comparison_only, detection, regression, segmentation, with_primary

from edgeq.benchmark.measurement import SCHEMA, Estimate, from_json
from edgeq.errors import ResultsError, UsageError
from edgeq.report.compare import compare
from edgeq.report.render import FORMATS, format_of, render
from edgeq.report.results import read_results


def comparison():
    return compare(night(), night(session="before", started_at="2026-11-20T03:11:07+00:00", slowdown=1.1))


def short(measurements):
    """With two runs a round: golden files of all raw samples would be long and say no more."""
    return each(measurements, lambda one: change(one, latency__chunks_ms=((27.9, 28.0), (27.8, 28.1))))


def test_markdown():
    check_golden(REPORT / "night.md", render(night(), "md"))


def test_markdown_of_two_nights():
    check_golden(REPORT / "compared.md", render(night(), "md", compare=comparison()))


def test_csv():
    check_golden(REPORT / "night.csv", render(night(), "csv"))


def test_json():
    check_golden(REPORT / "night.json", render(short(night(threads=(1,))), "json"))


def test_json_holds_everything_for_another_program():
    report = json.loads(render(night(), "json", compare=comparison()))
    assert report["schema"] == SCHEMA
    assert [from_json(one) for one in report["measurements"]] == night()
    assert [row["variant"] for row in report["rows"]] == [one.variant.name for one in night()]
    row = report["rows"][3]
    assert (row["metric"], row["drop_unit"], row["p_value"]) == ("top1", "pp", 0.0519)
    assert row["drop"] == {"value": 0.4, "low": 0.0211, "high": 0.8019, "n": 4000}
    assert [metric["key"] for metric in row["metrics"]] == ["top1", "top5"]
    assert report["recommendation"][0]["variant"] == "int8"
    assert len(report["comparison"]["changes"]) == 10


def test_json_lines_can_be_read_again(tmp_path):
    path = tmp_path / "copy.jsonl"
    path.write_text(render(night(), "jsonl"))
    assert list(read_results([path])) == night()


def test_csv_has_one_line_a_measurement_and_empty_cells_for_what_is_missing():
    rows = list(csv.DictReader(io.StringIO(render([lone_file(night()[3], "a"), night()[3]], "csv"))))
    lone, whole = rows
    assert (lone["metric_value"], lone["latency_ratio"], lone["baseline"]) == ("", "", "")
    assert float(whole["latency_ratio"]) == 0.455
    assert float(whole["drop_high"]) == 0.8019


def test_csv_has_the_same_columns_whatever_was_measured():
    tables = [
        list(csv.DictReader(io.StringIO(render(measured(), "csv"))))
        for measured in (night, regression, detection, comparison_only)
    ]
    assert len({tuple(rows[0]) for rows in tables}) == 1
    of_error, of_objects, bare = (rows[3] for rows in tables[1:])
    assert (of_error["task"], of_error["metric"], of_error["drop_unit"]) == ("regression", "mae", "%")
    assert float(of_error["metric_low"]) < float(of_error["metric_value"]) < float(of_error["metric_high"])
    assert float(of_error["drop"]) == pytest.approx(0.46)
    assert [pair.split("=")[0] for pair in of_objects["metrics"].split("; ")] == [
        "map50", "map75", "map_small", "map_medium", "map_large",
    ]  # fmt: skip
    assert (bare["task"], bare["metric"], bare["drop"], bare["metrics"]) == ("comparison", "", "", "")
    assert (bare["sqnr_db"], bare["cosine"]) == ("21.7", "0.99667")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_name_in_csv_is_no_formula(name):
    (row,) = csv.DictReader(io.StringIO(render([change(night()[3], variant__name=name)], "csv")))
    assert row["variant"] == f"'{name}"


def test_a_name_in_csv_ends_no_cell():
    name = 'a,"b"\nc'
    (row,) = csv.DictReader(io.StringIO(render([change(night()[3], variant__name=name)], "csv")))
    assert row["variant"] == name


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("a|b", r"a\|b"),
        ("[x](http://evil)", r"[x\](http://evil)"),
        ("**bold** `code` _soft_", r"\*\*bold\*\* \`code\` \_soft\_"),
        ("mobilenet_v2", "mobilenet_v2"),
        ("a\n\n# title", r"a\\n\\n\# title"),
        ("&lt;", r"\&lt;"),
    ],
)
def test_a_name_in_markdown_is_no_markup(name, escaped):
    text = render([change(night()[3], variant__model=name)], "md")
    assert f"## {escaped} on Cortex-A72, 4 cores\n" in text


def test_every_table_row_in_markdown_has_as_many_cells_as_the_header():
    hostile = each(night(), lambda one: change(one, variant__name=f"|{one.variant.name}|"))
    lines = [line for line in render(hostile, "md").splitlines() if line.startswith("|")]
    counts = {line.replace(r"\|", "").count("|") for line in lines}
    assert len(lines) == 12
    assert len(counts) == 1


def test_markdown_of_an_error_says_that_less_is_better():
    text = render(regression(), "md")
    assert "| drop (%) | MAE | RMSE | R² |" in text
    assert "| −0.02 [−0.33, 0.29] | 0.412 ±0.016 |" in text
    assert "drop: how much worse MAE is than that of float32, in percent, paired by item" in text
    assert "lower is better for MAE and RMSE" in text
    assert "- **int8**: 2.2× faster, 3.5× smaller, MAE 0.46 % worse (±0.31)" in text


def test_markdown_of_another_rate_names_it():
    text = render(segmentation(), "md")
    assert "| drop (pp) | mean IoU (%) | pixel accuracy (%) |" in text
    assert "drop: lost mean IoU in percentage points, paired by item" in text
    assert "lower is better" not in text


def test_markdown_shows_four_metrics_and_names_the_others():
    text = render(detection(), "md")
    assert "| mAP (%) | mAP@50 (%) | mAP@75 (%) | mAP of small objects (%) | n |" in text
    assert "in the .json and .html file: mAP of medium objects and mAP of large objects" in text


def test_markdown_of_outputs_without_meaning_shows_how_close_they_are():
    text = render(comparison_only(), "md")
    assert "| SQNR (dB) | cosine | n |" in text
    assert "| 68.4 | 0.9999 |" in text
    assert (
        "- **float16**: no significant difference in latency, 2.0× smaller, SQNR 68.4 dB, cosine 0.9999"
        in text
    )
    assert "SQNR" not in render(segmentation(), "md")


@pytest.mark.parametrize("name", ["json", "csv", "html", "md"])
@pytest.mark.parametrize("measured", [regression, segmentation, detection, comparison_only, clothes])
def test_every_task_is_rendered_in_every_format(measured, name):
    assert measured()[0].variant.model in render(measured(), name)


@pytest.mark.parametrize("huge", [1e308, -1e308, 5e-324, 0.0])
def test_a_number_out_of_all_proportion_is_rendered_and_never_written_out(huge):
    odd = Estimate(huge, -1e308, 1e308, 500)
    measured = [with_primary(one, value=odd, drop=odd) for one in (*regression(), *segmentation())]
    assert "deeplab" in render(measured, "html")
    for name in ("json", "csv", "md"):
        assert "0" * 100 not in render(measured, name)


def test_markdown_without_labels_shows_agreement_instead_of_a_drop():
    text = render(without_labels(night()), "md")
    assert "| agreement (%) |" in text
    assert "drop (pp)" not in text


@pytest.mark.parametrize("name", ["jsonl", "json", "csv", "html"])
def test_an_unknown_scheme_is_rendered(name):
    assert "int2x2" in render(each(night(), lambda one: change(one, variant__scheme="int2x2")), name)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_measurements_give_the_same_bytes(name):
    assert render(night(), name) == render(night(), name)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_measured_is_an_error_in_every_format(name):
    with pytest.raises(ResultsError, match="no measurements"):
        render([], name)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_with_a_newline(name):
    assert render(night(), name).endswith("\n")


@pytest.mark.parametrize(
    ("path", "name"),
    [("a.jsonl", "jsonl"), ("b/c.JSON", "json"), ("d.e.csv", "csv"), ("x.md", "md"), ("r.html", "html")],
)
def test_the_suffix_says_the_format(path, name):
    assert format_of(path) == name


@pytest.mark.parametrize("path", ["report.pdf", "report", "report."])
def test_an_unknown_suffix_lists_the_formats(path):
    with pytest.raises(
        UsageError, match=r"expected a file that ends in \.jsonl, \.json, \.csv, \.md or \.html"
    ):
        format_of(path)


def test_an_unknown_format_lists_the_formats():
    with pytest.raises(
        UsageError, match="unknown report format 'pdf': expected jsonl, json, csv, md or html"
    ):
        render(night(), "pdf")
