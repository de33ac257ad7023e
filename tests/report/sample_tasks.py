"""The same night with models of other tasks: what is written of rates, amounts, classes and outputs without labels."""

from __future__ import annotations

import base64
import dataclasses

import numpy as np
from sample_measurements import change, night

from edgeq.benchmark.measurement import Accuracy, ClassScore, Estimate, Fidelity, Measurement, Metric

IMAGES = 500
VOC = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "dining table", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

# By variant: how much worse it is, and how far its outputs are from the baseline's.
LOSS = {"float32": 0.0, "float16": -0.02, "dynamic": 0.21, "int8": 0.46, "int8-io-float32": 0.48}
SQNR = {"float32": None, "float16": 68.4, "dynamic": 31.2, "int8": 21.7, "int8-io-float32": 21.7}
COSINE = {
    "float32": None,
    "float16": 0.99999993,
    "dynamic": 0.99962,
    "int8": 0.99667,
    "int8-io-float32": 0.99667,
}


def regression(**options) -> list[Measurement]:
    """A model that predicts a number: MAE, RMSE and R²; of the first two, less is better."""
    return _with(_regression, "housing", options)


def segmentation(**options) -> list[Measurement]:
    """A model with a class for every pixel: mean IoU of all images at once, and more classes than a matrix shows."""
    return _with(_segmentation, "deeplab", options)


def detection(**options) -> list[Measurement]:
    """A model with two outputs and COCO's many metrics, none of single items."""
    return _with(_detection, "ssd", options)


def comparison_only(**options) -> list[Measurement]:
    """A model whose outputs mean nothing to edgeq."""
    return _with(_comparison, "embedder", options)


def clothes(**options) -> list[Measurement]:
    """A classifier with ten classes and its whole confusion matrix."""
    return _with(_clothes, "clothes", options)


def with_primary(measurement: Measurement, **changes) -> Measurement:
    """The measurement with another value, drop or name of its primary metric."""
    assert measurement.accuracy is not None
    primary, *further = measurement.accuracy.metrics
    return change(measurement, accuracy__metrics=(dataclasses.replace(primary, **changes), *further))


