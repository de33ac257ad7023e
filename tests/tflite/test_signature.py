from __future__ import annotations

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.errors import ModelError, UsageError
from edgeq.tflite.model import read_buffer, read_model
from edgeq.tflite.signature import add_signature, tensor_indices

# A process of its own: TensorFlow and the runtime are better not loaded into one.
RUN = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(model_path=sys.argv[1])
interpreter.allocate_tensors()
inputs = dict(np.load(sys.argv[2]))
if sys.argv[4] == "by position":
    for detail, name in zip(interpreter.get_input_details(), sorted(inputs)):
        interpreter.set_tensor(detail["index"], inputs[name])
    interpreter.invoke()
    outputs = {
        str(i): interpreter.get_tensor(detail["index"])
        for i, detail in enumerate(interpreter.get_output_details())
    }
else:
    outputs = interpreter.get_signature_runner(sys.argv[4])(**inputs)
np.savez(sys.argv[3], signatures=str(interpreter.get_signature_list()), **outputs)
"""


def _run(folder: Path, content: bytes, how: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    pytest.importorskip("ai_edge_litert")
    (folder / "model.tflite").write_bytes(content)
    np.savez(folder / "in.npz", **inputs)
    files = [str(folder / name) for name in ("model.tflite", "in.npz", "out.npz")]
    subprocess.run([sys.executable, "-c", RUN, *files, how], check=True, capture_output=True)
    return dict(np.load(folder / "out.npz"))


def _named(
    content: bytes, inputs: tuple[str, ...], outputs: tuple[str, ...], key: str = "serving_default"
) -> bytes:
    graph = read_model(content).subgraphs[0]
    return add_signature(
        content, tensor_indices(inputs, graph.inputs), tensor_indices(outputs, graph.outputs), key
    )


def _unpacked(content: bytes) -> Any:
    """Everything in the file, by the runtime's own generated code."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    return _plain(schema.ModelT.InitFromPackedBuf(content))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "__dict__"):
        return {name: _plain(item) for name, item in vars(value).items()}
    return value


@pytest.fixture
def inputs() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: random.integers(-128, 128, (1, 32), np.int8) for name in ("left", "right")}


def test_the_frozen_route_has_no_signature_and_gets_one(unsigned):
    assert read_model(unsigned).signatures == ()
    (signature,) = read_model(_named(unsigned, ("left", "right"), ("hidden", "total"))).signatures
    graph = read_model(unsigned).subgraphs[0]
    assert signature.key == "serving_default"
    assert tuple(signature.inputs.values()) == graph.inputs
    assert tuple(signature.outputs) == ("hidden", "total")


def test_the_runtime_computes_the_same_bits_by_name_as_it_did_by_position(unsigned, tmp_path, inputs):
    before = _run(tmp_path, unsigned, "by position", **inputs)
    assert before["signatures"] == "{}"
    named = _named(unsigned, ("left", "right"), ("hidden", "total"))
    after = _run(tmp_path, named, "serving_default", **inputs)
    assert after["signatures"] == str(
        {"serving_default": {"inputs": ["left", "right"], "outputs": ["hidden", "total"]}}
    )
    assert np.array_equal(after["hidden"], before["0"])
    assert np.array_equal(after["total"], before["1"])


def test_inputs_of_the_same_shape_are_not_swapped(unsigned, tmp_path, inputs):
    straight = _run(
        tmp_path, _named(unsigned, ("left", "right"), ("hidden", "total")), "serving_default", **inputs
    )
    crossed = _run(
        tmp_path,
        _named(unsigned, ("right", "left"), ("hidden", "total")),
        "serving_default",
        left=inputs["right"],
        right=inputs["left"],
    )
    assert np.array_equal(straight["total"], crossed["total"])
    wrong = _run(
        tmp_path, _named(unsigned, ("right", "left"), ("hidden", "total")), "serving_default", **inputs
    )
    assert not np.array_equal(straight["total"], wrong["total"])


def test_everything_but_the_signature_reads_back_equal(unsigned):
    before, after = _unpacked(unsigned), _unpacked(_named(unsigned, ("left", "right"), ("hidden", "total")))
    assert not before.pop("signatureDefs")
    assert len(after.pop("signatureDefs")) == 1
    assert before == after


def test_the_old_file_is_inside_the_new_one_byte_for_byte_and_alignment_stays(unsigned):
    named = _named(unsigned, ("left", "right"), ("hidden", "total"))
    assert named.endswith(unsigned)
    assert (len(named) - len(unsigned)) % 64 == 0
    assert named[4:8] == b"TFL3"


def test_a_second_signature_of_the_same_key_replaces_the_first(signed, tmp_path, inputs):
    renamed = _named(_named(signed, ("x", "y"), ("u", "v")), ("a", "b"), ("c", "d"))
    (signature,) = read_model(renamed).signatures
    assert set(signature.inputs) == {"a", "b"}
    assert _run(tmp_path, renamed, "serving_default", a=inputs["left"], b=inputs["right"]).keys() == {
        "signatures",
        "c",
        "d",
    }


def test_a_signature_of_another_key_stays(signed, tmp_path, inputs):
    both = _named(signed, ("a", "b"), ("c", "d"), key="second")
    first, second = read_model(both).signatures
    assert (first.key, second.key) == ("serving_default", "second")
    assert first == read_model(signed).signatures[0]
    old = _run(tmp_path, both, "serving_default", **inputs)
    new = _run(tmp_path, both, "second", a=inputs["left"], b=inputs["right"])
    # Outputs are in one order in the file; which of the names is which follows from their shapes.
    assert np.array_equal(old["total"], next(new[name] for name in "cd" if new[name].shape == (1, 3)))


