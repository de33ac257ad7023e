"""Where candidates are made: in processes on this machine, or on a cluster behind an executor of `concurrent.futures`.

A machine of a cluster gets files and items once, when it says that it lacks them, and keeps them in its own store. A
worker of the cluster that dies costs its task a new start elsewhere; what crashes in a candidate's own process costs
that candidate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from edgeq.errors import DeviceError, EdgeqError, MissingExtraError, UsageError
from edgeq.memory import memory_share
from edgeq.optimize.build_task import TIMEOUT_S, Content, build_candidate, build_elsewhere
from edgeq.pool import ProcessPool
from edgeq.printing import printable
from edgeq.runtime.host import cpu_count
from edgeq.runtime.process import environment

LOCAL, DASK = "local", "dask:"

_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]+):\d{1,5}", re.ASCII)
_CONNECT_S = 20
"""For a scheduler to answer; Dask's own default is 30 s."""

_STARTS = 4
"""Of one task: Dask itself gives up a task after three workers died of it (``allowed-failures``)."""

Entry = tuple[str, str]
"""Kind and name of an entry of a store."""


@dataclass(frozen=True)
class Farm:
    """Somebody who makes candidates.

    Attributes:
        executor: that tasks are handed to.
        store: folder of the store, where the executor's processes see it; None where they have stores of their own.
        scatter: hands content to a cluster so that it is sent to each machine once; None to send it with each task.
        workers: how many candidates are made side by side.
    """

    executor: Executor
    store: Path | None
    scatter: Callable[[Sequence[Content]], Any] | None = field(default=None)
    workers: int = field(default_factory=cpu_count)

    def run(
        self,
        requests: Sequence[Mapping[str, Any]],
        supply: Callable[[Sequence[Entry]], Sequence[Content]],
    ) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Makes candidates.

        Args:
            requests: as of `build_candidate`, without ``store``.
            supply: makes sure that entries are in this process's store, and returns their content.

        Yields:
            The place of a request and its answer, or the reason why there is none; as they come.
        """
        sent = _Sent(self, supply)
        flying: dict[Future[dict[str, Any]], tuple[int, int]] = {}
        try:
            for place, request in enumerate(requests):
                flying[self._submit(request, ())] = (place, 1)
            while flying:
                landed, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in landed:
                    place, starts = flying.pop(future)
                    outcome = _outcome(future)
                    if isinstance(outcome, dict) and not outcome["missing"]:
                        yield place, outcome
                    elif isinstance(outcome, str) or starts == _STARTS:
                        yield place, outcome if isinstance(outcome, str) else _given_up(outcome)
                    else:
                        entries = outcome["missing"] if isinstance(outcome, dict) else None
                        contents = sent.contents(entries)
                        flying[self._submit(requests[place], contents)] = (place, starts + 1)
        finally:
            for future in flying:
                future.cancel()

    def _submit(self, request: Mapping[str, Any], contents: Any) -> Future[dict[str, Any]]:
        if self.store is not None:
            return self.executor.submit(build_candidate, {**request, "store": str(self.store)})
        return self.executor.submit(build_elsewhere, dict(request), contents)


class _Sent:
    """Content on its way to machines that lack it, handed to the cluster once."""

    def __init__(self, farm: Farm, supply: Callable[[Sequence[Entry]], Sequence[Content]]) -> None:
        self._farm = farm
        self._supply = supply
        self._entries: set[Entry] = set()
        self._held: Any = ()

    def contents(self, missing: Sequence[Sequence[str]] | None) -> Any:
        """What goes along with a task.

        Args:
            missing: entries that a machine lacks; None where a worker was lost, and perhaps what it held for others.
        """
        wanted = self._entries | {(kind, name) for kind, name in missing or ()}
        if not wanted or (missing is not None and wanted == self._entries and self._farm.store is None):
            return self._held
        contents = self._supply(sorted(wanted))
        self._entries = wanted
        scatter = self._farm.scatter
        self._held = contents if scatter is None else scatter(contents)
        return self._held


def _outcome(future: Future[dict[str, Any]]) -> dict[str, Any] | str | None:
    """The answer, the reason why there will be none, or None where it is worth another start."""
    if future.cancelled():
        return None
    error = future.exception()
    if error is None:
        return future.result()
    # What a candidate's own process says; anything else is trouble of the cluster.
    return printable(str(error)) if isinstance(error, EdgeqError) else None


def _given_up(outcome: Mapping[str, Any] | None) -> str:
    if outcome is None:
        return f"the cluster lost it {_STARTS} times: look at the logs of its workers"
    return "the machine that makes it keeps no files: look whether its temporary folder can be written"


@contextmanager
def open_farm(executor: str | Executor, store: Path, *, verbose: bool = False) -> Iterator[Farm]:
    """Starts what makes candidates, and ends it.

    Args:
        executor: ``local`` for processes on this machine; ``dask:tcp://HOST:PORT`` for the workers of a Dask scheduler;
            or an executor, whose processes must have this version of edgeq and need not see this machine's files.
        store: folder of the store of this machine.
        verbose: whether the output of processes on this machine is let through.

    Raises:
        DeviceError: no scheduler answers.
        MissingExtraError: Dask is not installed.
        UsageError: it is none of these.
    """
    if isinstance(executor, Executor):
        yield Farm(executor, None)
    elif executor == LOCAL:
        pool = _pool("build", verbose=verbose)
        try:
            yield Farm(pool, store)
        finally:
            # After Ctrl-C nobody waits for what is still being made.
            pool.shutdown(cancel_futures=True)
    else:
        with _dask(check_executor(executor).removeprefix(DASK)) as farm:
            yield farm


def evaluation_pool(*, verbose: bool = False) -> ProcessPool:
    """Processes for a `edgeq.optimize.evaluation.Judge`, which start with the first file and stay for the next ones.

    Args:
        verbose: whether the runtime's own output is let through.
    """
    return _pool("evaluate", verbose=verbose)


def _pool(activity: str, *, verbose: bool) -> ProcessPool:
    count = cpu_count()
    return ProcessPool(
        count,
        "the runtime",
        activity=activity,
        environment=environment(verbose=verbose),
        timeout_s=TIMEOUT_S,
        most_bytes=memory_share(count),
        verbose=verbose,
    )


def check_executor(text: str) -> str:
    """Refuses early what `open_farm` would refuse.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: it is no executor.
    """
    if text == LOCAL:
        return text
    if not text.startswith(DASK) or not _ADDRESS.fullmatch(text.removeprefix(DASK)):
        raise UsageError(f"--executor {printable(text)}: expected local or dask:tcp://HOST:PORT")
    try:
        import distributed  # noqa: F401 - is it there?
    except ImportError as error:
        raise MissingExtraError("distributed, the client of a Dask cluster,", "cluster") from error
    return text


@contextmanager
def _dask(address: str) -> Iterator[Farm]:
    import distributed

    try:
        client: Any = cast("Any", distributed.Client)(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise DeviceError(
            f"no Dask scheduler answers at {address} ({printable(str(error))[:120]}): start one with 'dask "
            "scheduler' and workers with 'dask worker'"
        ) from error
    try:
        try:
            client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError as error:
            raise DeviceError(
                f"the Dask scheduler at {address} has no workers: start some with 'dask worker {address}'"
            ) from error
        executor = client.get_executor(pure=False)
        try:
            workers = max(1, sum(client.nthreads().values()))
            yield Farm(executor, None, lambda contents: client.scatter(list(contents), hash=False), workers)
        finally:
            executor.shutdown(wait=False)
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=5)
