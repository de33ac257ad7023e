"""``edgeq init``: a commented converter script."""

from __future__ import annotations

from pathlib import Path

import click

from edgeq.cli.options import PATH, as_argument
from edgeq.cli.terminal import print_result
from edgeq.errors import OutputError


@click.command(name="init", epilog="\b\nExample:\n  edgeq init mynet.py && edgeq convert mynet.py")
@click.argument("path", type=PATH, metavar="NAME.py")
def command(path: Path) -> None:
    """Writes a commented converter script to fill in.

    A converter script brings what a model file cannot: own layers, own preprocessing, data that are computed.
    """
    from importlib.resources import files

    if path.suffix != ".py":
        raise OutputError(f"{path} must end in .py: edgeq convert knows converter scripts by it")
    template = files("edgeq.cli").joinpath("converter_script.py.txt").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template)
    except FileExistsError:
        raise OutputError(f"{path} exists: choose another name") from None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    print_result(f"{path} written: fill it in, then edgeq convert {as_argument(path)}")
