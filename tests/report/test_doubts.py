"""Times that must not be compared, of an emulated CPU or a throttled one: shown with a mark, and judged by nobody."""

from __future__ import annotations

import dataclasses
import json

import pytest
from sample_devices import emulated, near, phone, raspberry, throttled
from sample_measurements import SAME, change, each, night, without_labels

from edgeq.benchmark.measurement import Estimate
from edgeq.report.compare import compare
from edgeq.report.html_plots import plot_data
from edgeq.report.recommend import recommend
from edgeq.report.render import render
from edgeq.report.tables import build_tables
from edgeq.report.verdicts import verdicts


def table_of(measurements):
    (table,) = build_tables(measurements)
    return table


def rows_of(measurements):
    return {row.variant: row for row in table_of(measurements).rows}


def test_emulated_times_are_shown_marked_and_compared_with_nothing():
    row = rows_of(emulated())["int8"]
    assert (row.mark, row.latency, row.ratio, row.verdict, row.p90_ms) == ("emulated", None, None, None, None)
    assert row.marked_latency.value == 27.94
    assert "| 27.9 ±0.1 emulated |" in render(emulated(), "md")


def test_the_memory_of_an_emulated_process_is_not_the_models():
    assert rows_of(emulated())["int8"].peak_memory_bytes is None
    assert rows_of(throttled())["int8"].peak_memory_bytes is not None


def test_the_reason_stands_below_the_table():
    assert table_of(emulated()).notes == (
        "emulated: the CPU was emulated by qemu-user, which says nothing about the speed of a real one; "
        "its times are compared with nothing",
    )
    (note,) = table_of(throttled()).notes
    assert note.startswith("invalid (int8): under-voltage and throttled during the run")


def test_only_the_throttled_variant_is_marked():
    rows = rows_of(throttled())
    assert {name for name, row in rows.items() if row.mark == "invalid"} == {"int8"}
    assert rows["int8-io-float32"].verdict == "faster"


def test_a_throttled_baseline_leaves_no_ratio_to_it():
    rows = rows_of(throttled(("float32",)))
    assert rows["int8"].latency is not None
    assert all(row.ratio is None and row.verdict is None for row in rows.values())
    assert table_of(throttled(("float32",))).notes[1] == (
        "no ratio for float16, dynamic, int8 and int8-io-float32: the times of the baseline are marked"
    )


def test_size_and_accuracy_decide_what_to_ship_and_the_advice_says_so():
    (advice,) = recommend(table_of(emulated()))
    assert advice.variant == "dynamic"
    assert advice.reason == (
        "3.6× smaller than float32; drop 0.05 pp, at most 0.32 (95 % interval, 4,000 items); "
        "its times are emulated, so size and accuracy alone decide: this is the smallest"
    )


def test_a_throttled_variant_is_not_shipped_for_its_speed():
    (advice,) = recommend(table_of(throttled()))
    assert advice.variant == "int8-io-float32"


def test_with_a_throttled_baseline_nothing_is_said_to_be_faster():
    (advice,) = recommend(table_of(throttled(("float32",))))
    assert advice.variant == "dynamic"
    assert "faster" not in advice.text
    assert advice.reason.endswith(
        "its latency has no baseline to be compared with, so size and accuracy alone decide"
    )


def test_a_throttled_one_is_not_preferred_to_one_that_is_known_not_to_be_slower():
    measured = each(
        throttled(("dynamic",)),
        lambda one: (
            change(one, latency__ratio=Estimate(1.0, 0.99, 1.01, 8), latency__verdict=SAME)
            if one.latency.ratio
            else one
        ),
    )
    (advice,) = recommend(table_of(measured))
    assert advice.variant == "int8"


def test_without_labels_the_emulated_are_judged_by_agreement():
    (advice,) = recommend(table_of(without_labels(emulated())))
    assert advice.variant == "float16"


def test_the_words_about_a_variant_say_that_its_times_do_not_count():
    texts = {verdict.variant: verdict.text for verdict in verdicts(table_of(throttled()))}
    assert texts["int8"].startswith("invalid times, not compared, 3.5× smaller")
    assert "2.2×" not in texts["int8"]


def test_the_plots_leave_them_out():
    assert plot_data(table_of(emulated()))["points"] == []
    data = plot_data(table_of(throttled()))
    assert "int8" not in {point["variant"] for point in data["points"]}
    assert "int8" not in {data["points"][index]["variant"] for front in data["fronts"] for index in front}


def test_the_emulated_and_the_real_board_stand_in_two_tables():
    real = each(night(), lambda one: change(one, environment__device_id="0e0e0e0e0e0e0e0e"))
    assert len(build_tables([*emulated(), *real])) == 2


@pytest.mark.parametrize("side", ["new", "old"])
def test_two_nights_of_which_one_was_emulated_compare_sizes_and_accuracy_alone(side):
    plain = each(night(threads=(1,)), lambda one: change(one, environment__device_id="0e0e0e0e0e0e0e0e"))
    new, old = (emulated(), plain) if side == "new" else (plain, emulated())
    found = compare(new, old)
    assert {change.latency_ratio for change in found.changes} == {None}
    assert all(change.metric_change is not None for change in found.changes)
    when = "now" if side == "new" else "before"
    (note,) = [note for note in found.notes if "not compared" in note]
    assert note.endswith(
        f"is not compared: {when} its CPU was emulated (qemu-user), and such times mean nothing: "
        "measure on the device itself"
    )
    assert "| not compared |" in render(new, "md", compare=found)


