"""Which runtimes can run a file, from the versions of its operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from edgeq.inspection.structure import Run, RuntimeSupport
from edgeq.tflite.model import OperatorCode, TfliteModel
from edgeq.tflite.op_versions import (
    LITERT_MEASURED,
    REGISTERED_CUSTOM,
    Requirement,
    litert_requirement,
    tensorflow_requirement,
    version_key,
)
from edgeq.tflite.type_versions import required_codes

LITERT, TFLITE_RUNTIME, ANDROID = "LiteRT", "tflite-runtime", "TensorFlow Lite for Android"

_INSTALLED = {"litert": LITERT, "tflite-runtime": TFLITE_RUNTIME}


@dataclass(frozen=True)
class _Runtime:
    """A runtime to look at.

    Attributes:
        name: as users know it.
        first: its first version that is to be had.
        last: its last version, or the last that is known.
        has_ended: whether there will be no later one.
        may_have_flex: whether TensorFlow's own operators can be added to it.
        requirement: what operators need of it.
    """

    name: str
    first: str
    last: str
    has_ended: bool
    may_have_flex: bool
    requirement: Callable[[Iterable[OperatorCode]], Requirement]


_RUNTIMES = (
    _Runtime(LITERT, "1.0.1", LITERT_MEASURED, False, False, litert_requirement),
    # Python wheels: 2.5.0 is the first on the package index, 2.14.0 the last.
    _Runtime(TFLITE_RUNTIME, "2.5.0", "2.14.0", True, False, tensorflow_requirement),
    # org.tensorflow:tensorflow-lite on Maven Central; what is called 2.17.0 there is LiteRT 1.0.1.
    _Runtime(ANDROID, "1.10.0", "2.16.1", True, True, tensorflow_requirement),
)


def runtime_support(model: TfliteModel, run: Run | None = None) -> tuple[RuntimeSupport, ...]:
    """What can run a file.

    Args:
        model: the file.
        run: how it ran here, which is worth more than any table; None where it was not run.
    """
    used = required_codes(model)
    support = tuple(_support(runtime, used) for runtime in _RUNTIMES)
    if run is None or run.runtime not in _INSTALLED:
        return support
    return tuple(_tried(item, run) if item.runtime == _INSTALLED[run.runtime] else item for item in support)


def _support(runtime: _Runtime, used: tuple[OperatorCode, ...]) -> RuntimeSupport:
    foreign = _foreign(runtime, used)
    requirement = runtime.requirement(used)
    least = requirement.version
    if requirement.unknown:
        reason = f"no release is known to have {_listed(requirement.unknown)}"
        return RuntimeSupport(runtime.name, None, False if runtime.has_ended else None, reason)
    if least is None or version_key(least) < version_key(runtime.first):
        least = runtime.first
    if version_key(least) > version_key(runtime.last):
        reason = f"its last release is {runtime.last}, and {requirement.because} needs {least}"
        return RuntimeSupport(runtime.name, None, False, reason)
    if foreign is not None:
        return RuntimeSupport(runtime.name, least, *foreign)
    return RuntimeSupport(runtime.name, least, True, "")


def _foreign(runtime: _Runtime, used: tuple[OperatorCode, ...]) -> tuple[bool | None, str] | None:
    """Whether it runs operators that are not builtin, and why not; None where there are none to speak of."""
    custom = [code.custom_code for code in used if code.custom_code is not None]
    flex = [name for name in custom if name.startswith("Flex")]
    own = [name for name in custom if not name.startswith("Flex") and name not in REGISTERED_CUSTOM]
    if flex and not runtime.may_have_flex:
        return (
            False,
            f"its Python package has no Flex delegate for TensorFlow's own operators {_listed(flex)}",
        )
    if own:
        return None, f"the custom operators {_listed(own)} must be registered with it"
    if flex:
        return None, f"the Flex delegate must be added to it for TensorFlow's own operators {_listed(flex)}"
    return None


def _tried(support: RuntimeSupport, run: Run) -> RuntimeSupport:
    if run.error is None:
        least = support.least_version
        return replace(support, least_version=least or run.version, runs=True, reason="")
    if support.runs is False:
        return support
    return replace(support, runs=False, reason=f"version {run.version} was tried here: {run.error}")


def _listed(names: Iterable[str]) -> str:
    known = list(dict.fromkeys(names))
    return ", ".join(known[:4]) + (f" and {len(known) - 4} more" if len(known) > 4 else "")
