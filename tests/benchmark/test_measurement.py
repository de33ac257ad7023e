from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.benchmark.measured_host import CoreState, Environment, HostState
from edgeq.benchmark.measurement import (
    SCHEMA,
    Accuracy,
    ClassScore,
    Estimate,
    Fidelity,
    Latency,
    Measurement,
    Metric,
    Parity,
    RuntimeInfo,
    SustainedMinute,
    VariantInfo,
    from_json,
    to_json,
)
from edgeq.errors import ResultsError

finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
estimates = st.builds(Estimate, finite, finite, finite, st.integers())
latencies = st.builds(
    Latency,
    load_ms=st.none() | finite,
    first_ms=st.none() | finite,
    median=estimates,
    p90_ms=st.none() | finite,
    p95_ms=st.none() | finite,
    min_ms=finite,
    mean_ms=finite,
    chunks_ms=st.lists(st.lists(finite, max_size=3).map(tuple), max_size=3).map(tuple),
    ratio=st.none() | estimates,
    verdict=st.none() | text,
    sustained=st.lists(
        st.builds(
            SustainedMinute,
            median_ms=finite,
            temperature_c=st.none() | finite,
            frequency_mhz=st.none() | finite,
            throttled=st.none() | st.integers(),
        ),
        max_size=2,
    ).map(tuple),
)
metrics = st.builds(
    Metric,
    key=text,
    label=text,
    value=estimates,
    is_rate=st.booleans(),
    higher_is_better=st.booleans(),
    drop=st.none() | estimates,
    p_value=st.none() | finite,
)
accuracies = st.builds(
    Accuracy,
    task=text,
    metrics=st.lists(metrics, max_size=3).map(tuple),
    agreement=st.none() | estimates,
    sqnr_db=st.none() | finite,
    skipped=st.integers(),
    fidelity=st.lists(st.builds(Fidelity, text, finite, st.none() | finite), max_size=2).map(tuple),
    item_values=st.none() | text,
    classes=st.lists(
        st.builds(ClassScore, text, st.integers(), st.dictionaries(text, finite, max_size=2)), max_size=2
    ).map(tuple),
    confusion=st.lists(st.lists(st.integers(), max_size=2).map(tuple), max_size=2).map(tuple),
)
environments = st.builds(
    Environment,
    frequency_mhz=st.none() | finite,
    load_1m=st.none() | finite,
    warnings=st.lists(text, max_size=2).map(tuple),
    features=st.lists(text, max_size=2).map(tuple),
    memory_bytes=st.none() | st.integers(),
    cpus=st.lists(st.integers(), max_size=2).map(tuple),
    power=st.none() | text,
    emulator=st.none() | text,
    states=st.lists(
        st.builds(
            HostState,
            elapsed_s=finite,
            cores=st.lists(
                st.builds(CoreState, st.integers(), st.none() | text, st.none() | finite), max_size=2
            ).map(tuple),
            temperature_c=st.none() | finite,
            throttled=st.none() | st.integers(),
            load_1m=st.none() | finite,
        ),
        max_size=2,
    ).map(tuple),
)
parities = st.builds(
    Parity,
    differing=finite,
    largest_difference=st.none() | st.integers(),
    sqnr_db=finite,
    least_sqnr_db=finite,
    agreement=st.none() | finite,
    least_agreement=st.none() | finite,
)
measurements = st.builds(
    Measurement,
    variant=st.builds(VariantInfo),
    baseline=st.none() | text,
    inputs=st.dictionaries(text, text, max_size=2),
    runtime=st.builds(RuntimeInfo),
    environment=environments,
    latency=st.none() | latencies,
    accuracy=st.none() | accuracies,
    provenance=st.dictionaries(text, json_values, max_size=3),
    parity=st.none() | parities,
    invalid=st.none() | text,
    schema=st.just(SCHEMA),
)

