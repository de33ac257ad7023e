"""One graph with named inputs and outputs: what every source becomes and all that conversion needs."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.errors import MissingExtraError, ModelError
from edgeq.sources.half_precision import half_type, widened

Array = npt.NDArray[Any]

GRAPHDEF = "graphdef"
FLATBUFFER = "flatbuffer"

_OWN_SQNR_DB = {"float16": 40.0, "bfloat16": 20.0}
"""11 and 8 bits of significand are 66 and 48 dB a rounding (6.02 dB a bit); the rest is for what adds up."""


@dataclass(frozen=True)
class GraphInput:
    """An input of the graph.

    Attributes:
        name: the source's own.
        shape: fixed, with the batch axis where there is one.
        dtype: NumPy's name.
        batched: whether the first axis is a batch axis.
        was_free: whether the source leaves dimensions beside the batch free.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    batched: bool
    was_free: bool = False

    @property
    def item_shape(self) -> tuple[int, ...]:
        """Shape of one item of a data set, without the batch axis."""
        return self.shape[1:] if self.batched else self.shape


@dataclass(frozen=True)
class Frozen:
    """A graph without variables, in a form that another process can read.

    Attributes:
        form: `GRAPHDEF`, or `FLATBUFFER` for a float .tflite.
        content: the serialised ``GraphDef``, or the file.
        inputs: names of the input tensors in a ``GraphDef``, in the order of the source's inputs; else empty.
        outputs: names of the output tensors likewise.
        source_dtype: in which the source computed, ``float32``, ``float16`` or ``bfloat16``; the graph itself
            computes in float32.
    """

    form: str
    content: bytes
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    source_dtype: str = "float32"


@dataclass(frozen=True)
class SourceGraph:
    """A model, traced once and frozen.

    Attributes:
        name: for files and reports.
        kind: ``keras``, ``savedmodel`` or ``tflite``.
        digest: SHA-256 of what it was loaded from; of its weights for a model in memory.
        inputs: in the order of the frozen graph.
        outputs: names in the order of the frozen graph.
        frozen: the graph.
        predict: the source model itself, not the frozen copy: arrays of the inputs' shapes by name in,
            outputs by name out.
        labels: class names that the source brings; empty where it brings none.
        scales_input: whether the model rescales its input itself (a Rescaling or Normalization layer), so
            that images go in as 0 to 255.
        unroll: makes the same graph without recurrent loops, on which TensorFlow's calibrator crashes; None
            where there is no loop, or one too long to be unrolled.
    """

    name: str
    kind: str
    digest: str
    inputs: tuple[GraphInput, ...]
    outputs: tuple[str, ...]
    frozen: Frozen
    predict: Callable[[Mapping[str, Array]], dict[str, Array]]
    labels: tuple[str, ...] = ()
    scales_input: bool = False
    unroll: Callable[[], Frozen] | None = None

    @property
    def own_sqnr_db(self) -> float:
        """Signal to noise of the source's own arithmetic: no file can be nearer to its outputs than that."""
        return _OWN_SQNR_DB.get(self.frozen.source_dtype, math.inf)


@dataclass(frozen=True)
class Dimensions:
    """What fixes free dimensions; `edgeq.sources.dimensions` applies it.

    Attributes:
        batch: size of a free batch axis; None means 1, or what the model fixes.
        size: sizes for the other free dimensions, in order, such as height and width.
        guess: makes sizes for an input where `size` is empty, from its name and its shape without the batch, None
            where free; as many as are free. None refuses such inputs.
    """

    batch: int | None = None
    size: tuple[int, ...] = ()
    guess: Callable[[str, tuple[int | None, ...]], tuple[int, ...]] | None = None


