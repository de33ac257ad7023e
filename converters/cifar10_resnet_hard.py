"""The CIFAR-10 ResNet of ``cifar10_resnet.py`` made hard to quantize: it computes the same, with uneven channels.

``edgeq convert converters/cifar10_resnet_hard.py`` makes a bundle; ``python converters/cifar10_resnet_hard.py --keras
hard.keras`` writes the model as a file.

In every chain of convolution, batch normalization, ReLU and convolution whose results nothing else reads, each channel
of the first convolution is scaled by 2^u, with u uniform from -3 to 3, and the second convolution's weights for that
channel by the inverse. Trained MobileNets have channels of such different sizes (Nagel et al. 2019, arXiv:1906.04721,
figure 2), and one scale of eight bits for all of them leaves few steps to the small ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cifar10_resnet
import command_line
import numpy as np

from edgeq.errors import OutputError

if TYPE_CHECKING:
    import keras

SEED = 0
OCTAVES = 3.0

preprocess = cifar10_resnet.preprocess
labels = cifar10_resnet.labels
data = cifar10_resnet.data
calibration = cifar10_resnet.calibration


def model() -> keras.Model:
    """The network made hard: float32[N, 32, 32, 3] to probabilities float32[N, 10], equal to 1e-5."""
    network = cifar10_resnet.model()
    harden(network)
    return network


def harden(network: keras.Model, seed: int = SEED) -> int:
    """Scales the channels of a network's chains, in its weights; returns how many chains there are."""
    rng = np.random.default_rng(seed)
    count = 0
    for normalization, reader in chains(network):
        factors = np.exp2(rng.uniform(-OCTAVES, OCTAVES, normalization.gamma.shape[0]))
        # Behind the normalization its statistics stay true.
        normalization.gamma.assign(normalization.gamma.numpy() * factors)
        normalization.beta.assign(normalization.beta.numpy() * factors)
        reader.kernel.assign(reader.kernel.numpy() / factors[:, np.newaxis])
        count += 1
    return count


def chains(network: keras.Model) -> Iterator[tuple[Any, Any]]:
    """The batch normalization and the last convolution of each chain, in the order of the network's layers."""
    import keras

    for layer in network.layers:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        normalization = only_reader(layer)
        if not isinstance(normalization, keras.layers.BatchNormalization):
            continue
        gate = only_reader(normalization)
        if not is_relu(gate):
            continue
        reader = only_reader(gate)
        if isinstance(reader, keras.layers.Conv2D) and reader.groups == 1:
            yield normalization, reader


def only_reader(layer: Any) -> Any:
    """The layer that alone reads another's result, or none."""
    readers = [node.operation for node in layer._outbound_nodes]
    return readers[0] if len(readers) == 1 else None


def is_relu(layer: Any) -> bool:
    """Whether a layer is a ReLU without an upper bound, a slope or a threshold."""
    import keras

    if isinstance(layer, keras.layers.Activation):
        return layer.activation is keras.activations.relu
    return isinstance(layer, keras.layers.ReLU) and (
        layer.max_value,
        layer.negative_slope,
        layer.threshold,
    ) == (
        None,
        0,
        0,
    )


def main() -> None:
    """Writes the model as a file."""
    parser = argparse.ArgumentParser(description="Write the CIFAR-10 ResNet that was made hard to quantize.")
    parser.add_argument("--keras", type=Path, metavar="FILE", required=True, help="write the model there")
    options = parser.parse_args()
    path = options.keras
    if path.suffix != ".keras":
        parser.error(f"{path} must end in .keras")
    if path.exists():
        raise OutputError(f"{path} exists: choose another name")
    try:
        model().save(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    command_line.run(main)
