"""Verifies the app's APK: signature, alignment, manifest, libraries, and that its bytecode refers to nothing missing.

usage: verify_apk.py [APK]

What the app's own classes use of newer Android releases is looked at where build_apk.py left their bytecode beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.android.apk_checks import library_problems, manifest_problems, packing_problems, signature_problems
from tools.android.build_apk import APK, own_dex_of
from tools.android.commands import jdk_home, reported
from tools.android.references import too_new, unresolved

_CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "signature": signature_problems,
    "packing": packing_problems,
    "manifest": manifest_problems,
    "libraries": library_problems,
    "references": unresolved,
}


def problems(apk: Path) -> dict[str, list[str]]:
    """What is wrong with an APK.

    Args:
        apk: the file.

    Returns:
        Lines by check; no line where all is well.

    Raises:
        BuildError: a part that the checks need cannot be fetched.
        JavaMissingError: there is no JDK.
    """
    jdk_home()
    found = {name: check(apk) for name, check in _CHECKS.items()}
    own = own_dex_of(apk)
    return {**found, "newer APIs": too_new(own, apk)} if own.exists() else found


def shown(found: Mapping[str, Sequence[str]]) -> str:
    """What was found, a line for each check and each problem."""
    return "\n".join(
        "\n    ".join([f"  {name:<12}{'FAILED' if lines else 'fine'}", *lines])
        for name, lines in found.items()
    )


def main() -> int:
    """Verifies and says what was found."""
    parser = argparse.ArgumentParser(description="Verifies the app's APK.")
    parser.add_argument("apk", nargs="?", type=Path, default=APK, help=f"by default {APK}")
    found = problems(parser.parse_args().apk)
    print(shown(found))
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(reported(main))
