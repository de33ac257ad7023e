"""The command line: a thin layer on the Python API. Importing it imports nothing heavy."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

import edgeq
from edgeq.errors import EXIT_BAD_INPUT, EdgeqError
from edgeq.unwinding import INTERRUPTED, explanation, prepare_process

_COMMANDS = {
    "demo": "the whole path on the model and data that ship with edgeq",
    "init": "a commented converter script to fill in",
    "convert": "a model to .tflite files at several precisions, each run and checked",
    "optimize": "the best variant within an accuracy budget: ranges, weights, precision of each layer",
    "benchmark": "latency, memory, size and accuracy of every variant against FP32",
    "run": "predictions of every variant for a photo or another input, side by side",
    "inspect": "what a .tflite is made of: operators, precision, memory, what can run it; or how two differ",
    "doctor": "lint a model with its data, a bundle or a .tflite: what is wrong, and the fix",
    "layers": "which layers cost accuracy, time and size, and what can be done about each",
    "pack": "a bundle as one file that measures itself on a bare device",
    "android": "a bundle into an Android app, or a new app that runs it and proves it",
    "devices": "what can be measured on from here",
    "report": "merge results, compare nights, gate a build, render",
}
"""Names and one line each, so that ``edgeq --help`` imports no command; each is a module here."""


class _LazyGroup(click.Group):
    """Imports a command's module when it is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = importlib.import_module(f"edgeq.cli.{name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: edgeq convert model.keras --data photos/ && edgeq benchmark model-edgeq --data photos/",
)
@click.version_option(edgeq.__version__, prog_name="edgeq")
def group() -> None:
    """Keras models to TensorFlow Lite files that you can trust.

    Convert, calibrate and quantize on the desktop; measure on the real runtime what each file costs and loses
    against FP32.

    Exit codes: 0 fine; 1 a gate failed; 2 wrong usage or bad input; 3 a part could not be made or measured.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code.

    Args:
        arguments: instead of ``sys.argv[1:]``.
    """
    prepare_process()
    try:
        code: Any = group.main(args=arguments, prog_name="edgeq", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except EdgeqError as error:
        _fail(str(error), error.exit_code)
    except click.UsageError as error:
        _fail(_usage(error), error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.exceptions.Abort):
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has seen enough of the help.
        _discard_output()
    except OSError as error:
        _fail(explanation(error), EXIT_BAD_INPUT)


def _usage(error: click.UsageError) -> str:
    message = error.format_message()
    if error.ctx is None or "\n" in message:
        return message
    return f"{message.rstrip('.')} (see {error.ctx.command_path} --help)"


def _fail(message: str, code: int) -> None:
    try:
        # The help is what a user gets who says nothing, and begins with its own word.
        click.echo(message if message.startswith("Usage:") else f"edgeq: {message}", err=True)
    finally:
        _discard_output()
        sys.exit(code)


def _discard_output() -> None:
    """Python flushes at exit and would complain of what cannot be written."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
