"""Runs the tests of the app's classes without Android on this machine's JVM.

usage: jvm_tests.py [--out FOLDER]

They get these system properties: edgeq.bundle, the demo's bundle; edgeq.libLiteRt, the runtime that Python uses;
edgeq.out, a folder for what they measure.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeq.scratch import scratch_folder
from tools.android.build_apk import BUILD
from tools.android.class_steps import core_jar
from tools.android.commands import BuildError, jdk_home, reported
from tools.android.junit import TestRun, run_tests, tests_jar
from tools.android.parts import maven_part
from tools.android.project import APP, DEMO_BUNDLE, read_project
from tools.android.steps import steps_in

_TESTS = APP / "core" / "src" / "test"


def run_core_tests(
    out: Path, folder: Path = BUILD / "steps", *, bundle: Path = DEMO_BUNDLE, package: str | None = None
) -> TestRun:
    """Compiles and runs the tests of the core.

    Args:
        out: folder for what they measure; it exists.
        folder: where it is compiled, see `Steps`.
        bundle: that they read and run.
        package: that the tests are in; None for all.

    Raises:
        BuildError: they do not compile, or there is none.
        JavaMissingError: there is no JDK.
    """
    jdk_home()
    libraries = [maven_part("junit", "json"), maven_part("junit", "jna")]
    with steps_in(folder) as steps:
        core = core_jar(steps, read_project(APP))
        tests = tests_jar(steps, "core-tests", _TESTS / "kotlin", [core], libraries)
        properties = {"edgeq.bundle": bundle, "edgeq.libLiteRt": runtime_library(), "edgeq.out": out}
        return run_tests(tests, [core, *libraries, _TESTS / "resources"], properties, package=package)


def runtime_library() -> Path:
    """The native library of the runtime that Python uses here.

    Raises:
        BuildError: it is not installed, or not as one library.
    """
    package = importlib.util.find_spec("ai_edge_litert")
    folders = list(package.submodule_search_locations or []) if package else []
    found = [library for folder in folders for library in Path(folder).glob("libLiteRt.*")]
    if len(found) != 1:
        raise BuildError("ai-edge-litert has no libLiteRt here: pip install ai-edge-litert")
    return found[0]


def main() -> int:
    """Runs the tests and shows what became of them."""
    parser = argparse.ArgumentParser(
        description="Runs the tests of the app's classes without Android on the JVM."
    )
    parser.add_argument("--out", type=Path, help="folder for what the tests measure")
    options = parser.parse_args()
    began = time.perf_counter()
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        result = run_core_tests(options.out.resolve())
    else:
        with scratch_folder("jvm") as out:
            result = run_core_tests(out)
    print(result)
    print(f"JUnit on the JVM: {time.perf_counter() - began:.1f} s")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(reported(main))
