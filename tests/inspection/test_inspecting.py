from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hand_made import Graph, tflite

import edgeq.demo
from edgeq.errors import ModelError, UsageError
from edgeq.inspection.inspecting import inspect_file
from edgeq.inspection.structure import Inspection

BUNDLE = Path(edgeq.demo.__file__).parent / "bundle"


def _demo(name: str, *, run: bool = False) -> Inspection:
    return inspect_file(BUNDLE / f"fashion_mnist.{name}.tflite", run=run)


@pytest.fixture
def inspect(tmp_path):
    """Inspects a file made by hand."""

    def inspect_graph(graph: Graph, *, name: str = "model.tflite", run: bool = False, **fields) -> Inspection:
        path = tmp_path / name
        path.write_bytes(tflite(graph, **fields))
        return inspect_file(path, run=run)

    return inspect_graph


def _integer_model(*, float_layer: str = "") -> Graph:
    """int8 additions, and a layer in float between them where one is named."""
    graph = Graph()
    scale = {"scales": [0.1]}
    last = graph.tensor("x", (1, 8), "int8", **scale)
    graph.inputs = [last]
    for number in range(4):
        result = graph.tensor(f"sum{number}", (1, 8), "int8", **scale)
        graph.operator("ADD", (last, last), result, version=2)
        last = result
        if number == 1 and float_layer:
            before, after = graph.tensor("before", (1, 8)), graph.tensor("after", (1, 8))
            again = graph.tensor("again", (1, 8), "int8", **scale)
            graph.operator("DEQUANTIZE", (last,), before, version=2)
            graph.operator(float_layer, (before,) if float_layer == "NEG" else (before, before), after)
            graph.operator("QUANTIZE", (after,), again, version=2)
            last = again
    graph.outputs = [last]
    return graph


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"])
def test_every_variant_of_the_demo_is_what_its_name_claims(name):
    found = _demo(name)
    path = BUNDLE / f"fashion_mnist.{name}.tflite"
    assert found.claimed_scheme == found.scheme == name.partition("-")[0]
    assert (found.name, found.file_bytes) == (path.name, path.stat().st_size)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.warnings == ()
    assert found.islands == ()
    # Counted by hand: 6 convolutions, 5 depthwise ones, one dense layer.
    assert found.macs == 3_675_744
    assert sum(layer.size_bytes for layer in found.layers) == found.weight_bytes
    assert found.run is None
    assert {layer.delegated for layer in found.layers} == {None}


def test_layers_have_their_names_precision_and_constants():
    found = {layer.name: layer for layer in _demo("int8").layers}
    stem = found["stem"]
    assert (stem.operator, stem.precision, stem.kind) == ("CONV_2D", "int8", "builtin")
    weights, bias = stem.constants
    assert (weights.role, weights.dtype, weights.dimension) == ("weights", "int8", 0)
    assert weights.scales == weights.shape[0]
    assert weights.least_scale is not None
    assert weights.largest_scale is not None
    assert 0 < weights.least_scale < weights.largest_scale
    assert (bias.role, bias.dtype) == ("bias", "int32")
    assert stem.size_bytes == weights.size_bytes + bias.size_bytes


def test_expanded_weights_belong_to_the_layer_that_computes():
    found = _demo("float16")
    assert {layer.size_bytes for layer in found.layers if layer.operator == "DEQUANTIZE"} == {0}
    stem = next(layer for layer in found.layers if (layer.name, layer.operator) == ("stem", "CONV_2D"))
    assert [constant.dtype for constant in stem.constants] == ["float16", "float16"]
    assert stem.precision == "float32"


def test_dynamic_range_layers_are_told_from_those_that_stayed_in_float():
    precisions = {use.operator: dict(use.precisions) for use in _demo("dynamic").operators}
    assert precisions["CONV_2D"] == {"int8 weights": 5, "float32": 1}
    assert precisions["FULLY_CONNECTED"] == {"int8 weights": 1}


def test_the_operators_are_counted_the_most_frequent_first():
    uses = _demo("int8").operators
    assert [use.count for use in uses] == sorted((use.count for use in uses), reverse=True)
    assert sum(use.count for use in uses) == 16
    assert sum(use.macs for use in uses) == 3_675_744


