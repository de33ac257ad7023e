"""An executor of processes of our own that may crash.

`concurrent.futures.ProcessPoolExecutor` is of no use after one of its processes was killed, and on most systems
starts them by running the user's script again. Here a crash costs one task, and whoever wants to spread the work
over a cluster passes another `concurrent.futures.Executor` instead (such as Dask's ``Client.get_executor()``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from edgeq.errors import WorkerError
from edgeq.printing import printable
from edgeq.processes import CommandProcess

Result = TypeVar("Result")


class CrashError(WorkerError):
    """The process that had a task died of it, or did not answer in time."""


class ProcessPool(Executor):
    """Processes that call functions by name; a process that dies is replaced for the next task.

    Functions must be importable, and arguments and results what JSON can hold.
    """

    def __init__(
        self,
        processes: int,
        subject: str,
        *,
        activity: str = "call",
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        most_bytes: int | None = None,
        verbose: bool = False,
    ) -> None:
        """Starts no process yet: each starts with its first task.

        Args:
            processes: how many tasks run at once.
            subject: what crashes when a process crashes, for messages, such as ``the runtime``.
            activity: at which it crashes, for messages, such as ``evaluate``.
            environment: variables on top of this process's own.
            timeout_s: longest time for one task; None for no limit.
            most_bytes: of memory of its own that each process may take, on Linux; None for no limit.
            verbose: whether the processes' output is let through.
        """
        self._subject = subject
        self._activity = activity
        self._environment = environment
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._verbose = verbose
        # Each thread keeps the process that it started: Linux ends a process with the thread that made it.
        self._threads = ThreadPoolExecutor(processes)
        self._own = threading.local()
        self._lock = threading.Lock()
        self._running: set[CommandProcess] = set()
        self._ended = False

    def submit(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Calls a function in one of the processes.

        Returns:
            A future; it raises `CrashError` where the process died, and `WorkerError` where the function raised.
        """
        name = f"{function.__module__}:{function.__qualname__}"
        return self._threads.submit(self._call, name, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the processes; tasks that run are ended too where they are to be cancelled."""
        if cancel_futures:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._close_all()
        self._threads.shutdown(wait=wait)
        self._close_all()

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool | None:
        # After an error or Ctrl-C nobody wants the rest.
        self.shutdown(cancel_futures=kind is not None)
        return None

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        process = self._process()
        try:
            answer = process.ask("call", described=self._activity, function=name, args=args, kwargs=kwargs)
            return answer["result"]
        except WorkerError as error:
            # What a library printed last, or says, may hold names out of a file.
            message = printable(str(error))
            if not process.is_dead:
                raise WorkerError(message) from error
            self._drop(process)
            raise CrashError(message) from error

    def _process(self) -> CommandProcess:
        process: CommandProcess | None = getattr(self._own, "process", None)
        if process is None:
            process = CommandProcess(
                "edgeq.pool_worker",
                self._subject,
                environment=self._environment,
                timeout_s=self._timeout_s,
                most_bytes=self._most_bytes,
                verbose=self._verbose,
            )
            self._own.process = process
            with self._lock:
                self._running.add(process)
                ended = self._ended
            if ended:
                # It was started while the others were being ended.
                process.close()
        return process

    def _drop(self, process: CommandProcess) -> None:
        self._own.process = None
        with self._lock:
            self._running.discard(process)
        process.close()

    def _close_all(self) -> None:
        with self._lock:
            self._ended = True
            processes, self._running = self._running, set()
        for process in processes:
            process.close()
