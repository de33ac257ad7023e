"""Two nights against each other."""

from __future__ import annotations

import re

import pytest
from sample_measurements import change, correct_items, each, night, packed
from sample_tasks import regression, segmentation, with_primary

from edgeq.errors import ResultsError
from edgeq.report.compare import compare
from edgeq.report.compare_columns import change_cells, change_headings, explanation


def before(**options):
    return night(session="before", started_at="2026-11-20T03:11:07+00:00", **options)


def old(measurements, variant="int8"):
    """The measurements as if they were of that variant, in another file, the night before."""
    return each(
        measurements,
        lambda one: change(one, session="before", variant__name=variant, variant__sha256="0" * 64),
    )


def one_pair(**changes):
    """int8 on one thread, tonight changed and before."""
    options = {"threads": (1,), "variants": ("int8",)}
    return [change(night(**options)[0], **changes)], before(**options)


def test_variants_are_matched_by_name_and_threads():
    comparison = compare(night(), before())
    assert [(one.variant, one.threads) for one in comparison.changes] == [
        (one.variant.name, one.threads) for one in night()
    ]
    assert comparison.old_started == "2026-11-20T03:11:07+00:00"


def test_the_order_of_the_measurements_does_not_matter():
    new, old = night(), before()
    assert compare(new, old[::-1]).changes == compare(new, old).changes


def test_a_slower_night_is_measured_with_an_interval():
    (one,) = compare(*one_pair(latency=night(slowdown=1.3)[3].latency)).changes
    assert one.latency_verdict == "slower"
    assert one.latency_ratio.low < 1.3 < one.latency_ratio.high
    assert one.latency_ratio.value == pytest.approx(1.3, rel=0.01)


def test_the_same_latencies_are_no_difference():
    comparison = compare(night(), before())
    assert {one.latency_verdict for one in comparison.changes} == {"no significant difference"}
    assert comparison.notes == ()


def test_growth_is_a_share_of_the_old_size():
    (one,) = compare(*one_pair(variant__size_bytes=2 * 3_938_896, variant__sha256="new")).changes
    assert one.size_change == 1.0
    assert not one.is_same_file


def test_accuracy_is_new_minus_old_paired_by_item():
    (one,) = compare(*one_pair(accuracy__correct=packed(correct_items(78, 22)))).changes
    assert one.metric_change.value == pytest.approx(-100 * 40 / 4000)
    assert one.metric_change.low < -1 < one.metric_change.high < 0
    assert one.is_paired


def test_without_labels_there_is_no_change_of_accuracy():
    (one,) = compare(*one_pair(accuracy__metrics=(), accuracy__correct=None)).changes
    assert (one.metric_change, one.is_paired) == (None, None)


def test_an_amount_is_compared_in_percent_of_what_it_was():
    (one,) = compare(regression(variants=("int8",)), old(regression(variants=("float32",)))).changes
    assert one.new_metric.label == "MAE"
    assert one.metric_change.value == pytest.approx(0.46, abs=0.1)
    assert one.metric_change.low < 0.46 < one.metric_change.high
    assert one.is_paired


def test_a_metric_of_all_items_at_once_is_compared_unpaired_and_the_report_says_so():
    comparison = compare(segmentation(variants=("int8",)), old(segmentation(variants=("float32",))))
    (one,) = comparison.changes
    assert one.metric_change.value == pytest.approx(-0.46)
    assert one.metric_change.high > 2  # the two intervals of ±2 pp, as if of different images
    assert comparison.notes == (
        "mean IoU cannot be paired by item: the interval is wider than it need be, so small changes stay unseen",
    )


def test_two_metrics_cannot_be_compared():
    new = segmentation(variants=("int8",))
    with pytest.raises(
        ResultsError, match=r"int8 .1 thread. cannot be compared: .*'miou' now, 'mdice' before"
    ):
        compare(new, [with_primary(one, key="mdice") for one in new])


def test_two_models_with_different_metrics_each_have_a_column():
    models = [*regression(variants=("int8",)), *segmentation(variants=("int8",))]
    comparison = compare(models, old(models, variant="int8"))
    assert change_headings(comparison)[-2:] == ("MAE %", "mean IoU pp")
    cells = [change_cells(comparison, one) for one in comparison.changes]
    assert [[bool(cell) for cell in line[-2:]] for line in cells] == [[True, False], [False, True]]
    assert "MAE is new against old in percent (lower is better), paired by item" in explanation(comparison)


def test_what_was_not_measured_is_not_compared():
    (one,) = compare(*one_pair(latency=None, accuracy=None)).changes
    assert (one.latency_ratio, one.latency_verdict, one.metric_change) == (None, None, None)


