from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.data.dataset import ArrayDataset
from edgeq.errors import EdgeqError, ModelError, UsageError
from edgeq.sources.graph import Dimensions
from edgeq.sources.opening import open_source
from edgeq.tflite.model import read_model

SAMPLES = Path(__file__).parents[1] / "tflite" / "data"


@pytest.fixture(scope="module")
def float_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``a`` minus twice ``b`` as float32 .tflite with a signature."""
    pytest.importorskip("tensorflow")
    import tiny_models

    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert

    folder = tmp_path_factory.mktemp("float")
    bundle = convert(
        tiny_models.difference(), output=folder / "bundle", options=Options(schemes=("float32",))
    ).bundle
    (variant,) = bundle.manifest.variants
    return bundle.path(variant).rename(folder / "subtract.float32.tflite")


@pytest.mark.tensorflow
def test_a_float_file_is_a_source_with_the_names_of_its_signature(float_file: Path) -> None:
    graph = open_source(float_file, Dimensions())
    assert graph.name == "subtract"
    assert graph.kind == "tflite"
    assert [(spec.name, spec.shape, spec.batched) for spec in graph.inputs] == [
        ("a", (1, 8), True),
        ("b", (1, 8), True),
    ]
    assert graph.outputs == ("difference",)


@pytest.mark.tensorflow
def test_a_float_file_becomes_all_variants_of_the_same_numbers(
    float_file: Path, convert: Callable[..., Any], run: Callable[..., dict[str, Any]]
) -> None:
    import tiny_models

    data = tiny_models.difference_data()
    schemes, io = ("float16", "dynamic", "int8", "int16x8"), ("int8", "uint8", "float32")
    conversion = convert(float_file, ArrayDataset(data), schemes=schemes, io=io)
    assert conversion.failures == ()
    names = [variant.name for variant in conversion.bundle.manifest.variants]
    assert names == [
        "float32",
        "float16",
        "dynamic",
        "int8",
        "int8-io-uint8",
        "int8-io-float32",
        "int16x8-io-float32",
    ]
    item = {name: values[:1] for name, values in data.items()}
    expected = tiny_models.outputs(tiny_models.difference(), item)
    for name in names:
        result = run(conversion.bundle, name, item)["difference"]
        assert np.abs(result - expected).max() < 0.05 * np.abs(expected).max(), name


@pytest.mark.tensorflow
def test_the_float32_variant_is_the_file_itself(float_file: Path, convert: Callable[..., Any]) -> None:
    bundle = convert(float_file, schemes=("float32",)).bundle
    (variant,) = bundle.manifest.variants
    assert bundle.path(variant).read_bytes() == float_file.read_bytes()
    assert variant.check.sqnr_db > 100


@pytest.mark.tensorflow
def test_float16_and_dynamic_say_which_extra_they_need(
    float_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeq.convert.converter import Converter, Recipe
    from edgeq.errors import MissingExtraError
    from edgeq.schemes import VariantSpec, find
    from edgeq.sources.graph import FLATBUFFER, Frozen

    monkeypatch.setitem(sys.modules, "litert_quantizer", None)
    converter = Converter(Frozen(FLATBUFFER, float_file.read_bytes()))
    for name in ("float16", "dynamic"):
        with pytest.raises(MissingExtraError, match=r'pip install "edgeq\[optimize\]"'):
            converter.make(Recipe.of(VariantSpec(find(name), "float32")))


@pytest.mark.parametrize("name", ["two_inputs.int8.tflite", "frozen.int8.tflite"])
def test_a_quantized_file_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=r"is int8 already: expected a float32 file") as caught:
        open_source(SAMPLES / name, Dimensions())
    assert "\n" not in str(caught.value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("dimensions", [Dimensions(batch=2), Dimensions(size=(8,))])
def test_the_shapes_of_a_file_are_fixed(float_file: Path, dimensions: Dimensions) -> None:
    with pytest.raises(UsageError, match=r"fixed when it is converted \(a \[1, 8\], b \[1, 8\]\)"):
        open_source(float_file, dimensions)


@pytest.mark.tensorflow
def test_a_file_without_signature_gets_one_with_the_names_of_its_tensors(tmp_path: Path) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 4), name="left"), tf.TensorSpec((1, 4), name="right")])
    def minus(left: Any, right: Any) -> Any:
        return left - 2 * right

    converter = tf.lite.TFLiteConverter.from_concrete_functions([minus.get_concrete_function()])
    path = tmp_path / "unsigned.tflite"
    path.write_bytes(converter.convert())
    if read_model(path).signatures:
        pytest.fail("this TensorFlow signs such files: the test needs one without a signature")
    graph = open_source(path, Dimensions())
    assert [spec.name for spec in graph.inputs] == ["left", "right"]
    (signature,) = read_model(graph.frozen.content).signatures
    assert list(signature.inputs) == ["left", "right"]
    result = graph.predict({"right": np.full((1, 4), 1.0), "left": np.full((1, 4), 5.0)})
    assert next(iter(result.values())).tolist() == [[3.0] * 4]


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\0\0\0\0TFL3garbage"])
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises(EdgeqError) as caught:
        open_source(path, Dimensions())
    assert "\n" not in str(caught.value)


@pytest.mark.tensorflow
def test_a_file_with_flex_operators_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 3, 3), name="matrix")])
    def inverse(matrix: Any) -> Any:
        return tf.linalg.inv(matrix)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([inverse.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    path = tmp_path / "flex.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(ModelError, match=r"TensorFlow's own operators \(FlexMatrixInverse\)"):
        open_source(path, Dimensions())
