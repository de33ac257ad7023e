"""The command line: a thin layer on the Python API. Importing it imports nothing heavy."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

import edgeq
from edgeq.errors import EdgeqError

_COMMANDS = {
    "demo": "the whole path on the model and data that ship with edgeq",
    "init": "a commented converter script to fill in",
    "convert": "a model to .tflite files at several precisions, each run and checked",
    "benchmark": "latency, memory, size and accuracy of every variant against FP32",
    "run": "predictions of every variant for a photo or another input, side by side",
    "report": "merge results, compare nights, gate a build, render",
}
"""Names and one line each, so that ``edgeq --help`` imports no command; each is a module here."""

_INTERRUPTED = 130
"""What a shell expects of a program ended by Ctrl-C."""


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
    try:
        code: Any = group.main(args=arguments, prog_name="edgeq", standalone_mode=False)
    except EdgeqError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        _complain("interrupted")
        sys.exit(_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain("interrupted")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python would complain again while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    click.echo(f"edgeq: {message}", err=True)
