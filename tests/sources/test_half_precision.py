from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tiny_models

from edgeq.sources import keras_model
from edgeq.sources.graph import Dimensions

pytestmark = pytest.mark.tensorflow


def half_model(policy: str) -> Any:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return tiny_models.dense(dtype="float32")
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "mixed_bfloat16", "bfloat16"])
def test_a_model_of_half_precision_is_fed_float32_and_says_in_what_it_computed(policy: str) -> None:
    graph = keras_model.from_model(half_model(policy), Dimensions())
    assert graph.inputs[0].dtype == "float32"
    assert graph.frozen.source_dtype == policy.removeprefix("mixed_")
    assert graph.own_sqnr_db < 60


def test_a_model_of_float32_has_no_noise_of_its_own() -> None:
    graph = keras_model.from_model(tiny_models.dense(), Dimensions())
    assert graph.frozen.source_dtype == "float32"
    assert graph.own_sqnr_db == np.inf


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_a_model_of_half_precision_becomes_float32_files(
    policy: str, convert: Callable[..., Any], run: Callable[..., dict[str, Any]]
) -> None:
    model = half_model(policy)
    bundle = convert(model, schemes=("float32",)).bundle
    (variant,) = bundle.manifest.variants
    assert [tensor.dtype for tensor in (*variant.inputs, *variant.outputs)] == ["float32", "float32"]
    features = np.linspace(-1, 1, 8, dtype=np.float32)[None]
    expected = tiny_models.outputs(model, {"features": features}).astype(np.float32)
    assert np.allclose(run(bundle, "float32", {"features": features})["scores"], expected, atol=0.02)
