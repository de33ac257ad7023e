"""Analyses of layers, made by hand: what views are tested with."""

from __future__ import annotations

import dataclasses
import math

from edgeq.layers.structure import (
    FINE_TUNE,
    INT16,
    KEEP_FLOAT,
    KeptFloat,
    LayerAnalysis,
    LayerCost,
    Remedy,
)

HOSTILE = "</script><script>alert(1)</script>[bold red]\x1b[31m\u202eevil\n" + "x" * 300


def layer(index: int | None, name: str, operator: str, **values) -> LayerCost:
    defaults = {
        "index": index,
        "quantized_index": index,
        "name": name,
        "operator": operator,
        "output": f"model/{name}/out",
        "output_shape": (1, 14, 14, 32),
        "dtype": "int8",
        "size_bytes": 0,
        "float_bytes": 0,
        "macs": 0,
        "n": 64,
    }
    return LayerCost(**(defaults | values))


def clothes() -> LayerAnalysis:
    """A small network whose second layer does most of the harm."""
    keep = Remedy(
        KEEP_FLOAT,
        "keep depthwise_1 in float32",
        27.92,
        7.58,
        1,
        64,
        "0.9 kB more, and a conversion before and after it: about 4 µs",
        921,
    )
    wide = Remedy(
        INT16, "give depthwise_1 16-bit activations", 26.4, 6.06, 2, 64, "runs undelegated, slower", 0
    )
    tune = Remedy(
        FINE_TUNE, "fine-tune the model with quantization in the loop", None, None, None, 0, "", None
    )
    return LayerAnalysis(
        subject="clothes",
        variant="int8",
        n=64,
        items_source="64 items that the bundle was calibrated on",
        sqnr_db=20.34,
        changed=3,
        simulated_sqnr_db=20.6,
        simulation_error_db=31.2,
        layers=(
            layer(None, "image", "INPUT", quantized_index=None, sqnr_db=math.inf, error_share=0.0, relative_error=0.0,
                  changed=0, rank=4),
            layer(0, "conv_1", "CONV_2D", size_bytes=1_200, float_bytes=4_800, macs=903_168, sqnr_db=34.1,
                  sqnr_interval_db=(33.42, 34.85),
                  error_share=0.052, relative_error=0.02, changed=0, own_sqnr_db=38.0, saturation=0.0002,
                  latency_us=11.9, latency_share=0.246, rank=2),
            layer(1, "depthwise_1", "DEPTHWISE_CONV_2D", size_bytes=320, float_bytes=1_280, macs=56_448, sqnr_db=21.7,
                  sqnr_interval_db=(20.9, 22.6),
                  error_share=0.931, relative_error=0.082, changed=2, own_sqnr_db=19.2, saturation=0.031,
                  latency_us=3.4, latency_share=0.07, rank=1, remedies=(keep, wide, tune)),
            layer(2, "pool", "MEAN", dtype="int8", latency_us=0.4, latency_share=0.008, problem="no scale is known",
                  n=0),
            layer(3, "scores", "FULLY_CONNECTED", size_bytes=90_000, float_bytes=360_000, macs=1_280,
                  sqnr_db=39.0, sqnr_interval_db=(38.1, 40.04), error_share=0.0169, relative_error=0.011, changed=0,
                  own_sqnr_db=40.2, saturation=0.0, latency_us=32.6, latency_share=0.675, rank=3),
        ),
        kept_float=(
            KeptFloat(("depthwise_1",), 27.92, 1, 64, 921),
            KeptFloat(("depthwise_1", "conv_1"), 33.5, 0, 64, 4_521),
        ),
        latency_us=48.3,
        profile_source="LiteRT's profiler, litert 2.3.0, 1 thread, 200 runs",
        notes=("1 % of the time goes to operators that belong to no layer",),
    )  # fmt: skip


def lone() -> LayerAnalysis:
    """A lone file: time and size only."""
    return LayerAnalysis(
        subject="model.tflite",
        variant="model.tflite",
        n=0,
        items_source="",
        sqnr_db=None,
        changed=None,
        simulated_sqnr_db=None,
        simulation_error_db=None,
        layers=(
            layer(0, "conv", "CONV_2D", quantized_index=None, float_bytes=None, size_bytes=4_800, macs=903_168, n=0,
                  latency_us=1_190.0, latency_share=0.9),
            layer(1, "relu", "RELU", quantized_index=None, float_bytes=None, n=0, latency_us=132.2, latency_share=0.1),
        ),
        latency_us=1_322.2,
        profile_source="every operator measured alone, tflite-runtime 2.14.0, 2 threads, 200 runs",
    )  # fmt: skip


def repeated() -> LayerAnalysis:
    """A lone file with a layer of two operators, each faster than that of the layer between them."""
    return dataclasses.replace(
        lone(),
        layers=(
            layer(0, "norm", "MEAN", size_bytes=10, float_bytes=None, n=0, latency_us=0.35, latency_share=0.35),
            layer(1, "conv", "CONV_2D", size_bytes=60, macs=55, float_bytes=None, n=0, latency_us=0.3,
                  latency_share=0.3),
            layer(2, "norm", "MUL", size_bytes=40, macs=20, float_bytes=None, n=0, latency_us=0.35,
                  latency_share=0.35),
        ),
        latency_us=1.0,
    )  # fmt: skip


def hostile() -> LayerAnalysis:
    """Names and sentences that steer a terminal or a browser."""
    remedy = Remedy(KEEP_FLOAT, f"keep {HOSTILE} in float32", math.nan, -math.inf, None, 0, HOSTILE, None)
    return LayerAnalysis(
        subject=HOSTILE,
        variant=HOSTILE,
        n=1,
        items_source=HOSTILE,
        sqnr_db=-math.inf,
        changed=None,
        simulated_sqnr_db=math.nan,
        simulation_error_db=None,
        layers=(
            layer(0, HOSTILE, HOSTILE, output=HOSTILE, dtype=HOSTILE, rank=1, error_share=1.0, sqnr_db=-math.inf,
                  own_sqnr_db=math.nan, saturation=math.nan, remedies=(remedy,), problem=HOSTILE),
            layer(1, "\udcff", "", rank=2, error_share=0.0, sqnr_db=math.inf),
        ),
        profile_source=HOSTILE,
        latency_us=0.0,
        notes=(HOSTILE,),
    )  # fmt: skip
