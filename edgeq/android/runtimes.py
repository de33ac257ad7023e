"""What a file needs of an app's TensorFlow Lite, and whether a version of it will do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edgeq.errors import UsageError
from edgeq.tflite.model import TfliteModel
from edgeq.tflite.op_versions import (
    REGISTERED_CUSTOM,
    Requirement,
    litert_requirement,
    tensorflow_requirement,
    version_key,
)
from edgeq.tflite.type_versions import required_codes

TENSORFLOW_LITE, LITERT = "TensorFlow Lite", "LiteRT"

ARTIFACTS = {
    TENSORFLOW_LITE: "org.tensorflow:tensorflow-lite",
    LITERT: "com.google.ai.edge.litert:litert",
}
"""Maven's coordinates without a version."""

LAST_TENSORFLOW_LITE = "2.16.1"
"""The last of that name on Maven Central; what is called 2.17.0 there is a pointer to LiteRT 1.0.1."""

PER_CHANNEL_DENSE = "2.14.0"
"""The oldest runtime that was seen to compute full-integer dense layers with a scale for each output, which the
converter gives the same version, 4, as those with one: the demo's int8 file is 25.6 dB from the float model on
tflite-runtime 2.14.0, on LiteRT 2.3.0 24.6 dB. Older ones, which could not be run here, might ignore the scales."""

_ASKED = re.compile(
    r"(?:org\.tensorflow:)?(?P<name>tensorflow(?:[- ]lite)?|tflite|(?:com\.google\.ai\.edge\.litert:)?litert)?"
    r"[\s:=]*(?P<version>\d{1,4}(?:\.\d{1,4}){1,2})",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class RuntimeVersion:
    """The oldest runtime that a file must run on.

    Attributes:
        name: ``TensorFlow Lite`` or ``LiteRT``.
        version: such as ``2.16.1``.
    """

    name: str
    version: str

    @property
    def text(self) -> str:
        """As people write it."""
        return f"{self.name} {self.version}"

    @property
    def dependency(self) -> str:
        """As Gradle names it."""
        return f"{ARTIFACTS[self.name]}:{self.version}"


def read_runtime_version(text: str | None) -> RuntimeVersion | None:
    """What follows ``--min-runtime``: ``2.16.1``, ``litert 2.1.0`` or a coordinate of Maven.

    Args:
        text: as typed; None for nothing.

    Raises:
        UsageError: it is none of these.
    """
    if text is None:
        return None
    match = _ASKED.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"--min-runtime {text!r}: expected a version of TensorFlow Lite such as 2.16.1, or of LiteRT such as "
            "'litert 2.1.0'"
        )
    is_litert = (match["name"] or "").lower().endswith("litert")
    return RuntimeVersion(LITERT if is_litert else TENSORFLOW_LITE, match["version"])


@dataclass(frozen=True)
class Needs:
    """What a file needs of each runtime.

    Attributes:
        tensorflow_lite: the least version, and why.
        litert: likewise.
        custom: custom operators that the app must register, such as those of the Flex delegate.
    """

    tensorflow_lite: Requirement
    litert: Requirement
    custom: tuple[str, ...]

    def of(self, name: str) -> Requirement:
        """What it needs of a runtime by its name."""
        return self.litert if name == LITERT else self.tensorflow_lite


def runtime_needs(model: TfliteModel) -> Needs:
    """Looks up every operator of a file in the tables of versions."""
    codes = required_codes(model)
    names = (code.custom_code for code in codes if code.custom_code is not None)
    tensorflow = tensorflow_requirement(codes)
    if (
        _has_integer_dense_per_channel(model)
        and tensorflow.version is not None
        and version_key(tensorflow.version) < version_key(PER_CHANNEL_DENSE)
    ):
        tensorflow = Requirement(PER_CHANNEL_DENSE, "FULLY_CONNECTED with a scale for each output", ())
    return Needs(
        tensorflow,
        litert_requirement(codes),
        tuple(dict.fromkeys(name for name in names if name not in REGISTERED_CUSTOM)),
    )


def why_not(needs: Needs, asked: RuntimeVersion) -> str | None:
    """Why a runtime cannot run a file, as the end of a sentence; None where it can.

    Args:
        needs: of the file.
        asked: the runtime.
    """
    requirement = needs.of(asked.name)
    if requirement.unknown:
        return f"no release of {asked.name} is known to have {', '.join(requirement.unknown[:4])}"
    if requirement.version is not None and version_key(requirement.version) > version_key(asked.version):
        return f"{requirement.because} needs {asked.name} {requirement.version} or newer"
    return None


def suggested_runtime(needs: Iterable[Needs]) -> RuntimeVersion | None:
    """What an app that says nothing depends on best: the last TensorFlow Lite where it will do, else LiteRT.

    Args:
        needs: of its files.

    Returns:
        The last TensorFlow Lite, or the oldest LiteRT; None where no release is known to run them all.
    """
    needs = tuple(needs)
    last = RuntimeVersion(TENSORFLOW_LITE, LAST_TENSORFLOW_LITE)
    if all(why_not(one, last) is None for one in needs):
        return last
    versions = [one.litert.version for one in needs if one.litert.version is not None]
    if len(versions) < len(needs):
        return None
    return RuntimeVersion(LITERT, max(versions, key=version_key))


def needs_in_words(needs: Needs) -> str:
    """What a file needs, as the end of a sentence."""
    tensorflow, litert = needs.tensorflow_lite, needs.litert
    parts = []
    if tensorflow.version is not None and tensorflow.because:
        parts.append(f"{TENSORFLOW_LITE} {tensorflow.version} or newer because of {tensorflow.because}")
        if version_key(tensorflow.version) > version_key(LAST_TENSORFLOW_LITE) and litert.version is not None:
            parts.append(
                f"that is {LITERT} {litert.version} or newer, for {TENSORFLOW_LITE} ends at "
                f"{LAST_TENSORFLOW_LITE}"
            )
    elif litert.version is not None and litert.because:
        parts.append(f"{LITERT} {litert.version} or newer because of {litert.because}")
    unknown = litert.unknown or tensorflow.unknown
    if not parts and unknown:
        parts.append(f"a runtime that has {', '.join(unknown[:4])}, which no release is known to have")
    if needs.custom:
        parts.append(f"the custom operators {', '.join(needs.custom[:4])} registered by the app")
    return ", ".join(parts) or "any runtime"


def _has_integer_dense_per_channel(model: TfliteModel) -> bool:
    for graph in model.subgraphs:
        for operator in graph.operators:
            if operator.name != "FULLY_CONNECTED" or len(operator.inputs) < 2 or min(operator.inputs[:2]) < 0:
                continue
            values, weights = (graph.tensors[index] for index in operator.inputs[:2])
            scales = () if weights.quantization is None else weights.quantization.scales
            if values.dtype in ("int8", "int16") and len(scales) > 1:
                return True
    return False
