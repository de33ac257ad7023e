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
    without_labels,
)

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


def test_less_than_one_percent_is_no_reason_to_ship_a_larger_file():
    clearly_slower = edited("int8", latency__median=Estimate(28.25, 28.24, 28.26, 96))
    assert only(clearly_slower).variant == "int8"


def test_a_faster_one_beats_a_smaller_one():
    faster = edited("int8-io-float32", latency__median=Estimate(20.0, 19.9, 20.1, 96))
    entry = only(faster)
    assert entry.variant == "int8-io-float32"
    assert "as fast" not in entry.reason


def test_a_drop_that_may_exceed_the_budget_does_not_qualify():
    entry = only(edited("int8", accuracy__drop_pp=Estimate(0.6, 0.1, 1.1, ITEMS)))
    assert entry.variant == "int8-io-float32"


def test_the_budget_can_be_chosen():
    assert only(night(), Budget(max_drop_pp=0.5)).variant == "float16"


def test_where_none_is_faster_the_smallest_that_is_not_slower_is_shipped():
    none_faster = each(
        night(threads=(1,)), lambda one: change(one, latency__verdict=None if one.is_baseline else SAME)
    )
    entry = only(none_faster)
    assert entry.variant == "dynamic"
    assert "no variant within the budget is significantly faster, this is the smallest" in entry.reason


def test_where_all_are_slower_the_baseline_is_shipped():
    all_slower = each(
        night(threads=(1,)), lambda one: change(one, latency__verdict=None if one.is_baseline else "slower")
    )
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
        change(one, latency__verdict="slower") if one.threads == 4 and one.variant.scheme == "int8" else one
        for one in night()
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
        change(one, accuracy__drop_pp=bad if one.variant.name == "int8" else worse)
        if not one.is_baseline
        else one
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
        else change(one, accuracy__drop_pp=unsure, accuracy__correct=packed(correct_items(200, 184)))
        for one in night(threads=(1,), variants=("float32", "int8"))
    ]
    entry = only(measurements)
    assert entry.variant is None
    assert entry.text == (
        "Too few items to say whether a variant stays within 1 pp: nearest is int8 with "
        "drop 0.40 pp (−1.20 to 2.10) on 4,000 items, about 11,000 would decide."
    )


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
    assert "closest to float32 is float16 with SQNR 68.4 dB" in entry.reason


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
    entry = only(
        [
            one if one.is_baseline else change(one, accuracy__drop_pp=Estimate(0.4, 0, high, ITEMS))
            for one in pair
        ]
    )
    assert (entry.variant == "int8") == (high <= 1)
