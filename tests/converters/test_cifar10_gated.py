from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

CONVERTERS = Path(__file__).parents[2] / "converters"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(CONVERTERS))
    import cifar10_gated

    return cifar10_gated


def test_images_are_moved_by_four_pixels_at_most_and_seeded(script):
    images = np.arange(32 * 32, dtype=np.uint16).reshape(1, 32, 32, 1).repeat(3, axis=3) % 251
    images, classes = images.astype(np.uint8).repeat(5, axis=0), np.arange(5)
    first, again = (next(iter(script.epochs(images, classes))) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert sorted(first[1]) == [0, 1, 2, 3, 4]
    assert first[0].shape == (5, 32, 32, 3)
    centre = script.real_values(images[0, 8:24, 8:24])
    for moved in first[0]:
        found = [
            np.array_equal(side[8 + dy : 24 + dy, 8 + dx : 24 + dx], centre)
            for side in (moved, moved[:, ::-1])
            for dy in range(-4, 5)
            for dx in range(-4, 5)
        ]
        assert any(found)


@pytest.mark.tensorflow
@pytest.mark.parametrize("gate", ["hard_swish", "silu"])
def test_the_weights_are_of_the_network_that_the_script_trains(script, gate):
    import keras

    facts = json.loads((script.trained_folder(gate) / "training.json").read_text(encoding="utf-8"))
    trained, fresh = script.model(gate), script.network(keras, gate)
    assert trained.count_params() == fresh.count_params() == facts["parameters"]
    assert [layer.name for layer in trained.layers] == [layer.name for layer in fresh.layers]
    assert facts["epochs"] == script.RECIPE.epochs
