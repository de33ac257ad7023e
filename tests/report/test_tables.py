"""Which measurements stand in one table."""

from __future__ import annotations

import pytest
from sample_measurements import change, each, lone_file, night, without_labels
from sample_tasks import comparison_only, detection, regression, with_primary

from edgeq.benchmark.measurement import Estimate, Metric
from edgeq.errors import ResultsError
from edgeq.report.summary import title
from edgeq.report.tables import build_tables


def test_one_session_is_one_table_although_int8_takes_other_dtypes():
    (table,) = build_tables(night())
    assert table.variants == ("float32", "float16", "dynamic", "int8", "int8-io-float32")
    assert table.thread_counts == (1, 4)


def test_rows_go_by_threads_and_the_baseline_comes_first():
    (table,) = build_tables(night(threads=(4, 1), variants=("int8", "float32")))
    assert [(row.threads, row.variant) for row in table.rows] == [
        (1, "float32"),
        (1, "int8"),
        (4, "float32"),
        (4, "int8"),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("environment__device_id", "other"),
        ("runtime__name", "tflite-runtime"),
        ("runtime__version", "2.4.0"),
        ("inputs", {"image": "float32[1, 96, 96, 3]"}),
        ("accuracy__data_digest", "other"),
        ("variant__model", "mobilenet_v3"),
        ("accuracy__metrics", (Metric("f1", "F1", Estimate(0.8, 0.7, 0.9, 4000)),)),
    ],
)
def test_what_may_not_be_compared_stands_in_another_table(path, value):
    other = each(night(session="other"), lambda one: change(one, **{path: value}))
    first, second = build_tables([*night(), *other])
    assert {row.source.session for row in first.rows} == {"6f0c2d"}
    assert {row.source.session for row in second.rows} == {"other"}


def test_the_newest_of_several_nights_counts_and_the_others_are_counted():
    nights = [
        *night(session="new", started_at="2026-11-22T03:11:07+00:00"),
        *night(session="old", started_at="2026-11-21T03:11:07+00:00"),
    ]
    (table,) = build_tables(nights)
    assert {row.source.session for row in table.rows} == {"new"}
    assert table.notes[0].startswith("10 older measurements of the same variants left out")


def test_a_size_is_compared_with_the_baselines():
    (table,) = build_tables(night(threads=(1,)))
    ratios = {row.variant: row.size_ratio for row in table.rows}
    assert ratios["float32"] == 1
    assert ratios["int8"] == pytest.approx(13_978_596 / 3_938_896)


def test_accuracy_holds_for_every_thread_count_of_a_file():
    single, several = night(variants=("int8",))
    (table,) = build_tables([single, change(several, accuracy=None)])
    assert [row.n for row in table.rows] == [4000, 4000]


def test_a_variant_without_accuracy_stands_with_the_rest_of_its_session():
    measurements = [change(one, accuracy=None) if one.variant.name == "dynamic" else one for one in night()]
    (table,) = build_tables(measurements)
    assert {row.variant for row in table.rows if row.n is None} == {"dynamic"}


def test_a_variant_without_a_metric_stands_with_the_rest_of_its_session():
    measurements = [
        change(one, accuracy__metrics=(), accuracy__task="comparison")
        if one.variant.name == "dynamic"
        else one
        for one in night()
    ]
    (table,) = build_tables(measurements)
    assert {row.variant for row in table.rows if not row.metrics} == {"dynamic"}


def test_without_labels_a_session_is_one_table_whatever_its_rows_are_called():
    # The baseline of an unlabelled classifier in schema 1 has neither metric nor agreement.
    measurements = [
        change(one, accuracy__task="comparison") if one.is_baseline else one
        for one in without_labels(night())
    ]
    (table,) = build_tables(measurements)
    assert table.metrics == ()


def test_a_row_has_its_primary_metric_and_drop():
    (table,) = build_tables(regression())
    row = table.rows[3]
    assert (row.primary.label, row.drop_unit, row.drop.value) == ("MAE", "%", pytest.approx(0.46))
    assert row.metric("r2").label == "R²"
    assert row.metric("f1") is None
    assert table.baseline.drop is None
    (bare,) = build_tables(comparison_only())
    assert (bare.rows[3].primary, bare.rows[3].drop, bare.rows[3].drop_unit) == (None, None, None)


def test_the_cosine_is_that_of_the_worst_output():
    (table,) = build_tables(detection())
    assert table.rows[3].cosine == pytest.approx(0.99567)
    assert table.baseline.cosine is None


def test_a_lone_variant_is_called_by_its_models_name_and_its_own():
    (alone,) = night(threads=(1,), variants=("int8",))
    (table,) = build_tables([change(alone, baseline=None)])
    assert title(table) == "mobilenet_v2 int8 on Cortex-A72, 4 cores"
    (table,) = build_tables([lone_file(alone, "detector")])
    assert title(table) == "detector on Cortex-A72, 4 cores"


def test_lone_files_share_a_table_even_under_one_name():
    first, second = night(threads=(1,), variants=("float32", "int8"))
    (table,) = build_tables([lone_file(first, "model"), lone_file(second, "model")])
    assert table.model is None
    assert [row.size_bytes for row in table.rows] == [13_978_596, 3_938_896]


def test_warnings_are_said_once():
    (table,) = build_tables(night())
    assert len(table.warnings) == 1


def test_foreign_names_are_made_printable():
    hostile = each(
        night(threads=(1,)),
        lambda one: change(
            one, variant__model="a\nb", environment__device="\x1b[2J", runtime__version="\u202e"
        ),
    )
    (table,) = build_tables([with_primary(one, key="\n", label="\x1b[31m") for one in hostile])
    assert (table.metrics[0].key, table.metrics[0].label) == ("\\n", "\\x1b[31m")
    assert (table.model, table.environment.device, table.runtime.version) == ("a\\nb", "\\x1b[2J", "\\u202e")


def test_nothing_measured_is_an_error_that_says_what_to_run():
    with pytest.raises(ResultsError, match="no measurements to report: run 'edgeq benchmark'"):
        build_tables([])
