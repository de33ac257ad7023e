from __future__ import annotations

import pytest

from edgeq.benchmark.measurement import to_json
from edgeq.devices.hosts.events import RemoteEvents
from edgeq.devices.specs import read_device
from edgeq.errors import DeviceError

PI = read_device("ssh:pi@raspberrypi")


def taken(*events, progress=None):
    made = RemoteEvents(PI, progress)
    for event in events:
        made.take(event)
    return made


@pytest.fixture(scope="module")
def measurement():
    from edgeq.benchmark.measured_host import Environment
    from edgeq.benchmark.measurement import Measurement, RuntimeInfo, VariantInfo

    return Measurement(
        session="s",
        variant=VariantInfo("m", "int8", "m.tflite", "int8", "int8", "0" * 64, 1, 1),
        baseline=None,
        threads=1,
        inputs={},
        runtime=RuntimeInfo("litert", "2", "k", "XNNPACK", 1, 1),
        environment=Environment(
            "d", "i", "2026-01-01T00:00:00+00:00", "c", 4, "aarch64", None, None, None, "os", "3.11", "1", "0"
        ),
        latency=None,
        accuracy=None,
        peak_memory_bytes=None,
        provenance={},
    )


def test_measurements_say_how_they_were_reached(measurement):
    events = taken(
        {"event": "measurement", "value": to_json(measurement)},
        {"event": "failure", "variant": "float32", "reason": "too large"},
        {"event": "note", "text": "something"},
        {"event": "end"},
    )
    session = events.session(["before"])
    assert events.has_ended
    assert events.count == 4
    assert session.measurements[0].environment.reached_by == "ssh:pi@raspberrypi"
    assert session.failures == {"float32": "too large"}
    assert session.notes == ("before", "something")


def test_progress_is_handed_on():
    seen = []
    taken(
        {"event": "progress", "what": "latency", "done": 1, "total": 2},
        progress=lambda *now: seen.append(now),
    )
    assert seen == [("latency", 1, 2)]


def test_an_error_of_the_job_is_the_message():
    with pytest.raises(DeviceError, match=r"^ssh:pi@raspberrypi: no runtime is installed$"):
        taken({"event": "error", "text": "no runtime is installed"})


def test_nothing_measured_is_an_error():
    with pytest.raises(DeviceError, match="nothing was measured"):
        taken({"event": "end"}).session([])


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": None},
        {"event": "surprise"},
        {"event": "progress", "what": "x", "done": 1.5, "total": 2},
        {"event": "progress", "what": 7, "done": 1, "total": 2},
        {"event": "measurement"},
        {"event": "measurement", "value": {"schema": 99}},
        {"event": "measurement", "value": {"schema": 3}},
        {"event": "failure", "variant": "x"},
        {"event": "note", "text": ["x"]},
        {"event": "error"},
    ],
)
def test_an_event_of_another_form_is_one_line(event):
    with pytest.raises(DeviceError, match="what it tells of the job cannot be read"):
        taken(event, progress=lambda *now: None)


def test_a_device_that_tells_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("edgeq.devices.hosts.events._MOST_RESULTS", 3)
    with pytest.raises(DeviceError, match="results without end"):
        taken(*({"event": "failure", "variant": str(number), "reason": "x"} for number in range(10)))
