"""Runs ``benchmark_model`` on a phone: every variant once a round, in an order drawn anew."""

from __future__ import annotations

import base64
import binascii
import contextlib
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeq.benchmark.measured_host import HostState
from edgeq.benchmark.targets import Targets
from edgeq.devices.phones.adb import PhoneLostError
from edgeq.devices.phones.benchmark_binary import BenchmarkBinary
from edgeq.devices.phones.benchmark_model_command import (
    PROFILE_TIMEOUT_S,
    RESULT_FILE,
    PhonePlan,
    ToolOptions,
    benchmark_command,
    profile_command,
)
from edgeq.devices.phones.benchmark_model_output import ToolResult, parse_output, reason_of_failure
from edgeq.devices.phones.benchmark_result_file import with_result_file
from edgeq.devices.phones.bounded_process import Answer
from edgeq.devices.phones.folder import PhoneFolder
from edgeq.devices.phones.operator_profile import profile_note
from edgeq.devices.phones.state import QUICK_SCRIPT, parse_state
from edgeq.errors import DeviceError, ResultsError, WorkerError

Progress = Callable[[str, int, int], None]

_MOST_STATES = 64
"""Kept of what is recorded after runs; more say nothing new."""


@dataclass(frozen=True)
class ToolJob:
    """What to run.

    Attributes:
        plan: how long.
        tool: options of the tool.
        op_profiling: whether one more run of each variant profiles its operators.
        seed: of the order.
    """

    plan: PhonePlan
    tool: ToolOptions
    op_profiling: bool = False
    seed: int = 0


class ToolRuns:
    """Runs of the tool in a folder of a phone, and what came of them.

    Attributes:
        runs: by thread count and variant, in the order of the rounds; a variant that failed is not there.
        failures: reason by variant.
        states: of the phone, right after runs.
        notes: what is worth saying, one sentence each.
    """

    def __init__(
        self,
        folder: PhoneFolder,
        binary: BenchmarkBinary,
        job: ToolJob,
        start: float,
        progress: Progress | None = None,
    ) -> None:
        """Notes what is to be run.

        Args:
            folder: that everything is copied to.
            binary: the program.
            job: what to run.
            start: of the session, by `time.monotonic`.
            progress: called with what is being done, how much of it is done, and how much there is.
        """
        self.runs: dict[int, dict[str, list[ToolResult]]] = {}
        self.failures: dict[str, str] = {}
        self.states: list[HostState] = []
        self.notes: list[str] = []
        self._folder = folder
        self._binary = binary
        self._job = job
        self._start = start
        self._progress = progress
        self._program = ""
        self._graphs: dict[str, str] = {}

    def push(self, targets: Targets) -> None:
        """Copies the program and all files, under names of our own.

        Raises:
            DeviceError: the phone is full or lost, or a copy arrived damaged.
        """
        count = len(targets.files) + 1
        self._tell("copying", 0, count)
        self._program = self._folder.push(
            self._binary.path, "benchmark_model", self._binary.sha256, mode="700"
        )
        for number, target in enumerate(targets.files):
            self._tell("copying", number + 1, count)
            self._graphs[target.info.name] = self._folder.push(
                target.path, f"{number}.tflite", target.info.sha256
            )

    def run(self, targets: Targets, threads: tuple[int, ...]) -> None:
        """Runs everything, one thread count after the other.

        Raises:
            PhoneLostError: the phone is lost before the first of them is through. Later that is a failure of each
                variant.
        """
        for count in threads:
            try:
                self.runs[count] = self._rounds(targets, count)
                if self._job.op_profiling:
                    self._profile(count)
            except PhoneLostError as error:
                if not any(self.runs.values()):
                    raise
                alive = [target for target in targets.files if target.info.name not in self.failures]
                self.failures |= {target.info.name: str(error) for target in alive}
                return

    def _rounds(self, targets: Targets, threads: int) -> dict[str, list[ToolResult]]:
        runs: dict[str, list[ToolResult]] = {
            target.info.name: [] for target in targets.files if target.info.name not in self.failures
        }
        plan = self._job.plan
        order = random.Random(self._job.seed)  # noqa: S311 - an order to measure in, no secret
        described = f"latency, {threads} thread{'s' * (threads > 1)}"
        done, all_runs = 0, plan.rounds * len(runs)
        for _ in range(plan.rounds):
            names = list(runs)
            order.shuffle(names)
            for name in names:
                self._tell(described, done, all_runs)
                done += 1
                try:
                    runs[name].append(self._once(name, threads))
                except PhoneLostError:
                    raise
                except (DeviceError, ResultsError, WorkerError) as error:
                    self.failures[name] = f"{name}: {error}"
                    del runs[name]
        return runs

    def _once(self, name: str, threads: int) -> ToolResult:
        """One run of the tool."""
        plan, folder = self._job.plan, self._folder
        result_file = f"{folder.path}/{RESULT_FILE}"
        command = benchmark_command(
            self._program, self._graphs[name], result_file, threads, plan, self._job.tool
        )
        answer, (state, encoded) = folder.run(
            command,
            "run benchmark_model",
            timeout_s=plan.timeout_s,
            then=(QUICK_SCRIPT, f"base64 {result_file} 2>/dev/null; rm -f {result_file}"),
        )
        if len(self.states) < _MOST_STATES:
            elapsed = time.monotonic() - self._start
            self.states.append(parse_state(state, "during", elapsed).host)
        _check_status(answer)
        result = parse_output(answer.text)
        ignored = [flag for flag in self._job.tool.asked if flag in result.unknown_flags]
        if ignored:
            raise WorkerError(
                f"this benchmark_model does not know --{ignored[0]}, so it measured something else: leave the option "
                "out, or use another benchmark_model"
            )
        content = _decoded(encoded)
        return with_result_file(result, content) if content else result

    def _profile(self, threads: int) -> None:
        """One more run of each variant, whose times do not count because profiling takes some."""
        for name in self.runs[threads]:
            self._tell("profiling operators", 0, 1)
            command = profile_command(self._program, self._graphs[name], threads, self._job.tool)
            described = f"{name}, {threads} thread{'s' * (threads > 1)}"
            try:
                answer, _ = self._folder.run(command, "profile operators", timeout_s=PROFILE_TIMEOUT_S)
                _check_status(answer)
                self.notes.append(f"{described}: {profile_note(answer.text)}")
            except PhoneLostError:
                raise
            except (DeviceError, ResultsError, WorkerError) as error:
                self.notes.append(f"{described}: operators were not profiled: {error}")

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)


def _check_status(answer: Answer) -> None:
    """Raises an error that says why, where the tool failed or crashed."""
    if answer.status == 0:
        return
    ended = f"ended with status {answer.status}"
    if answer.status > 128:
        # Of a shell: 128 and the number of the signal.
        with contextlib.suppress(ValueError):
            ended = f"crashed ({signal.Signals(answer.status - 128).name})"
    raise WorkerError(f"benchmark_model {ended}: {reason_of_failure(answer.text)}")


def _decoded(text: str) -> bytes:
    """The file that was printed in base 64; empty where there is none or it was cut."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
