from __future__ import annotations

import math
import os
import time

import pytest

from edgeq.errors import WorkerError
from edgeq.pool import CrashError, ProcessPool


@pytest.fixture
def pool():
    with ProcessPool(2, "the test") as pool:
        yield pool


def test_functions_run_in_other_processes_and_give_their_results(pool):
    futures = [pool.submit(math.sqrt, float(number)) for number in range(20)]
    assert [future.result() for future in futures] == [math.sqrt(number) for number in range(20)]
    assert pool.submit(os.getpid).result() != os.getpid()


def test_map_works_as_with_any_executor(pool):
    assert list(pool.map(abs, [-1, -2])) == [1, 2]


def test_a_crash_costs_one_task_and_says_the_signal(pool):
    with pytest.raises(CrashError, match=r"the test crashed .*SIGABRT"):
        pool.submit(os.abort).result()
    assert pool.submit(abs, -3).result() == 3


def test_an_error_of_the_function_is_no_crash(pool):
    with pytest.raises(WorkerError, match="math domain error") as caught:
        pool.submit(math.sqrt, -1.0).result()
    assert not isinstance(caught.value, CrashError)


def test_a_task_that_hangs_is_ended():
    with ProcessPool(1, "the test", timeout_s=0.5) as pool:
        with pytest.raises(CrashError, match="within"):
            pool.submit(time.sleep, 60).result()
        assert pool.submit(abs, -3).result() == 3


def test_an_error_in_the_block_ends_what_runs_and_what_waits():
    with pytest.raises(KeyError), ProcessPool(1, "the test") as pool:  # noqa: PT012
        running, waiting = pool.submit(time.sleep, 60), pool.submit(time.sleep, 60)
        # The process needs a moment to begin; a task that never began is cancelled.
        while not running.running():
            time.sleep(0.01)
        raise KeyError
    assert waiting.cancelled()
    assert running.done()
