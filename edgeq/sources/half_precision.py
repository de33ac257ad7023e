"""Models that compute in float16 or bfloat16, as with Keras' mixed precision, made to compute in float32.

TensorFlow Lite's kernels do not take 16-bit floats, so that the converter would call every matrix product an
operator that it does not know. Weights of a mixed-precision model are float32 anyway, and a float32 file can
be stored in float16 afterwards (`float16` scheme): nothing is lost by computing in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def half_type(graph: Any) -> str | None:
    """In which 16-bit float a graph computes somewhere; None where it does not.

    Args:
        graph: a ``GraphDef``.
    """
    from tensorflow.core.framework import types_pb2

    names = {types_pb2.DT_HALF: "float16", types_pb2.DT_BFLOAT16: "bfloat16"}
    found = {
        names[number]
        for node in _nodes(graph)
        for value in node.attr.values()
        for number in (value.type, *value.list.type)
        if number in names
    }
    # The coarser one decides how near other arithmetic can come.
    return min(found, default=None)


def widened(graph: Any) -> Any:
    """A copy of a graph in which every 16-bit float is a float32.

    Args:
        graph: a ``GraphDef`` without variables.

    Returns:
        The ``GraphDef``; constants keep their values, and casts to 16 bits do nothing any more.
    """
    import numpy as np
    import tensorflow as tf
    from tensorflow.core.framework import types_pb2

    half = (types_pb2.DT_HALF, types_pb2.DT_BFLOAT16)
    copy = type(graph)()
    copy.CopyFrom(graph)
    for function in copy.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            if argument.type in half:
                argument.type = types_pb2.DT_FLOAT
    for node in _nodes(copy):
        for value in node.attr.values():
            if value.type in half:
                value.type = types_pb2.DT_FLOAT
            for place, number in enumerate(value.list.type):
                if number in half:
                    value.list.type[place] = types_pb2.DT_FLOAT
            if value.tensor.dtype in half:
                values = tf.make_ndarray(value.tensor).astype(np.float32)
                value.tensor.CopyFrom(tf.make_tensor_proto(values, dtype=tf.float32))
    return copy


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def
