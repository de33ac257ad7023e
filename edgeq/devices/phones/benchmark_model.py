"""Measures on a phone with Android's ``benchmark_model``, through adb.

The tool tells no single times, so one sample is what it tells of one of its runs: the median where it does, else the
mean. Every round starts the tool once for each variant, in an order drawn anew, as `edgeq.benchmark.latency` does with
its chunks: runs of one round are pairs. The tool makes up its inputs and compares no outputs, so accuracy is not
measured this way.
"""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from edgeq.benchmark.session import Session
from edgeq.benchmark.targets import Targets
from edgeq.devices.phones.adb import Phone, choose_phone, last_line
from edgeq.devices.phones.benchmark_binary import BenchmarkBinary, find_binary
from edgeq.devices.phones.benchmark_model_command import PHONE_PLANS, PhonePlan, ToolOptions, taskset_words
from edgeq.devices.phones.environment import phone_environment, read_phone, read_phone_state
from edgeq.devices.phones.folder import PhoneFolder
from edgeq.devices.phones.measurements import PhoneRuns, measurements_of
from edgeq.devices.phones.state import PhoneState, big_cores
from edgeq.devices.phones.tool_runs import Progress, ToolJob, ToolRuns
from edgeq.errors import DeviceError, UsageError, WorkerError, joined_reasons
from edgeq.printing import printable
from edgeq.runtime.cpu_affinity import as_ranges


@dataclass(frozen=True)
class PhoneOptions:
    """How to measure on a phone.

    Attributes:
        threads: of the interpreter, each measured on its own; 1 and min(4, cores) by default.
        baseline: variant that the others are compared with; float32, else the first, by default.
        benchmark_model: the program; None for the one in the cache.
        benchmark_model_sha256: digest that it must have; None for any.
        use_gpu: whether the tool's GPU delegate is asked for.
        use_xnnpack: whether XNNPACK is asked for or switched off; None for what the tool does by itself.
        cpus: cores that it is tied to; none for no tie.
        big_cores: whether it is tied to all but the slowest cores, instead of `cpus`.
        op_profiling: whether one more run of each variant profiles its operators, which goes into the notes.
        plan: how long.
        seed: of the order of measuring.
    """

    threads: tuple[int, ...] = ()
    baseline: str | None = None
    benchmark_model: Path | None = None
    benchmark_model_sha256: str | None = None
    use_gpu: bool = False
    use_xnnpack: bool | None = None
    cpus: tuple[int, ...] = ()
    big_cores: bool = False
    op_profiling: bool = False
    plan: PhonePlan = field(default_factory=lambda: PHONE_PLANS["default"])
    seed: int = 0


def measure_on_phone(
    targets: Targets,
    serial: str | None,
    options: PhoneOptions,
    *,
    progress: Progress | None = None,
    stopped: threading.Event | None = None,
) -> Session:
    """Measures latency and memory of variants on a phone, against each other.

    Args:
        targets: what to measure.
        serial: of the phone; None or empty for the only one that is attached.
        options: how.
        progress: called with what is being done, how many runs are done, and how many there are.
        stopped: ends the measuring when it is set, by another thread; None where nobody does.

    Returns:
        The measurements. Variants that failed are named in it; where the phone was lost after one thread count was
        measured, that one is in it.

    Raises:
        EdgeqError: nothing can be measured.
    """
    base = targets.baseline(options.baseline)
    started_at, start = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    phone = Phone(choose_phone(serial), stopped)
    info = read_phone(phone)
    binary = find_binary(options.benchmark_model, options.benchmark_model_sha256, info.abis)
    before = read_phone_state(phone, "before", 0.0)
    cpus = _cpus(options, before)
    threads = options.threads or tuple(sorted({1, min(4, len(cpus or before.host.cores) or 1)}))
    tool = ToolOptions(options.use_gpu, options.use_xnnpack, cpus)
    after: PhoneState | None = None
    with PhoneFolder(phone) as folder:
        _check_taskset(phone, cpus)
        job = ToolJob(options.plan, tool, options.op_profiling, options.seed)
        ran = ToolRuns(folder, binary, job, start, progress)
        ran.push(targets)
        ran.run(targets, threads)
        with contextlib.suppress(DeviceError):
            after = read_phone_state(phone, "after", time.monotonic() - start)
    if not any(ran.runs.values()):
        raise WorkerError(
            f"nothing could be measured on phone {phone.serial}: {joined_reasons(ran.failures)}"
        )
    states = [before.host, *ran.states, *([after.host] if after is not None else [])]
    environment = phone_environment(info, phone.serial, binary.abi, before, states, cpus, started_at)
    measured = PhoneRuns(uuid.uuid4().hex[:12], base, binary, ran.runs, _invalid(before, after))
    return Session(
        measurements_of(targets, measured, environment), ran.failures, (*_notes(binary), *ran.notes)
    )


def _cpus(options: PhoneOptions, state: PhoneState) -> tuple[int, ...]:
    """The cores to tie the tool to; none for no tie."""
    there = {core.core for core in state.host.cores}
    if options.big_cores:
        if not state.highest_mhz:
            raise DeviceError(
                "the phone does not tell the frequencies of its cores: name the big ones, as in --cpus 4-7"
            )
        return big_cores(state.highest_mhz)
    missing = sorted(set(options.cpus) - there)
    if missing and there:
        raise UsageError(
            f"the phone has no core {missing[0]} that is on: there are {as_ranges(sorted(there))}"
        )
    return tuple(sorted(set(options.cpus)))


def _check_taskset(phone: Phone, cpus: tuple[int, ...]) -> None:
    if not cpus:
        return
    answer = phone.run([*taskset_words(cpus), "true"], "tie a program to cores")
    if answer.status:
        raise DeviceError(
            f"phone {phone.serial} does not tie programs to cores {as_ranges(cpus)} ({last_line(answer.text)}): "
            "leave --cpus out"
        )


def _invalid(before: PhoneState, after: PhoneState | None) -> str | None:
    """Why the times must not be compared: Android began to throttle while they were measured."""
    if after is None or before.thermal_status is None or after.thermal_status is None:
        return None
    if after.thermal_status <= before.thermal_status:
        return None
    return (
        f"the phone began to throttle for heat (thermal status {before.thermal_status} before, "
        f"{after.thermal_status} after): let it cool and measure again"
    )


def _notes(binary: BenchmarkBinary) -> tuple[str, ...]:
    return (
        f"measured with {printable(binary.path)} ({binary.origin}; for {binary.abi}, SHA-256 {binary.sha256[:12]}…)",
        "accuracy is not measured over adb: benchmark_model makes up its inputs and compares no outputs",
        "memory is by how much the tool's peak grew after its start, as it tells",
    )
