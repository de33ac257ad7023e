"""Measures one model on several devices at once: this machine, hosts over SSH and phones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeq.benchmark.measurement import Measurement
from edgeq.benchmark.session import Progress, Session
from edgeq.benchmark.targets import Targets
from edgeq.data.dataset import FAIL, Dataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.devices.here import measure_here
from edgeq.devices.hosts.ssh import Connection, open_connection
from edgeq.devices.job_options import JobOptions
from edgeq.devices.packed.packing import ITEMS, pack_bundle, write_packed
from edgeq.devices.phones.benchmark_model import PhoneOptions, measure_on_phone
from edgeq.devices.specs import ADB, LOCAL, SSH, DeviceSpec
from edgeq.errors import DeviceError, EdgeqError, UsageError
from edgeq.scratch import scratch_folder


@dataclass(frozen=True)
class DeviceJob:
    """What is measured, wherever it is measured.

    Attributes:
        targets: the variants.
        options: threads, how long, and so on.
        data: the validation set; None measures no accuracy. Hosts get `ITEMS` of its items, or `limit`; phones none.
        preprocessing: of the data instead of the bundle's.
        task: what the model does; None finds it.
        limit: largest number of validation items.
        on_bad_input: ``fail``, or ``skip`` to leave out items that cannot be read.
    """

    targets: Targets
    options: JobOptions = field(default_factory=JobOptions)
    data: Dataset | None = None
    preprocessing: Preprocessing | None = None
    task: str | Mapping[str, Any] | None = None
    limit: int | None = None
    on_bad_input: str = FAIL


@dataclass(frozen=True)
class DeviceAccess:
    """How hosts and phones are used.

    Attributes:
        install: whether a host gets a virtual environment with a runtime where it has none.
        python: path of the interpreter on hosts; None to look for one.
        phone: options for phones.
    """

    install: bool = False
    python: str | None = None
    phone: PhoneOptions = field(default_factory=PhoneOptions)


def measure_on_devices(
    specs: Sequence[DeviceSpec],
    job: DeviceJob,
    access: DeviceAccess | None = None,
    *,
    progress: Callable[[str], Progress] | None = None,
    say: Callable[[str], None] | None = None,
) -> Session:
    """Measures on every device; what fails on one does not keep the others from going on.

    Hosts may ask for a password, so that they are connected to one after the other. Then all are measured on at once.

    Args:
        specs: the devices.
        job: what is measured.
        access: how hosts and phones are used.
        progress: gives what is called as a device goes on, by its name; the name is empty for a single device.
        say: is called with what is worth a line while it goes on, such as that a connection is made again.

    Returns:
        The measurements of all devices, in the order in which they are named. Where there are several, failures and
        notes begin with the device, as in ``ssh:pi@raspberrypi: int8``.

    Raises:
        EdgeqError: nothing could be measured on any of them.
    """
    access = access or DeviceAccess()
    _check(specs, job)
    outcomes: dict[DeviceSpec, Session | EdgeqError] = {}
    packed: Path | None = None
    notes: tuple[str, ...] = ()
    with ExitStack() as stack:
        if any(spec.kind == SSH for spec in specs):
            packed, notes = _packed(stack, job)
        connections: dict[DeviceSpec, Connection] = {}
        for spec in specs:
            if spec.kind == SSH:
                try:
                    connections[spec] = stack.enter_context(open_connection(spec))
                except EdgeqError as error:
                    outcomes[spec] = error
        # What a thread waits for ends when the stack closes connections and tells phones to stop, as after Ctrl-C.
        stopped = threading.Event()
        stack.callback(stopped.set)
        pool = ThreadPoolExecutor(len(specs))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        waiting: dict[DeviceSpec, Future[Session]] = {}
        for spec in specs:
            tell = _progress_of(spec, specs, progress)
            if spec in connections:
                assert packed is not None  # noqa: S101 - there is a host
                waiting[spec] = pool.submit(
                    _on_host, connections[spec], packed, job.options, access, tell, say
                )
            elif spec.kind == ADB:
                waiting[spec] = pool.submit(_on_phone, spec, job.targets, access.phone, tell, stopped)
        if DeviceSpec(LOCAL) in specs:
            here = DeviceSpec(LOCAL)
            outcomes[here] = _outcome(_on_this_machine, job, _progress_of(here, specs, progress))
        for spec, future in waiting.items():
            outcomes[spec] = _outcome(future.result)
    return _collected(specs, outcomes, notes)


def _check(specs: Sequence[DeviceSpec], job: DeviceJob) -> None:
    if not specs:
        raise UsageError("expected a device to measure on, such as local")
    twice = [str(spec) for position, spec in enumerate(specs) if spec in specs[:position]]
    if twice:
        raise UsageError(f"--on {twice[0]} is given twice")
    kinds = {spec.kind for spec in specs}
    if job.targets.bundle is None and SSH in kinds:
        raise UsageError(
            "a host over SSH measures a bundle, found lone .tflite files: copy them there and run edgeq benchmark"
        )
    options = job.options
    for asked, name in (
        (not options.latency, "--no-latency"),
        (options.sustained_s, "--sustained"),
        (options.runtime, "--runtime"),
    ):
        if asked and ADB in kinds:
            raise UsageError(
                f"{name} is not for phones, whose tool tells latency and memory: leave out one of them"
            )


def _packed(stack: ExitStack, job: DeviceJob) -> tuple[Path, tuple[str, ...]]:
    """The file that goes to hosts, and what was left out of it."""
    packed = pack_bundle(
        job.targets,
        data=job.data,
        preprocessing=job.preprocessing,
        task=job.task,
        items=ITEMS if job.limit is None else job.limit,
        on_bad_input=job.on_bad_input,
    )
    path = stack.enter_context(scratch_folder("pack")) / "packed.pyz"
    write_packed(path, packed)
    return path, packed.notes


def _progress_of(
    spec: DeviceSpec, specs: Sequence[DeviceSpec], progress: Callable[[str], Progress] | None
) -> Progress:
    return _silence if progress is None else progress(str(spec) if len(specs) > 1 else "")


def _silence(what: str, done: int, total: int) -> None:
    """Nobody asked for progress."""


def _on_this_machine(job: DeviceJob, progress: Progress) -> Session:
    return measure_here(
        job.targets,
        job.options,
        data=job.data,
        preprocessing=job.preprocessing,
        task=job.task,
        limit=job.limit,
        on_bad_input=job.on_bad_input,
        progress=progress,
    )


def _on_host(
    connection: Connection,
    packed: Path,
    options: JobOptions,
    access: DeviceAccess,
    progress: Progress,
    say: Callable[[str], None] | None,
) -> Session:
    return connection.measure(
        packed, options, install=access.install, python=access.python, progress=progress, say=say
    )


def _on_phone(
    spec: DeviceSpec, targets: Targets, options: PhoneOptions, progress: Progress, stopped: threading.Event
) -> Session:
    return measure_on_phone(targets, spec.address or None, options, progress=progress, stopped=stopped)


def _outcome(measuring: Callable[..., Session], *arguments: Any) -> Session | EdgeqError:
    try:
        return measuring(*arguments)
    except EdgeqError as error:
        return error


def _collected(
    specs: Sequence[DeviceSpec],
    outcomes: Mapping[DeviceSpec, Session | EdgeqError],
    packing_notes: Sequence[str],
) -> Session:
    measurements: list[Measurement] = []
    failures: dict[str, str] = {}
    notes = list(packing_notes)
    for spec in specs:
        outcome = outcomes[spec]
        if isinstance(outcome, EdgeqError):
            if len(specs) == 1:
                raise outcome
            failures[str(spec)] = str(outcome)
            continue
        before = f"{spec}: " if len(specs) > 1 else ""
        measurements += outcome.measurements
        failures |= {f"{before}{variant}": reason for variant, reason in outcome.failures.items()}
        notes += [f"{before}{note}" for note in outcome.notes]
    if not measurements:
        raise DeviceError("; ".join(_named(device, reason) for device, reason in failures.items()))
    return Session(tuple(measurements), failures, tuple(notes))


def _named(device: str, reason: str) -> str:
    """A reason that begins with the device, once."""
    return reason if reason.startswith(device) else f"{device}: {reason}"
