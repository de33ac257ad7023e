"""F303, F304 and F312."""

from __future__ import annotations

import shutil

import pytest

from edgeq.doctor.checks.file_scheme import float_io, float_islands, scheme_not_as_claimed
from edgeq.doctor.rule import ERROR, WARNING

building = pytest.importorskip("building", exc_type=ImportError)


@pytest.fixture
def renamed(demo_file, lone, tmp_path):
    """The case of one of the demo's files under another name."""
    return lambda variant, name: lone(shutil.copy(demo_file(variant), tmp_path / name))


def test_the_demo_is_what_it_claims(demo_case):
    for check in (scheme_not_as_claimed, float_io, float_islands):
        assert list(check(demo_case)) == []


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        ("float32", "net.int8.tflite"),
        ("dynamic", "net.int8.tflite"),
        ("int8", "net.int16x8.tflite"),
        ("int16x8", "net.int8.tflite"),
        ("float32", "net.float16.tflite"),
        ("int8-io-float32", "net.float32.tflite"),
    ],
)
def test_a_file_of_another_scheme_than_its_name_says_is_found(renamed, variant, name):
    (finding,) = scheme_not_as_claimed(renamed(variant, name))
    assert finding.subject == name
    assert finding.details["found"] == variant.partition("-io-")[0]


def test_a_float_file_that_was_to_be_int8_is_blamed_on_the_data(renamed):
    (finding,) = scheme_not_as_claimed(renamed("float32", "net.int8.tflite"))
    assert "empty representative dataset" in finding.message
    # The float inputs come of the same mistake, which is said once.
    assert list(float_io(renamed("float32", "net.int8.tflite"))) == []


def test_a_bundle_with_a_file_of_another_scheme_is_found(in_bundle, demo_file):
    (finding,) = scheme_not_as_claimed(in_bundle("int8", demo_file("float32")))
    assert finding.subject == "fashion_mnist.int8.tflite"


@pytest.mark.parametrize("variant", ["float32", "dynamic", "int8", "int16x8"])
def test_a_name_that_claims_nothing_is_never_wrong(renamed, variant):
    assert list(scheme_not_as_claimed(renamed(variant, "net.tflite"))) == []


@pytest.mark.parametrize(
    ("variant", "name", "expected"),
    [
        ("int8-io-float32", "net.int8.tflite", ERROR),
        ("int8", "net.int8-io-uint8.tflite", ERROR),
        ("int8", "net.int8-io-float32.tflite", ERROR),
        ("int8-io-float32", "net.tflite", WARNING),
        ("int8-io-float32", "net.int8-io-float32.tflite", None),
        ("int8", "net.tflite", None),
        ("int8", "net.int8.tflite", None),
        ("float32", "net.tflite", None),
        ("dynamic", "net.dynamic.tflite", None),
    ],
)
def test_inputs_and_outputs_are_of_the_type_that_was_asked_for(renamed, variant, name, expected):
    found = [finding.severity for finding in float_io(renamed(variant, name))]
    assert found == ([] if expected is None else [expected])


def test_both_ends_are_named(renamed):
    (finding,) = float_io(renamed("int8-io-float32", "net.int8.tflite"))
    assert [item["kind"] for item in finding.details["found"]] == ["input", "output"]
    assert "--io int8" in finding.message


def test_an_operator_that_computes_in_float_between_integers_is_found_with_its_tensors(lone, tmp_path):
    (finding,) = float_islands(lone(building.island(tmp_path / "net.int8.tflite")))
    (found,) = finding.details["islands"]
    assert found["operators"] == ["FLOOR"]
    assert found["entries"] == ["b"]
    assert "FLOOR" in finding.message


def test_the_cause_of_each_island_is_said_up_to_three(lone, tmp_path):
    (finding,) = float_islands(lone(building.island(tmp_path / "net.int8.tflite", ("FLOOR", "CEIL"))))
    assert "no integer form of FLOOR; from b1 to floored1: " in finding.message
    assert "no integer form of CEIL; replace these" in finding.message
    many = ("FLOOR", "CEIL", "ROUND", "COS", "SIN")
    (finding,) = float_islands(lone(building.island(tmp_path / "many.int8.tflite", many)))
    assert "no integer form of ROUND; and 2 more such places; replace these" in finding.message
    assert len(finding.details["islands"]) == 5


def test_a_file_with_an_island_is_said_once(lone, tmp_path):
    case = lone(building.island(tmp_path / "net.int8.tflite"))
    assert list(scheme_not_as_claimed(case)) == []
    assert list(float_io(case)) == []
