"""What ``make android`` does: the style, the tests on the JVM, the app, and what is verified of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeq.scratch import scratch_folder
from tools.android.apk_contents import sizes_of, table
from tools.android.build_apk import APK, build
from tools.android.commands import jdk_home, reported
from tools.android.jvm_tests import run_core_tests
from tools.android.lint import lint
from tools.android.verify_apk import problems, shown


def main() -> int:
    """Does everything; a later step is not begun where an earlier one found something."""
    jdk_home()
    began = time.perf_counter()
    print("style of the Kotlin sources", flush=True)
    lint()
    print("tests on the JVM", flush=True)
    with scratch_folder("jvm") as out:
        result = run_core_tests(out)
    print(f"  {result}")
    if result.failures:
        return 1
    print("the app", flush=True)
    build()
    print(table(sizes_of(APK)))
    found = problems(APK)
    print(shown(found))
    print(f"{APK} ({time.perf_counter() - began:.0f} s)")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(reported(main))