def test_metadata_stays_readable(signed):
    model = read_model(signed)
    named = _named(signed, ("a", "b"), ("c", "d"))
    assert "min_runtime_version" in model.metadata
    for name, buffer in model.metadata.items():
        after = read_model(named)
        assert read_buffer(named, after, after.metadata[name]) == read_buffer(signed, model, buffer)


def test_files_packed_behind_the_model_stay_readable(signed):
    stream = BytesIO(signed)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    named = _named(stream.getvalue(), ("a", "b"), ("c", "d"))
    with zipfile.ZipFile(BytesIO(named)) as archive:
        assert archive.read("labels.txt") == b"cat\ndog\n"


def test_the_same_names_give_the_same_bytes(unsigned):
    assert _named(unsigned, ("l", "r"), ("h", "t")) == _named(unsigned, ("l", "r"), ("h", "t"))


def test_any_text_can_be_a_name(unsigned):
    names = ("Bild µ — 图像", "a" * 1000)
    (signature,) = read_model(_named(unsigned, names, ("h", "t"))).signatures
    assert tuple(signature.inputs) == names


@pytest.mark.parametrize(
    ("inputs", "outputs", "complaint"),
    [
        ({"left": 0}, {"h": 8, "t": 9}, "cover the model's inputs"),
        ({"left": 0, "right": 0}, {"h": 8, "t": 9}, "cover the model's inputs"),
        ({"left": 0, "right": 5}, {"h": 8, "t": 9}, "cover the model's inputs"),
        ({"left": 0, "right": 1, "again": 1}, {"h": 8, "t": 9}, "two names"),
        ({"left": 0, "right": 1}, {"h": 8}, "cover the model's outputs"),
        ({"left": 0, "": 1}, {"h": 8, "t": 9}, "empty name"),
    ],
)
def test_names_that_do_not_fit_the_model_are_refused(unsigned, inputs, outputs, complaint):
    graph = read_model(unsigned).subgraphs[0]
    number = {0: graph.inputs[0], 1: graph.inputs[1], 5: 5, 8: graph.outputs[0], 9: graph.outputs[1]}
    with pytest.raises(UsageError, match=complaint):
        add_signature(
            unsigned,
            {name: number[index] for name, index in inputs.items()},
            {name: number[index] for name, index in outputs.items()},
        )


def test_one_output_may_have_two_names(unsigned):
    graph = read_model(unsigned).subgraphs[0]
    hidden, total = graph.outputs
    named = add_signature(
        unsigned, tensor_indices(("l", "r"), graph.inputs), {"h": hidden, "t": total, "again": total}
    )
    assert read_model(named).signatures[0].outputs == {"h": hidden, "t": total, "again": total}


@pytest.mark.parametrize("names", [("only",), ("twice", "twice"), ("a", "b", "c")])
def test_names_in_order_must_be_as_many_and_different(names):
    with pytest.raises(UsageError, match="expected 2 different names"):
        tensor_indices(names, (4, 7))


def test_weights_outside_the_flatbuffer_are_refused(unsigned):
    with pytest.raises(ModelError, match="behind its flatbuffer"):
        _named(_with_external_buffer(unsigned), ("l", "r"), ("h", "t"))


def _with_external_buffer(content: bytes) -> bytes:
    """The file with the content of one constant moved behind the flatbuffer, as in files of over 2 GB."""
    flatbuffers = pytest.importorskip("flatbuffers")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(content)
    buffer = next(buffer for buffer in model.buffers if buffer.data is not None and len(buffer.data) > 64)
    data, buffer.data = bytes(buffer.data), None
    buffer.offset, buffer.size = 2**20, len(data)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()).ljust(2**20, b"\0") + data


def test_a_root_table_of_a_newer_schema_is_refused(unsigned):
    with pytest.raises(ModelError, match="newer schema, with 12 fields"):
        _named(_with_unknown_field(unsigned), ("l", "r"), ("h", "t"))


def _with_unknown_field(content: bytes) -> bytes:
    """The file behind a root table whose twelfth field is set."""
    old_root = int(np.frombuffer(content, "<u4", 1)[0])
    old_vtable = old_root - int(np.frombuffer(content, "<i4", 1, old_root)[0])
    size = int(np.frombuffer(content, "<u2", 1, old_vtable)[0])
    fields = np.frombuffer(content, "<u2", size // 2 - 2, old_vtable + 4)
    # The new vtable lies behind the file and repeats the old fields; the unknown one reads the version.
    at = -(-len(content) // 2) * 2
    vtable = np.array([4 + 2 * 12, 64, *fields, *[0] * (11 - len(fields)), fields[0]], "<u2").tobytes()
    patched = bytearray(content.ljust(at, b"\0") + vtable)
    patched[old_root : old_root + 4] = np.array(old_root - at, "<i4").tobytes()
    return bytes(patched)


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic", "int8-io-float32", "int16x8"])
def test_frozen_files_of_every_scheme_keep_all_but_the_signature(convert, variant):
    content = convert("frozen", variant)
    assert read_model(content).signatures == ()
    before, after = _unpacked(content), _unpacked(_named(content, ("left", "right"), ("hidden", "total")))
    assert [item["signatureKey"] for item in after.pop("signatureDefs")] == [b"serving_default"]
    before.pop("signatureDefs")
    assert before == after


@pytest.mark.tensorflow
def test_a_model_with_several_subgraphs_keeps_them(convert):
    content = convert("recurrent", "float32")
    before, after = _unpacked(content), _unpacked(_named(content, ("steps",), ("scores",)))
    assert [item["signatureKey"] for item in after.pop("signatureDefs")] == [b"serving_default"]
    before.pop("signatureDefs")
    assert before == after
