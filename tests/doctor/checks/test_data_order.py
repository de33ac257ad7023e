"""D109: inputs of one shape whose data are exchanged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_cases import array_case, demo_case, demo_images

from edgeq.doctor.checks.data_order import swapped_inputs


@pytest.fixture(scope="session")
def pair_network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Path]:
    """A network of two inputs of one shape, of like or unlike ranges, each trained once."""
    pytest.importorskip("tensorflow")
    from trained import trained_on_pair

    made: dict[bool, Path] = {}

    def make(unlike: bool) -> Path:
        if unlike not in made:
            made[unlike] = trained_on_pair(unlike, tmp_path_factory.mktemp("pair") / "pair.tflite")
        return made[unlike]

    return make


def _case(path: Path, *, unlike: bool, labelled: bool, swapped: bool):
    from trained import pair

    arrays, labels = pair(unlike, 300, seed=2)
    if swapped:
        arrays = {"speed": arrays["height"], "height": arrays["speed"]}
    return array_case(arrays, labels if labelled else None, float32_file=path)


def test_a_model_of_one_input_has_nothing_to_exchange():
    images, labels = demo_images()
    assert not list(swapped_inputs(demo_case(images, labels)))


@pytest.mark.tensorflow
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("unlike", [False, True])
def test_data_of_the_right_inputs_are_fine(unlike, labelled, pair_network):
    case = _case(pair_network(unlike), unlike=unlike, labelled=labelled, swapped=False)
    assert not list(swapped_inputs(case))


@pytest.mark.tensorflow
@pytest.mark.parametrize(("unlike", "labelled"), [(False, True), (True, True), (True, False)])
def test_exchanged_data_are_found_by_labels_or_by_unlike_ranges(unlike, labelled, pair_network):
    case = _case(pair_network(unlike), unlike=unlike, labelled=labelled, swapped=True)
    (finding,) = swapped_inputs(case)
    assert finding.details["order"] == {"speed": "height", "height": "speed"}
    assert ("labelled items are right" in finding.message) == labelled


@pytest.mark.tensorflow
def test_inputs_alike_without_labels_cannot_be_told_apart(pair_network):
    case = _case(pair_network(False), unlike=False, labelled=False, swapped=True)
    assert not list(swapped_inputs(case))


@pytest.mark.tensorflow
def test_labels_that_are_chance_prove_nothing(pair_network):
    case = _case(pair_network(False), unlike=False, labelled=True, swapped=True)
    labels = np.random.default_rng(5).permutation(case.dataset.labels)
    shuffled = {name: case.dataset.raw(name, range(300)) for name in ("speed", "height")}
    assert not list(swapped_inputs(array_case(shuffled, labels, float32_file=case.float32_file)))