def packed_values(values: np.ndarray) -> str:
    """Values of the items as a measurement holds them."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def errors(name: str) -> np.ndarray:
    """float64[IMAGES]: absolute errors around 0.41, slightly larger for a variant that lost something."""
    base = 0.1 + 0.62 * (np.arange(IMAGES) * 0.6180339887 % 1)
    wobble = 0.01 * np.cos(np.arange(IMAGES) * (1 + 10 * abs(LOSS[name])))
    return base * (1 + LOSS[name] / 100) + (wobble if LOSS[name] else 0)


def _with(make, model: str, options: dict) -> list[Measurement]:
    options = {"threads": (1,), **options}
    return [change(one, accuracy=make(one.variant.name), variant__model=model) for one in night(**options)]


def _accuracy(name: str, task: str, **fields) -> Accuracy:
    fidelity = () if SQNR[name] is None else (Fidelity("output", SQNR[name], COSINE[name]),)
    values = {
        "n": IMAGES,
        "excluded": 100,
        "data_digest": f"{task}-data",
        "task": task,
        "metrics": (),
        "agreement": None,
        "sqnr_db": SQNR[name],
        "correct": None,
        "fidelity": fidelity,
    }
    return Accuracy(**{**values, **fields})


def _drop(name: str, factor: float, half: float) -> Estimate | None:
    if name == "float32":
        return None
    loss = factor * LOSS[name]
    return Estimate(loss, loss - half, loss + half, IMAGES)


def _metric(name: str, key: str, label: str, value: float, **options) -> Metric:
    """A metric whose baseline has that value; `factor` says how much of `LOSS` hits it."""
    factor, half = options.pop("factor", 1.0), options.pop("half", 0.31)
    is_rate, higher = options.get("is_rate", True), options.get("higher_is_better", True)
    loss = factor * LOSS[name] / 100 * (1 if is_rate else abs(value))
    value += -loss if higher else loss
    spread = 0.02 if is_rate else 0.04 * abs(value)
    return Metric(
        key,
        label,
        Estimate(value, value - spread, value + spread, IMAGES),
        drop=_drop(name, factor, half),
        p_value=None if name == "float32" else round(max(0.0004, 0.9 - 2 * abs(factor * LOSS[name])), 4),
        **options,
    )


def _regression(name: str) -> Accuracy:
    amount = {"is_rate": False, "higher_is_better": False}
    metrics = (
        _metric(name, "mae", "MAE", 0.4117, **amount),
        _metric(name, "rmse", "RMSE", 0.5304, factor=1.2, **amount),
        _metric(name, "r2", "R²", 0.8312, is_rate=False, factor=0.4),
    )
    return _accuracy(name, "regression", metrics=metrics, item_values=packed_values(errors(name)))


def _segmentation(name: str) -> Accuracy:
    metrics = (
        _metric(name, "miou", "mean IoU", 0.7214),
        _metric(name, "pixel_accuracy", "pixel accuracy", 0.9312, factor=0.3, half=0.1),
    )
    spread = np.arange(len(VOC)) * 0.6180339887 % 1
    scores = tuple(
        ClassScore(
            label, 12_000 + 7_919 * index % 90_000, {"iou": 0.5 + 0.45 * place - LOSS[name] * place / 12}
        )
        for index, (label, place) in enumerate(zip(VOC, spread, strict=True))
    )
    lost = round(1000 * LOSS[name])
    confusion = tuple(
        tuple(
            90_000 - lost if row == column else (row * 37 + column * 101) % 800 + lost // 20
            for column in range(len(VOC))
        )
        for row in range(len(VOC))
    )
    return _accuracy(name, "segmentation", metrics=metrics, classes=scores, confusion=confusion)


def _detection(name: str) -> Accuracy:
    labels = {
        "map": ("mAP", 0.3712), "map50": ("mAP@50", 0.5631), "map75": ("mAP@75", 0.3987),
        "map_small": ("mAP of small objects", 0.1712), "map_medium": ("mAP of medium objects", 0.4012),
        "map_large": ("mAP of large objects", 0.5423),
    }  # fmt: skip
    metrics = tuple(_metric(name, key, label, value) for key, (label, value) in labels.items())
    scores = tuple(
        ClassScore(
            f"class {index}", 10 + index, {"ap": 0.2 + 0.006 * index - 0.01 * LOSS[name] * (index % 7)}
        )
        for index in range(80)
    )
    fidelity = ()
    if SQNR[name] is not None:
        fidelity = (
            Fidelity("boxes", SQNR[name] + 4, COSINE[name]),
            Fidelity("scores", SQNR[name] - 3, COSINE[name] - 0.001),
        )
    return _accuracy(name, "detection", metrics=metrics, classes=scores, fidelity=fidelity, skipped=3)


def _comparison(name: str) -> Accuracy:
    return _accuracy(name, "comparison")


def _clothes(name: str) -> Accuracy:
    metrics = (
        _metric(name, "top1", "top-1", 0.9312),
        _metric(name, "top5", "top-5", 0.9981, factor=0.1, half=0.1),
    )
    lost = round(20 * LOSS[name])
    confusion = tuple(
        tuple(
            400 + 5 * row - lost * (row % 3)
            if row == column
            else (row * 7 + column * 3) % 11 + lost * (column == 6)
            for column in range(10)
        )
        for row in range(10)
    )
    scores = tuple(
        ClassScore(
            label,
            sum(confusion[index]),
            {
                "recall": confusion[index][index] / sum(confusion[index]),
                "precision": confusion[index][index] / sum(line[index] for line in confusion),
            },
        )
        for index, label in enumerate(CLOTHES)
    )
    agreement = None if name == "float32" else Estimate(0.985, 0.97, 0.992, IMAGES)
    return _accuracy(
        name, "classification", metrics=metrics, classes=scores, confusion=confusion, agreement=agreement
    )
