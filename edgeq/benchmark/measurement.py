"""The measurement: one variant on one device with one runtime and thread count, and its JSON form.

Format history (the number is ``schema`` in every line of JSON Lines):

* 1: first version.

A reader takes any measurement of a known schema, also of a scheme that it does not know, ignores keys
that it does not know, and refuses a newer schema by naming it.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeq.errors import ResultsError

SCHEMA = 1


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class VariantInfo:
    """The file that was measured.

    Attributes:
        model: the model's name, the same for all its variants.
        name: the variant, such as ``int8`` or ``int8-io-uint8``; a lone file's stem.
        file: the file's name without folder.
        scheme: as read from the flatbuffer; ``unknown`` where no known scheme fits.
        io: dtype of the inputs.
        sha256: digest of the file.
        size_bytes: size of the file.
        gzip_bytes: size after gzip level 9, which is about what a download costs.
    """

    model: str
    name: str
    file: str
    scheme: str
    io: str
    sha256: str
    size_bytes: int
    gzip_bytes: int


@dataclass(frozen=True)
class RuntimeInfo:
    """What computed.

    Attributes:
        name: ``litert`` or ``tflite-runtime``.
        version: the package's version.
        kernel_path: runtime, version, delegate and CPU family in one string; integer outputs are
            bit-exact only where it is equal.
        delegate: ``XNNPACK`` or ``none``.
        nodes_delegated: original operators that the delegate took.
        nodes: operators in the file.
    """

    name: str
    version: str
    kernel_path: str
    delegate: str
    nodes_delegated: int | None
    nodes: int | None


@dataclass(frozen=True)
class Latency:
    """Times of one variant in milliseconds.

    Attributes:
        load_ms: making the interpreter and allocating its tensors.
        first_ms: the first inference, which still initialises.
        median: median of the steady state with a block-bootstrap interval.
        p90_ms: 90th percentile.
        p95_ms: 95th percentile.
        min_ms: fastest run.
        mean_ms: mean.
        chunks_ms: every raw sample, by chunk, in the order measured. Chunks with one index were measured
            in the same round for every variant of a session: they are pairs.
        ratio: latency divided by the baseline's, paired by round; None for the baseline and a lone file.
        verdict: ``faster``, ``slower`` or ``no significant difference`` than the baseline; None like ratio.
    """

    load_ms: float
    first_ms: float
    median: Estimate
    p90_ms: float
    p95_ms: float
    min_ms: float
    mean_ms: float
    chunks_ms: tuple[tuple[float, ...], ...]
    ratio: Estimate | None
    verdict: str | None


@dataclass(frozen=True)
class Accuracy:
    """Quality on the validation set; shares are between 0 and 1, the drop is in percentage points.

    Attributes:
        n: items measured.
        excluded: items left out because the variant was calibrated on them.
        data_digest: digest over the items and their labels: only equal digests are compared.
        top1: share whose largest output is the label; None without labels.
        top5: likewise for the five largest outputs; None without labels or with fewer than six classes.
        agreement: share on which the top-1 equals the baseline's; None for the baseline.
        drop_pp: baseline's top-1 minus this one's in percentage points, paired; None for the baseline.
        sqnr_db: signal to quantization noise of the outputs against the baseline's, in decibels.
        correct: base64 of the packed bits that say which item was right, for paired comparisons of two
            results; None without labels.
    """

    n: int
    excluded: int
    data_digest: str
    top1: Estimate | None
    top5: Estimate | None
    agreement: Estimate | None
    drop_pp: Estimate | None
    sqnr_db: float | None
    correct: str | None


@dataclass(frozen=True)
class Environment:
    """Where and when it was measured.

    Attributes:
        device: a short name for the machine, such as the CPU's model.
        device_id: digest of what makes latencies comparable (CPU model, core count, architecture, OS).
        started_at: UTC time, ISO 8601, of the session's start.
        cpu: CPU model.
        cores: logical cores that the process may use.
        architecture: of the interpreter, such as ``x86_64``.
        governor: CPU frequency governor; None where not readable.
        frequency_mhz: current frequency; None where not readable.
        load_1m: load average of the last minute at the start; None where there is none.
        os: name and release of the operating system.
        python: version of Python.
        numpy: version of NumPy.
        edgeq: version of edgeq.
        warnings: what makes these numbers less trustworthy, one sentence each.
    """

    device: str
    device_id: str
    started_at: str
    cpu: str
    cores: int
    architecture: str
    governor: str | None
    frequency_mhz: float | None
    load_1m: float | None
    os: str
    python: str
    numpy: str
    edgeq: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """One variant on one device with one runtime and thread count.

    Attributes:
        session: identifier shared by what was measured together, interleaved.
        variant: the file.
        baseline: name of the variant that ratio, agreement and drop refer to; None for a lone file.
        threads: of the interpreter.
        inputs: shape and dtype of each input by name, as ``float32[1, 28, 28, 1]``.
        runtime: what computed.
        environment: where.
        latency: None when not measured.
        accuracy: None when not measured.
        peak_memory_bytes: peak resident memory of the worker after latency, before accuracy; None where
            the system does not say.
        provenance: the bundle's provenance (versions, options, source digest); empty for a lone file.
        schema: version of this format.
    """

    session: str
    variant: VariantInfo
    baseline: str | None
    threads: int
    inputs: Mapping[str, str]
    runtime: RuntimeInfo
    environment: Environment
    latency: Latency | None
    accuracy: Accuracy | None
    peak_memory_bytes: int | None
    provenance: Mapping[str, Any]
    schema: int = SCHEMA

    @property
    def is_baseline(self) -> bool:
        """Whether ratio, agreement and drop of the session refer to this variant."""
        return self.baseline == self.variant.name


def to_json(measurement: Measurement) -> dict[str, Any]:
    """The measurement as plain dictionaries, lists, strings and numbers."""
    return dataclasses.asdict(measurement)


def from_json(value: object) -> Measurement:
    """Reads what `to_json` wrote.

    Args:
        value: the decoded JSON.

    Returns:
        The measurement; unknown keys are ignored.

    Raises:
        ResultsError: it is no measurement, a key is missing or has the wrong type, or its schema is newer.
    """
    if not isinstance(value, dict) or "schema" not in value:
        raise ResultsError("not an edgeq measurement: the key 'schema' is missing")
    schema = value["schema"]
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise ResultsError(
            f"this measurement has schema {schema!r}, this edgeq reads up to {SCHEMA}: update edgeq"
        )
    measurement = _build(Measurement, value, "measurement")
    assert isinstance(measurement, Measurement)  # noqa: S101 - narrows the type for mypy
    return measurement


def _build(annotation: Any, value: Any, where: str) -> Any:
    """Builds a value of the annotated type from decoded JSON, checking as it goes."""
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if annotation is Any:
        return value
    if type(None) in arguments:
        if value is None:
            return None
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _build(inner, value, where)
    if dataclasses.is_dataclass(annotation):
        return _build_dataclass(annotation, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(where, "a list", value)
        return tuple(_build(arguments[0], item, where) for item in value)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        return {str(key): _build(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if annotation is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(value, where)
    if not isinstance(value, annotation) or (annotation is int and isinstance(value, bool)):
        raise _wrong(where, annotation.__name__, value)
    return value


def _finite(value: float, where: str) -> float:
    """A float; whole numbers beyond its range, NaN and infinity are refused, which JSON does not have anyway."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ResultsError(f"{where}: expected float, found a number that is not finite")
    return number


def _build_dataclass(annotation: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    hints = typing.get_type_hints(annotation)
    fields = {}
    for field in dataclasses.fields(annotation):
        if field.name in value:
            fields[field.name] = _build(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING:
            raise ResultsError(f"{where}.{field.name} is missing from the measurement")
    return annotation(**fields)


def _wrong(where: str, expected: str, found: object) -> ResultsError:
    return ResultsError(f"{where}: expected {expected}, found {type(found).__name__}")
