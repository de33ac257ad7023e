"""What a report says to ship, and why."""

from __future__ import annotations

import pytest
from sample_measurements import (
    ITEMS,
    SAME,
    change,
    correct_items,
    each,
    lone_file,
    night,
    packed,
    with_drop,
    without_labels,
)
from sample_tasks import comparison_only, regression, segmentation, with_primary

from edgeq.benchmark.measurement import Estimate
from edgeq.report.recommend import Budget, recommend
from edgeq.report.tables import build_tables


def advice(measurements, budget=None):
    (table,) = build_tables(measurements)
    return recommend(table, budget)


def only(measurements, budget=None):
    (entry,) = advice(measurements, budget)
    return entry


def edited(name, **paths):
    """One thread, with other values for one variant."""
    return [change(one, **paths) if one.variant.name == name else one for one in night(threads=(1,))]


def dropped(name, drop):
    """One thread, with another drop for one variant."""
    return [with_drop(one, drop) if one.variant.name == name else one for one in night(threads=(1,))]


def slower(measurement):
    """The measurement as that of a file that takes half as long again as the baseline."""
    return change(measurement, latency__ratio=Estimate(1.5, 1.49, 1.51, 8), latency__verdict="slower")


def test_the_fastest_within_one_point_is_shipped():
    entry = only(night())
    assert entry.variant == "int8"
    assert entry.threads == (1, 4)
    assert entry.text == (
        "Ship int8: 2.2× faster on 1 thread and 2.1× on 4 threads, 3.5× smaller than float32; "
        "drop 0.40 pp, at most 0.80 (95 % interval, 4,000 items); int8-io-float32 is as fast but larger."
    )


def test_of_equally_fast_ones_the_smallest_is_shipped_even_if_its_median_is_higher():
    slightly_slower = edited("int8", latency__median=Estimate(28.1, 27.95, 28.2, 96))
    assert only(slightly_slower).variant == "int8"


def test_less_than_three_percent_is_no_reason_to_ship_a_larger_file():
    clearly_slower = edited("int8", latency__median=Estimate(28.80, 28.79, 28.81, 96))
    assert only(clearly_slower).variant == "int8"


@pytest.mark.parametrize("shift", [0.972, 0.99, 1.0, 1.01, 1.028])
def test_two_equally_fast_files_swap_places_from_night_to_night_and_the_advice_stays(shift):
    median = 28.02 * shift
    tonight = edited("int8", latency__median=Estimate(median, median * 0.999, median * 1.001, 96))
    assert only(tonight).variant == "int8"


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(0.972, "faster"), (0.985, "faster"), (1.0, SAME), (1.015, "slower"), (1.028, "slower")],
)
def test_a_file_as_fast_as_the_baseline_is_so_however_its_ratio_fell_tonight(ratio, verdict):
    pair = night(threads=(1,), variants=("float32", "float16", "dynamic"))
    around = Estimate(ratio, ratio - 0.001, ratio + 0.001, 8)
    same = Estimate(1.0, 0.99, 1.01, 8)
    tonight = [
        one
        if one.is_baseline
        else change(one, latency__ratio=around, latency__verdict=verdict)
        if one.variant.name == "float16"
        else change(one, latency__ratio=same, latency__verdict=SAME)
        for one in pair
    ]
    assert only(tonight).variant == "dynamic"
    assert only([one for one in tonight if one.variant.name != "dynamic"]).variant == "float16"


def test_a_faster_one_beats_a_smaller_one():
    faster = edited("int8-io-float32", latency__median=Estimate(20.0, 19.9, 20.1, 96))
    entry = only(faster)
    assert entry.variant == "int8-io-float32"
    assert "as fast" not in entry.reason


def test_a_drop_that_may_exceed_the_budget_does_not_qualify():
    entry = only(dropped("int8", Estimate(0.6, 0.1, 1.1, ITEMS)))
    assert entry.variant == "int8-io-float32"


def test_the_budget_can_be_chosen():
    assert only(night(), Budget(max_drop_pp=0.5)).variant == "float16"


def test_where_none_is_faster_the_smallest_that_is_not_slower_is_shipped():
    none_faster = each(
        night(threads=(1,)), lambda one: change(one, latency__verdict=None if one.is_baseline else SAME)
    )
    entry = only(none_faster)
    assert entry.variant == "dynamic"
    assert "no variant within the budget is faster by 3 %, this is the smallest" in entry.reason


def test_where_all_are_slower_the_baseline_is_shipped():
    all_slower = each(night(threads=(1,)), lambda one: one if one.is_baseline else slower(one))
    entry = only(all_slower)
    assert entry.variant == "float32"
    assert entry.reason == "every other variant within 1 pp is slower"


