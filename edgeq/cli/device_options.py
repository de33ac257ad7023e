"""``--on`` and the options that go with it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgeq.cli.options import PATH
from edgeq.errors import UsageError

if TYPE_CHECKING:
    from edgeq.devices.job_options import JobOptions
    from edgeq.devices.measuring import DeviceAccess
    from edgeq.devices.specs import DeviceSpec

Function = TypeVar("Function", bound=Callable[..., Any])

BIG = "big"

_OPTIONS = (
    click.option(
        "--on",
        multiple=True,
        metavar="DEVICE",
        help="local, ssh:[USER@]HOST or adb:[SERIAL], instead of this machine alone; repeatable.",
    ),
    click.option(
        "--install", is_flag=True, help="Hosts: make a virtual environment with a runtime if need be."
    ),
    click.option(
        "--python", metavar="PATH", help="Hosts: the interpreter to use, instead of one that is found."
    ),
    click.option(
        "--benchmark-model", type=PATH, help="Phones: TensorFlow Lite's benchmark_model to run there."
    ),
    click.option("--benchmark-model-sha256", metavar="HEX", help="Phones: what that file's SHA-256 must be."),
    click.option("--gpu", is_flag=True, help="Phones: let the GPU delegate compute."),
    click.option("--op-profiling", is_flag=True, help="Phones: say which operators take the time."),
)


@dataclass(frozen=True)
class DeviceOptions:
    """What ``--on`` and its options say.

    Attributes:
        on: devices as typed; none for this machine alone.
        install: see ``--install``.
        python: see ``--python``.
        benchmark_model: see ``--benchmark-model``.
        benchmark_model_sha256: see ``--benchmark-model-sha256``.
        gpu: see ``--gpu``.
        op_profiling: see ``--op-profiling``.
    """

    on: tuple[str, ...]
    install: bool
    python: str | None
    benchmark_model: Path | None
    benchmark_model_sha256: str | None
    gpu: bool
    op_profiling: bool

    def specs(self) -> tuple[DeviceSpec, ...]:
        """The devices; this machine where none is named.

        Raises:
            UsageError: one cannot be read, or an option goes with no device that was named.
        """
        from edgeq.devices.specs import ADB, LOCAL, SSH, read_device

        specs = tuple(read_device(text) for text in self.on or (LOCAL,))
        kinds = {spec.kind for spec in specs}
        phone = {
            "--benchmark-model": self.benchmark_model,
            "--benchmark-model-sha256": self.benchmark_model_sha256,
            "--gpu": self.gpu,
            "--op-profiling": self.op_profiling,
        }
        for name, value in phone.items():
            if value and ADB not in kinds:
                raise UsageError(f"{name} is for phones: add --on adb:SERIAL")
        for name, value in {"--install": self.install, "--python": self.python}.items():
            if value and SSH not in kinds:
                raise UsageError(f"{name} is for hosts over SSH: add --on ssh:USER@HOST")
        return specs

    def typed(self) -> tuple[str, ...]:
        """The options as they can be typed again."""
        values = {
            "--python": self.python,
            "--benchmark-model": self.benchmark_model,
            "--benchmark-model-sha256": self.benchmark_model_sha256,
        }
        flags = {"--install": self.install, "--gpu": self.gpu, "--op-profiling": self.op_profiling}
        return (
            *(f"--on={device}" for device in self.on),
            *(f"{name}={value}" for name, value in values.items() if value is not None),
            *(name for name, is_given in flags.items() if is_given),
        )

    def access(self, options: JobOptions, *, big_cores: bool) -> DeviceAccess:
        """How hosts and phones are used.

        Args:
            options: of the job.
            big_cores: whether phones tie inferences to their fast cores.
        """
        from edgeq.devices.measuring import DeviceAccess
        from edgeq.devices.phones.benchmark_model import PhoneOptions
        from edgeq.devices.phones.benchmark_model_command import PHONE_PLANS

        phone = PhoneOptions(
            threads=options.threads,
            baseline=options.baseline,
            benchmark_model=self.benchmark_model,
            benchmark_model_sha256=self.benchmark_model_sha256,
            use_gpu=self.gpu,
            cpus=options.cpus,
            big_cores=big_cores,
            op_profiling=self.op_profiling,
            plan=PHONE_PLANS[options.speed].within(options.max_seconds),
            seed=options.seed,
        )
        return DeviceAccess(self.install, self.python, phone)


def device_options(function: Function) -> Function:
    """Adds the options; the command gets them as one argument named ``devices``."""
    names = [*DeviceOptions.__dataclass_fields__]

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        devices = DeviceOptions(**{name: options.pop(name) for name in names})
        return function(*arguments, devices=devices, **options)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command  # type: ignore[return-value]
