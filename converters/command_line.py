"""What the scripts beside this file do when they are started as programs: an error is one line."""

from __future__ import annotations

import sys
from collections.abc import Callable

from edgeq.errors import EdgeqError


def run(main: Callable[[], None]) -> None:
    """Runs a script's main function; ends the process with the error's exit code where edgeq raises one."""
    try:
        main()
    except EdgeqError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
