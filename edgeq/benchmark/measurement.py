"""The measurement: one variant on one device with one runtime and thread count, and its JSON form.

Format history (the number is ``schema`` in every line of JSON Lines):

* 1: first version; classification alone.
* 2: ``accuracy`` has a task and a list of metrics instead of ``top1``, ``top5`` and ``drop_pp``.
* 3: a measurement may be of another machine: ``environment`` says how it was reached, whether it is emulated and what
  state it was in; ``parity``, ``invalid`` and ``latency.sustained`` are new; times that a device's own tool does not
  tell are null.

A reader takes any measurement of a known schema, also of a scheme that it does not know, ignores keys
that it does not know, and refuses a newer schema by naming it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.typed_json import build
from edgeq.errors import ResultsError

SCHEMA = 3


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
        name: ``litert`` or ``tflite-runtime``; ``tensorflow-lite`` in an Android app.
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
class SustainedMinute:
    """One minute of inferences without a pause.

    Attributes:
        minute: from 1.
        median_ms: of the minute.
        n: inferences in it.
        temperature_c: at its end; None where not readable.
        frequency_mhz: of the fastest core at its end; None where not readable.
        throttled: what ``vcgencmd get_throttled`` says at its end; None where there is none.
        seconds: its length; the last one may be shorter than the others.
    """

    minute: int
    median_ms: float
    n: int
    temperature_c: float | None
    frequency_mhz: float | None
    throttled: int | None
    seconds: float = 60.0


@dataclass(frozen=True)
class Latency:
    """Times of one variant in milliseconds.

    Attributes:
        load_ms: making the interpreter and allocating its tensors; None where the device's tool does not tell.
        first_ms: the first inference, which still initialises; None where the device's tool does not tell.
        median: median of the steady state with a block-bootstrap interval.
        p90_ms: 90th percentile; None where the device's tool does not tell.
        p95_ms: 95th percentile; None where the device's tool does not tell.
        min_ms: fastest run.
        mean_ms: mean.
        chunks_ms: every raw sample, by chunk, in the order measured. Chunks with one index were measured
            in the same round for every variant of a session: they are pairs. On a phone, whose tool tells no single
            times, one sample is what it tells of one of its runs, see `statistic`.
        ratio: latency divided by the baseline's, paired by round; None for the baseline and a lone file.
        verdict: ``faster``, ``slower`` or ``no significant difference`` than the baseline; None like ratio.
        statistic: what one sample is: ``inference``, or ``median`` or ``mean`` of a run of the device's own tool.
        sustained: median of each minute of inferences without a pause; empty where not asked for.
    """

    load_ms: float | None
    first_ms: float | None
    median: Estimate
    p90_ms: float | None
    p95_ms: float | None
    min_ms: float
    mean_ms: float
    chunks_ms: tuple[tuple[float, ...], ...]
    ratio: Estimate | None
    verdict: str | None
    statistic: str = "inference"
    sustained: tuple[SustainedMinute, ...] = ()


@dataclass(frozen=True)
class Metric:
    """One number that says how good a variant is, and how much of the baseline's it lost.

    Attributes:
        key: stable name in lower case, as gates and columns use it: ``top1``, ``miou``, ``mae``.
        label: as people write it: ``top-1``, ``mean IoU``, ``MAE``.
        value: the metric. Rates are between 0 and 1.
        is_rate: whether it is a rate, shown in percent and lost in percentage points; else it is an amount such
            as an error, which changes in percent of the baseline's.
        higher_is_better: its direction.
        drop: how much worse than the baseline, paired by item, in `drop_unit`; positive where the variant is
            worse, whatever the direction. None for the baseline and a lone file.
        p_value: of the paired test that nothing was lost or won; None like drop.
    """

    key: str
    label: str
    value: Estimate
    is_rate: bool = True
    higher_is_better: bool = True
    drop: Estimate | None = None
    p_value: float | None = None

    @property
    def drop_unit(self) -> str:
        """``pp`` for rates, ``%`` of the baseline's value for amounts."""
        return "pp" if self.is_rate else "%"


@dataclass(frozen=True)
class Fidelity:
    """How close one output is to the baseline's, over all items together.

    Attributes:
        output: name of the output.
        sqnr_db: signal to quantization noise ratio in decibels.
        cosine: mean over the items of the cosine between the two outputs; None where one is zero everywhere.
    """

    output: str
    sqnr_db: float
    cosine: float | None


