"""How the scripts beside this file train: the optimizer, its schedule, and epochs of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from training_files import seeded_keras

if TYPE_CHECKING:
    import keras

WEIGHT_DECAY = 0.01

Arrays = tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]
"""Inputs and what the network should make of them, in the order in which they are trained on."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        seed: of the weights that training begins with.
        epochs: how many.
        batch: items of a step.
        learning_rate: the highest, after the first epoch.
        loss: of Keras, by name, or a function of truth and prediction.
        metrics: that Keras prints.
    """

    seed: int
    epochs: int
    batch: int
    learning_rate: float
    loss: str | Callable[[Any, Any], Any] = "sparse_categorical_crossentropy"
    metrics: tuple[str, ...] = ("accuracy",)


def train(
    network: Callable[[Any], keras.Model], recipe: Recipe, items: int, epochs: Iterable[Arrays]
) -> keras.Model:
    """Trains a network; the last weights are kept, no test item is looked at.

    Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), one epoch of warm-up,
    then a cosine down to zero.

    Args:
        network: makes it with fresh weights, given Keras.
        recipe: how.
        items: of an epoch.
        epochs: the items of each epoch, in their order. They are asked for one by one, after the network is made.

    Returns:
        The network with the trained weights, never compiled.
    """
    keras = seeded_keras(recipe.seed)
    steps = -(-items // recipe.batch)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, (recipe.epochs - 1) * steps, warmup_target=recipe.learning_rate, warmup_steps=steps
    )
    trained = network(keras)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)
    trained.compile(optimizer, loss=recipe.loss, metrics=list(recipe.metrics))
    for epoch, (inputs, wanted) in enumerate(epochs):
        trained.fit(
            inputs,
            wanted,
            batch_size=recipe.batch,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=2,
        )
    bare = network(keras)
    bare.set_weights(trained.get_weights())
    return bare
