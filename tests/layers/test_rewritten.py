"""Variants of a float graph that was rewritten: their layers have other units than the float32 file's."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from edgeq.bundle import read_bundle
from edgeq.layers.recipe import layer_recipes
from edgeq.quantize.building import build
from edgeq.quantize.editable import EditableModel
from edgeq.quantize.items import write_arrays
from edgeq.quantize.recipe import Recipe
from edgeq.tflite.model import read_model

DEMO = Path(__file__).parents[2] / "edgeq" / "demo" / "bundle"


def files(folder: Path, scheme: str, factor: float) -> tuple[Path, Path]:
    """The demo's float32 file with the channels of its first layer scaled, and a variant as it is."""
    bundle = read_bundle(DEMO)
    paths = {variant.name: bundle.path(variant) for variant in bundle.manifest.variants}
    model = EditableModel(paths["float32"].read_bytes())
    layer = next(model.weighted_layers())
    model.set_constant(model.index(layer.weights_name), layer.weights * np.float32(factor))
    floats = folder / "float32.tflite"
    floats.write_bytes(model.content())
    return floats, Path(shutil.copy(paths[scheme], folder))


def problems(folder: Path, scheme: str, factor: float) -> list[str]:
    floats, variant = files(folder, scheme, factor)
    return [one.problem for one in layer_recipes(floats, read_model(floats), variant, read_model(variant))]


def test_no_layer_of_a_variant_with_scaled_channels_is_measured_alone(tmp_path: Path) -> None:
    found = problems(tmp_path, "int8", 4.0)
    assert found
    assert all("rewritten float graph, whose channels have other scales" in problem for problem in found)


def test_rounding_is_no_rewrite(tmp_path: Path) -> None:
    for scheme in ("int8", "int16x8", "float16"):
        folder = tmp_path / scheme
        folder.mkdir()
        assert not any(problems(folder, scheme, 1.0)), scheme


def test_nor_is_rounding_to_four_bits(tmp_path: Path) -> None:
    bundle = read_bundle(DEMO)
    floats = bundle.path(bundle.manifest.variants[0])
    items = write_arrays(
        {"image": np.random.default_rng(0).random((8, 28, 28, 1), np.float32)}, tmp_path / "items"
    )
    variant = tmp_path / "int8x4.tflite"
    variant.write_bytes(build(floats.read_bytes(), Recipe(scheme="int8x4"), items).content)
    found = layer_recipes(floats, read_model(floats), variant, read_model(variant))
    assert found
    assert not any(one.problem for one in found)
