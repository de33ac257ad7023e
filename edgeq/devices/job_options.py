"""What is to be measured, in a form that goes to another machine as the arguments of a program."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass

from edgeq.benchmark.durations import parse_duration
from edgeq.benchmark.latency import DEFAULT, FULL, QUICK, Plan
from edgeq.errors import UsageError

_SHORTEST_S = 0.1

SPEEDS = {"quick": QUICK, "default": DEFAULT, "full": FULL}


@dataclass(frozen=True)
class JobOptions:
    """Options of one job.

    Attributes:
        variants: names; none for all.
        threads: of the interpreter; none for the device's defaults.
        runtime: ``litert`` or ``tflite-runtime``; None for the best installed there.
        baseline: variant that the others are compared with; None for float32.
        speed: a name of `SPEEDS`.
        max_seconds: of timed runs a variant; None for the speed's own.
        latency: whether latency is measured.
        accuracy: whether the packed inputs are measured on.
        cpus: cores that inferences are tied to; none for no tie.
        sustained_s: seconds of inferences without a pause, a variant; 0 for none.
        cool_down_s: seconds of rest before them.
        seed: of the order of measuring.
        verbose: whether the runtime's own output is let through.
    """

    variants: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    runtime: str | None = None
    baseline: str | None = None
    speed: str = "default"
    max_seconds: float | None = None
    latency: bool = True
    accuracy: bool = True
    cpus: tuple[int, ...] = ()
    sustained_s: float = 0.0
    cool_down_s: float = 0.0
    seed: int = 0
    verbose: bool = False

    def plan(self) -> Plan | None:
        """How long to time; None where latency is not measured."""
        if not self.latency:
            return None
        plan = SPEEDS[self.speed]
        if self.max_seconds is None:
            return plan
        return dataclasses.replace(
            plan, max_seconds=self.max_seconds, least_seconds=min(plan.least_seconds, self.max_seconds)
        )

    def arguments(self) -> list[str]:
        """As `add_options` reads them."""
        words = [f"--variant={name}" for name in self.variants]
        words += [f"--threads={count}" for count in self.threads]
        words += [] if self.runtime is None else [f"--runtime={self.runtime}"]
        words += [] if self.baseline is None else [f"--baseline-variant={self.baseline}"]
        words += [] if self.speed == "default" else [f"--{self.speed}"]
        words += [] if self.max_seconds is None else [f"--max-time={self.max_seconds:.3f}"]
        words += [] if self.latency else ["--no-latency"]
        words += [] if self.accuracy else ["--no-accuracy"]
        words += [f"--cpus={','.join(map(str, self.cpus))}"] if self.cpus else []
        words += [f"--sustained={self.sustained_s:.3f}"] if self.sustained_s else []
        words += [f"--cool-down={self.cool_down_s:.3f}"] if self.cool_down_s else []
        return [*words, f"--seed={self.seed}", *(["--verbose"] if self.verbose else [])]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a job to a parser."""
    add = parser.add_argument
    add("--variant", action="append", default=[], metavar="NAME", help="measure only this one; repeatable")
    add(
        "--threads",
        action="append",
        default=[],
        type=_count,
        help="1 and min(4, cores) by default; repeatable",
    )
    add("--runtime", metavar="NAME", help="litert or tflite-runtime; the best installed by default")
    add("--baseline-variant", metavar="NAME", help="compare with this one; float32 by default")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--quick", action="store_const", const="quick", dest="speed", help="0.2 s a variant")
    speed.add_argument("--full", action="store_const", const="full", dest="speed", help="5 s a variant")
    add("--max-time", type=_longest, metavar="S", help="seconds a variant at most; 60 by default")
    add("--no-latency", action="store_true", help="check and measure accuracy only")
    add("--no-accuracy", action="store_true", help="check and measure latency only")
    add("--cpus", type=_cores, default=(), metavar="2,3", help="tie inferences to these cores")
    add(
        "--sustained",
        type=_seconds,
        default=0.0,
        metavar="10m",
        help="run each variant so long without a pause",
    )
    add(
        "--cool-down",
        type=_seconds,
        default=0.0,
        metavar="60s",
        help="rest before each of these and each thread count",
    )
    add("--seed", type=int, default=0, help="of the order of measuring; 0 by default")
    add("-v", "--verbose", action="store_true", help="let the runtime's own output through")


def job_options(parsed: argparse.Namespace) -> JobOptions:
    """What a parser with `add_options` has read."""
    return JobOptions(
        variants=tuple(parsed.variant),
        threads=tuple(parsed.threads),
        runtime=parsed.runtime,
        baseline=parsed.baseline_variant,
        speed=parsed.speed or "default",
        max_seconds=parsed.max_time,
        latency=not parsed.no_latency,
        accuracy=not parsed.no_accuracy,
        cpus=parsed.cpus,
        sustained_s=parsed.sustained,
        cool_down_s=parsed.cool_down,
        seed=parsed.seed,
        verbose=parsed.verbose,
    )


def read_cores(text: str) -> tuple[int, ...]:
    """Numbers of cores as in ``2,3`` or ``4-7``, ascending.

    Raises:
        ValueError: it is neither.
    """
    cores: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        numbers = [first, last] if dash else [first]
        if not all(number.isdecimal() and len(number) <= 4 for number in numbers) or int(first) > int(
            numbers[-1]
        ):
            raise ValueError(f"expected numbers of cores such as 2,3 or 4-7, found {text!r}")
        cores.update(range(int(first), int(numbers[-1]) + 1))
    return tuple(sorted(cores))


def _cores(text: str) -> tuple[int, ...]:
    try:
        return read_cores(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {text!r}")
    return int(text)


def _longest(text: str) -> float:
    seconds = _seconds(text)
    if seconds < _SHORTEST_S:
        raise argparse.ArgumentTypeError(f"expected {_SHORTEST_S} s or more, found {text!r}")
    return seconds


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
