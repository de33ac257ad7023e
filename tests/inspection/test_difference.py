"""Two files compared: real ones, and inspections made from them."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.demo import assets
from edgeq.errors import ModelError
from edgeq.inspection.constant_digests import constant_digests
from edgeq.inspection.difference import compare_files
from edgeq.inspection.inspecting import inspect_file
from edgeq.inspection.layer_pairs import pair_layers
from edgeq.inspection.structure import Inspection
from edgeq.tflite.model import read_model


def demo(scheme: str) -> Path:
    return assets.bundle_path() / f"fashion_mnist.{scheme}.tflite"


@pytest.fixture(scope="module")
def float32() -> Inspection:
    return inspect_file(demo("float32"), run=False)


@pytest.fixture(scope="module")
def int8() -> Inspection:
    return inspect_file(demo("int8"), run=False)


@pytest.fixture
def altered(tmp_path):
    """The int8 file with one byte of a layer's weights changed."""
    path = tmp_path / "altered.tflite"
    shutil.copy(demo("int8"), path)
    model = read_model(path)
    graph = model.subgraphs[0]
    layer = next(one for one in graph.operators if one.name == "FULLY_CONNECTED")
    weights = graph.tensors[layer.inputs[1]]
    content = bytearray(path.read_bytes())
    content[model.buffers[weights.buffer].start] ^= 1
    path.write_bytes(content)
    return path


def test_a_file_is_the_same_as_itself(int8):
    digests = constant_digests(demo("int8"))
    difference = compare_files(int8, int8, old_contents=digests, new_contents=digests)
    assert difference.same_bytes
    assert difference.same_structure
    assert difference.unchanged == len(int8.layers)


def test_schemes_differ_in_layers_that_are_still_the_same_ones(float32, int8):
    difference = compare_files(float32, int8)
    assert (difference.added, difference.removed, difference.unchanged) == ((), (), 0)
    assert [change.old.name for change in difference.changed] == [layer.name for layer in float32.layers]
    assert {change.old.name: change.new.name for change in difference.changed} == {
        layer.name: layer.name for layer in float32.layers
    }
    stem = next(change for change in difference.changed if change.old.name == "stem")
    assert set(stem.fields) == {"version", "precision", "output", "weights", "size"}
    values = {change.name: (change.old, change.new) for change in difference.values}
    assert values["scheme"] == ("float32", "int8")
    assert values["file_bytes"] == (float32.file_bytes, int8.file_bytes)
    assert "macs" not in values
    assert [(change.role, change.fields) for change in difference.tensors] == [
        ("input", ("dtype", "quantization")),
        ("output", ("dtype", "quantization")),
    ]
    assert {change.operator for change in difference.operators} == {use.operator for use in int8.operators}


def test_conversions_at_both_ends_are_added_layers(int8):
    difference = compare_files(int8, inspect_file(demo("int8-io-float32"), run=False))
    assert [layer.operator for layer in difference.added] == ["QUANTIZE", "DEQUANTIZE"]
    assert difference.removed == ()
    assert {(change.operator, change.old) for change in difference.operators} == {
        ("QUANTIZE", None),
        ("DEQUANTIZE", None),
    }


def test_one_changed_weight_is_found_in_its_layer(int8, altered):
    other = inspect_file(altered, run=False)
    contents = constant_digests(demo("int8")), constant_digests(altered)
    difference = compare_files(int8, other, old_contents=contents[0], new_contents=contents[1])
    assert not difference.same_bytes
    assert not difference.same_structure
    (change,) = difference.changed
    assert (change.old.name, change.fields) == ("logits", ("content",))
    assert change.constants == (change.old.constants[0].tensor,)


def test_without_contents_one_changed_weight_is_not_seen_and_that_is_said(int8, altered):
    difference = compare_files(int8, inspect_file(altered, run=False))
    assert difference.same_structure
    assert not difference.contents_compared


def test_a_comparison_the_other_way_round_is_the_mirror_image(int8):
    other = inspect_file(demo("int8-io-float32"), run=False)
    there, back = compare_files(int8, other), compare_files(other, int8)
    assert there.added == back.removed
    assert [(one.name, one.old, one.new) for one in there.values] == [
        (one.name, one.new, one.old) for one in back.values
    ]


def test_a_model_with_other_names_is_still_compared_layer_by_layer(int8):
    renamed = dataclasses.replace(
        int8,
        layers=tuple(dataclasses.replace(layer, name=f"node{layer.index}") for layer in int8.layers),
        sha256="0" * 64,
    )
    difference = compare_files(int8, renamed)
    assert (difference.added, difference.removed) == ((), ())
    assert all(change.fields == ("name",) for change in difference.changed)
    assert all(change.old.index == change.new.index for change in difference.changed)


def test_renamed_inputs_are_compared_by_position(int8):
    renamed = dataclasses.replace(int8, inputs=(dataclasses.replace(int8.inputs[0], name="picture"),))
    (change,) = compare_files(int8, renamed).tensors
    assert (change.name, change.fields) == ("image", ("name",))


def test_inputs_in_another_order_are_the_same_ones(int8):
    second = dataclasses.replace(int8.inputs[0], name="mask", shape=(1, 5))
    one = dataclasses.replace(int8, inputs=(int8.inputs[0], second))
    other = dataclasses.replace(int8, inputs=(second, int8.inputs[0]))
    assert compare_files(one, other).tensors == ()


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_every_layer_is_paired_once_or_alone(data):
    layers = inspect_file(demo("int8"), run=False).layers
    names = st.sampled_from(["a", "b", "c"])
    old = [
        dataclasses.replace(layer, index=index, name=data.draw(names))
        for index, layer in enumerate(data.draw(st.lists(st.sampled_from(layers), max_size=12)))
    ]
    new = [
        dataclasses.replace(layer, index=index, name=data.draw(names))
        for index, layer in enumerate(data.draw(st.lists(st.sampled_from(layers), max_size=12)))
    ]
    pairs, removed, added = pair_layers(old, new)
    assert sorted([one.index for one, _ in pairs] + [one.index for one in removed]) == list(range(len(old)))
    assert sorted([other.index for _, other in pairs] + [one.index for one in added]) == list(range(len(new)))


def test_digests_of_a_damaged_file_are_a_clear_error(tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(demo("int8").read_bytes()[:5000])
    with pytest.raises(ModelError):
        constant_digests(path)


def test_buffers_that_lie_over_each_other_are_not_hashed_for_ever(monkeypatch):
    import edgeq.inspection.constant_digests as module

    model = read_model(demo("int8"))
    buffers = tuple(
        dataclasses.replace(model.buffers[0], start=start, size=model.file_bytes - start)
        for start in range(len(model.buffers))
    )
    monkeypatch.setattr(module, "read_model", lambda path: dataclasses.replace(model, buffers=buffers))
    assert constant_digests(demo("int8")) is None
