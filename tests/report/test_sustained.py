"""Minutes without a pause: what became slower, how hot it got, and which variant overtook which."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_devices import PI_MINUTES, emulated, raspberry
from sample_measurements import change, each, night

from edgeq.benchmark.measurement import SustainedMinute
from edgeq.report.html_machine import machine_plots, sustained_grid
from edgeq.report.sustained import ranking_changes, sustained_lines, sustained_title
from edgeq.report.tables import build_tables


def minute(number, median, temperature=None, throttled=None):
    return SustainedMinute(number, median, 1000, temperature, None, throttled)


def with_minutes(medians, measured=None):
    """Medians of each minute by variant."""
    measured = night(threads=(1,)) if measured is None else measured
    return each(
        [one for one in measured if one.variant.name in medians],
        lambda one: change(
            one,
            latency__sustained=tuple(
                minute(number, value) for number, value in enumerate(medians[one.variant.name], start=1)
            ),
        ),
    )


def table_of(measurements):
    (table,) = build_tables(measurements)
    return table


def test_a_line_has_the_first_and_the_last_minute_the_change_and_the_temperature():
    lines = dict(sustained_lines(table_of(raspberry())))
    assert lines["int8"] == "first minute 27.9 ms, last 36.2 ms (+30 %), 74 °C, soft temperature limit"
    assert lines["dynamic"].startswith("first minute 74.8 ms, last 76.4 ms (+2 %), 74 °C")
    assert sustained_title(table_of(raspberry())) == "5 minutes without a pause"


def test_without_minutes_there_is_no_line():
    table = table_of(night())
    assert sustained_lines(table) == ()
    assert ranking_changes(table) == ()
    assert sustained_grid(table) is None
    assert machine_plots(table)["sustained"] is None


def test_one_minute_alone_has_no_change():
    (line,) = sustained_lines(table_of(with_minutes({"int8": (3.1,)})))
    assert line == ("int8", "3.10 ms")


@pytest.mark.parametrize(
    ("lengths", "title"),
    [
        ((20.0,), "20 s without a pause"),
        ((60.0,), "1 minute without a pause"),
        ((60.0, 30.0), "1.5 minutes without a pause"),
        ((60.0,) * 10, "10 minutes without a pause"),
    ],
)
def test_the_title_says_how_long_it_really_was(lengths, title):
    measured = with_minutes({"int8": (3.0,) * len(lengths)})
    assert sustained_title(table_of([with_lengths(one, lengths) for one in measured])) == title


def with_lengths(measurement, lengths):
    """The measurement with minutes of these seconds."""
    latency = measurement.latency
    minutes = tuple(
        dataclasses.replace(minute, seconds=seconds)
        for minute, seconds in zip(latency.sustained, lengths, strict=True)
    )
    return dataclasses.replace(measurement, latency=dataclasses.replace(latency, sustained=minutes))


def test_a_variant_that_got_faster_has_a_minus():
    (line,) = sustained_lines(table_of(with_minutes({"int8": (4.0, 3.0)})))
    assert line[1] == "first minute 4.00 ms, last 3.00 ms (−25 %)"


def test_a_variant_that_overtakes_another_is_named():
    assert ranking_changes(table_of(raspberry())) == (
        "under sustained load the ranking changes: int8-io-float32 overtakes int8 (32.4 against 36.2 ms in the last "
        "minute)",
    )


def test_less_than_three_percent_is_no_other_ranking():
    assert ranking_changes(table_of(with_minutes({"int8": (10.0, 10.3), "dynamic": (10.2, 10.1)}))) == ()


def test_thread_counts_are_ranked_apart():
    measured = with_minutes({"int8": (10.0, 15.0), "dynamic": (12.0, 12.5)}, night())
    found = ranking_changes(table_of(measured))
    assert [text.partition(":")[0].rpartition(" on ")[2] for text in found] == ["1 thread", "4 threads"]


def test_of_many_pairs_a_few_are_named():
    medians = {name: (10.0 + place, 20.0 - 2 * place) for place, name in enumerate(PI_MINUTES)}
    (text,) = ranking_changes(table_of(with_minutes(medians)))
    assert text.count("overtakes") == 4
    assert text.endswith("6 further pairs changed places")


def test_emulated_minutes_have_no_percentage_and_no_ranking():
    measured = with_minutes({"int8": (10.0, 15.0), "dynamic": (12.0, 12.5)}, emulated())
    table = table_of(measured)
    assert dict(sustained_lines(table))["int8"] == "first minute 10.0 ms (emulated), last 15.0 ms"
    assert ranking_changes(table) == ()
    assert sustained_grid(table) is None


@given(
    st.lists(
        st.tuples(st.floats(-1e308, 1e308), st.none() | st.floats(-1e308, 1e308), st.none() | st.integers()),
        min_size=1,
        max_size=4,
    )
)
def test_no_number_breaks_a_line(told):
    (one,) = night(threads=(1,), variants=("int8",))
    measured = change(one, latency__sustained=tuple(minute(n, *values) for n, values in enumerate(told)))
    ((_, text),) = sustained_lines(table_of([measured]))
    assert len(text) < 300


@pytest.mark.parametrize("count", [2, 59, 500])
def test_the_table_of_minutes_has_at_most_sixty_rows_with_the_first_and_the_last(count):
    grid = sustained_grid(table_of(with_minutes({"int8": [3.0] * count})))
    assert len(grid.rows) == min(count, 60)
    assert (grid.rows[0][0].text, grid.rows[-1][0].text) == ("1", str(count))
