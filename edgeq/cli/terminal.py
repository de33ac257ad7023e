"""Results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[str, int, int], None]


def stdout_console() -> Console:
    """A console for results; as wide as the terminal, and 120 columns in a pipe."""
    from rich.console import Console

    class Results(Console):
        def on_broken_pipe(self) -> None:
            # Rich would exit with 1, which says that a gate failed.
            _discard(1)

    console = Results(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 120
    return console


def print_result(text: str, *, newline: bool = True) -> None:
    """Text on stdout; nothing where the reader (head, less) has seen enough, so that files and gates still count."""
    try:
        click.echo(text, nl=newline)
    except BrokenPipeError:
        _discard(1)


def say(message: str) -> None:
    """A line for the user beside the results."""
    try:
        click.echo(message, err=True)
    except BrokenPipeError:
        _discard(2)


def warn(message: str) -> None:
    """A line that the user should look at."""
    say(f"warning: {message}")


def _discard(descriptor: int) -> None:
    """Sends the rest of stdout or stderr nowhere; Python would complain again while it flushes at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr with what is being done; nothing where stderr is no terminal."""
    with progress_bars() as of_subject:
        yield of_subject("")


@contextlib.contextmanager
def progress_bars() -> Iterator[Callable[[str], Progress]]:
    """Progress bars below each other, one for each subject such as a device; each may be moved by a thread of its own.

    The bars write to a copy of stderr, because conversion redirects the original.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with os.fdopen(os.dup(2), "w", encoding="utf-8") as stream:
        console = Console(file=stream)
        bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

        def of_subject(subject: str) -> Callable[[str, int, int], None]:
            before = f"{escape(subject)}: " if subject else ""
            # Not earlier: until then ssh may ask for a password, whose line the bars would draw over.
            bars.start()
            task = bars.add_task(f"{before}starting", total=None, rate="")
            begun: dict[str, tuple[float, int]] = {}

            def update(what: str, done: int, total: int) -> None:
                if what not in begun:
                    # Each stage has a speed of its own, and may go on where an earlier run stopped.
                    begun[what] = (time.monotonic(), done)
                    bars.reset(task)
                start, earlier = begun[what]
                seconds = time.monotonic() - start
                rate = f"{(done - earlier) / seconds:,.0f}/s" if seconds > 1 and done - earlier > 20 else ""
                description = f"{before}{escape(what)}"
                bars.update(task, description=description, completed=done, total=total, rate=rate)

            return update

        try:
            yield of_subject
        finally:
            bars.stop()
