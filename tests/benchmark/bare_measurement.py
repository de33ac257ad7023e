"""A measurement with nothing measured, for tests that fill in what they are about."""

from __future__ import annotations

from edgeq.benchmark.measured_host import Environment
from edgeq.benchmark.measurement import Measurement, RuntimeInfo, VariantInfo

BARE = Measurement(
    session="s1",
    variant=VariantInfo("mobile", "int8", "mobile.int8.tflite", "int8", "int8", "0" * 64, 400, 100),
    baseline="float32",
    threads=1,
    inputs={"image": "int8[1]"},
    runtime=RuntimeInfo("litert", "2.3.0", "litert-2.3.0-xnnpack-x86_64", "XNNPACK", 1, 1),
    environment=Environment(
        device="test machine",
        device_id="d1",
        started_at="2026-01-01T00:00:00+00:00",
        cpu="cpu",
        cores=2,
        architecture="x86_64",
        governor=None,
        frequency_mhz=None,
        load_1m=None,
        os="Linux",
        python="3.11",
        numpy="2",
        edgeq="0.1.0",
    ),
    latency=None,
    accuracy=None,
    peak_memory_bytes=None,
    provenance={},
)
