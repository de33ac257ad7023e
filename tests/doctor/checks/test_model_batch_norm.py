"""M204: batch normalization that no layer could take in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("tensorflow")
import model_cases
from keras import layers

pytestmark = pytest.mark.tensorflow


def conv(x: Any, name: str, activation: str | None = None) -> Any:
    return layers.Conv2D(16, 3, padding="same", activation=activation, name=name)(x)


def late(x: Any) -> Any:
    return layers.BatchNormalization(name="late_bn")(x)


def before_activation(_: Any, x: Any) -> Any:
    return layers.ReLU()(late(conv(x, "mid")))


def input_normalization(_: Any, x: Any) -> Any:
    return late(x)


def pre_activation(_: Any, x: Any) -> Any:
    """Two residual blocks in the order of ResNet v2: normalization, ReLU, convolution."""
    for block in ("a", "b"):
        y = x
        for step in ("1", "2"):
            y = conv(layers.ReLU()(layers.BatchNormalization()(y)), block + step)
        x = layers.Add()([x, y])
    return layers.ReLU()(layers.BatchNormalization()(x))


def dense_block(_: Any, x: Any) -> Any:
    for step in range(2):
        y = conv(layers.ReLU()(layers.BatchNormalization()(x)), f"grow{step}")
        x = layers.Concatenate()([x, y])
    return x


def pooled_stem(_: Any, x: Any) -> Any:
    """How a ResNet v2 begins: the pooled stem goes into the first block's normalization."""
    return pre_activation(_, layers.MaxPooling2D()(conv(x, "stem")))


BAD = {
    "behind ReLU": lambda _, x: late(conv(x, "mid", "relu")),
    "behind swish": lambda _, x: late(layers.Activation("swish")(conv(x, "mid"))),
    "behind leaky ReLU": lambda _, x: late(layers.LeakyReLU()(conv(x, "mid"))),
    "behind pooling": lambda _, x: late(layers.MaxPooling2D()(conv(x, "mid", "relu"))),
}
GOOD = {
    "before the activation": before_activation,
    "pre-activation": pre_activation,
    "a dense block": dense_block,
    "a pooled stem": pooled_stem,
    "layer normalization": lambda _, x: layers.LayerNormalization()(x),
    "a scale and no offset": lambda _, x: layers.Rescaling(3.0)(conv(x, "mid", "relu")),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_normalization_that_cannot_be_folded_is_named(change: Any, tmp_path: Path) -> None:
    model = model_cases.trained_statistics(model_cases.convolutional(change))
    (found,) = model_cases.diagnosed(model, tmp_path / "model.keras", None, "M204")
    assert found.finding.details["layers"] == [{"normalization": "late_bn", "follows": "mid"}]


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_normalization_where_it_belongs_is_fine(change: Any, tmp_path: Path) -> None:
    model = model_cases.trained_statistics(model_cases.convolutional(change))
    assert model_cases.diagnosed(model, tmp_path / "model.keras", None, "M204") == []
