"""The command line of ``benchmark_model``: its options, and the cores that it is tied to."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

RESULT_FILE = "result.pb"

PROFILE_TIMEOUT_S = 180.0
"""Warm-up and timed inferences of a profile take 15 s each at most, and longer only in the middle of one."""


@dataclass(frozen=True)
class PhonePlan:
    """How long to measure on a phone, where every run starts the tool anew.

    Attributes:
        rounds: runs of the tool for each variant and thread count.
        least_runs: timed inferences of a run, at least (``--num_runs``).
        least_seconds: of timed inferences of a run, at least (``--min_secs``).
        max_seconds: of timed inferences of a run, at most (``--max_secs``, which also limits the warm-up).
        warmup_seconds: before them, at least (``--warmup_min_secs``).
    """

    rounds: int = 8
    least_runs: int = 10
    least_seconds: float = 1.0
    max_seconds: float = 15.0
    warmup_seconds: float = 0.5

    def within(self, max_seconds: float | None) -> PhonePlan:
        """The plan with at most so many seconds of timed inferences for a variant; None changes nothing."""
        if max_seconds is None:
            return self
        each = max_seconds / self.rounds
        return replace(
            self,
            max_seconds=min(self.max_seconds, each),
            least_seconds=min(self.least_seconds, each),
            warmup_seconds=min(self.warmup_seconds, each),
        )

    @property
    def timeout_s(self) -> float:
        """After which a run hangs: warm-up and timed inferences end at the limit, but not in the middle of one."""
        return 120.0 + 4 * self.max_seconds


PHONE_PLANS = {
    # Below six rounds the interval is Student's t, see `latency_statistics.median_latency`.
    "quick": PhonePlan(rounds=6, least_runs=5, least_seconds=0.3, max_seconds=3.0, warmup_seconds=0.2),
    "default": PhonePlan(),
    "full": PhonePlan(rounds=16, least_runs=50, least_seconds=5.0, max_seconds=60.0, warmup_seconds=1.0),
}


@dataclass(frozen=True)
class ToolOptions:
    """What the tool is asked to do, the same for all variants.

    Attributes:
        use_gpu: whether its GPU delegate is asked for.
        use_xnnpack: whether XNNPACK is asked for or switched off; None for what the tool does by itself.
        cpus: cores that it is tied to; none for no tie.
    """

    use_gpu: bool = False
    use_xnnpack: bool | None = None
    cpus: tuple[int, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """Options that were asked for, so that a tool that does not know one of them measures something else."""
        return (
            *(["use_gpu"] if self.use_gpu else []),
            *(["use_xnnpack"] if self.use_xnnpack is not None else []),
        )


def benchmark_command(
    program: str, graph: str, result: str, threads: int, plan: PhonePlan, options: ToolOptions
) -> str:
    """The command for one run, quoted for the phone's shell.

    Args:
        program: its path on the phone.
        graph: path of the model there.
        result: path of the file that newer versions write.
        threads: of the interpreter.
        plan: how long.
        options: what else.
    """
    words = _command(program, graph, threads, options)
    words += [
        f"--num_runs={plan.least_runs}",
        f"--min_secs={plan.least_seconds:g}",
        f"--max_secs={plan.max_seconds:g}",
        "--warmup_runs=1",
        f"--warmup_min_secs={plan.warmup_seconds:g}",
        f"--result_file_path={result}",
    ]
    return _quoted(words)


def profile_command(program: str, graph: str, threads: int, options: ToolOptions) -> str:
    """Likewise for a run that profiles operators: the classic tool and LiteRT's have different names for that."""
    words = _command(program, graph, threads, options)
    words += ["--num_runs=20", "--min_secs=0.5", "--max_secs=15", "--warmup_runs=1", "--warmup_min_secs=0.2"]
    return _quoted([*words, "--enable_op_profiling=true", "--use_profiler=true"])


def taskset_words(cpus: Sequence[int]) -> list[str]:
    """What ties the program behind it to cores; nothing for none. The mask is in hexadecimal, core 0 its lowest bit."""
    return ["taskset", f"{sum(1 << core for core in set(cpus)):x}"] if cpus else []


def _command(program: str, graph: str, threads: int, options: ToolOptions) -> list[str]:
    words = [*taskset_words(options.cpus), program, f"--graph={graph}", f"--num_threads={threads}"]
    if options.use_xnnpack is not None:
        words.append(f"--use_xnnpack={str(options.use_xnnpack).lower()}")
    if options.use_gpu:
        words.append("--use_gpu=true")
    return words


def _quoted(words: Sequence[str]) -> str:
    return " ".join(map(shlex.quote, words))
