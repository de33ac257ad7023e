from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CONVERTERS = Path(__file__).parents[2] / "converters"
SCRIPT = CONVERTERS / "cifar10_resnet_hard.py"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(CONVERTERS)
    import cifar10_resnet_hard

    return cifar10_resnet_hard


@pytest.fixture
def keras():
    pytest.importorskip("tensorflow")
    return pytest.importorskip("keras")


def network(keras):
    """A residual block: one chain, and convolutions that are read twice, bounded, or followed by a sum."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.ReLU()(layers.BatchNormalization(name="twice")(layers.Conv2D(4, 3, padding="same")(image)))
    y = layers.Conv2D(6, 3, padding="same")(x)
    y = layers.Activation("relu")(layers.BatchNormalization(name="chain")(y))
    y = layers.Conv2D(4, 1, name="reader")(y)
    y = layers.Add()([x, layers.BatchNormalization(name="added")(y)])
    y = layers.ReLU(max_value=6)(layers.BatchNormalization(name="bounded")(layers.Conv2D(4, 1)(y)))
    made = keras.Model(image, layers.Conv2D(2, 1)(y))
    rng = np.random.default_rng(0)
    for layer in made.layers:
        if isinstance(layer, layers.BatchNormalization):
            for variable in layer.variables:
                variable.assign(rng.uniform(0.5, 2, variable.shape))
    return made


@pytest.mark.tensorflow
def test_chains_are_made_uneven_and_outputs_stay(script, keras):
    made = network(keras)
    images = np.random.default_rng(1).normal(size=(4, 8, 8, 3)).astype(np.float32)
    old = {layer.name: layer.get_weights() for layer in made.layers}
    outputs = np.asarray(made(images))
    assert script.harden(made) == 1
    new = {layer.name: layer.get_weights() for layer in made.layers}
    changed = {name for name in old if not all(map(np.array_equal, old[name], new[name]))}
    assert changed == {"chain", "reader"}
    factors = new["chain"][0] / old["chain"][0]
    assert factors.min() >= 1 / 8
    assert factors.max() <= 8
    assert factors.max() / factors.min() > 4
    np.testing.assert_allclose(np.asarray(made(images)), outputs, rtol=0, atol=1e-5 * np.abs(outputs).max())


@pytest.mark.tensorflow
def test_a_seed_gives_the_same_network(script, keras):
    one, same, other = (network(keras) for _ in range(3))
    for made, seed in ((one, 0), (same, 0), (other, 1)):
        script.harden(made, seed)
    kernels = [made.get_layer("reader").get_weights()[0] for made in (one, same, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_another_suffix_than_keras_is_refused(tmp_path):
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--keras", str(tmp_path / "hard.h5")], capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert "must end in .keras" in ended.stderr


def test_a_file_that_exists_is_kept(tmp_path):
    path = tmp_path / "hard.keras"
    path.write_text("mine")
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--keras", str(path)], capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert "exists: choose another name" in ended.stderr
    assert path.read_text() == "mine"