ONE = Measurement(
    session="s",
    variant=VariantInfo("m", "int8", "m.int8.tflite", "int8", "int8", "0" * 64, 100, 90),
    baseline="float32",
    threads=1,
    inputs={"image": "int8[1, 2]"},
    runtime=RuntimeInfo("litert", "2.3.0", "litert 2.3.0, XNNPACK, x86_64", "XNNPACK", 1, 2),
    environment=Environment(
        "CPU, 2 cores", "id", "2026-01-01T00:00:00+00:00", "CPU", 2, "x86_64", None, None, 0.5,
        "Linux 6", "3.11.0", "2.0.0", "0.1.0", ("busy",),
    ),
    latency=Latency(
        1.0, 2.0, Estimate(3.0, 2.0, 4.0, 4), 4.0, 4.0, 2.0, 3.0, ((3.0, 3.0), (2.0, 4.0)),
        Estimate(0.5, 0.4, 0.6, 2), "faster",
    ),
    accuracy=Accuracy(
        8, 1, "d", "classification",
        (
            Metric("top1", "top-1", Estimate(1.0, 0.7, 1.0, 8), drop=Estimate(0.0, -1.0, 1.0, 8), p_value=1.0),
            Metric("loss", "loss", Estimate(0.1, 0.1, 0.2, 8), is_rate=False, higher_is_better=False),
        ),
        Estimate(1.0, 0.7, 1.0, 8), 30.0, "/w==", 2, (Fidelity("class", 30.0, 0.99),), "AAAA",
        (ClassScore("cat", 8, {"recall": 1.0}),), ((8,),),
    ),
    peak_memory_bytes=10,
    provenance={"versions": {"edgeq": "0.1.0"}},
)  # fmt: skip


@settings(deadline=None)
@given(measurements)
def test_any_measurement_survives_its_json(measurement: Measurement) -> None:
    line = json.dumps(to_json(measurement))
    assert from_json(json.loads(line)) == measurement


@settings(deadline=None)
@given(st.data())
def test_a_mutated_measurement_is_read_or_refused_with_a_results_error(data: st.DataObject) -> None:
    value = json.loads(json.dumps(to_json(ONE)))
    place: Any = value
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        place[key] = data.draw(json_values | st.integers(min_value=10**308, max_value=10**310))
    else:
        del place[key]
    assert outcome(value) in ("read", "refused")


def outcome(value: object) -> str:
    try:
        from_json(value)
    except ResultsError:
        return "refused"
    return "read"


def test_unknown_keys_are_ignored_at_every_level() -> None:
    value = to_json(ONE)
    accuracy = value["accuracy"]
    for place in (
        value,
        value["variant"],
        value["latency"],
        value["latency"]["median"],
        accuracy,
        accuracy["metrics"][0],
    ):
        place["from the future"] = [1]
    assert from_json(value) == ONE


def test_a_measurement_of_an_unknown_scheme_is_taken() -> None:
    value = to_json(ONE)
    value["variant"]["scheme"] = "int2x1"
    assert from_json(value).variant.scheme == "int2x1"


def test_a_newer_schema_is_refused_by_its_number() -> None:
    with pytest.raises(
        ResultsError, match=rf"schema {SCHEMA + 1}, this edgeq reads up to {SCHEMA}: update edgeq"
    ):
        from_json({**to_json(ONE), "schema": SCHEMA + 1})


@pytest.mark.parametrize("schema", [None, "1", True, 0, -1, 1.0])
def test_what_is_no_schema_is_refused(schema: object) -> None:
    with pytest.raises(ResultsError, match="has schema"):
        from_json({**to_json(ONE), "schema": schema})