def test_a_run_tells_which_layers_the_delegate_took():
    found = _demo("dynamic", run=True)
    assert found.run is not None
    assert found.run.error is None
    taken = [layer for layer in found.layers if layer.delegated]
    assert found.run.delegated == len(taken) == 14
    assert (found.run.operators, found.run.partitions) == (16, 3)
    # As measured: dynamic-range depthwise convolutions run in the runtime's own kernels.
    left = [layer for layer in found.layers if layer.delegated is False]
    assert {(layer.operator, layer.precision) for layer in left} == {("DEPTHWISE_CONV_2D", "int8 weights")}
    assert found.run.arena_bytes is not None
    assert found.run.arena_bytes >= found.arena_bytes


def test_16_bit_activations_are_not_delegated():
    found = _demo("int16x8", run=True)
    assert found.run is not None
    assert (found.run.delegate, found.run.delegated, found.run.partitions) == ("none", 0, 0)
    assert {layer.delegated for layer in found.layers} == {False}


def test_old_runtimes_are_named_with_what_they_lack():
    support = {item.runtime: item for item in _demo("dynamic").runtimes}
    assert support["LiteRT"].runs is True
    assert support["tflite-runtime"].runs is False
    assert "FULLY_CONNECTED version 12" in support["tflite-runtime"].reason
    assert support["TensorFlow Lite for Android"].runs is False
    assert all(item.runs for item in _demo("int8").runtimes)


def test_the_version_that_the_converter_wrote_is_what_the_table_says():
    assert _demo("int8").min_runtime_version == "1.14.0"
    least = {item.runtime: item.least_version for item in _demo("int8").runtimes}
    assert least["TensorFlow Lite for Android"] == "1.14.0"


def test_types_ask_for_newer_runtimes_than_the_versions_that_the_converter_wrote():
    found = _demo("int16x8")
    assert [use.versions for use in found.operators if use.operator == "CONV_2D"] == [(3,)]
    assert found.min_runtime_version == "1.6.0"
    least = {item.runtime: item.least_version for item in found.runtimes}
    # Of MEAN and ADD on int16; CONV_2D on int16 came with 2.3.
    assert least["TensorFlow Lite for Android"] == "2.4.0"


@pytest.mark.parametrize(
    ("layer", "cause"), [("NEG", "no integer form of NEG"), ("ADD", "'after' has no scale")]
)
def test_a_float_island_has_its_borders_and_its_cause(inspect, layer, cause):
    found = inspect(_integer_model(float_layer=layer), name="model.int8.tflite")
    (island,) = found.islands
    assert [found.layers[index].operator for _, index in island.layers] == [layer]
    assert (island.entries, island.exits) == (("sum1",), ("after",))
    assert cause in island.cause
    assert (found.scheme, found.claimed_scheme, found.activations) == (None, "int8", "mixed")
    assert any("name says int8" in text and "1 of its 5 operators" in text for text in found.warnings)
    assert any("left in float" in text for text in found.warnings)


def test_conversions_at_the_ends_are_no_island(inspect):
    assert inspect(_integer_model()).islands == ()
    assert _demo("int8-io-float32").islands == ()


def test_a_claim_that_is_false_is_warned_of(tmp_path):
    path = tmp_path / "clothes_full_integer_quant.tflite"
    shutil.copy(BUNDLE / "fashion_mnist.float32.tflite", path)
    found = inspect_file(path, run=False)
    assert found.claimed_scheme == "int8"
    assert found.warnings == ("the file's name says int8, and it is float32: convert it again, or rename it",)


def test_flex_and_custom_operators_are_warned_of(inspect):
    graph = Graph()
    x, y, z = (graph.tensor(name, (1, 4)) for name in "xyz")
    graph.operator("FlexErf", (x,), y)
    graph.operator("MyOperator", (y,), z)
    graph.inputs, graph.outputs = [x], [z]
    found = inspect(graph, run=True)
    assert [layer.kind for layer in found.layers] == ["flex", "custom"]
    assert any("FlexErf" in text and "Flex delegate" in text for text in found.warnings)
    assert any("MyOperator" in text for text in found.warnings)
    assert found.run is not None
    assert found.run.error is not None
    assert {item.runtime: item.runs for item in found.runtimes}["LiteRT"] is False


