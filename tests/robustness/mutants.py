"""Real files with something absurd in one field or another, as a careless or a malicious writer would make them.

A mutation is a function of a model (the schema's objects) and of a source of chance; `MUTATIONS` has them by name.
"""

from __future__ import annotations

import contextlib
import copy
import io
import random
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

Mutation = Callable[[Any, random.Random], None]

SIZES = (0, -1, -(2**31), 2, 7, 65_536, 2**31 - 1)
NUMBERS = (float("nan"), 0.0, float("inf"), -float("inf"), 3e38, -1.0, 1e-45, 1e-38)
NAMES: tuple[str | bytes, ...] = (
    "", " ", "\0", "a\nb\rc", "\x1b[2J\x1b]0;title\x07", "\x1b]8;;http://example.org\x07link",
    "\u202egnp.exe", "ａ" * 5000,
    "模型/卷积", "🧪" * 300, "<script>alert(1)</script>", "[bold red]markup[/]", "[/]", "%s%n{0}{x!r}",
    "-o", "../../etc/passwd",
    "::error::message", "a,b\tc\"d", "x" * 100_000, b"\xff\xfe\xed\xa0\x80", "\u2028\u0085", "=1+1",
)  # fmt: skip


def packed(model: Any) -> bytes:
    """The file of a model."""
    builder = flatbuffers.Builder(1 << 12)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def unpacked(content: bytes) -> Any:
    """The objects of a sound file."""
    return schema.ModelT.InitFromPackedBuf(content, 0)


def without_weights(content: bytes, operators: int) -> bytes:
    """A file's first operators with short buffers: small enough to be changed often."""
    model = unpacked(content)
    graph = model.subgraphs[0]
    graph.operators = graph.operators[:operators]
    graph.outputs = list(graph.operators[-1].outputs)
    for signature in model.signatureDefs or []:
        for named in signature.outputs:
            named.tensorIndex = graph.outputs[0]
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data) > 512:
            buffer.data = list(buffer.data[:64])
    return packed(model)


def mutant(content: bytes, mutations: Sequence[str], seed: int) -> bytes:
    """A sound file with some mutations, one after the other."""
    model = unpacked(content)
    chance = random.Random(seed)  # noqa: S311 - no secret
    for name in mutations:
        # One that took away what the next would change: no operators, say.
        with contextlib.suppress(TypeError, IndexError):
            MUTATIONS[name](model, chance)
    return packed(model)


def _tensor(model: Any, chance: random.Random) -> Any:
    return chance.choice(chance.choice(model.subgraphs).tensors)


def _operator(model: Any, chance: random.Random) -> Any:
    return chance.choice(model.subgraphs[0].operators)


def _quantized(model: Any, chance: random.Random) -> Any:
    tensor = _tensor(model, chance)
    if tensor.quantization is None:
        tensor.quantization = schema.QuantizationParametersT()
    if tensor.quantization.scale is None or not len(tensor.quantization.scale):
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.5], [3]
    return tensor.quantization


def _indices(indices: Any) -> list[int]:
    return [] if indices is None else list(indices)


def absurd_size(model: Any, chance: random.Random) -> None:
    tensor = _tensor(model, chance)
    tensor.shape = [*(tensor.shape if tensor.shape is not None else []), 1]
    tensor.shape[chance.randrange(len(tensor.shape))] = chance.choice(SIZES)


def absurd_sizes(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).shape = [2**31 - 1] * chance.choice([1, 2, 4, 3000])


def absurd_signature_shape(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).shapeSignature = [chance.choice(SIZES)] * chance.choice([1, 4, 9])


def no_shape(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).shape = None


def another_type(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).type = chance.choice([*range(23), 99, 127, -128])


def absurd_scale(model: Any, chance: random.Random) -> None:
    quantization = _quantized(model, chance)
    quantization.scale = [chance.choice(NUMBERS) for _ in quantization.scale]


def absurd_zero_point(model: Any, chance: random.Random) -> None:
    quantization = _quantized(model, chance)
    quantization.zeroPoint = [chance.choice([2**62, -(2**63), 128, -129, 2**31])] * len(quantization.scale)


def many_scales(model: Any, chance: random.Random) -> None:
    quantization = _quantized(model, chance)
    count = chance.choice([2, 3, 1000])
    quantization.scale, quantization.zeroPoint = [0.1] * count, [0] * count


def fewer_zero_points(model: Any, chance: random.Random) -> None:
    quantization = _quantized(model, chance)
    quantization.scale, quantization.zeroPoint = [0.1] * 5, [0] * chance.choice([0, 1, 2])


def absurd_dimension(model: Any, chance: random.Random) -> None:
    many_scales(model, chance)
    _quantized(model, chance).quantizedDimension = chance.choice([-1, 4, 100, 2**31 - 1, -(2**31)])


