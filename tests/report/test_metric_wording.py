"""How metrics and drops of any task are written."""

from __future__ import annotations

import pytest

from edgeq.benchmark.measurement import Estimate, Metric
from edgeq.report import metric_wording

N = 500
TOP1 = Metric("top1", "top-1", Estimate(0.822, 0.81, 0.834, N))
MIOU = Metric("miou", "mean IoU", Estimate(0.7214, 0.70, 0.74, N))
WER = Metric("wer", "WER", Estimate(0.08, 0.07, 0.09, N), higher_is_better=False)
MAE = Metric("mae", "MAE", Estimate(0.4117, 0.3947, 0.4287, N), is_rate=False, higher_is_better=False)
PSNR = Metric("psnr", "PSNR", Estimate(31.27, 30.9, 31.6, N), is_rate=False)
LOST, WON = Estimate(0.4, 0.02, 0.8, N), Estimate(-0.4, -0.8, 0.1, N)


@pytest.mark.parametrize(
    ("metric", "cell", "phrase", "heading"),
    [
        (TOP1, "82.2 ±1.2", "top-1 82.2 % (±1.2)", "top-1 (%)"),
        (MIOU, "72.1 ±2.1", "mean IoU 72.1 % (70.0 to 74.0)", "mean IoU (%)"),
        (WER, "8.0 ±1.0", "WER 8.0 % (±1.0)", "WER (%, lower is better)"),
        (MAE, "0.412 ±0.017", "MAE 0.412 (±0.017)", "MAE (lower is better)"),
        (PSNR, "31.3 ±0.4", "PSNR 31.3 (30.9 to 31.6)", "PSNR"),
    ],
)
def test_a_value(metric, cell, phrase, heading):
    assert metric_wording.value_cell(metric) == cell
    assert metric_wording.value_phrase(metric) == phrase
    assert metric_wording.axis_title(metric) == heading


@pytest.mark.parametrize(
    ("metric", "drop", "phrase"),
    [
        (TOP1, LOST, "drop 0.40 pp (0.02 to 0.80)"),
        (TOP1, WON, "drop −0.40 pp (−0.80 to 0.10)"),
        (MIOU, LOST, "drop 0.40 pp in mean IoU (0.02 to 0.80)"),
        (WER, LOST, "WER 0.40 pp worse (0.02 to 0.80)"),
        (WER, WON, "WER 0.40 pp better (−0.10 to 0.80)"),
        (MAE, LOST, "MAE 0.40 % worse (0.02 to 0.80)"),
        (MAE, WON, "MAE 0.40 % better (−0.10 to 0.80)"),
        (MAE, Estimate(0.0, -0.5, 0.5, N), "MAE 0.00 % worse (±0.50)"),
        (MAE, Estimate(4812.3, 4700.1, 4924.4, N), "MAE 4812 % worse (±112)"),
        (PSNR, LOST, "PSNR 0.40 % worse (0.02 to 0.80)"),
    ],
)
def test_only_a_rate_of_which_more_is_better_drops(metric, drop, phrase):
    assert metric_wording.drop_phrase(metric, drop) == phrase


@pytest.mark.parametrize(
    ("metric", "drop", "text"),
    [
        (TOP1, LOST, "drop 0.40 pp, at most 0.80 (95 % interval, 4,000 items)"),
        (MIOU, WON, "drop −0.40 pp in mean IoU, at most 0.10 (95 % interval, 4,000 items)"),
        (MAE, LOST, "MAE 0.40 % worse, at most 0.80 (95 % interval, 4,000 items)"),
        (MAE, WON, "MAE 0.40 % better, at most 0.10 worse (95 % interval, 4,000 items)"),
    ],
)
def test_evidence_names_the_end_that_counts(metric, drop, text):
    assert metric_wording.drop_evidence(metric, drop, 4000) == text


@pytest.mark.parametrize(
    ("metric", "drop", "title", "span"),
    [
        (TOP1, LOST, ("0.40 pp", "drop in top-1"), "0.02 to 0.80"),
        (MAE, LOST, ("0.40 %", "worse in MAE"), "0.02 to 0.80"),
        (MAE, WON, ("0.40 %", "better in MAE"), "−0.10 to 0.80"),
    ],
)
def test_a_large_figure_has_its_sign_in_words(metric, drop, title, span):
    assert metric_wording.drop_title(metric, drop) == title
    assert metric_wording.drop_span(metric, drop) == span


@pytest.mark.parametrize(
    ("metric", "text"),
    [(TOP1, "1 pp"), (MIOU, "1 pp of float32's mean IoU"), (MAE, "1 % of float32's MAE")],
)
def test_a_budget_names_the_metric_unless_it_is_top1(metric, text):
    assert metric_wording.limit(metric, 1.0, "float32") == text


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "p = 1.00"), (0.42, "p = 0.42"), (0.0519, "p = 0.052"), (0.0004, "p < 0.001")]
)
def test_p_values(p, text):
    assert metric_wording.p_value(p) == text


@pytest.mark.parametrize(
    ("cosine", "text"), [(1.0, "1.0000"), (0.99999993, "0.9999"), (0.5, "0.5000"), (-0.12345, "−0.1234")]
)
def test_only_a_cosine_of_1_is_shown_as_1(cosine, text):
    assert metric_wording.cosine(cosine) == text


@pytest.mark.parametrize(
    ("label", "text"),
    [("mean IoU", "Mean IoU"), ("mAP", "mAP"), ("top-1", "Top-1"), ("MAE", "MAE"), ("", "")],
)
def test_a_label_begins_a_sentence_without_losing_its_own_capitals(label, text):
    assert metric_wording.capitalised(label) == text
