"""The only place that touches ``tf.lite``: one graph and one variant in, the bytes of a file out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from edgeq.convert import from_flatbuffer
from edgeq.convert.refusals import explain, refusal
from edgeq.convert.shared_calibration import SharedCalibration
from edgeq.convert.shared_freezing import SharedFreezing
from edgeq.errors import ConversionError, UsageError
from edgeq.schemes import ConverterOptions, VariantSpec
from edgeq.sources.graph import FLATBUFFER, Frozen, import_tensorflow

CalibrationItems = Callable[[], Iterator[list[Any]]]
"""Returns an iterator over calibration items: arrays with batch axis, in the order of the graph's inputs."""


@dataclass(frozen=True)
class Recipe:
    """What the converter needs to know of a variant; plain values, so that it travels between processes.

    Attributes:
        options: of the scheme.
        needs_calibration: whether the converter runs the calibration items.
        io: dtype of inputs and outputs.
    """

    options: ConverterOptions
    needs_calibration: bool
    io: str

    @staticmethod
    def of(spec: VariantSpec) -> Recipe:
        """The recipe of a variant.

        Raises:
            UsageError: the converter does not make it.
        """
        if spec.scheme.converter is None:
            raise UsageError(f"{spec.name} is not made by the converter")
        return Recipe(spec.scheme.converter, spec.scheme.needs_calibration, spec.io)


class Converter:
    """Makes variants of one graph; it is frozen once and calibrated once for all of them."""

    def __init__(self, graph: Frozen, *, allow_flex: bool = False) -> None:
        """Keeps what all variants share.

        Args:
            graph: the frozen graph.
            allow_flex: whether TensorFlow's own operators may be used.
        """
        self._flatbuffer = graph.content if graph.form == FLATBUFFER else None
        self._function = None if graph.form == FLATBUFFER else _load(graph)
        self._allow_flex = allow_flex
        self._shared = SharedCalibration()
        self._freezing = SharedFreezing()

    def make(self, recipe: Recipe, calibration: CalibrationItems | None = None) -> bytes:
        """Converts; the result has no signature yet.

        Args:
            recipe: what to make.
            calibration: the items, the same for all variants; None where the scheme needs none.

        Returns:
            The content of a .tflite file.

        Raises:
            MissingExtraError: a package is needed for a variant of a .tflite.
            ConversionError: the converter refuses; the message names the operator where it does.
        """
        if self._flatbuffer is not None:
            return from_flatbuffer.make(self._flatbuffer, recipe, calibration, self._shared)
        tf = import_tensorflow()
        from tensorflow.lite.python.convert import ConverterError

        converter = tf.lite.TFLiteConverter.from_concrete_functions([self._function])
        self._configure(tf, converter, recipe, calibration)
        self._freezing.install(converter)
        if recipe.needs_calibration:
            self._shared.install(converter)
        try:
            content: bytes = converter.convert()
        except ConverterError as error:
            raise ConversionError(explain(str(error))) from error
        except (ValueError, RuntimeError, TypeError, tf.errors.OpError) as error:
            raise ConversionError(refusal("the converter", error)) from error
        return content

    def _configure(
        self, tf: Any, converter: Any, recipe: Recipe, calibration: CalibrationItems | None
    ) -> None:
        options = recipe.options
        op_sets = [getattr(tf.lite.OpsSet, name) for name in options.op_sets]
        if self._allow_flex:
            op_sets.append(tf.lite.OpsSet.SELECT_TF_OPS)
        converter.target_spec.supported_ops = op_sets
        converter.target_spec.supported_types = [tf.as_dtype(name) for name in options.supported_types]
        if options.optimize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if recipe.needs_calibration:
            if calibration is None:
                raise ConversionError("full-integer schemes need calibration data")
            converter.representative_dataset = calibration
            converter.inference_input_type = tf.as_dtype(recipe.io)
            converter.inference_output_type = tf.as_dtype(recipe.io)


def _load(graph: Frozen) -> Any:
    """A ``ConcreteFunction`` of a serialised graph."""
    tf = import_tensorflow()
    definition = tf.compat.v1.GraphDef.FromString(graph.content)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    names = wrapped.graph.as_graph_element
    return wrapped.prune([names(name) for name in graph.inputs], [names(name) for name in graph.outputs])
