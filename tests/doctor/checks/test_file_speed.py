"""F309 and F310."""

from __future__ import annotations

import dataclasses

import pytest

from edgeq.doctor.checks.file_speed import dynamic_slower, many_partitions, measured_ratio

building = pytest.importorskip("building", exc_type=ImportError)


def test_xnnpack_takes_the_demo_in_one_piece(demo_case):
    assert list(many_partitions(demo_case)) == []


def test_a_graph_that_an_operator_cuts_in_two_is_found_with_the_operator(lone, tmp_path):
    (finding,) = many_partitions(lone(building.interrupted(tmp_path / "cut.tflite", "SIGN")))
    assert finding.details["partitions"] == 2
    assert [item["operator"] for item in finding.details["left_out"]] == ["SIGN"]
    assert "SIGN" in finding.message
    assert list(many_partitions(lone(building.interrupted(tmp_path / "whole.tflite", None)))) == []


@pytest.mark.parametrize("variant", ["dynamic", "int16x8"])
def test_schemes_that_are_known_not_to_be_delegated_are_fine(demo_file, lone, variant):
    assert list(many_partitions(lone(demo_file(variant)))) == []


def test_a_dynamic_file_that_is_twice_as_slow_as_the_baseline_is_found(demo_case, demo_file):
    # Against int8: 2.3 times here. Only what is called the baseline differs from the real case.
    case = dataclasses.replace(demo_case, float32_file=demo_file("int8"))
    (finding,) = dynamic_slower(case)
    assert finding.subject == "fashion_mnist.dynamic.tflite"
    assert 1.1 < finding.details["low"] <= finding.details["slower"] <= finding.details["high"]


def test_a_dynamic_file_that_is_faster_than_the_baseline_is_fine(demo_case, demo_file):
    # int16x8 takes 30 times as long.
    case = dataclasses.replace(demo_case, float32_file=demo_file("int16x8"))
    assert list(dynamic_slower(case)) == []


def test_without_float32_nothing_is_timed(demo_file, lone):
    assert list(dynamic_slower(lone(demo_file("dynamic")))) == []


def test_files_of_which_one_does_not_run_are_not_compared(demo_file, tmp_path):
    (tmp_path / "broken.tflite").write_bytes(b"TFL3")
    assert measured_ratio(tmp_path / "broken.tflite", demo_file("float32"), runtime=None) is None
