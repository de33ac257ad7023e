"""A file that runs piece by piece computes what it computes in one go."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.errors import ModelError
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.weights.stepwise import StepwiseRun


def read_first(model, operator):
    return int(model.graph.operators[operator].inputs[0])


def values(batches):
    return np.concatenate([batch.values[: batch.count] for batch in batches])


@pytest.mark.parametrize("variant", ["float32", "int8", "int16x8"])
def test_every_operator_reads_what_it_reads_in_a_whole_run(variant, request, images):
    content = request.getfixturevalue(variant)
    model, whole = EditableModel(content), LocalModel(content)
    stepwise = StepwiseRun(model, {"image": images[:12]}, 5)
    names = [model.name(read_first(model, place)) for place in range(len(model.graph.operators))]
    expected = whole.activations(sorted(set(names)), {"image": images[:12]})
    for place, name in enumerate(names):
        found = values(stepwise.before(place, read_first(model, place))).astype(np.float32)
        quantization = model.graph.tensors[read_first(model, place)].quantization
        if quantization is not None and quantization.scale is not None:
            found = (found - quantization.zeroPoint[0]) * np.float32(quantization.scale[0])
        np.testing.assert_allclose(found, expected[name], atol=1e-5)


def test_changed_constants_count_from_then_on(int8, images):
    model = EditableModel(int8)
    stepwise = StepwiseRun(model, {"image": images[:4]}, 4)
    before = values(stepwise.before(3, read_first(model, 3)))
    weights = int(model.graph.operators[3].inputs[1])
    model.set_constant(weights, np.zeros(model.shape(weights)))
    after = values(stepwise.before(4, read_first(model, 4)))
    assert np.all(after == after[:1, :1, :1])
    # Going back runs everything again, and comes to the same.
    np.testing.assert_array_equal(values(stepwise.before(3, read_first(model, 3))), before)


def test_a_file_that_cannot_be_stopped_midway_runs_from_its_beginning(int8, images):
    expected_model = EditableModel(int8)
    expected = values(
        StepwiseRun(expected_model, {"image": images[:4]}, 2).before(6, read_first(expected_model, 6))
    )
    model = EditableModel(int8)
    model.model.subgraphs.append(EditableModel(int8).graph)
    stepwise = StepwiseRun(model, {"image": images[:4]}, 2)
    stepwise.before(4, read_first(model, 4))
    np.testing.assert_array_equal(values(stepwise.before(6, read_first(model, 6))), expected)


def test_the_last_batch_counts_only_its_items(int8, images):
    model = EditableModel(int8)
    batches = StepwiseRun(model, {"image": images[:7]}, 3).before(5, read_first(model, 5))
    assert [(batch.start, batch.count, len(batch.values)) for batch in batches] == [
        (0, 3, 3),
        (3, 3, 3),
        (6, 1, 3),
    ]


def test_items_of_another_input_are_refused(int8, images):
    with pytest.raises(ModelError, match="expected values for the input 'image'"):
        StepwiseRun(EditableModel(int8), {"other": images[:2]}, 1)
