from __future__ import annotations

import copy
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeq.convert.saved_recipe import read_recipe
from edgeq.errors import UsageError
from edgeq.optimize.budget import Budget
from edgeq.optimize.document import (
    Document,
    from_json,
    read_document,
    to_json,
    write_document,
)
from edgeq.optimize.result import LATENCY, SIZE, Goal
from edgeq.optimize.search import search
from tests.optimize.landscape import Landscape


def document(goal: Goal, **landscape) -> Document:
    result = search(Landscape(**landscape), goal, Budget(), lambda line: None)
    assert result.chosen is not None
    return Document(
        result,
        "cifar10",
        names={result.chosen: "int8x4-tuned"},
        calibration={"digests": ["ab", "cd"], "held_back": 1, "seed": 0},
        validation={"items": 10_000},
        provenance={"edgeq": "0.5"},
    )


@pytest.fixture(scope="module")
def sized() -> Document:
    return document(Goal(1.0, SIZE, holdout=True, kept={"tensor_2": "int8"}))


def test_what_is_written_is_read_again(tmp_path, sized):
    path = tmp_path / "optimize.json"
    write_document(path, sized)
    assert read_document(path) == sized
    first = path.read_bytes()
    write_document(path, read_document(path))
    assert path.read_bytes() == first


def test_failures_and_timings_are_read_again(tmp_path):
    some = document(Goal(1.0, LATENCY), fails=lambda one: "no" if "equalize" in one.title else "")
    write_document(tmp_path / "optimize.json", some)
    assert read_document(tmp_path / "optimize.json") == some


def test_the_winners_recipe_has_every_range(tmp_path, sized):
    write_document(tmp_path / "optimize.json", sized)
    saved = read_recipe(tmp_path / "optimize.json")
    winner = sized.result.winner
    assert winner is not None
    assert saved.recipe == winner.explicit_recipe
    assert saved.recipe.ranges == {"tensor_0": (-1.0, 1.5)}
    assert (saved.digests, saved.held_back) == (("ab", "cd"), 1)
    assert to_json(sized)["chosen"]["variant"] == "int8x4-tuned"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as JSON"),
        (b"\xff\xfe{}", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b'{"format": NaN}', "cannot be read as JSON"),
        (b"[]", "expected a result of edgeq optimize"),
        (b'{"format": "edgeq-bundle"}', "expected a result of edgeq optimize"),
        (b'{"format": "edgeq-optimize"}', "is damaged: its version is None"),
        (b'{"format": "edgeq-optimize", "version": true}', "is damaged: its version is True"),
        (b'{"format": "edgeq-optimize", "version": 7}', "version 7, this edgeq reads up to 1: update edgeq"),
        (b'{"format": "edgeq-optimize", "version": 1}', "is damaged"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "optimize.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as raised:
        read_document(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"optimize\.json does not exist"):
        read_document(tmp_path / "optimize.json")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_a_usage_error_or_another_good_document(sized, data):
    value = copy.deepcopy(to_json(sized))
    place = value
    # Down a random path, then something else there.
    while True:
        if isinstance(place, dict):
            key = data.draw(st.sampled_from(sorted(place)))
        else:
            key = data.draw(st.integers(0, len(place) - 1))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = data.draw(
        st.sampled_from([None, True, -1, 10**400, 1e300, "x\n\x1b", [], {}, [[]], {"a": 1}, "float32"])
    )
    with suppress(UsageError):
        from_json(value)
