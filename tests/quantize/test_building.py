from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeq.demo import assets
from edgeq.errors import UsageError
from edgeq.files import sha256_bytes
from edgeq.quantize.building import build, quantize_file
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import CalibrationItems, write_arrays
from edgeq.quantize.local_run import LocalModel
from edgeq.quantize.recipe import ERROR_FEEDBACK, MSE, Recipe, WeightMethod
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel
from edgeq.tflite.io import model_io
from edgeq.tflite.model import read_model
from edgeq.tflite.precision import scheme_of

pytest.importorskip("litert_quantizer")

DEMO = assets.bundle_path() / f"{assets.NAME}.float32.tflite"
STOCK = assets.bundle_path() / f"{assets.NAME}.int8.tflite"
FLOAT32 = DEMO.read_bytes()
DENSE = [layer.output for layer in EditableModel(FLOAT32).weighted_layers()][-1]


@pytest.fixture(scope="session")
def items(tmp_path_factory: pytest.TempPathFactory) -> CalibrationItems:
    demo = assets.calibration()
    (name,) = demo.input_names()
    images = np.asarray(demo.raw(name, range(48)), np.float32)
    return write_arrays({"image": images}, tmp_path_factory.mktemp("items"))


def probabilities(content: bytes) -> np.ndarray:
    with np.load(Path(assets.__file__).parent / "test.npz") as archive:
        images = archive["image"][:200].astype(np.float32)
    model = LocalModel(content)
    (output,) = model_io(read_model(content))[1]
    name = read_model(content).subgraphs[0].tensors[output.index].name
    return model.activations([name], {"image": images})[name]


def agreement(content: bytes) -> float:
    return float(np.mean(probabilities(content).argmax(-1) == probabilities(FLOAT32).argmax(-1)))


def delegated(path: Path) -> tuple[int | None, int | None, int | None]:
    found = LoadedModel(path, find_runtime()).delegation
    return found.delegated, found.total, found.partitions


def test_a_plain_recipe_makes_what_the_stock_converter_makes(items: CalibrationItems, tmp_path: Path) -> None:
    built = build(FLOAT32, Recipe(), items)
    path = tmp_path / "built.tflite"
    path.write_bytes(built.content)
    stock, made = read_model(STOCK), read_model(path)
    assert [(op.name, op.version) for op in made.subgraphs[0].operators] == [
        (op.name, op.version) for op in stock.subgraphs[0].operators
    ]
    assert delegated(path) == delegated(STOCK)
    assert len(built.content) <= 1.03 * STOCK.stat().st_size
    assert [info.name for group in model_io(made) for info in group] == [
        info.name for group in model_io(stock) for info in group
    ]
    assert agreement(built.content) >= 0.97
    assert built.float_layers == ()


@pytest.mark.parametrize(
    ("scheme", "io"), [("int8", "uint8"), ("int8x4", "float32"), ("int16x8", "int16"), ("int16x8", "float32")]
)
def test_schemes_and_io_types_are_as_asked_for(items: CalibrationItems, scheme: str, io: str) -> None:
    content = build(FLOAT32, Recipe(scheme=scheme, io=io), items).content
    model = read_model(content)
    found = scheme_of(model)
    assert found is not None
    assert found.name == scheme
    assert {info.dtype for group in model_io(model) for info in group} == {io}
    assert agreement(content) > 0.7


def test_corrected_four_bit_weights_keep_more_than_the_nearest_integers(items: CalibrationItems) -> None:
    better = WeightMethod(scales=MSE, rounding=ERROR_FEEDBACK, correct_bias=True)
    nearest = build(FLOAT32, Recipe(scheme="int8x4"), items).content
    corrected = build(FLOAT32, Recipe(scheme="int8x4", weights=better), items.first(16)).content
    assert len(corrected) == len(nearest) < 0.75 * STOCK.stat().st_size
    assert agreement(corrected) > agreement(nearest)