def reads_its_own_result(model: Any, chance: random.Random) -> None:
    operator = _operator(model, chance)
    operator.inputs = [*operator.outputs, *operator.inputs[1:]]


def cycle(model: Any, chance: random.Random) -> None:
    first, last = _operator(model, chance), model.subgraphs[0].operators[-1]
    first.inputs = [last.outputs[0], *first.inputs[1:]]


def one_result_of_two(model: Any, chance: random.Random) -> None:
    _operator(model, chance).outputs = list(_operator(model, chance).outputs)


def doubled_results(model: Any, chance: random.Random) -> None:
    operator = _operator(model, chance)
    operator.outputs = [*operator.outputs] * chance.choice([2, 500])


def overwritten_weights(model: Any, chance: random.Random) -> None:
    operator = _operator(model, chance)
    operator.outputs = [operator.inputs[-1]]


def no_inputs(model: Any, chance: random.Random) -> None:
    _operator(model, chance).inputs = chance.choice([None, [], [-1], [-1] * 60])


def no_results(model: Any, chance: random.Random) -> None:
    _operator(model, chance).outputs = chance.choice([None, [], [-1]])


def absurd_index(model: Any, chance: random.Random) -> None:
    operator = _operator(model, chance)
    field = chance.choice(["inputs", "outputs"])
    setattr(operator, field, [chance.choice([2**31 - 1, -2, -(2**31), 10_000])])


def shuffled_operators(model: Any, chance: random.Random) -> None:
    chance.shuffle(model.subgraphs[0].operators)


def no_operators(model: Any, chance: random.Random) -> None:
    model.subgraphs[0].operators = chance.choice([None, []])


def thousands_of_operators(model: Any, chance: random.Random) -> None:
    operator = _operator(model, chance)
    model.subgraphs[0].operators += [operator] * 3000


def thousands_of_tensors(model: Any, chance: random.Random) -> None:
    graph = model.subgraphs[0]
    graph.tensors += [_tensor(model, chance)] * 3000
    if graph.operators:
        _operator(model, chance).outputs = range(len(graph.tensors) - 3000, len(graph.tensors))


def another_operator(model: Any, chance: random.Random) -> None:
    code = chance.choice(model.operatorCodes)
    number = chance.choice([*range(210), 2**31 - 1, -5])
    code.builtinCode, code.deprecatedBuiltinCode = number, min(max(number, -128), 127)


def custom_operator(model: Any, chance: random.Random) -> None:
    code = chance.choice(model.operatorCodes)
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = chance.choice([None, "FlexErf", "Flex", *NAMES])


def absurd_version(model: Any, chance: random.Random) -> None:
    chance.choice(model.operatorCodes).version = chance.choice([0, -1, 99, 2**31 - 1])


def absurd_code(model: Any, chance: random.Random) -> None:
    _operator(model, chance).opcodeIndex = chance.choice([len(model.operatorCodes), 2**32 - 1])


def no_options(model: Any, chance: random.Random) -> None:
    operator = _operator(model, chance)
    operator.builtinOptions, operator.builtinOptionsType = None, schema.BuiltinOptions.NONE


def endless_loop(model: Any, chance: random.Random) -> None:
    """A WHILE whose condition and body are the graph that it is in."""
    code = schema.OperatorCodeT()
    code.builtinCode = chance.choice(
        [schema.BuiltinOperator.WHILE, schema.BuiltinOperator.IF, schema.BuiltinOperator.CALL_ONCE]
    )
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    operator = _operator(model, chance)
    operator.opcodeIndex = len(model.operatorCodes)
    model.operatorCodes.append(code)
    operator.builtinOptionsType = schema.BuiltinOptions.WhileOptions
    operator.builtinOptions = schema.WhileOptionsT()
    operator.builtinOptions.condSubgraphIndex = chance.choice([0, 1, -1])
    operator.builtinOptions.bodySubgraphIndex = chance.choice([0, 1, 2**31 - 1])


def absurd_name(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).name = chance.choice(NAMES)


def absurd_names_of_all(model: Any, chance: random.Random) -> None:
    name = chance.choice(NAMES)
    model.description = name
    for graph in model.subgraphs:
        graph.name = name
        for tensor in graph.tensors:
            tensor.name = name if len(name) < 10_000 else name[:100]
    for signature in model.signatureDefs or []:
        signature.signatureKey = name
        for named in (*signature.inputs, *signature.outputs):
            named.name = name


def absurd_signature(model: Any, chance: random.Random) -> None:
    for signature in model.signatureDefs or []:
        signature.subgraphIndex = chance.choice([0, 0, 1, 2**32 - 1])
        for named in (*signature.inputs, *signature.outputs):
            named.tensorIndex = chance.choice([0, named.tensorIndex, 2**32 - 1])


def no_signature(model: Any, chance: random.Random) -> None:
    model.signatureDefs = chance.choice([None, []])


