"""Inspections made by hand: an int8 network with a float island, its float32 form, and a hostile file."""

from __future__ import annotations

import dataclasses
from collections import Counter

from edgeq.inspection.structure import (
    Constant,
    FloatIsland,
    Inspection,
    Layer,
    OperatorUse,
    Run,
    RuntimeSupport,
)
from edgeq.report.inspection.document import ACTIVATION, WEIGHTS, Document, FileView, Histogram
from edgeq.tflite.io import TensorInfo
from edgeq.tflite.metadata import Metadata
from edgeq.tflite.model import Signature

LABELS = tuple(f"class {index}" for index in range(10))


def constant(name, dtype, shape, bytes_each, *, role="weights", scales=0, dimension=None):
    elements = 1
    for size in shape:
        elements *= size
    scale = {"least_scale": 0.00123, "largest_scale": 0.0345} if scales > 1 else {}
    if scales == 1:
        scale = {"least_scale": 0.00123, "largest_scale": 0.00123}
    return Constant(
        tensor=name,
        role=role,
        dtype=dtype,
        shape=shape,
        size_bytes=elements * bytes_each,
        scales=scales,
        dimension=dimension,
        **({"least_scale": None, "largest_scale": None} | scale),
    )


def convolution(index, name, channels, inputs, size, *, quantized, delegated=True):
    dtype, width = ("int8", 1) if quantized else ("float32", 4)
    shape = (channels, 3, 3, inputs)
    kernel = constant(
        f"{name}/kernel",
        dtype,
        shape,
        width,
        scales=channels if quantized else 0,
        dimension=0 if quantized else None,
    )
    bias = constant(f"{name}/bias", "int32" if quantized else "float32", (channels,), 4, role="bias")
    return Layer(
        subgraph=0,
        index=index,
        name=name,
        operator="CONV_2D",
        version=3 if quantized else 1,
        kind="builtin",
        precision=dtype,
        output=f"{name}/out",
        output_shape=(1, size, size, channels),
        output_dtype=dtype,
        constants=(kernel, bias),
        size_bytes=kernel.size_bytes + bias.size_bytes,
        macs=size * size * channels * inputs * 9,
        delegated=delegated,
    )


def plain(index, name, operator, dtype, shape, *, version=1, kind="builtin", precision=None, delegated=True):
    return Layer(
        subgraph=0,
        index=index,
        name=name,
        operator=operator,
        version=version,
        kind=kind,
        precision=precision or dtype,
        output=f"{name}/out",
        output_shape=shape,
        output_dtype=dtype,
        constants=(),
        size_bytes=0,
        macs=0,
        delegated=delegated,
    )


def dense(index, name, *, quantized, dtype=None):
    dtype, width = ("int8", 1) if quantized else (dtype or "float32", 4)
    weights = constant(f"{name}/kernel", dtype, (10, 64), width, scales=1 if quantized else 0)
    return dataclasses.replace(
        plain(
            index,
            name,
            "FULLY_CONNECTED",
            "int8" if quantized else "float32",
            (1, 10),
            version=4 if quantized else 1,
        ),
        constants=(weights,),
        size_bytes=weights.size_bytes,
        macs=640,
    )


def uses(layers):
    groups = {}
    for layer in layers:
        groups.setdefault((layer.operator, layer.kind), []).append(layer)
    found = [
        OperatorUse(
            operator=operator,
            versions=tuple(sorted({layer.version for layer in members})),
            kind=kind,
            count=len(members),
            precisions=dict(Counter(layer.precision for layer in members)),
            size_bytes=sum(layer.size_bytes for layer in members),
            macs=sum(layer.macs for layer in members),
        )
        for (operator, kind), members in groups.items()
    ]
    return tuple(sorted(found, key=lambda use: -use.count))


def inspection(layers, **changes):
    weights = sum(layer.size_bytes for layer in layers)
    values = {
        "name": "photos.tflite",
        "file_bytes": weights + 4_321,
        "sha256": "0123456789abcdef" * 4,
        "schema_version": 3,
        "description": "MLIR Converted.",
        "inputs": (TensorInfo("image", 0, (1, 28, 28, 3), "float32", None, None, (-1, 28, 28, 3)),),
        "outputs": (TensorInfo("scores", 9, (1, 10), "float32", None, None, (-1, 10)),),
        "signatures": (Signature("serving_default", {"image": 0}, {"scores": 9}, 0),),
        "layers": tuple(layers),
        "operators": uses(layers),
        "scheme": "float32",
        "weights": "float32",
        "activations": "float32",
        "claimed_scheme": None,
        "islands": (),
        "weight_bytes": weights,
        "arena_bytes": 50_176,
        "metadata": Metadata(),
        "metadata_names": ("min_runtime_version",),
        "min_runtime_version": "1.14.0",
        "runtimes": (
            RuntimeSupport("LiteRT", "1.0.1", True, ""),
            RuntimeSupport("tflite-runtime", "2.5.0", True, ""),
        ),
        "run": Run("litert", "2.3.0", "XNNPACK", len(layers), len(layers), 1, 53_000, None),
        "warnings": (),
    }
    return Inspection(**{**values, **changes})


def float32():
    layers = [
        convolution(0, "stem", 16, 3, 28, quantized=False),
        convolution(1, "block1/conv1", 32, 16, 14, quantized=False),
        convolution(2, "block1/conv2", 64, 32, 14, quantized=False),
        plain(3, "block1/activation", "HARD_SWISH", "float32", (1, 14, 14, 64)),
        plain(4, "pool", "MEAN", "float32", (1, 64)),
        dense(5, "logits", quantized=False),
        plain(6, "scores", "SOFTMAX", "float32", (1, 10)),
    ]
    return inspection(layers, name="photos.float32.tflite", claimed_scheme="float32")


