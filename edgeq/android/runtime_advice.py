"""Which runtime an app is to depend on: none besides the one that it has, for two of them have the same classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeq.android.gradle_versions import Dependency
from edgeq.android.runtimes import (
    LAST_TENSORFLOW_LITE,
    LITERT,
    TENSORFLOW_LITE,
    Needs,
    RuntimeVersion,
    suggested_runtime,
    why_not,
)
from edgeq.tflite.op_versions import version_key

_WITHOUT_INTERPRETER = ((2, 0), (2, 1))
"""LiteRT from the first of these to before the second has no class ``org.tensorflow.lite.Interpreter``, by its release
notes: it has been there again, for CPUs, since 2.1.0."""

INTERPRETER_AGAIN = "2.1.0"


@dataclass(frozen=True)
class RuntimeAdvice:
    """What to do about an app's runtime.

    Attributes:
        add: to write among the dependencies; None where the app has one, or no release runs all variants.
        warnings: on the one that the app has, one sentence each.
    """

    add: RuntimeVersion | None
    warnings: tuple[str, ...] = ()


def advise(
    needs: Mapping[str, Needs], asked: RuntimeVersion | None, present: Sequence[Dependency]
) -> RuntimeAdvice:
    """What to do so that an app can run its variants.

    Args:
        needs: of each variant by name.
        asked: the oldest runtime that the app has, which runs them all; None where nothing was said.
        present: runtimes that the app depends on.
    """
    if not present:
        return RuntimeAdvice(_to_add(needs, asked))
    warnings = (
        _warning(needs, RuntimeVersion(one.name, one.version)) for one in present if one.version is not None
    )
    return RuntimeAdvice(None, tuple(warning for warning in warnings if warning))


def not_all(runtime: RuntimeVersion) -> str:
    """What to leave out of a runtime "or newer", in brackets behind a blank; empty where all of them will do."""
    first, _ = _WITHOUT_INTERPRETER
    return " (not 2.0.x)" if runtime.name == LITERT and version_key(runtime.version) < first else ""


def _to_add(needs: Mapping[str, Needs], asked: RuntimeVersion | None) -> RuntimeVersion | None:
    if asked is not None and asked.name == LITERT:
        return _with_interpreter(asked)
    if (
        asked is not None
        and len(version_key(asked.version)) == len(version_key(LAST_TENSORFLOW_LITE))
        and version_key(asked.version) <= version_key(LAST_TENSORFLOW_LITE)
    ):
        return asked
    return _suggested(needs)


def _suggested(needs: Mapping[str, Needs]) -> RuntimeVersion | None:
    runtime = suggested_runtime(needs.values())
    return None if runtime is None else _with_interpreter(runtime)


def _with_interpreter(runtime: RuntimeVersion) -> RuntimeVersion:
    return RuntimeVersion(LITERT, INTERPRETER_AGAIN) if _lacks_interpreter(runtime) else runtime


def _lacks_interpreter(runtime: RuntimeVersion) -> bool:
    first, end = _WITHOUT_INTERPRETER
    return runtime.name == LITERT and first <= version_key(runtime.version) < end


def _warning(needs: Mapping[str, Needs], runtime: RuntimeVersion) -> str:
    """What speaks against a runtime of the app; empty where nothing does."""
    has = f"the app depends on {runtime.dependency}"
    if _lacks_interpreter(runtime):
        return f"{has}, which has no class Interpreter: take {INTERPRETER_AGAIN} or newer"
    reasons = [(name, why_not(one, runtime)) for name, one in needs.items()]
    said = [f"{name}: {reason}" for name, reason in reasons if reason is not None]
    if not said:
        return ""
    other = _in_its_place(needs, runtime)
    instead = "" if other is None else f'implementation("{other.dependency}") in its place, or '
    asked = f"'litert {runtime.version}'" if runtime.name == LITERT else runtime.version
    return f"{has}, which cannot run {'; '.join(said)}: {instead}--min-runtime {asked} converts or refuses"


def _in_its_place(needs: Mapping[str, Needs], runtime: RuntimeVersion) -> RuntimeVersion | None:
    suggested = _suggested(needs)
    if runtime.name == TENSORFLOW_LITE or suggested is None:
        return suggested
    versions = [one.litert.version for one in needs.values() if one.litert.version is not None]
    return _with_interpreter(RuntimeVersion(LITERT, max(versions, key=version_key))) if versions else None