def test_of_equally_fast_ones_one_that_is_so_at_every_thread_count_comes_first():
    measurements = [
        change(one, latency__median=Estimate(10.2, 10.1, 10.3, 96))
        if (one.variant.name, one.threads) == ("int8-io-float32", 4)
        else one
        for one in night()
    ]
    entry = only(measurements)
    assert (entry.variant, entry.threads) == ("int8-io-float32", (1, 4))
    assert entry.reason.endswith("; int8 is smaller but as fast only on 1 thread")


def test_without_latency_the_smallest_is_shipped():
    entry = only(each(night(threads=(1,)), lambda one: change(one, latency=None)))
    assert entry.variant == "dynamic"
    assert "latency was not measured" in entry.reason


def test_thread_counts_that_disagree_each_get_a_line():
    measurements = [
        slower(one) if one.threads == 4 and one.variant.scheme == "int8" else one for one in night()
    ]
    first, second = advice(measurements)
    assert first.text.startswith("Ship int8 on 1 thread: 2.2× faster, 3.5× smaller")
    assert second.text.startswith(
        "Ship float16 on 4 threads: no significant difference in latency, 2.0× smaller"
    )


def test_where_none_qualifies_the_nearest_is_named():
    bad = Estimate(2.0, 1.4, 2.7, ITEMS)
    worse = Estimate(4.0, 3.2, 4.9, ITEMS)
    measurements = [
        with_drop(one, bad if one.variant.name == "int8" else worse) if not one.is_baseline else one
        for one in night(threads=(1,))
    ]
    assert only(measurements).text == (
        "No variant stays within 1 pp: nearest is int8 with drop 2.00 pp (1.40 to 2.70); "
        "until then ship float32."
    )


def test_too_few_items_are_told_from_a_loss_and_the_number_needed_is_said():
    unsure = Estimate(0.4, -1.2, 2.1, ITEMS)
    measurements = [
        one
        if one.is_baseline
        else change(with_drop(one, unsure), accuracy__correct=packed(correct_items(200, 184)))
        for one in night(threads=(1,), variants=("float32", "int8"))
    ]
    entry = only(measurements)
    assert entry.variant is None
    assert entry.text == (
        "Too few items to say whether a variant stays within 1 pp: nearest is int8 with "
        "drop 0.40 pp (−1.20 to 2.10) on 4,000 items, about 11,000 would decide."
    )


def test_the_nearest_is_never_one_that_is_slower_and_so_not_shipped():
    # dynamic is 1.2 times slower than float32, and nearest by its drop.
    near, far = Estimate(0.1, -1.0, 1.2, ITEMS), Estimate(0.4, -1.2, 2.1, ITEMS)
    measurements = [
        one
        if one.is_baseline
        else change(
            with_drop(one, near if one.variant.name == "dynamic" else far),
            accuracy__correct=packed(correct_items(200, 184)),
        )
        for one in night(threads=(1,), variants=("float32", "dynamic", "int8"))
    ]
    assert "nearest is int8" in only(measurements).reason


def test_without_labels_the_agreement_decides_and_the_report_says_so():
    entry = only(without_labels(night()))
    assert entry.variant == "float16"
    assert "agrees with float32 on 99.9 % of 4,000 items, at least 99.8 % (95 % interval)" in entry.reason
    assert "the data have no labels, so the accuracy itself was not measured" in entry.reason


def test_too_few_items_without_labels():
    pair = without_labels(night(threads=(1,), variants=("float32", "int8")))
    unsure = [
        one
        if one.is_baseline
        else change(one, accuracy__agreement=Estimate(0.995, 0.972, 0.999, 200), accuracy__n=200)
        for one in pair
    ]
    entry = only(unsure)
    assert entry.headline == "Too few items to say whether a variant stays within 99 % agreement"
    assert "200 items" in entry.reason
    assert "would decide" in entry.reason


def test_a_packed_bundle_without_inputs_is_to_be_packed_with_them():
    measurements = each(
        night(threads=(1,)), lambda one: change(one, accuracy=None, environment__reached_by="packed:board")
    )
    assert "pack the bundle with --data" in only(measurements).reason


def test_without_accuracy_nothing_is_recommended_and_the_option_is_named():
    entry = only(each(night(threads=(1,)), lambda one: change(one, accuracy=None)))
    assert entry.variant is None
    assert entry.text == (
        "Accuracy was not measured, so nothing is recommended: add --data FOLDER to see what each variant "
        "loses; fastest is int8, 2.2× faster than float32."
    )


def test_a_model_that_does_not_classify_has_only_noise():
    noise = each(
        without_labels(night(threads=(1,))),
        lambda one: change(one, accuracy__agreement=None),
    )
    entry = only(noise)
    assert entry.variant is None
    assert entry.headline == "Accuracy was not measured, so nothing is recommended"
    assert "the data have no labels, so only the noise of the outputs was measured" in entry.reason
    assert "closest to float32 is float16 with SQNR 68.4 dB" in entry.reason


def test_outputs_that_mean_nothing_to_edgeq_have_no_common_measure():
    assert only(comparison_only()).text == (
        "Accuracy has no common measure here, so nothing is recommended: the outputs are not one score a class, so "
        "only their noise was measured; closest to float32 is float16 with SQNR 68.4 dB, cosine 0.9999."
    )