def test_what_no_release_is_known_to_have_is_unknown(inspect):
    graph = _integer_model()
    graph.operators[0] = ("ADD", 99, *graph.operators[0][2:])
    support = {item.runtime: item for item in inspect(graph).runtimes}
    assert (support["LiteRT"].least_version, support["LiteRT"].runs) == (None, None)
    assert "ADD version 99" in support["LiteRT"].reason
    assert support["tflite-runtime"].runs is False
    tried = {item.runtime: item for item in inspect(graph, run=True).runtimes}
    assert tried["LiteRT"].runs is False
    assert "tried here" in tried["LiteRT"].reason


def test_a_constant_that_layers_share_counts_once(inspect):
    graph = Graph()
    x = graph.tensor("x", (1, 4))
    weights = graph.constant("weights", np.ones((4, 4), np.float32))
    other = graph.tensor("same", (4, 4), buffer=graph.tensors[weights].buffer)
    y, z = graph.tensor("y", (1, 4)), graph.tensor("z", (1, 4))
    graph.operator("FULLY_CONNECTED", (x, weights, -1), y)
    graph.operator("FULLY_CONNECTED", (y, other, -1), z)
    graph.inputs, graph.outputs = [x], [z]
    found = inspect(graph)
    assert [layer.size_bytes for layer in found.layers] == [64, 0]
    assert found.weight_bytes == 64


def test_a_file_without_operators_is_inspected(inspect):
    graph = Graph()
    graph.inputs = graph.outputs = [graph.tensor("x", (1, 4))]
    found = inspect(graph, run=True)
    assert (found.layers, found.operators, found.macs) == ((), (), 0)
    assert any("no operators" in text for text in found.warnings)
    assert found.run is not None


def _dense(features: int, *, version: int = 1) -> Graph:
    """A dense layer for so many features, on an input both of whose dimensions are free."""
    graph = Graph()
    x, y = graph.tensor("x", (1, 1)), graph.tensor("y", (1, 4))
    graph.tensors[x].shapeSignature = graph.tensors[y].shapeSignature = [-1, -1]
    weights = graph.constant("w", np.ones((4, features), np.float32))
    graph.operator("FULLY_CONNECTED", (x, weights, -1), y, version=version)
    graph.inputs, graph.outputs = [x], [y]
    return graph


def _free_warnings(found: Inspection) -> list[str]:
    return [text for text in found.warnings if " free " in text]


def test_free_dimensions_are_warned_of(inspect):
    assert "free dimensions (x)" in _free_warnings(inspect(_dense(1)))[0]


def test_a_free_batch_is_worth_a_word_only_where_operators_were_not_delegated(inspect):
    graph = _integer_model()
    graph.tensors[0].shapeSignature = [-1, 8]
    found = inspect(graph, run=True)
    assert found.run is not None
    assert (found.run.delegate, found.run.delegated) == ("XNNPACK", found.run.operators)
    assert _free_warnings(found) == []
    graph = _integer_model(float_layer="POW")
    graph.tensors[0].shapeSignature = [-1, 8]
    found = inspect(graph, run=True)
    assert found.run is not None
    assert found.run.delegated < found.run.operators
    assert "free batch (x)" in _free_warnings(found)[0]


def test_free_dimensions_are_given_a_usual_size_where_1_is_too_small(inspect):
    assert inspect(_dense(1), run=True).run.free_size is None
    found = inspect(_dense(32), run=True)
    assert (found.run.error, found.run.free_size, found.run.delegated) == (None, 32, 1)
    assert "as 32 in the run here" in _free_warnings(found)[0]


def test_a_file_that_runs_with_no_size_says_which_were_tried(inspect):
    found = inspect(_dense(5), run=True)
    assert found.run.error.endswith("its free dimensions were tried as 1, 32 and 224")
    # No size helps where an operator is missing.
    assert "were tried" not in inspect(_dense(5, version=99), run=True).run.error


def test_free_dimensions_that_would_fill_the_memory_are_left_as_they_are(inspect):
    graph = _dense(5)
    graph.tensors[0].shape, graph.tensors[0].shapeSignature = [1] * 8, [-1] * 8
    found = inspect(graph, run=True)
    assert found.run.error
    assert "were tried" not in found.run.error


