"""F301 and F302."""

from __future__ import annotations

import numpy as np
import pytest

from edgeq.data.dataset import ArrayDataset
from edgeq.doctor.checks.file_runs import does_not_allocate, does_not_run

building = pytest.importorskip("building", exc_type=ImportError)
spoiling = pytest.importorskip("spoiling", exc_type=ImportError)


def test_the_demo_loads_and_runs(demo_case):
    assert list(does_not_allocate(demo_case)) == []
    assert list(does_not_run(demo_case)) == []


def test_a_file_that_crashes_the_runtime_is_found_and_the_crash_named(crashing_model, lone, tmp_path):
    path = tmp_path / "loop.tflite"
    path.write_bytes(crashing_model)
    (finding,) = does_not_allocate(lone(path))
    assert finding.subject == "loop.tflite"
    assert "crashed" in finding.message
    assert list(does_not_run(lone(path))) == []


def test_a_file_that_is_refused_is_found_with_its_operator_and_layer(spoil, lone):
    def other_type(model):
        (dense,) = spoiling.operators(model, "FULLY_CONNECTED")
        spoiling.tensor(model, dense.inputs[2]).type = spoiling.schema.TensorType.INT32

    (finding,) = does_not_allocate(lone(spoil("float32", other_type)))
    assert finding.details["operator"] == "FULLY_CONNECTED"
    assert finding.details["layer"] in finding.message
    assert finding.details["reason"]


def test_a_file_that_is_damaged_after_it_was_opened_is_found(spoil, lone):
    path = spoil("int8", spoiling.without_signatures)
    case = lone(path)
    path.write_bytes(b"TFL3")
    (finding,) = does_not_allocate(case)
    assert "convert the model again" in finding.message
    assert list(does_not_run(case)) == []


def test_a_file_that_fails_on_real_items_only_is_found(lone, tmp_path):
    path = building.gathering(tmp_path / "table.tflite")
    indices = np.arange(16, dtype=np.int32).reshape(-1, 1)
    case = lone(path)
    assert list(does_not_allocate(case)) == []
    assert list(does_not_run(case)) == []
    fed = lone(path)
    fed.dataset = ArrayDataset({"index": indices}, source="indices")
    (finding,) = does_not_run(fed)
    assert finding.details["fed"] == "real items"
    assert "GATHER" in finding.message or "gather" in finding.message
    fed = lone(path)
    fed.dataset = ArrayDataset({"index": indices % 4}, source="indices")
    assert list(does_not_run(fed)) == []


def test_outputs_that_are_nan_are_found(spoil, lone):
    def no_number(model):
        (dense,) = spoiling.operators(model, "FULLY_CONNECTED")
        spoiling.with_constant(model, dense.inputs[2], lambda bias: bias * np.nan, "float32")

    (finding,) = does_not_run(lone(spoil("float32", no_number), with_data=True))
    assert finding.details["items"] == finding.details["of"] > 10
    assert "'class'" in finding.message


def test_infinite_outputs_are_the_model_s_where_float32_has_them_too(spoil, in_bundle):
    def infinite(model):
        (dense,) = spoiling.operators(model, "FULLY_CONNECTED")
        (softmax,) = spoiling.operators(model, "SOFTMAX")
        model.subgraphs[0].operators.remove(softmax)
        spoiling.with_constant(model, dense.inputs[2], lambda bias: bias + np.inf, "float32")
        model.subgraphs[0].outputs = [dense.outputs[0]]
        model.signatureDefs[0].outputs[0].tensorIndex = dense.outputs[0]

    path = spoil("float32", infinite)
    (finding,) = does_not_run(in_bundle("float16", path))
    assert finding.subject == "fashion_mnist.float16.tflite"
    assert list(does_not_run(in_bundle("float32", path))) == []