def int8():
    layers = [
        convolution(0, "stem", 16, 3, 28, quantized=True),
        convolution(1, "block1/conv1", 32, 16, 14, quantized=True),
        convolution(2, "block1/conv2", 64, 32, 14, quantized=True),
        plain(
            3, "block1/dequantize", "DEQUANTIZE", "float32", (1, 14, 14, 64), version=2, precision="converts"
        ),
        plain(4, "block1/activation", "FlexElu", "float32", (1, 14, 14, 64), kind="flex", delegated=False),
        plain(
            5,
            "block1/quantize",
            "QUANTIZE",
            "int8",
            (1, 14, 14, 64),
            version=1,
            precision="converts",
            delegated=False,
        ),
        plain(6, "pool", "MEAN", "int8", (1, 64), version=2),
        dense(7, "logits", quantized=True),
        plain(8, "scores", "SOFTMAX", "int8", (1, 10), version=2),
    ]
    return inspection(
        layers,
        name="photos.int8.tflite",
        sha256="fedcba9876543210" * 4,
        scheme=None,
        claimed_scheme="int8",
        weights="int8",
        activations="mixed",
        inputs=(TensorInfo("image", 0, (1, 28, 28, 3), "int8", 1 / 255, -128, (-1, 28, 28, 3)),),
        outputs=(TensorInfo("scores", 9, (1, 10), "int8", 1 / 256, -128, (-1, 10)),),
        islands=(
            FloatIsland(
                ((0, 4),),
                ("block1/conv2/out",),
                ("block1/quantize/out",),
                "FlexElu has no integer form, so the converter left it in float.",
            ),
        ),
        arena_bytes=13_000,
        metadata=Metadata(LABELS, (127.5,), (127.5,)),
        metadata_names=("TFLITE_METADATA", "min_runtime_version"),
        min_runtime_version="2.3.0",
        runtimes=(
            RuntimeSupport("LiteRT", None, False, "FlexElu needs the Flex delegate, which LiteRT has not"),
            RuntimeSupport("LiteRT with Flex", "2.0.0", True, ""),
            RuntimeSupport("TensorFlow Lite Micro", None, None, "FlexElu may be added by the app"),
        ),
        run=Run("litert", "2.3.0", "XNNPACK", 7, 9, 2, None, None),
        warnings=("the name says int8, and 1 of 9 operators computes in float32",),
    )


HOSTILE = "[red]\x1b[2J</script><script>alert(1)</script>\u202e\n'\"&[/red]"


def hostile():
    evil = int8()
    layers = tuple(
        dataclasses.replace(
            layer,
            name=HOSTILE + layer.name,
            operator=HOSTILE if index == 0 else layer.operator,
            kind="custom" if index == 0 else layer.kind,
            output_dtype=HOSTILE,
            precision=HOSTILE,
            output_shape=(1,) * 1000,
            constants=tuple(
                dataclasses.replace(
                    one, tensor=HOSTILE, dtype=HOSTILE, role=HOSTILE, largest_scale=float("nan")
                )
                for one in layer.constants
            ),
        )
        for index, layer in enumerate(evil.layers)
    )
    return dataclasses.replace(
        evil,
        name=HOSTILE,
        description=HOSTILE,
        inputs=(dataclasses.replace(evil.inputs[0], name=HOSTILE, dtype=HOSTILE, scale=float("inf")),),
        signatures=(Signature(HOSTILE, {HOSTILE: 0}, {}, 0),),
        layers=layers,
        operators=uses(layers),
        weights=HOSTILE,
        activations=HOSTILE,
        islands=(FloatIsland(((0, 4), (9, 9)), (HOSTILE,), (HOSTILE,), HOSTILE),),
        metadata=Metadata((HOSTILE,), (float("nan"),), (1e300,)),
        metadata_names=(HOSTILE,),
        min_runtime_version=HOSTILE,
        runtimes=(RuntimeSupport(HOSTILE, HOSTILE, False, HOSTILE),),
        run=Run(HOSTILE, HOSTILE, HOSTILE, 0, 0, 0, 0, HOSTILE),
        warnings=(HOSTILE,),
    )


def long_model(count=100):
    layers = [
        convolution(index, f"stage{index // 20}/block{index}/conv", 8, 8, 8, quantized=True)
        for index in range(count)
    ]
    return inspection(layers, name="long.tflite", scheme="int8", weights="int8", activations="int8")


def histograms():
    counts = (0, 1, 5, 20, 80, 200, 310, 220, 90, 30, 8, 1)
    edges = tuple(-0.6 + 0.1 * index for index in range(13))
    weights = Histogram(
        WEIGHTS, "stem", "stem/kernel", "int8", sum(counts), 0, -0.512, 0.581, 0.0021, 0.134, counts, edges
    )
    clipped = Histogram(
        ACTIVATION, "stem", "stem/out", "int8", 802_816, 0, -1.0, 2.4, 0.31, 0.5,
        (700_000, 90_000, 12_000, 816), (-1.0, 0.0, 0.8, 1.6, 2.4), 0.0, 0.031,
    )  # fmt: skip
    empty = Histogram(
        ACTIVATION, "scores", "scores/out", "float32", 0, 640, 0, 0, 0, 0, (0,), (0.0, 1.0), 0, 0
    )
    return weights, clipped, empty


def document(*inspections, **changes):
    return Document(tuple(FileView(one.name, one) for one in inspections), **changes)


def with_histograms():
    return Document((FileView("photos.int8.tflite", int8(), histograms(), 64),))