def test_a_file_that_crashes_the_runtime_says_so(crashing_model, tmp_path):
    path = tmp_path / "crashing.tflite"
    path.write_bytes(crashing_model)
    found = inspect_file(path)
    assert [layer.operator for layer in found.layers] == ["IF", "IF"]
    assert found.run is not None
    assert "crashed" in str(found.run.error)
    assert any("does not run here" in text for text in found.warnings)


def test_activations_that_no_memory_holds_are_not_tried(inspect):
    graph = Graph()
    x, y = (graph.tensor(name, (1 << 20, 1 << 20)) for name in "xy")
    graph.operator("NEG", (x,), y)
    graph.inputs, graph.outputs = [x], [y]
    found = inspect(graph, run=True)
    assert found.arena_bytes == 2 * 4 * 2**40
    assert found.run is not None
    assert "GB" in str(found.run.error)


def test_a_runtime_that_is_not_installed_is_said_to_be(monkeypatch):
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    found = _demo("int8", run=True)
    assert found.run is not None
    assert "installed" in str(found.run.error)
    assert any("not run here" in text for text in found.warnings)


def test_damaged_metadata_do_not_hide_the_rest(inspect):
    from ai_edge_litert import schema_py_generated as schema

    block = schema.MetadataT()
    block.name, block.buffer = "TFLITE_METADATA", 0
    graph = _integer_model()
    graph.buffers.append(b"nothing of the kind")
    block.buffer = len(graph.buffers) - 1
    found = inspect(graph, metadata=[block])
    assert found.metadata_names == ("TFLITE_METADATA",)
    assert len(found.layers) == 4
    assert any("metadata" in text for text in found.warnings)


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "text.tflite").write_text("no model")
    for path in (tmp_path / "missing.tflite", tmp_path / "text.tflite", tmp_path):
        with pytest.raises(ModelError):
            inspect_file(path)
    with pytest.raises(UsageError):
        inspect_file(BUNDLE / "fashion_mnist.int8.tflite", runtime="pytorch")


@pytest.mark.tensorflow
def test_weights_in_a_loops_body_belong_to_its_layer(recurrent_file):
    found = inspect_file(recurrent_file)
    assert {layer.subgraph for layer in found.layers} == {0, 1, 2}
    inside = [layer for layer in found.layers if layer.subgraph == 2 and layer.macs]
    assert inside
    assert all(layer.delegated is None for layer in inside)
    assert all(layer.constants[0].role == "weights" for layer in inside)


_LSTM_MACS, _STEPS, _DENSE_MACS = 4 * 24 * (16 + 24), 6, 24 * 3
"""Of `recurrent_file`: four gates that see the input and the state."""


@pytest.mark.tensorflow
def test_every_turn_of_a_loop_counts(recurrent_file):
    found = inspect_file(recurrent_file, run=False)
    assert (found.macs, found.macs_at_least) == (_STEPS * _LSTM_MACS + _DENSE_MACS, False)
    assert not any("loop" in text for text in found.warnings)


@pytest.mark.tensorflow
def test_a_loop_whose_turns_are_unknown_is_said_to_count_once(recurrent_file):
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(recurrent_file.read_bytes()))
    for code in content.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.LESS:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LESS_EQUAL
    builder = flatbuffers.Builder(1024)
    builder.Finish(content.Pack(builder), b"TFL3")
    recurrent_file.write_bytes(bytes(builder.Output()))
    found = inspect_file(recurrent_file, run=False)
    assert (found.macs, found.macs_at_least) == (_LSTM_MACS + _DENSE_MACS, True)
    assert any("at least" in text for text in found.warnings)


@pytest.mark.tensorflow
def test_a_loop_is_left_to_the_runtime_and_what_is_around_it_delegated(recurrent_file):
    found = inspect_file(recurrent_file)
    assert {layer.operator: layer.delegated for layer in found.layers if layer.subgraph == 0}[
        "WHILE"
    ] is False
    assert found.run is not None
    assert 0 < found.run.delegated < found.run.operators


@pytest.fixture
def recurrent_file(tmp_path):
    tf = pytest.importorskip("tensorflow")
    import keras

    layers = [keras.Input((6, 16), batch_size=1), keras.layers.LSTM(24), keras.layers.Dense(3)]
    path = tmp_path / "recurrent.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(keras.Sequential(layers)).convert())
    return path
