from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.tflite.model import Quantization, read_buffer, read_model
from edgeq.tflite.schema import dtype_name, operator_name


def test_a_file_and_its_content_read_the_same(signed, tmp_path):
    (tmp_path / "net.tflite").write_bytes(signed)
    assert read_model(tmp_path / "net.tflite") == read_model(signed)


def test_the_graph_of_a_small_network_is_all_there(signed):
    model = read_model(signed)
    (graph,) = model.subgraphs
    assert (model.version, model.description, model.file_bytes) == (3, "MLIR Converted.", len(signed))
    assert [operator.name for operator in graph.operators] == [
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
        "SUB",
        "TANH",
        "FULLY_CONNECTED",
    ]
    assert [graph.tensors[index].shape for index in graph.inputs] == [(1, 32), (1, 32)]
    assert {graph.tensors[index].shape for index in graph.outputs} == {(1, 64), (1, 3)}
    assert {"min_runtime_version", "CONVERSION_METADATA"} <= model.metadata.keys()
    (signature,) = model.signatures
    assert signature.key == "serving_default"
    assert {graph.tensors[index].shape for index in signature.outputs.values()} == {(1, 64), (1, 3)}


def test_weights_are_constants_with_a_scale_for_each_channel_and_activations_are_not(signed):
    (graph,) = read_model(signed).subgraphs
    last = graph.operators[-1]
    weights, activation = graph.tensors[last.inputs[1]], graph.tensors[last.inputs[0]]
    assert (weights.dtype, weights.shape, weights.buffer_bytes, weights.is_constant) == (
        "int8",
        (3, 64),
        192,
        True,
    )
    assert len(weights.quantization.scales) == 3
    assert weights.quantization.zero_points == (0, 0, 0)
    assert weights.quantization.dimension == 0
    assert (activation.buffer_bytes, activation.is_constant) == (0, False)
    assert isinstance(activation.quantization, Quantization)
    assert len(activation.quantization.scales) == 1


def test_the_content_of_a_buffer_is_read_on_demand(signed):
    model = read_model(signed)
    (graph,) = model.subgraphs
    weights = graph.tensors[graph.operators[-1].inputs[1]]
    values = np.frombuffer(read_buffer(signed, model, weights.buffer), np.int8)
    assert values.size == 3 * 64
    # Symmetric quantization by channel reaches the end of the range in every channel.
    assert np.abs(values.reshape(3, 64)).max(axis=1).tolist() == [127, 127, 127]


def test_everything_read_is_what_the_generated_code_of_the_runtime_reads(signed):
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    theirs, ours = schema.ModelT.InitFromPackedBuf(signed), read_model(signed)
    assert len(theirs.subgraphs) == len(ours.subgraphs)
    for their_graph, our_graph in zip(theirs.subgraphs, ours.subgraphs, strict=True):
        assert tuple(their_graph.inputs) == our_graph.inputs
        assert tuple(their_graph.outputs) == our_graph.outputs
        for their_tensor, our_tensor in zip(their_graph.tensors, our_graph.tensors, strict=True):
            assert their_tensor.name.decode() == our_tensor.name
            assert tuple(their_tensor.shape) == our_tensor.shape
            assert their_tensor.buffer == our_tensor.buffer
            scales = their_tensor.quantization.scale if their_tensor.quantization else None
            ours_scales = our_tensor.quantization.scales if our_tensor.quantization else ()
            assert tuple(scales if scales is not None else ()) == ours_scales
        for their_operator, our_operator in zip(their_graph.operators, our_graph.operators, strict=True):
            assert tuple(their_operator.inputs) == our_operator.inputs
            assert tuple(their_operator.outputs) == our_operator.outputs
            assert theirs.operatorCodes[their_operator.opcodeIndex].version == our_operator.version
    for their_buffer, our_buffer in zip(theirs.buffers, ours.buffers, strict=True):
        content = b"" if their_buffer.data is None else bytes(their_buffer.data)
        assert content == signed[our_buffer.start : our_buffer.start + our_buffer.size]


def test_the_names_of_the_installed_runtime_are_known():
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    for number, name in _members(schema.BuiltinOperator):
        assert operator_name(number) == name
    for number, name in _members(schema.TensorType):
        assert dtype_name(number) == name.lower()


def _members(enumeration: type) -> list[tuple[int, str]]:
    return [(number, name) for name, number in vars(enumeration).items() if isinstance(number, int)]


def test_unknown_operators_and_types_still_have_a_name():
    assert operator_name(4711) == "OP_4711"
    assert dtype_name(99) == "type_99"


@pytest.fixture
def custom(unsigned) -> bytes:
    """The network with its TANH as an operator of TensorFlow and its SUB as one of the future."""
    flatbuffers = pytest.importorskip("flatbuffers")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(unsigned)
    tanh, sub = schema.BuiltinOperator.TANH, schema.BuiltinOperator.SUB
    for code in model.operatorCodes:
        if code.builtinCode == tanh:
            code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, "FlexErf"
            code.deprecatedBuiltinCode = code.builtinCode
        elif code.builtinCode == sub:
            code.builtinCode, code.deprecatedBuiltinCode = 4711, 127
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_custom_and_unknown_operators_are_read(custom):
    (graph,) = read_model(custom).subgraphs
    assert [operator.name for operator in graph.operators][2:4] == ["OP_4711", "FlexErf"]
    unknown, flex = graph.operators[2:4]
    assert (flex.custom_code, flex.is_flex) == ("FlexErf", True)
    assert (unknown.custom_code, unknown.is_flex) == (None, False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads its memory from /proc")
def test_a_large_file_is_read_without_its_weights(signed, tmp_path):
    path = tmp_path / "large.tflite"
    with path.open("wb") as stream:
        stream.write(signed)
        stream.truncate(2**30)
    code = """
import re, sys
from pathlib import Path
from edgeq.tflite.model import read_model

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = peak()
model = read_model(Path(sys.argv[1]))
assert model.file_bytes == 2**30
print(peak() - before)
"""
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 10_000


@pytest.mark.tensorflow
def test_subgraphs_of_a_loop_are_read(convert):
    model = read_model(convert("recurrent", "float32"))
    assert len(model.subgraphs) == 3
    assert "WHILE" in {operator.name for operator in model.subgraphs[0].operators}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["two_inputs", "frozen"])
def test_the_files_kept_with_the_tests_are_what_the_converter_makes(convert, name):
    kept = read_model((Path(__file__).parent / "data" / f"{name}.int8.tflite").read_bytes())
    made = read_model(convert(name, "int8"))
    assert [operator.name for operator in kept.subgraphs[0].operators] == [
        operator.name for operator in made.subgraphs[0].operators
    ]
    assert [signature.inputs.keys() for signature in kept.signatures] == [
        signature.inputs.keys() for signature in made.signatures
    ]
