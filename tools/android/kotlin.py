"""Compiles Kotlin and Java sources to class files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tools.android.commands import BuildError, java, jdk_program, joined, run
from tools.android.parts import maven_part, maven_parts, section

JVM_TARGET = "11"
"""Of all class files; as ``jvmTarget`` in the Gradle build. D8 turns them into what API 23 runs."""

COMPILER = section("kotlin").digest
"""Changes with the compiler and its standard library."""


def standard_library() -> list[Path]:
    """Jars that compiled Kotlin needs at run time.

    Raises:
        BuildError: they cannot be fetched.
    """
    return [maven_part("kotlin", "kotlin-stdlib"), maven_part("kotlin", "annotations")]


def compile_kotlin(
    sources: Sequence[Path],
    into: Path,
    *,
    classpath: Sequence[Path],
    module: str,
    root: Path,
    friends: Sequence[Path] = (),
) -> None:
    """Compiles Kotlin; a warning is an error.

    Args:
        sources: files and folders, of Kotlin and of the Java that it refers to.
        into: folder for the class files; it is made.
        classpath: what the sources refer to, besides the JDK and Kotlin's standard library.
        module: its name.
        root: folder that messages name sources from.
        friends: of the class path, those whose internal names these sources may use, as tests do.

    Raises:
        BuildError: they do not compile; the message says where.
    """
    there = [source for source in sources if source.exists()]
    if not any(_has_sources(source) for source in there):
        raise BuildError(f"no Kotlin source in {', '.join(map(str, sources))}")
    into.mkdir(parents=True, exist_ok=True)
    needed = [*standard_library(), *classpath]
    options = [
        "-no-reflect",
        "-no-stdlib",
        "-Werror",
        "-jvm-target",
        JVM_TARGET,
        f"-Xjdk-release={JVM_TARGET}",
    ]
    options += ["-module-name", module, "-cp", joined(needed), "-d", str(into.resolve())]
    options += [f"-Xfriend-paths={','.join(map(str, friends))}"] if friends else []
    names = [os.path.relpath(source, root) for source in there]
    compiler = java(
        "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", *options, *names, classpath=maven_parts("kotlin")
    )
    run(compiler, what=f"compiling {module}", folder=root)


def compile_java(sources: Sequence[Path], into: Path, *, classpath: Sequence[Path] = ()) -> None:
    """Compiles Java.

    Args:
        sources: files.
        into: folder for the class files; it is made.
        classpath: what the sources refer to, besides the JDK.

    Raises:
        BuildError: they do not compile; the message says where.
    """
    into.mkdir(parents=True, exist_ok=True)
    path = ["-cp", joined(classpath)] if classpath else []
    run(
        [jdk_program("javac"), "-Werror", "--release", JVM_TARGET, *path, "-d", into, *sources],
        what="compiling Java",
    )


def _has_sources(source: Path) -> bool:
    return source.suffix == ".kt" or any(source.rglob("*.kt"))