def test_an_unchanged_file_that_changed_its_speed_tells_of_the_machine():
    (note,) = compare(night(slowdown=1.2), before()).notes
    assert note.startswith("10 measurements of files that did not change came out slower (1.200× of the old")


def test_a_new_runtime_is_allowed_and_said():
    (note,) = compare(*one_pair(runtime__version="2.4.0")).notes
    assert note == "litert is 2.4.0 now and was 2.3.0: part of a change may come from the runtime"


def test_a_renamed_model_is_allowed_and_said():
    (note,) = compare(*one_pair(variant__model="v3")).notes
    assert note == "the model is called v3 now and was called mobilenet_v2"


def test_two_models_with_equal_variant_names_are_not_mixed_up():
    other = each(night(threads=(1,)), lambda one: change(one, variant__model="v3", variant__size_bytes=1))
    comparison = compare([*night(threads=(1,)), *other], before(threads=(1,)))
    assert [one.new_size_bytes for one in comparison.changes] == [
        one.variant.size_bytes for one in before(threads=(1,))
    ]
    assert "not measured before" in comparison.notes[0]


def test_of_several_nights_the_newest_counts():
    older = night(session="oldest", started_at="2026-11-01T03:11:07+00:00", slowdown=2.0)
    assert compare(night(), [*before(), *older]) == compare(night(), before())


def test_two_boards_of_one_kind_are_told_apart_in_rows_and_notes():
    def on(board, **options):
        return each(night(**options), lambda one: change(one, environment__reached_by=f"ssh:{board}"))

    new = [*on("a", threads=(1,), variants=("int8",)), *on("b", threads=(1,), variants=("int8",))]
    then = [*on("a", threads=(1,), variants=("int8", "dynamic")), *on("b", threads=(1,), variants=("int8",))]
    comparison = compare(new, then)
    first, second = (change_cells(comparison, one) for one in comparison.changes)
    assert "device" in change_headings(comparison)
    assert any(cell.endswith("(ssh:a)") for cell in first)
    assert any(cell.endswith("(ssh:b)") for cell in second)
    (note,) = (note for note in comparison.notes if note.startswith("not measured any more"))
    assert note.endswith("(ssh:a)")


def test_what_has_no_counterpart_is_said():
    comparison = compare(
        night(threads=(1,), variants=("int8", "float16")), before(variants=("int8", "dynamic"))
    )
    assert [one.variant for one in comparison.changes] == ["int8"]
    assert comparison.notes == (
        "not measured before: float16 (1 thread)",
        "not measured any more: dynamic (1 thread), int8 (4 threads) and dynamic (4 threads)",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"environment__device_id": "pi5", "environment__device": "Cortex-A76, 4 cores"},
            "nothing to compare: not the same device: Cortex-A76, 4 cores now, Cortex-A72, 4 cores before",
        ),
        ({"environment__device_id": "new"}, "(its system or core count changed)"),
        ({"runtime__name": "tflite-runtime"}, "not the same runtime: tflite-runtime now, litert before"),
        ({"variant__name": "int4"}, "not the same variant: int4 now, int8 before"),
        ({"threads": 2}, "not the same thread count: 2 threads now, 1 thread before"),
        ({"accuracy__data_digest": "feed"}, "different data (digest feed now, 9c1e6a5b77d0 before)"),
        (
            {"inputs": {"image": "int8[1, 96, 96, 3]"}},
            "it now takes int8[1, 96, 96, 3] and took int8[1, 224, 224, 3]",
        ),
    ],
    ids=["device", "core count", "runtime", "variant", "threads", "data", "inputs"],
)
def test_what_may_not_be_compared_is_refused_by_name(changes, message):
    with pytest.raises(ResultsError, match=re.escape(message)):
        compare(*one_pair(**changes))


def test_nothing_in_common_in_any_one_thing_is_refused():
    new = night(threads=(1,), variants=("int8",)) + night(threads=(4,), variants=("float16",))
    old = before(threads=(4,), variants=("int8",)) + before(threads=(1,), variants=("float16",))
    with pytest.raises(
        ResultsError, match="no variant was measured on the same device with the same runtime"
    ):
        compare(new, old)


@pytest.mark.parametrize("correct", ["!", "AAAA"], ids=["no base64", "too short"])
def test_damaged_bits_are_an_error(correct):
    with pytest.raises(ResultsError, match="damaged"):
        compare(*one_pair(accuracy__correct=correct))


@pytest.mark.parametrize(("new", "old", "which"), [([], night(), "new"), (night(), [], "old")])
def test_an_empty_side_is_named(new, old, which):
    with pytest.raises(ResultsError, match=f"there are no {which} measurements"):
        compare(new, old)
