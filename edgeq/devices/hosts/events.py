"""What a job on a device tells, read and checked: nothing that comes from there is trusted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from edgeq.benchmark.measurement import Measurement, from_json
from edgeq.benchmark.session import Progress, Session
from edgeq.devices.specs import DeviceSpec
from edgeq.errors import DeviceError, ResultsError

_MOST_EVENTS = 1_000_000
"""Progress is told twice a second: five days of it."""
_MOST_RESULTS = 100_000
_LONGEST_TEXT = 2_000


class RemoteEvents:
    """Takes the events of one job, in their order.

    Attributes:
        count: events taken, which is where to go on after a cut.
        has_ended: whether all results are there.
    """

    def __init__(self, spec: DeviceSpec, progress: Progress | None = None) -> None:
        """Has nothing yet.

        Args:
            spec: of the device.
            progress: called with what is being done there.
        """
        self._spec = spec
        self._progress = progress
        self._measurements: list[Measurement] = []
        self._failures: dict[str, str] = {}
        self._notes: list[str] = []
        self.count = 0
        self.has_ended = False

    def take(self, event: Mapping[str, Any]) -> None:
        """Takes one event.

        Raises:
            DeviceError: the job failed, or this is no event.
        """
        self.count += 1
        kind = event.get("event")
        if self.count > _MOST_EVENTS or len(self._measurements) + len(self._failures) > _MOST_RESULTS:
            raise DeviceError(f"{self._spec}: tells results without end")
        if kind == "progress":
            self._tell(event)
        elif kind == "measurement":
            self._measurements.append(self._measurement(event.get("value")))
        elif kind == "failure":
            self._failures[self._text(event, "variant")] = self._text(event, "reason")
        elif kind == "note" and len(self._notes) < _MOST_RESULTS:
            self._notes.append(self._text(event, "text"))
        elif kind == "error":
            raise DeviceError(f"{self._spec}: {self._text(event, 'text')}")
        elif kind == "end":
            self.has_ended = True
        else:
            raise self._unreadable("an event of no known kind")

    def session(self, notes: list[str]) -> Session:
        """What came of the job.

        Args:
            notes: of the connection, which come first.

        Raises:
            DeviceError: nothing was measured.
        """
        if not self._measurements:
            raise DeviceError(f"{self._spec}: nothing was measured there")
        accuracies = [one.accuracy for one in self._measurements if one.accuracy is not None]
        if accuracies:
            n = max(accuracy.n for accuracy in accuracies)
            notes = [*notes, f"accuracy is that of the {n} packed inputs"]
        return Session(tuple(self._measurements), self._failures, (*notes, *self._notes))

    def _tell(self, event: Mapping[str, Any]) -> None:
        done, total = event.get("done"), event.get("total")
        if type(done) is not int or type(total) is not int:
            raise self._unreadable("progress without numbers")
        if self._progress is not None:
            self._progress(self._text(event, "what")[:100], done, total)

    def _measurement(self, value: object) -> Measurement:
        try:
            measurement = from_json(value)
        except ResultsError as error:
            raise self._unreadable(str(error)) from error
        environment = dataclasses.replace(measurement.environment, reached_by=str(self._spec))
        return dataclasses.replace(measurement, environment=environment)

    def _text(self, event: Mapping[str, Any], key: str) -> str:
        value = event.get(key)
        if not isinstance(value, str):
            raise self._unreadable(f"an event without {key!r}")
        return value[:_LONGEST_TEXT]

    def _unreadable(self, what: str) -> DeviceError:
        return DeviceError(f"{self._spec}: what it tells of the job cannot be read: {what}")