def test_a_throttled_night_is_not_compared_and_the_others_of_it_are():
    found = compare(throttled(), raspberry())
    refused = {change.variant: change.refusal for change in found.changes}
    assert refused.pop("int8").startswith(
        "now its times are invalid: under-voltage and throttled during the run"
    )
    assert set(refused.values()) == {None}


def test_other_cores_are_another_table_and_not_compared():
    tied = each(night(threads=(1,)), lambda one: change(one, environment__cpus=(2, 3)))
    tables = build_tables([*night(threads=(1,)), *tied])
    assert [table.device for table in tables] == ["Cortex-A72, 4 cores", "Cortex-A72, 4 cores (cores 2-3)"]
    with pytest.raises(Exception, match="not the same cores in use and power supply: cores 2-3 on mains now"):
        compare(tied, night(threads=(1,)))


def test_battery_is_not_compared_with_mains_but_mains_with_what_says_nothing():
    battery = each(night(threads=(1,)), lambda one: change(one, environment__power="battery"))
    assert len(build_tables([*night(threads=(1,)), *battery])) == 2
    mains = each(night(threads=(1,)), lambda one: change(one, environment__power="mains"))
    assert len(build_tables([*night(threads=(1,)), *mains])) == 1


def test_a_board_reached_in_another_way_tonight_is_still_compared():
    assert len(compare(raspberry(reached_by="ssh:pi@new"), raspberry(reached_by="ssh:pi@old")).changes) == 5


def test_two_boards_of_one_kind_are_compared_each_with_itself():
    def two(slow):
        kitchen = each(
            raspberry(reached_by="ssh:pi@kitchen"),
            lambda one: change(
                one,
                latency__chunks_ms=tuple(tuple(slow * x for x in chunk) for chunk in one.latency.chunks_ms),
            ),
        )
        return [*raspberry(), *kitchen]

    found = compare(two(1.5), two(1.0))
    assert len(found.changes) == 10
    assert [round(change.latency_ratio.value, 2) for change in found.changes] == [1.0] * 5 + [1.5] * 5


def test_one_sample_a_round_gives_a_ratio_between_nights():
    slower = each(
        phone(), lambda one: change(one, latency__chunks_ms=tuple((2 * c[0],) for c in one.latency.chunks_ms))
    )
    for found in compare(slower, phone()).changes:
        assert found.latency_ratio.value == pytest.approx(2.0)
        assert found.latency_verdict == "slower"


def test_what_a_phone_does_not_tell_is_left_out_and_said():
    table = table_of(phone())
    assert table.notes == (
        "a sample is the median of one run of the device's own tool, which tells no single inferences",
        "accuracy is not measured over adb",
    )
    (advice,) = recommend(table)
    assert advice.text == (
        "Accuracy was not measured, so nothing is recommended: adb measures times alone; measure this bundle here "
        "with --data to see what each variant loses; fastest is float16, 2.3× faster than float32."
    )
    assert "p90" not in render(phone(), "md")


def test_the_app_measures_no_accuracy_and_what_does_is_said():
    table = table_of(
        each(
            phone(),
            lambda one: change(one, environment__reached_by="app:3f2a", latency__statistic="inference"),
        )
    )
    assert table.notes == ("accuracy is not measured by the app",)
    (advice,) = recommend(table)
    assert advice.text.startswith(
        "Accuracy was not measured, so nothing is recommended: the app measures times and parity; measure here "
        "with --data"
    )


def test_a_failed_parity_is_warned_of_and_never_shipped():
    failing = each(raspberry(), lambda one: near(one, passed=one.variant.name != "int8"))
    table = table_of(failing)
    assert table.warnings == (
        "int8 is too far from the float model on 16 recorded inputs: SQNR 12.1 dB, at least 20.0 dB asked for and "
        "top-1 agreement 81.2 %, at least 90.0 % asked for: do not ship it on this device",
    )
    assert [advice.variant for advice in recommend(table)] == ["int8-io-float32"]


def test_parity_that_failed_at_one_thread_count_failed():
    measured = [near(one, passed=one.variant.name != "int8") if one.threads == 1 else one for one in night()]
    rows = [row for row in table_of(measured).rows if row.variant == "int8"]
    assert [row.fails_parity for row in rows] == [True, True]
    assert {advice.variant for advice in recommend(table_of(measured))} == {"int8-io-float32"}


def test_where_the_baseline_fails_parity_nothing_is_recommended():
    failing = each(raspberry(), lambda one: near(one, passed=not one.is_baseline))
    (advice,) = recommend(table_of(failing))
    assert (advice.variant, advice.text) == (
        None,
        "Nothing can be recommended: float32 itself fails parity on this device.",
    )


def test_where_all_others_fail_parity_the_baseline_is_shipped():
    failing = each(raspberry(), lambda one: near(one, passed=one.is_baseline))
    (advice,) = recommend(table_of(failing))
    assert advice.text == "Ship float32: every other variant fails parity on this device."


def test_json_keeps_the_mark_and_the_marked_time_apart_from_the_latency():
    row = json.loads(render(emulated(), "json"))["rows"][3]
    assert (row["latency"], row["mark"], row["marked_latency"]["value"]) == (None, "emulated", 27.94)
    assert row["parity"] == dataclasses.asdict(emulated()[3].parity)
