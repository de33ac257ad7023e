"""The files are those of the public interface to the byte; only the time is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.convert import shared_calibration
from edgeq.convert.check import check_scheme, sign
from edgeq.convert.converter import Converter, Recipe
from edgeq.convert.shared_calibration import SharedCalibration
from edgeq.errors import ConversionError
from edgeq.schemes import VariantSpec, find
from edgeq.sources.graph import Dimensions, SourceGraph
from edgeq.sources.opening import open_source

pytestmark = pytest.mark.tensorflow

INTEGER = [
    VariantSpec(find("int8"), "int8"),
    VariantSpec(find("int8"), "float32"),
    VariantSpec(find("int8"), "uint8"),
    VariantSpec(find("int16x8"), "int16"),
]


class Items:
    """Calibration items that count how often they are read."""

    def __init__(self, count: int) -> None:
        self.passes = 0
        self._values = np.random.default_rng(0).normal(size=(count, 1, 12, 12, 3)).astype(np.float32)

    def __call__(self) -> Iterator[list[Any]]:
        self.passes += 1
        for value in self._values:
            yield [value]


@pytest.fixture(scope="module")
def graph(tiny: Path) -> SourceGraph:
    return open_source(tiny, Dimensions())


@pytest.fixture(scope="module")
def public(graph: SourceGraph) -> Callable[[VariantSpec, Items], bytes]:
    """``TFLiteConverter`` as TensorFlow's guide has it, on the same graph, for each variant anew."""
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef.FromString(graph.frozen.content)

    def make(spec: VariantSpec, items: Items) -> bytes:
        wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
        element = wrapped.graph.as_graph_element
        function = wrapped.prune(
            [element(name) for name in graph.frozen.inputs], [element(name) for name in graph.frozen.outputs]
        )
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = items
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if spec.scheme.name == "int16x8"
            else tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(spec.io)
        return bytes(converter.convert())

    return make


def test_one_calibration_gives_the_bytes_of_the_public_interface(
    graph: SourceGraph, public: Callable[[VariantSpec, Items], bytes]
) -> None:
    shared, alone = Items(16), Items(16)
    converter = Converter(graph.frozen)
    for spec in INTEGER:
        assert converter.make(Recipe.of(spec), shared) == public(spec, alone), spec.name
    assert shared.passes == 1
    # Once for each int8 file and twice for int16x8.
    assert alone.passes == 5


def test_where_the_private_interface_is_another_the_public_one_gives_the_same_bytes(
    graph: SourceGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    converter = Converter(graph.frozen)
    expected = [converter.make(Recipe.of(spec), Items(8)) for spec in INTEGER]
    monkeypatch.setattr(shared_calibration, "_KNOWN_VERSIONS", ("1.15",))
    items = Items(8)
    converter = Converter(graph.frozen)
    assert [converter.make(Recipe.of(spec), items) for spec in INTEGER] == expected
    assert items.passes == 5


def test_an_unknown_interface_is_recognised(graph: SourceGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf
    from tensorflow.lite.python.optimize import calibrator

    shared = SharedCalibration()
    assert shared.is_possible()
    assert not shared.install(object())
    with monkeypatch.context() as changed:
        changed.setattr(tf, "__version__", "3.0.0")
        assert not shared.is_possible()
    with monkeypatch.context() as changed:
        changed.delattr(calibrator.Calibrator, "_feed_tensors")
        assert not shared.is_possible()
    with monkeypatch.context() as changed:
        changed.delattr(calibrator, "add_intermediate_tensors")
        assert not shared.is_possible()
    assert shared.is_possible()


def test_models_that_differ_are_calibrated_each_on_its_own(graph: SourceGraph, keras: Any) -> None:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    other = keras.Sequential(
        [keras.Input((12, 12, 3), name="image"), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(4)]
    )
    items = Items(8)
    shared = SharedCalibration()
    for frozen in (graph.frozen, open_source(other, Dimensions()).frozen, graph.frozen):
        converter = Converter(frozen)
        converter._shared = shared
        converter.make(Recipe.of(INTEGER[0]), items)
    assert items.passes == 2


@pytest.mark.parametrize("route", ["shared", "public"])
@pytest.mark.parametrize("spec", INTEGER, ids=lambda spec: spec.name)
def test_a_generator_that_yields_nothing_never_gives_a_file_of_that_name(
    route: str, spec: VariantSpec, graph: SourceGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    if route == "public":
        monkeypatch.setattr(shared_calibration, "_KNOWN_VERSIONS", ())

    def make_and_check() -> None:
        content = Converter(graph.frozen).make(Recipe.of(spec), Items(0))
        check_scheme(sign(content, graph), spec)

    with pytest.raises(ConversionError, match=r"the scheme of the file is float32|range of every tensor"):
        make_and_check()


def test_without_calibration_items_an_integer_scheme_is_refused(graph: SourceGraph) -> None:
    with pytest.raises(ConversionError, match="full-integer schemes need calibration data"):
        Converter(graph.frozen).make(Recipe.of(INTEGER[0]), None)
