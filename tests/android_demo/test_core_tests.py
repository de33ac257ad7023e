"""The tests of the app's classes without Android, and that what fails in such tests is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="the tools want Python 3.11")

from tools.android.archive import write_jar
from tools.android.commands import BuildError
from tools.android.junit import run_tests
from tools.android.jvm_tests import run_core_tests
from tools.android.kotlin import compile_java
from tools.android.parts import maven_part

pytestmark = pytest.mark.slow  # Building the app takes half a minute where nothing is built yet.

_TEST = """
package made.up;
import org.junit.jupiter.api.*;
class ThreeTest {
    @Test void passes() { Assertions.assertEquals("value", System.getProperty("a.property")); }
    @Test void fails() { Assertions.assertEquals(2, 3, "the sum"); }
    @Test @Disabled("not here") void isSkipped() { }
}
"""


def test_all_tests_of_the_core_pass(jdk: Path, tmp_path: Path) -> None:
    result = run_core_tests(tmp_path)
    assert not result.failures, str(result)
    assert not result.skipped, str(result)
    assert result.passed > 100


def _jar(folder: Path, source: str) -> Path:
    (folder / "ThreeTest.java").write_text(source, "utf-8")
    launcher = maven_part("junit", "junit-platform-console-standalone")
    compile_java([folder / "ThreeTest.java"], folder / "classes", classpath=[launcher])
    write_jar(folder / "classes", folder / "tests.jar")
    return folder / "tests.jar"


def test_a_failing_test_is_shown_with_its_message_and_a_skipped_one_with_its_reason(
    jdk: Path, tmp_path: Path
) -> None:
    result = run_tests(_jar(tmp_path, _TEST), [], {"a.property": "value"})
    assert result.passed == 1
    (failure,) = result.failures
    assert failure.test.startswith("made.up.ThreeTest > fails")
    assert "the sum ==> expected: <2> but was: <3>" in failure.trace
    assert "at made.up.ThreeTest.fails(ThreeTest.java:6)" in failure.trace
    assert "org.junit" not in failure.trace.splitlines()[-1]
    (skipped,) = result.skipped
    assert "isSkipped" in skipped
    assert str(result).splitlines()[-1] == "1 passed, 1 failed, 1 skipped"


def test_no_test_at_all_is_an_error(jdk: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="ran no test"):
        run_tests(_jar(tmp_path, "package made.up; class ThreeTest { }"), [], {})


def test_sources_that_do_not_compile_are_named(jdk: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"ThreeTest\.java:1: error"):
        _jar(tmp_path, "class ThreeTest { Missing field; }")
