"""Result files: what is appended is read back, and what is damaged is named."""

from __future__ import annotations

import json

import pytest
from sample_measurements import change, night

from edgeq.benchmark.measurement import SCHEMA
from edgeq.errors import OutputError, ResultsError
from edgeq.report.results import append_results, check_appendable, merge, read_results, to_line


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.jsonl"
    append_results(path, night())
    return path


def test_appended_measurements_are_read_back_unchanged(results):
    assert list(read_results([results])) == night()


def test_a_second_night_is_appended_behind_the_first(results):
    append_results(results, night(session="second"))
    assert [one.session for one in read_results([results])] == ["6f0c2d"] * 10 + ["second"] * 10


def test_a_file_read_twice_counts_once(results):
    assert list(read_results([results, results])) == night()


def test_accuracy_measured_apart_from_latency_is_joined():
    whole = night()[3]
    assert merge([change(whole, accuracy=None), change(whole, latency=None)]) == (whole,)


def test_of_two_values_the_later_one_counts():
    whole = night()[3]
    later = change(whole, peak_memory_bytes=1)
    assert merge([whole, later]) == (later,)


@pytest.mark.parametrize("field", ["session", "variant__name", "variant__sha256", "threads"])
def test_measurements_that_differ_in_what_they_are_stay_apart(field):
    one = night()[3]
    other = change(one, **{field: 2 if field == "threads" else "other"})
    assert merge([one, other]) == (one, other)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ResultsError, match=r"nowhere\.jsonl: no such file"):
        read_results([tmp_path / "nowhere.jsonl"])


def test_a_folder_is_no_result_file(tmp_path):
    with pytest.raises(ResultsError, match="found a folder"):
        read_results([tmp_path])


@pytest.mark.parametrize(
    "text",
    ["variant,latency\nint8,1.8\n", "\x7fELF\x00\n", "{\n  'schema': 1\n}\n", "[" * 100_000],
    ids=["csv", "binary", "no-json", "deeply-nested"],
)
def test_something_else_than_json_lines_is_named_with_its_line(tmp_path, text):
    path = tmp_path / "other"
    path.write_text(text)
    with pytest.raises(ResultsError, match="other line 1: not JSON Lines"):
        read_results([path])


def test_bytes_that_are_no_text_are_no_json_lines(tmp_path):
    path = tmp_path / "other"
    path.write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(ResultsError, match="line 1: not JSON Lines"):
        read_results([path])


@pytest.mark.parametrize("text", ["1\n", "[]\n", "{}\n", "null\n"])
def test_json_that_is_no_measurement_is_named_with_its_line(tmp_path, text):
    path = tmp_path / "other.jsonl"
    path.write_text("\n" + text)
    with pytest.raises(ResultsError, match=r"other\.jsonl line 2: not an edgeq measurement"):
        read_results([path])


def test_a_newer_schema_is_refused_by_its_number(tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text(json.dumps({"schema": SCHEMA + 1}) + "\n")
    with pytest.raises(ResultsError, match=rf"new\.jsonl line 1: .*schema {SCHEMA + 1}.*update edgeq"):
        read_results([path])


def test_every_error_is_one_line(tmp_path, results):
    results.write_bytes(results.read_bytes()[:-100])
    for path in (results, tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ResultsError) as caught:
            read_results([path])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [1, 500, -2])
def test_an_interrupted_write_is_named_with_its_line(results, kept):
    *_, last = results.read_bytes().splitlines(keepends=True)
    whole = results.read_bytes().removesuffix(last)
    results.write_bytes(whole + last[:kept])
    with pytest.raises(ResultsError, match=r"results\.jsonl line 10: cut off"):
        read_results([results])
    with pytest.raises(ResultsError, match=r"results\.jsonl line 10: cut off"):
        append_results(results, night(session="second"))
    assert results.read_bytes() == whole + last[:kept]


def test_nothing_is_appended_behind_a_line_without_end(results):
    results.write_bytes(results.read_bytes().removesuffix(b"\n"))
    with pytest.raises(ResultsError, match="no newline at its end"):
        check_appendable(results)
    assert len(read_results([results])) == 10


def test_nothing_is_appended_to_a_file_of_another_kind(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("# My model\n")
    with pytest.raises(ResultsError, match="not JSON Lines"):
        append_results(path, night())
    assert path.read_text() == "# My model\n"


def test_a_missing_folder_is_named_before_the_work(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        check_appendable(tmp_path / "nowhere" / "results.jsonl")


def test_a_number_that_json_cannot_hold_is_refused_and_nothing_is_written(tmp_path):
    path = tmp_path / "results.jsonl"
    broken = change(night()[3], accuracy__sqnr_db=float("inf"))
    with pytest.raises(ResultsError, match="int8 holds a number that is not finite"):
        append_results(path, [night()[0], broken])
    assert not path.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_no_json(tmp_path, number):
    path = tmp_path / "results.jsonl"
    path.write_text(to_line(night()[0]).replace("71204864", number) + "\n")
    with pytest.raises(ResultsError, match="not JSON Lines"):
        read_results([path])


def test_an_unknown_scheme_and_unknown_keys_are_read(tmp_path):
    path = tmp_path / "results.jsonl"
    value = json.loads(to_line(change(night()[3], variant__scheme="int2")))
    path.write_text(json.dumps({**value, "mood": "good"}) + "\n")
    (read,) = read_results([path])
    assert read.variant.scheme == "int2"
