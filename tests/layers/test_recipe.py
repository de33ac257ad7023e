"""What variants do to networks of many kinds, and whether the simulation of it is what the real files compute."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgeq.benchmark.accuracy_statistics import SQNR_LIMIT_DB
from edgeq.bundle import Bundle
from edgeq.data.dataset import ArrayDataset
from edgeq.layers.analysis import analyse_layers
from edgeq.layers.structure import LayerAnalysis

Converter = Callable[..., Bundle]

pytestmark = pytest.mark.tensorflow


def analysed(convert_model: Converter, name: str, scheme: str) -> LayerAnalysis:
    import odd_models

    model, items = odd_models.build(name)
    bundle = convert_model(model, items, scheme)
    return analyse_layers(bundle, data=ArrayDataset(items, source="items"), profile=False, suspects=1)


# To the bit here, on XNNPACK; less is left to other kernels.
@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("two_inputs", "int8"),
        ("two_inputs", "int16x8"),
        ("two_inputs", "dynamic"),
        ("tokens", "int8"),
        ("normalized", "int8"),
        ("concatenated", "int8"),
        ("shared", "int8"),
        ("decoder", "int8"),
        ("decoder", "int16x8"),
    ],
)
def test_the_simulation_is_what_the_real_file_computes(
    convert_model: Converter, name: str, scheme: str
) -> None:
    found = analysed(convert_model, name, scheme)
    assert found.sqnr_db is not None
    assert found.simulation_error_db is not None
    assert found.simulation_error_db > found.sqnr_db + 6
    assert not [layer for layer in found.layers if layer.problem]


def test_what_only_moves_values_on_one_grid_adds_no_error(convert_model: Converter) -> None:
    found = analysed(convert_model, "concatenated", "int8")
    by_operator = {layer.operator: layer for layer in found.layers}
    assert by_operator["MAX_POOL_2D"].sqnr_db == by_operator["RESHAPE"].sqnr_db == SQNR_LIMIT_DB
    assert by_operator["MAX_POOL_2D"].error_share == 0


def test_a_layer_that_is_used_twice_is_two_layers(convert_model: Converter) -> None:
    found = analysed(convert_model, "shared", "int8")
    convolutions = [layer for layer in found.layers if layer.operator == "CONV_2D"]
    assert len(convolutions) == 2
    assert convolutions[0].sqnr_db != convolutions[1].sqnr_db


def test_both_inputs_are_layers_and_both_outputs_count(convert_model: Converter) -> None:
    found = analysed(convert_model, "two_inputs", "int8")
    assert {layer.name for layer in found.layers if layer.operator == "INPUT"} == {"left", "right"}
    assert found.changed is None


def test_a_loop_is_listed_and_not_measured(convert_model: Converter) -> None:
    found = analysed(convert_model, "looped", "dynamic")
    (loop,) = (layer for layer in found.layers if layer.operator == "WHILE")
    assert loop.rank is None
    assert "other subgraphs" in loop.problem
    assert any("could not be measured" in note for note in found.notes)


def test_a_variant_that_does_not_run_is_simulated(convert_model: Converter) -> None:
    # SQUARED_DIFFERENCE has no 16-bit kernel, which only running the file tells.
    found = analysed(convert_model, "normalized", "int16x8")
    assert found.sqnr_db is None
    assert found.simulated_sqnr_db is not None
    assert found.ranked[0].sqnr_db is not None
    assert any("own file does not run here" in note for note in found.notes)
