"""Compiles tests in Kotlin and runs them with JUnit on the JVM."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeq.scratch import scratch_folder
from tools.android.archive import write_jar
from tools.android.commands import BuildError, java, joined, run
from tools.android.kotlin import COMPILER, compile_kotlin, standard_library
from tools.android.parts import maven_part
from tools.android.steps import Steps, digest_of

_HERE = Path(__file__).parent
_TIMEOUT_S = 600.0
_TRACE_LINES = 12
_LAUNCHER = "junit-platform-console-standalone"


@dataclass(frozen=True)
class Failure:
    """A test that failed.

    Attributes:
        test: its class and name.
        trace: the message and where it was thrown, shortened.
    """

    test: str
    trace: str


@dataclass(frozen=True)
class TestRun:
    """What became of the tests.

    Attributes:
        passed: number of those that passed.
        failures: of the others.
        skipped: tests that JUnit did not run, each with the reason.
    """

    # It is no test, though its name begins like one.
    __test__ = False

    passed: int
    failures: tuple[Failure, ...]
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"FAILED {failure.test}\n{failure.trace}" for failure in self.failures]
        lines += [f"SKIPPED {skipped}" for skipped in self.skipped]
        counts = f"{self.passed} passed, {len(self.failures)} failed, {len(self.skipped)} skipped"
        return "\n".join([*lines, counts])


def tests_jar(
    steps: Steps, name: str, sources: Path, tested: Sequence[Path], libraries: Sequence[Path]
) -> Path:
    """The class files of tests.

    Args:
        steps: of the build.
        name: of the step and module, such as ``core-tests``.
        sources: folder of the tests' Kotlin sources.
        tested: jars whose internal names the tests may use.
        libraries: jars that the tests refer to besides JUnit.

    Raises:
        BuildError: the tests do not compile.
    """
    classpath = [*tested, *libraries, maven_part("junit", _LAUNCHER)]

    def make(folder: Path) -> None:
        compile_kotlin(
            [sources],
            folder / "classes",
            classpath=classpath,
            module=name,
            root=sources.parent,
            friends=tested,
        )
        write_jar(folder / "classes", folder / "tests.jar")

    inputs = digest_of(sources, *classpath, COMPILER, _HERE / "kotlin.py", _HERE / "junit.py")
    return steps.made(name, inputs, make) / "tests.jar"


def run_tests(
    tests: Path,
    classpath: Sequence[Path],
    properties: Mapping[str, object],
    *,
    options: Sequence[str] = (),
    package: str | None = None,
    memory_mb: int = 1024,
) -> TestRun:
    """Runs all tests of a jar.

    Args:
        tests: the jar.
        classpath: what they need besides Kotlin's standard library and JUnit.
        properties: system properties by name.
        options: further ones of Java.
        package: that the tests are in; None for all.
        memory_mb: the largest heap.

    Raises:
        BuildError: JUnit cannot be started or leaves no report, or there is no test.
    """
    launcher = maven_part("junit", _LAUNCHER)
    path = joined([tests, *classpath, *standard_library()])
    set_properties = [f"-D{name}={value}" for name, value in properties.items()]
    with scratch_folder("junit") as folder:
        command = java(*set_properties, *options, "-jar", launcher, "execute", memory_mb=memory_mb)
        command += ["-cp", path, "--scan-classpath", str(tests), "--details=none", "--disable-banner"]
        command += ["--disable-ansi-colors", f"--reports-dir={folder}"]
        command += [f"--include-package={package}"] if package is not None else []
        # 1: a test failed, which the reports say. Anything else is no result.
        said = run(command, what="JUnit", results=(0, 1))
        reports = sorted(folder.glob("TEST-*.xml"))
        cases = [case for report in reports for case in ET.parse(report).getroot().iter("testcase")]  # noqa: S314
    if not cases:
        raise BuildError(f"JUnit ran no test of {tests}:\n{said.strip()}")
    return _summary(cases)


def _summary(cases: Sequence[ET.Element]) -> TestRun:
    failures, skipped, passed = [], [], 0
    for case in cases:
        name = f"{case.get('classname')} > {case.get('name')}"
        bad = [found for kind in ("failure", "error") if (found := case.find(kind)) is not None]
        not_run = case.find("skipped")
        if bad:
            failures.append(Failure(name, _shortened(bad[0].text or bad[0].get("message") or "")))
        elif not_run is not None:
            skipped.append(f"{name}: {(not_run.text or 'no reason given').strip().splitlines()[0]}")
        else:
            passed += 1
    return TestRun(passed, tuple(failures), tuple(skipped))


def _shortened(trace: str) -> str:
    """The trace without JUnit's own frames, which are the same for every test."""
    ours = [
        line for line in trace.strip().splitlines() if "org.junit." not in line and "java.base/" not in line
    ]
    return "\n".join(ours[:_TRACE_LINES])