def prepare_tensorflow() -> None:
    """Tells TensorFlow, before anybody imports it, to be quiet and to leave GPUs alone."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def import_tensorflow() -> Any:
    """TensorFlow, prepared.

    Raises:
        MissingExtraError: it is not installed.
    """
    prepare_tensorflow()
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingExtraError("Conversion needs TensorFlow, which", "convert") from error
    return tf


def import_keras() -> Any:
    """Keras on TensorFlow, whatever its configuration file says.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        ModelError: Keras was told to run on something else.
    """
    import_tensorflow()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Keras runs on {keras.backend.backend()} here: set KERAS_BACKEND=tensorflow before it is imported"
        )
    return keras


def freeze(
    call: Callable[[list[Any]], Sequence[Any]], inputs: Sequence[GraphInput], outputs: Sequence[str]
) -> Frozen:
    """Traces a call once with fixed shapes and turns its variables into constants.

    Args:
        call: takes the inputs as a list of tensors in order and returns the outputs in order.
        inputs: names, shapes and dtypes.
        outputs: names, for the check that none is lost.

    Returns:
        The graph, whose inputs and outputs stand in the order given.

    Raises:
        ModelError: the model cannot be traced with these shapes, or its outputs are no numbers.
    """
    tf = import_tensorflow()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [
        tf.TensorSpec(spec.shape, tf.as_dtype(spec.dtype), name=placeholder_name(spec.name, position))
        for position, spec in enumerate(inputs)
    ]

    def traced(*tensors: Any) -> list[Any]:
        # Inside a scope a layer name may begin with an underscore; at the root TensorFlow refuses it.
        with tf.name_scope("model"):
            results = call(list(tensors))
        return [tf.identity(result, name=f"output_{position}") for position, result in enumerate(results)]

    try:
        concrete = tf.function(traced, autograph=False).get_concrete_function(*specs)
        # Control flow stays functional: the converter turns it into subgraphs itself.
        frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
        # Refuses a graph of more than 2 GB, which no .tflite could hold.
        definition = frozen.graph.as_graph_def()
    except (ValueError, TypeError, tf.errors.OpError) as error:
        if "AssignVariableOp" in str(error):
            raise ModelError(
                "the model changes its own variables when it is called, which a frozen graph cannot: build recurrent "
                "layers with stateful=False, and return what must be kept as an output"
            ) from error
        shapes = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in inputs)
        raise ModelError(f"the model cannot be traced with inputs {shapes}: {first_line(error)}") from error
    except NameError as error:
        raise ModelError(
            f"the model's own code cannot be run: {first_line(error)}; the file of a model does not hold what its "
            "Lambda layers import: build the model in a converter script (edgeq init NAME.py), or write a layer class"
        ) from error
    except Exception as error:
        # A model's own layers raise whatever they like.
        raise ModelError(
            f"the model's own code fails: {type(error).__name__}: {first_line(error)}"
        ) from error
    if len(frozen.outputs) != len(outputs):
        raise ModelError(
            f"expected {len(outputs)} outputs ({', '.join(outputs)}), traced {len(frozen.outputs)}"
        )
    for name, tensor in zip(outputs, frozen.outputs, strict=True):
        require_number("output", name, tensor.dtype.name)
    half = half_type(definition)
    return Frozen(
        GRAPHDEF,
        (definition if half is None else widened(definition)).SerializeToString(),
        tuple(tensor.name for tensor in frozen.inputs),
        tuple(tensor.name for tensor in frozen.outputs),
        half or "float32",
    )


def require_number(kind: str, name: str, dtype: str) -> None:
    """Refuses an input or output that is text or of another type that no device feeds.

    Raises:
        ModelError: it is no number.
    """
    if dtype in ("string", "resource", "variant") or dtype.startswith("complex"):
        raise ModelError(
            f"{kind} {name!r} has dtype {dtype}, expected numbers: save the part of the model that takes and "
            "gives numbers, and keep lookups of text in the app"
        )


def placeholder_name(name: str, position: int) -> str:
    """A name that TensorFlow takes and does not change; the signature carries the real one.

    A leading underscore is refused at the root of a graph, and a slash would open a scope.
    """
    return f"{re.sub('[^A-Za-z0-9_.]', '_', name).lstrip('_.') or 'input'}_{position}"


def first_line(error: BaseException, limit: int = 240) -> str:
    """The first line of an error that says something: Keras begins with where, and prints in bold."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("Exception encountered when calling")]
    return ((said or lines or [type(error).__name__])[0])[:limit]


def as_outputs(names: Sequence[str], values: Sequence[Any]) -> dict[str, Array]:
    """Eager tensors as arrays by output name."""
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