@pytest.mark.parametrize("value", [None, [], "text", 5, {}, {"a": 1}])
def test_what_is_no_measurement_is_refused(value: object) -> None:
    with pytest.raises(ResultsError, match=r"not an edgeq measurement: the key 'schema' is missing"):
        from_json(value)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("threads",), "1", r"measurement.threads: expected int, found str"),
        (("threads",), True, r"measurement.threads: expected int, found bool"),
        (("latency", "median"), 5, r"measurement.latency.median: expected an object, found int"),
        (("latency", "median", "value"), None, r"latency.median.value: expected float, found NoneType"),
        (("latency", "chunks_ms"), 1.0, r"latency.chunks_ms: expected a list, found float"),
        (("inputs",), [], r"measurement.inputs: expected an object, found list"),
        (("environment", "warnings"), "busy", r"environment.warnings: expected a list, found str"),
        (("latency", "load_ms"), 10**400, r"latency.load_ms: expected float, found a number that is not"),
        (
            ("accuracy", "sqnr_db"),
            float("nan"),
            r"accuracy.sqnr_db: expected float, found a number that is not",
        ),
        (("accuracy", "metrics"), {}, r"accuracy.metrics: expected a list, found dict"),
        (("accuracy", "metrics", 0, "is_rate"), 1, r"accuracy.metrics.is_rate: expected bool, found int"),
        (
            ("accuracy", "classes", 0, "metrics"),
            [],
            r"accuracy.classes.metrics: expected an object, found list",
        ),
        (("accuracy", "confusion"), [[1, "2"]], r"accuracy.confusion: expected int, found str"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(
    path: tuple[str | int, ...], value: object, reason: str
) -> None:
    whole = to_json(ONE)
    place: Any = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ResultsError, match=reason):
        from_json(whole)


def test_a_missing_key_is_named_with_its_place() -> None:
    value = to_json(ONE)
    del value["latency"]["median"]["high"]
    with pytest.raises(ResultsError, match=r"measurement.latency.median.high is missing"):
        from_json(value)


def test_whole_numbers_are_taken_for_floats() -> None:
    value = to_json(ONE)
    value["latency"]["load_ms"] = 1
    read = from_json(value)
    assert read == ONE
    assert read.latency is not None
    assert isinstance(read.latency.load_ms, float)


def test_the_baseline_knows_that_it_is_one() -> None:
    value: Mapping[str, Any] = to_json(ONE)
    assert not ONE.is_baseline
    assert from_json({**value, "baseline": "int8"}).is_baseline
    assert not from_json({**value, "baseline": None}).is_baseline


OLD_ACCURACY = {
    "n": 8,
    "excluded": 1,
    "data_digest": "d",
    "top1": {"value": 0.75, "low": 0.4, "high": 0.9, "n": 8},
    "top5": {"value": 1.0, "low": 0.7, "high": 1.0, "n": 8},
    "agreement": {"value": 1.0, "low": 0.7, "high": 1.0, "n": 8},
    "drop_pp": {"value": 12.5, "low": -10.0, "high": 40.0, "n": 8},
    "sqnr_db": 30.0,
    "correct": "/A==",
}


def of_schema_1(**changes: object) -> Accuracy:
    read = from_json({**to_json(ONE), "schema": 1, "accuracy": {**OLD_ACCURACY, **changes}})
    assert read.accuracy is not None
    return read.accuracy


def test_a_measurement_of_schema_1_is_that_of_a_classifier() -> None:
    accuracy = of_schema_1()
    assert accuracy.task == "classification"
    assert [(one.key, one.label, one.value.value) for one in accuracy.metrics] == [
        ("top1", "top-1", 0.75),
        ("top5", "top-5", 1.0),
    ]
    assert accuracy.primary is not None
    assert accuracy.primary.drop == Estimate(12.5, -10.0, 40.0, 8)
    assert accuracy.correct == "/A=="


def test_what_schema_1_did_not_measure_is_no_metric() -> None:
    assert of_schema_1(top1=None, top5=None, drop_pp=None).metrics == ()
    assert of_schema_1(top1=None, top5=None, drop_pp=None, agreement=None).task == "comparison"
    assert [one.key for one in of_schema_1(top5=None, drop_pp=None).metrics] == ["top1"]


def test_the_primary_metric_is_the_first_and_others_are_found_by_key() -> None:
    assert ONE.accuracy is not None
    assert ONE.accuracy.primary is ONE.accuracy.metric("top1")
    assert ONE.accuracy.metric("top5") is None
    assert [metric.drop_unit for metric in ONE.accuracy.metrics] == ["pp", "%"]
