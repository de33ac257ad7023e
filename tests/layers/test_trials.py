"""What is tried about a layer, on the demo's int8 file, whose layer ``rescale`` has two operators."""

from __future__ import annotations

import pytest

from edgeq.bundle import Bundle
from edgeq.layers.plans import Layer, Planner
from edgeq.layers.structure import INT16, KEEP_FLOAT, LayerCost
from edgeq.layers.subject import file_layers, read_subject
from edgeq.layers.trials import Trials


@pytest.fixture(scope="module")
def costs(demo: Bundle) -> dict[Layer, LayerCost]:
    path = demo.folder / "fashion_mnist.float32.tflite"
    subject = read_subject("demo", "int8", path, demo.folder / "fashion_mnist.int8.tflite")
    operators: dict[Layer, LayerCost] = {
        layer.index: LayerCost(
            layer.index, layer.index, layer.name, layer.operator, layer.output, (), "int8", 10, 40, layer.macs
        )
        for layer in file_layers(subject.floats, subject.float_model)
    }
    image = LayerCost(None, None, "image", "INPUT", "image", (), "int8", 0, 0, 0)
    return {"image": image} | operators


@pytest.fixture(scope="module")
def trials(demo: Bundle, costs: dict[Layer, LayerCost]) -> Trials:
    path = demo.folder / "fashion_mnist.float32.tflite"
    subject = read_subject("demo", "int8", path, demo.folder / "fashion_mnist.int8.tflite")
    planner = Planner(subject.float_model, subject.recipes, subject.grids)
    return Trials(subject, planner, costs, {})


def test_a_layer_of_several_operators_is_kept_in_float_as_a_whole(
    trials: Trials, costs: dict[Layer, LayerCost]
) -> None:
    whole = {index for index, cost in costs.items() if cost.name == "rescale"}
    stem = {index for index, cost in costs.items() if cost.name == "stem"}
    assert len(whole) == 2
    for index in whole:
        alone, together = [trial for trial in trials.of(index, None) if trial.kind == KEEP_FLOAT]
        assert (alone.treatment.floats, alone.names) == (whole, ("rescale",))
        assert (together.treatment.floats, together.names) == (whole | stem, ("rescale", "stem"))
        assert alone.extra_bytes == 60
        assert alone.sentence == "keep rescale in float32"


def test_every_name_is_said_once(trials: Trials) -> None:
    for layer in ("image", *range(16)):
        for trial in trials.of(layer, None):
            assert len(set(trial.names)) == len(trial.names)
            assert trial.sentence.count("rescale") <= 1


def test_an_input_goes_with_the_whole_layer_that_reads_it(trials: Trials) -> None:
    kinds = {trial.kind: trial for trial in trials.of("image", None)}
    assert kinds[KEEP_FLOAT].sentence == "keep the input and rescale in float32"
    assert kinds[INT16].names == ("image", "rescale")
    assert kinds[INT16].treatment.wide > {"image"}