@dataclass(frozen=True)
class ClassScore:
    """One class in the per-class table.

    Attributes:
        name: of the class.
        n: items (or objects, or pixels) of the class in the validation set.
        metrics: shares between 0 and 1 by key: recall and precision of a classifier, IoU, AP.
    """

    name: str
    n: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Accuracy:
    """Quality on the validation set.

    Attributes:
        n: items measured.
        excluded: items left out because the variant was calibrated on them.
        data_digest: digest over the items and their labels: only equal digests are compared.
        task: what the model does: ``classification``, ``detection``, …; ``comparison`` where the outputs are only
            compared with the baseline's.
        metrics: the first is what the drop and the recommendation refer to; empty without labels.
        agreement: share on which the answer (top-1) equals the baseline's; None for the baseline and where
            outputs are no answers.
        sqnr_db: signal to quantization noise of all outputs together against the baseline's, in decibels.
        correct: base64 of the packed bits that say which item was right, for paired comparisons of two
            results; None without labels and where items are not right or wrong.
        skipped: items left out because they cannot be read.
        fidelity: of each output, against the baseline's; empty for the baseline.
        item_values: base64 of float32[n], the first metric of each item where it is a mean over items; for paired
            comparisons of two results. None otherwise.
        classes: the per-class table; empty where there are no classes.
        confusion: items by class (rows) and answer (columns); empty where there are no classes or too many.
    """

    n: int
    excluded: int
    data_digest: str
    task: str
    metrics: tuple[Metric, ...]
    agreement: Estimate | None
    sqnr_db: float | None
    correct: str | None
    skipped: int = 0
    fidelity: tuple[Fidelity, ...] = ()
    item_values: str | None = None
    classes: tuple[ClassScore, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()

    @property
    def primary(self) -> Metric | None:
        """The metric that the drop and the recommendation refer to; None without labels."""
        return self.metrics[0] if self.metrics else None

    def metric(self, key: str) -> Metric | None:
        """The metric of that key; None where it was not measured."""
        return next((metric for metric in self.metrics if metric.key == key), None)


@dataclass(frozen=True)
class Parity:
    """Whether a device computes what the bundle recorded.

    Attributes:
        n: recorded inputs that were run.
        passed: whether the outputs are what they must be.
        same_kernels: whether the kernel path is the recorded one, so that the bits must be equal.
        recorded_kernel_path: what computed the recorded outputs.
        differing: share of the variant's output values that differ from the recorded ones, between 0 and 1.
        largest_difference: of them, in steps of the integer type; None for float outputs.
        sqnr_db: against the float model's outputs, in decibels.
        least_sqnr_db: that is asked for where the kernels are others.
        agreement: share of inputs on which top-1 equals the float model's; None where the model does not classify.
        least_agreement: that is asked for where the kernels are others; None like agreement.
    """

    n: int
    passed: bool
    same_kernels: bool
    recorded_kernel_path: str
    differing: float
    largest_difference: int | None
    sqnr_db: float
    least_sqnr_db: float
    agreement: float | None
    least_agreement: float | None


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
        parity: whether the device computes what the bundle recorded; None where nothing is recorded.
        invalid: why its times must not be compared, such as throttling; None where they may.
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
    parity: Parity | None = None
    invalid: str | None = None
    schema: int = SCHEMA

    @property
    def is_baseline(self) -> bool:
        """Whether ratio, agreement and drop of the session refer to this variant."""
        return self.baseline == self.variant.name

    @property
    def times_are_comparable(self) -> bool:
        """Whether its times may be compared at all: not those of an emulated CPU or of a throttled one."""
        return self.invalid is None and self.environment.emulator is None


def reached(measurements: Sequence[Measurement], how: str) -> tuple[Measurement, ...]:
    """Measurements of a machine with how it was reached, see `Environment.reached_by`."""
    return tuple(
        dataclasses.replace(one, environment=dataclasses.replace(one.environment, reached_by=how))
        for one in measurements
    )


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
    if schema == 1:
        value = _from_schema_1(value)
    if schema < SCHEMA:
        value = {**value, "schema": SCHEMA}
    measurement = build(Measurement, value, "measurement")
    assert isinstance(measurement, Measurement)  # noqa: S101 - narrows the type for mypy
    return measurement


def _from_schema_1(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A measurement of schema 1, whose accuracy was of a classifier, as one of schema 2."""
    accuracy = value.get("accuracy")
    if not isinstance(accuracy, dict):
        return value
    metrics: list[dict[str, Any]] = [
        {"key": key, "label": label, "value": accuracy[key]}
        for key, label in (("top1", "top-1"), ("top5", "top-5"))
        if accuracy.get(key) is not None
    ]
    if metrics and accuracy.get("drop_pp") is not None:
        metrics[0]["drop"] = accuracy["drop_pp"]
    task = "classification" if metrics or accuracy.get("agreement") is not None else "comparison"
    return {**value, "accuracy": {**accuracy, "task": task, "metrics": metrics}}