def absurd_buffer(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).buffer = chance.choice([len(model.buffers), 2**32 - 1, 0])


def cut_buffer(model: Any, chance: random.Random) -> None:
    buffer = chance.choice(model.buffers)
    buffer.data = list(buffer.data[: chance.choice([0, 1, 3])]) if buffer.data is not None else [1]


def one_buffer_for_all(model: Any, chance: random.Random) -> None:
    number = chance.randrange(len(model.buffers))
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = number


def buffer_elsewhere(model: Any, chance: random.Random) -> None:
    buffer = chance.choice(model.buffers)
    buffer.offset = chance.choice([0, 1, 2, 200, 2**40, 2**64 - 1])
    buffer.size = chance.choice([0, 1, 64, 2**40, 2**64 - 1])


def no_buffers(model: Any, chance: random.Random) -> None:
    model.buffers = chance.choice([None, [], [schema.BufferT()]])


def absurd_inputs(model: Any, chance: random.Random) -> None:
    graph = model.subgraphs[0]
    graph.inputs = chance.choice([[], None, [0] * 300, [len(graph.tensors)], [-1], range(len(graph.tensors))])


def absurd_outputs(model: Any, chance: random.Random) -> None:
    graph = model.subgraphs[0]
    graph.outputs = chance.choice([[], None, _indices(graph.inputs), [len(graph.tensors)], [-1], [0] * 300])


def sparse(model: Any, chance: random.Random) -> None:
    tensor = _tensor(model, chance)
    tensor.sparsity = schema.SparsityParametersT()
    tensor.sparsity.traversalOrder = [chance.choice(SIZES) for _ in range(3)]


def variable(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).isVariable = True


def many_subgraphs(model: Any, chance: random.Random) -> None:
    model.subgraphs += [copy.deepcopy(model.subgraphs[0]) for _ in range(chance.choice([1, 20]))]


def empty_subgraph(model: Any, chance: random.Random) -> None:
    model.subgraphs.append(schema.SubGraphT())


def no_tensors(model: Any, chance: random.Random) -> None:
    model.subgraphs[0].tensors = []


def damaged_metadata(model: Any, chance: random.Random) -> None:
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name = chance.choice(["TFLITE_METADATA", "min_runtime_version", "CONVERSION_METADATA", *NAMES])
    entry.buffer = chance.choice([len(model.buffers), len(model.buffers), 2**32 - 1])
    size = chance.choice([0, 3, 8, 16, 200])
    buffer.data = list(
        chance.choice([b"", b"\x10\0\0\0M001", b"1.14.0\0", b"\x1b[2J" * 9]) + chance.randbytes(size)
    )
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]


def another_schema_version(model: Any, chance: random.Random) -> None:
    model.version = chance.choice([0, 1, 4, 2**32 - 1])


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        absurd_size, absurd_sizes, absurd_signature_shape, no_shape, another_type, absurd_scale, absurd_zero_point,
        many_scales, fewer_zero_points, absurd_dimension, reads_its_own_result, cycle, one_result_of_two,
        doubled_results, overwritten_weights, no_inputs, no_results, absurd_index, shuffled_operators, no_operators,
        thousands_of_operators, thousands_of_tensors, another_operator, custom_operator, absurd_version, absurd_code,
        no_options, endless_loop, absurd_name, absurd_names_of_all, absurd_signature, no_signature, absurd_buffer,
        cut_buffer, one_buffer_for_all, buffer_elsewhere, no_buffers, absurd_inputs, absurd_outputs, sparse, variable,
        many_subgraphs, empty_subgraph, no_tensors, damaged_metadata, another_schema_version,
    )
}  # fmt: skip


def _table(builder: flatbuffers.Builder, *fields: tuple[int, int, bool]) -> int:
    """A table of offsets and of bytes: (slot, value, whether it is an offset)."""
    builder.StartObject(max(slot for slot, _, _ in fields) + 1)
    for slot, value, is_offset in fields:
        (builder.PrependUOffsetTRelativeSlot if is_offset else builder.PrependByteSlot)(slot, value, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, offset: int) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def with_labels(content: bytes, labels: bytes, times: int) -> bytes:
    """A file whose metadata name a label file; the same labels many times over make a zip bomb of it."""
    builder = flatbuffers.Builder(0)
    entry_of_file = _table(builder, (0, builder.CreateString("labels.txt"), True), (2, 2, False))
    scores = _table(builder, (6, _vector(builder, entry_of_file), True))
    graph = _table(builder, (3, _vector(builder, scores), True))
    builder.Finish(_table(builder, (3, _vector(builder, graph), True)), b"M001")
    model = unpacked(content)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(bytes(builder.Output()))
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    archive = io.BytesIO(packed(model))
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as files, files.open("labels.txt", "w") as file:
        for _ in range(times):
            file.write(labels)
    return archive.getvalue()
