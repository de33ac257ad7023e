from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf
import tiny_models

from edgeq.errors import EdgeqError, ModelError, UsageError
from edgeq.sources.graph import Dimensions, SourceGraph
from edgeq.sources.opening import open_source
from edgeq.sources.saved_model import folder_digest

pytestmark = pytest.mark.tensorflow


class Module(tf.Module):
    """Signatures with a free batch, without any batch, and of a waveform."""

    def __init__(self) -> None:
        self.weights = tf.Variable(tf.ones((4, 3)))

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="rows")])
    def batch(self, rows: Any) -> dict[str, Any]:
        return {"sums": rows @ self.weights}

    @tf.function(input_signature=[tf.TensorSpec((5, 4), name="table")])
    def whole(self, table: Any) -> dict[str, Any]:
        return {"sums": table @ self.weights, "largest": tf.reduce_max(table)}

    @tf.function(input_signature=[tf.TensorSpec((None,), name="waveform")])
    def sound(self, waveform: Any) -> dict[str, Any]:
        return {"loudness": tf.reduce_sum(waveform**2)[None]}


@pytest.fixture
def several(tmp_path: Path) -> Path:
    module = Module()
    folder = tmp_path / "several"
    tf.saved_model.save(
        module, str(folder), signatures={"batch": module.batch, "whole": module.whole, "sound": module.sound}
    )
    return folder


def opened(folder: Path, dimensions: Dimensions | None = None, **options: Any) -> SourceGraph:
    return open_source(folder, dimensions or Dimensions(), **options)


def inputs_of(graph: SourceGraph) -> list[tuple[str, tuple[int, ...], bool]]:
    return [(spec.name, spec.shape, spec.batched) for spec in graph.inputs]


def test_an_exported_keras_model_keeps_its_names_and_its_numbers(tmp_path: Path) -> None:
    model = tiny_models.difference()
    model.export(tmp_path / "subtract", verbose=False)
    graph = opened(tmp_path / "subtract")
    assert graph.name == "subtract"
    assert graph.kind == "savedmodel"
    assert inputs_of(graph) == [("a", (1, 8), True), ("b", (1, 8), True)]
    items = {name: values[:1] for name, values in tiny_models.difference_data().items()}
    (result,) = graph.predict(items).values()
    assert np.allclose(result, tiny_models.outputs(model, items), atol=1e-5)


def test_a_signature_is_chosen_by_its_name(several: Path) -> None:
    graph = opened(several, Dimensions(batch=2), signature="batch")
    assert inputs_of(graph) == [("rows", (2, 4), True)]
    assert graph.outputs == ("sums",)


def test_a_model_without_batch_dimension_takes_whole_inputs(several: Path) -> None:
    graph = opened(several, signature="whole")
    assert inputs_of(graph) == [("table", (5, 4), False)]
    assert graph.inputs[0].item_shape == (5, 4)
    result = graph.predict({"table": np.arange(20.0).reshape(5, 4)})
    assert result["largest"] == 19.0
    assert result["sums"].shape == (5, 3)


def test_the_length_of_a_waveform_is_its_size(several: Path) -> None:
    assert inputs_of(opened(several, Dimensions(size=(64,)), signature="sound")) == [
        ("waveform", (64,), False)
    ]


def test_the_signatures_are_listed_where_none_is_for_serving(several: Path) -> None:
    with pytest.raises(
        ModelError, match="no signature 'serving_default': add --signature with one of batch, whole"
    ):
        opened(several)


def test_an_unknown_signature_lists_those_that_there_are(several: Path) -> None:
    with pytest.raises(UsageError, match="no signature 'serve': expected one of batch, whole, sound"):
        opened(several, signature="serve")


def test_the_only_signature_needs_no_name(tmp_path: Path) -> None:
    module = Module()
    tf.saved_model.save(module, str(tmp_path / "one"), signatures={"batch": module.batch})
    assert opened(tmp_path / "one").outputs == ("sums",)


def test_a_saved_model_without_signatures_says_what_to_do(tmp_path: Path) -> None:
    tf.saved_model.save(Module(), str(tmp_path / "none"))
    with pytest.raises(
        ModelError, match=r"has no signature, so that its inputs have no names: export it with"
    ):
        opened(tmp_path / "none")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(
            lambda f: (f / "saved_model.pb").unlink(), "a folder without saved_model.pb", id="no graph"
        ),
        pytest.param(
            lambda f: (f / "saved_model.pb").write_bytes((f / "saved_model.pb").read_bytes()[:300]),
            "cannot be loaded as a SavedModel: ",
            id="truncated graph",
        ),
        pytest.param(
            lambda f: shutil.rmtree(f / "variables"), "cannot be loaded as a SavedModel: ", id="no variables"
        ),
    ],
)
def test_a_damaged_folder_is_named_in_one_line(
    several: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(several)
    with pytest.raises(EdgeqError, match=message) as caught:
        opened(several, signature="batch")
    assert "\n" not in str(caught.value)


def test_a_bundle_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(ModelError, match="is a bundle already: edgeq benchmark"):
        opened(tmp_path)


def test_the_digest_covers_names_and_contents_of_all_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "variables").mkdir(parents=True)
        (tmp_path / name / "saved_model.pb").write_bytes(b"graph")
        (tmp_path / name / "variables" / "data").write_bytes(b"weights")
    first = folder_digest(tmp_path / "one")
    assert folder_digest(tmp_path / "two") == first
    (tmp_path / "two" / "variables" / "data").write_bytes(b"other")
    assert folder_digest(tmp_path / "two") != first
    (tmp_path / "one" / "variables" / "data").rename(tmp_path / "one" / "variables" / "index")
    assert folder_digest(tmp_path / "one") != first


def test_an_unbatched_model_is_calibrated_and_run_on_whole_inputs(
    several: Path, convert: Callable[..., Any], run: Callable[..., dict[str, Any]]
) -> None:
    tables = np.random.default_rng(0).uniform(-1, 1, (120, 5, 4)).astype(np.float32)
    data = several.parent / "tables.npz"
    np.savez(data, table=tables)
    bundle = convert(several, data, schemes=("int8",), signature="whole").bundle
    assert bundle.manifest.batched == {"table": False}
    result = run(bundle, "int8", {"table": tables[0]})
    assert np.allclose(result["sums"], tables[0] @ np.ones((4, 3)), atol=0.1)
    assert np.allclose(result["largest"], tables[0].max(), atol=0.1)
