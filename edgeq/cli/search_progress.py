"""The progress of a search on stderr: what is being done, and below it the best so far."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edgeq.cli.terminal import Progress, say

if TYPE_CHECKING:
    from rich.console import RenderableType

Line = Callable[[str], None]


@contextlib.contextmanager
def search_progress() -> Iterator[tuple[Progress, Line]]:
    """A bar that is moved, and a line below it that is replaced.

    Where stderr is no terminal there is no bar, and a line is written whenever its first part, up to a semicolon, is
    another than before: what follows counts and changes all the time.

    Yields:
        What moves the bar, and what takes the line.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class BarsWithLine(Bars):
        line = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            if self.line:
                yield Text(self.line, no_wrap=True, overflow="ellipsis")

    # Conversion redirects stderr itself.
    with os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace") as stream:
        console = Console(file=stream)
        if not console.is_terminal:
            yield _quiet, _Changes()
            return
        bars = BarsWithLine(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        task = bars.add_task("starting", total=None)

        def update(what: str, done: int, total: int) -> None:
            if bars.tasks[0].description != what:
                bars.reset(task)
            bars.update(task, description=what, completed=done, total=total)

        def show(line: str) -> None:
            bars.line = line
            bars.refresh()

        with bars:
            yield update, show


def _quiet(what: str, done: int, total: int) -> None:
    """A log needs no bar."""


class _Changes:
    """Says a line where its first part is new."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, line: str) -> None:
        first = line.partition(";")[0]
        if first != self._last:
            self._last = first
            say(line)