def test_a_rate_other_than_top1_is_named():
    assert only(segmentation()).text == (
        "Ship int8: 2.2× faster, 3.5× smaller than float32; drop 0.46 pp in mean IoU, at most 0.77 (95 % interval, "
        "500 items); int8-io-float32 is as fast but larger."
    )


def test_an_error_that_grew_is_worse_and_no_drop():
    assert only(regression()).text == (
        "Ship int8: 2.2× faster, 3.5× smaller than float32; MAE 0.46 % worse, at most 0.77 (95 % interval, 500 "
        "items); int8-io-float32 is as fast but larger."
    )


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        (Estimate(-0.5, -0.9, 0.2, 500), "MAE 0.50 % better, at most 0.20 worse (95 % interval, 500 items)"),
        (Estimate(-0.5, -0.9, -0.1, 500), "MAE 0.50 % better, at least 0.10 (95 % interval, 500 items)"),
    ],
)
def test_an_error_that_shrank_is_better(drop, said):
    pair = regression(variants=("float32", "int8"))
    entry = only([one if one.is_baseline else with_primary(one, drop=drop) for one in pair])
    assert f"; {said}" in entry.text


def test_an_amount_has_a_budget_in_percent():
    assert only(regression(), Budget(max_drop_percent=0.7)).variant == "float16"
    assert only(regression(), Budget(max_drop_pp=0.1)).variant == "int8"


def test_a_rate_of_which_less_is_better_gets_worse_in_points():
    words = [
        with_primary(one, key="wer", label="WER", higher_is_better=False)
        for one in segmentation(variants=("float32", "int8"))
    ]
    assert "; WER 0.46 pp worse, at most 0.77 (95 % interval, 500 items)" in only(words).text


def test_where_no_amount_qualifies_the_limit_names_the_metric():
    bad = Estimate(4.0, 3.2, 4.9, 500)
    pair = regression(variants=("float32", "int8"))
    entry = only([one if one.is_baseline else with_primary(one, drop=bad) for one in pair])
    assert entry.text == (
        "No variant stays within 1 % of float32's MAE: nearest is int8 with MAE 4.00 % worse (3.20 to 4.90); "
        "until then ship float32."
    )


def test_an_interval_that_shrinks_with_the_root_of_the_items_says_how_many_would_decide():
    unsure = Estimate(0.4, -0.8, 1.6, 500)
    pair = segmentation(variants=("float32", "int8"))
    entry = only([one if one.is_baseline else with_primary(one, drop=unsure) for one in pair])
    # Half of it is 1.2 pp and has to become 0.6 pp: four times the images.
    assert (
        entry.reason
        == "nearest is int8 with drop 0.40 pp in mean IoU (±1.20) on 500 items, about 2,000 would decide"
    )
    assert entry.headline == "Too few items to say whether a variant stays within 1 pp of float32's mean IoU"


def test_a_value_at_the_limit_names_no_number_of_items():
    unsure = Estimate(1.0 - 1e-9, -0.8, 2.8, 500)
    pair = segmentation(variants=("float32", "int8"))
    entry = only([one if one.is_baseline else with_primary(one, drop=unsure) for one in pair])
    assert entry.reason.endswith("on 500 items, more would decide")


def test_an_error_of_zero_has_no_percentage():
    pair = [
        with_primary(one, drop=None, value=Estimate(0.0, 0.0, 0.0, 500))
        for one in regression(variants=("float32", "int8"))
    ]
    entry = only(pair)
    assert entry.headline == "No drop could be measured, so nothing is recommended"
    assert "MAE of float32 is 0, and nothing is a percentage of that" in entry.reason


def test_a_lone_file_has_no_baseline():
    entry = only([lone_file(night()[3], "detector")])
    assert entry.text.startswith("No baseline was measured: measure a bundle")


def test_of_lone_files_the_fastest_is_named():
    first, second = night(threads=(1,), variants=("float32", "int8"))
    entry = only([lone_file(first, "a"), lone_file(second, "b")])
    assert "fastest is b (27.9 ms)" in entry.reason


def test_a_baseline_alone_is_nothing_to_compare():
    entry = only(night(variants=("float32",)))
    assert entry.text == "Nothing to compare yet: only float32 was measured."


def test_an_unknown_scheme_can_be_shipped():
    entry = only(edited("int8", variant__scheme="int2", variant__name="int2"))
    assert entry.variant == "int2"


@pytest.mark.parametrize("high", [1.0, 1.0000001])
def test_the_limit_itself_is_within_the_budget(high):
    pair = night(threads=(1,), variants=("float32", "int8"))
    entry = only([one if one.is_baseline else with_drop(one, Estimate(0.4, 0, high, ITEMS)) for one in pair])
    assert (entry.variant == "int8") == (high <= 1)
