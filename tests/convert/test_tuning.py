from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeq.data.dataset import ArrayDataset
from edgeq.demo import assets
from edgeq.errors import DataError

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")
pytest.importorskip("litert_quantizer")


def images(start: int, stop: int) -> ArrayDataset:
    demo = assets.calibration()
    (name,) = demo.input_names()
    return ArrayDataset({"image": demo.raw(name, range(start, stop))}, source="images")


def test_a_tuned_file_is_rebuilt_byte_for_byte_from_what_the_bundle_records(tmp_path: Path) -> None:
    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert
    from edgeq.convert.saved_recipe import read_recipe
    from edgeq.quantize.recipe import MSE, Recipe, WeightMethod

    methods = Recipe(range_method="mse", rewrites=("pool-to-mean",), weights=WeightMethod(scales=MSE))
    first = convert(
        assets.model_path(),
        calibration=images(0, 24),
        output=tmp_path / "first",
        options=Options(schemes=("int8x4",), preprocess="raw", methods=methods),
    )
    assert first.failures == ()
    manifest = first.bundle.manifest
    assert [variant.name for variant in manifest.variants] == ["float32", "int8x4", "int8x4-tuned"]
    assert any(note.startswith("int8x4-tuned: pool-to-mean") for note in first.notes)
    recipe = manifest.provenance["recipes"]["int8x4-tuned"]
    assert "litert-quantizer" in manifest.provenance["versions"]
    search = {
        "format": "edgeq-optimize",
        "version": 1,
        "chosen": {"variant": "int8x4-tuned", "recipe": recipe},
        "calibration": {"digests": list(manifest.calibration), "held_back": 0, "seed": 0},
    }
    (tmp_path / "optimize.json").write_text(json.dumps(search))
    options = Options(preprocess="raw", recipe=read_recipe(tmp_path / "optimize.json"))
    # The items are found by their digests among others.
    again = convert(assets.model_path(), data=images(0, 32), output=tmp_path / "again", options=options)
    rebuilt = again.bundle.manifest.variants[-1]
    assert [variant.name for variant in again.bundle.manifest.variants] == ["float32", "int8x4-tuned"]
    assert rebuilt.sha256 == manifest.variants[-1].sha256
    with pytest.raises(DataError, match="24 calibration items, of which the data have 0"):
        convert(assets.model_path(), data=images(32, 56), output=tmp_path / "other", options=options)