def test_a_recipe_with_the_ranges_that_were_used_makes_the_same_file_in_another_process(
    items: CalibrationItems,
) -> None:
    recipe = Recipe(range_method="mse", weights=WeightMethod(scales=MSE, rounding=ERROR_FEEDBACK))
    items = items.first(8)
    first = build(FLOAT32, recipe, items)
    explicit = dataclasses.replace(recipe, range_method="minmax", ranges=first.ranges)
    again = quantize_file(DEMO, explicit, items)
    assert sha256_bytes(again.content) == sha256_bytes(first.content)
    assert dict(again.ranges) == dict(first.ranges)


def test_statistics_are_gathered_once_for_a_file_and_its_items(
    items: CalibrationItems, tmp_path: Path
) -> None:
    first = build(FLOAT32, Recipe(), items, cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    assert build(FLOAT32, Recipe(), items, cache=tmp_path).content == first.content
    assert kept.stat().st_mtime_ns == written
    kept.write_bytes(b"damaged")
    assert build(FLOAT32, Recipe(), items, cache=tmp_path).content == first.content
    build(FLOAT32, Recipe(), items.first(8), cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_ranges_in_the_recipe_are_honoured_beside_those_of_a_method(items: CalibrationItems) -> None:
    built = build(FLOAT32, Recipe(ranges={DENSE: (-12.75, 12.75)}), items)
    model = EditableModel(built.content)
    quantization = model.graph.tensors[model.index(DENSE)].quantization
    assert quantization.scale[0] == pytest.approx(0.1)
    assert built.ranges[DENSE] == (-12.75, 12.75)
    assert len(built.ranges) > 1


def test_chosen_ranges_are_judged_on_items_that_are_held_back(items: CalibrationItems) -> None:
    learned, held_back = items.split(16)
    built = build(FLOAT32, Recipe(range_method="chosen"), learned, held_back=held_back)
    assert any("trial files" in note for note in built.notes)
    assert agreement(built.content) >= 0.97


def test_a_float_layer_that_was_asked_for_is_no_surprise(items: CalibrationItems) -> None:
    built = build(FLOAT32, Recipe(layers={DENSE: "float32"}), items)
    assert built.float_layers == ()
    assert EditableModel(built.content).dtype(EditableModel(built.content).index(DENSE)) == "FLOAT32"


def test_a_layer_that_does_not_exist_is_refused_with_close_ones() -> None:
    items = CalibrationItems(Path("nowhere"), 1)
    with pytest.raises(UsageError, match=r"block5_pointwis.*which the model does not have.*block5_pointwise"):
        quantize_file(DEMO, Recipe(layers={"block5_pointwis": "float32"}), items)


def test_an_io_type_that_a_scheme_cannot_have_is_refused(items: CalibrationItems) -> None:
    with pytest.raises(UsageError, match="int16x8 has inputs and outputs of int16 or float32"):
        quantize_file(DEMO, Recipe(scheme="int16x8"), items)


def test_nothing_is_printed_and_nothing_of_tensorflow_is_loaded(items: CalibrationItems) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from edgeq.quantize.building import build\nfrom edgeq.quantize.items import CalibrationItems\n"
        "from edgeq.quantize.recipe import Recipe\n"
        "items = CalibrationItems(Path(sys.argv[2]), 8)\n"
        "build(Path(sys.argv[1]).read_bytes(), Recipe(), items)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(DEMO), str(items.folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""


def test_ranges_of_tensors_that_do_not_exist_are_refused_with_close_ones(items: CalibrationItems) -> None:
    recipe = Recipe(ranges={f"{DENSE[:-1]}": (0.0, 1.0)}, rewrites=("pool-to-mean",))
    with pytest.raises(UsageError, match=r"ranges of 1 tensor that the model does not have.*did you mean"):
        quantize_file(DEMO, recipe, items.first(8))
