"""Finding the preprocessing; the scoring runs the demo's float32 file, which takes pixels as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeq.convert.preprocessing_search import by_scoring, without_scoring
from edgeq.data.dataset import ArrayDataset
from edgeq.data.feeding import ModelInput
from edgeq.data.preprocessing import PREPROCESSINGS, RAW, Preprocessing
from edgeq.demo import assets
from edgeq.errors import DataError

FLOAT32 = assets.bundle_path() / f"{assets.NAME}.float32.tflite"
IMAGE = (ModelInput("image", (28, 28, 1), "float32"),)
INVERTED = Preprocessing("inverted", (-1.0,), (255.0,))


def clothes(count: int = 400, *, labels: bool = True) -> ArrayDataset:
    data = assets.test_data()
    assert data.labels is not None
    (name,) = data.input_names()
    order = np.random.default_rng(0).permutation(len(data))[:count]
    return ArrayDataset(
        {"image": data.raw(name, list(order))}, data.labels[order] if labels else None, source="clothes"
    )


class TestScoring:
    def test_a_clear_winner_is_taken_and_announced_with_the_others(self) -> None:
        found = by_scoring(FLOAT32, clothes(), IMAGE, seed=0)
        assert found.preprocessing == RAW
        assert found.note is not None
        assert found.note.startswith("preprocessing: raw, found on 300 labelled images (raw 9")
        assert all(
            candidate.name in found.note
            for candidate in PREPROCESSINGS
            if len(candidate.scale + candidate.offset) == 2
        )

    def test_the_winner_is_the_one_that_undoes_what_was_done_to_the_pixels(self) -> None:
        data = clothes()
        inverted = ArrayDataset(
            {"image": 255 - data.raw("image", range(len(data)))}, data.labels, source="negatives"
        )
        found = by_scoring(FLOAT32, inverted, IMAGE, seed=0, candidates=(*PREPROCESSINGS, INVERTED))
        assert found.preprocessing == INVERTED

    def test_the_order_of_the_candidates_does_not_matter(self) -> None:
        assert (
            by_scoring(FLOAT32, clothes(), IMAGE, seed=0, candidates=PREPROCESSINGS[::-1]).preprocessing
            == RAW
        )

    def test_a_tie_is_an_error_that_lists_the_scores(self) -> None:
        nearly = Preprocessing("nearly", (1.02,))
        with pytest.raises(
            DataError,
            match=r"the preprocessing is not clear from 300 images of clothes: (raw|nearly) 9\d.\d%, (raw|nearly) 9.*"
            "say which with --preprocess",
        ):
            by_scoring(FLOAT32, clothes(), IMAGE, seed=0, candidates=(*PREPROCESSINGS, nearly))

    def test_of_two_that_hardly_differ_the_more_usual_one_is_taken_where_the_labels_cannot_tell(self) -> None:
        hardly = Preprocessing("hardly", (1.0,), (1e-3,))
        found = by_scoring(FLOAT32, clothes(), IMAGE, seed=0, candidates=(*PREPROCESSINGS, hardly))
        assert found.preprocessing == RAW
        assert found.note is not None
        assert found.note.endswith(
            "from hardly it differs by less than a pixel's step, which makes no difference here"
        )

    def test_a_few_images_are_not_enough_for_a_winner(self) -> None:
        # 0..1 makes nearly black images of all, and the network is right on some of them.
        with pytest.raises(DataError, match=r"not clear from 3 images|not above chance"):
            by_scoring(FLOAT32, clothes(3), IMAGE, seed=0)

    def test_without_labels_the_user_has_to_say(self) -> None:
        with pytest.raises(
            DataError,
            match=r"clothes: how its pixels .* cannot be told without class labels: say it .*\(raw, 0..1",
        ):
            by_scoring(FLOAT32, clothes(labels=False), IMAGE, seed=0)

    def test_if_none_is_above_chance_that_is_the_error(self) -> None:
        data = clothes()
        assert data.labels is not None
        wrong = ArrayDataset(
            {"image": data.raw("image", range(len(data)))}, (data.labels + 3) % 10, source="renamed"
        )
        with pytest.raises(
            DataError, match=r"FP32 is not above chance on renamed under any preprocessing \("
        ):
            by_scoring(FLOAT32, wrong, IMAGE, seed=0)


class TestWithoutScoring:
    def test_data_that_are_no_pixels_are_taken_as_they_are(self) -> None:
        floats = ArrayDataset({"image": np.zeros((5, 28, 28, 1), np.float32)})
        table = ArrayDataset({"features": np.zeros((5, 8), np.uint8)})
        for dataset, inputs in (
            (None, IMAGE),
            (floats, IMAGE),
            (table, (ModelInput("features", (8,), "float32"),)),
        ):
            found = without_scoring(dataset, inputs, scales_input=False)
            assert found is not None
            assert (found.preprocessing, found.note) == (RAW, None)

    def test_a_model_that_rescales_takes_pixels_as_they_are_and_it_is_said(self) -> None:
        found = without_scoring(clothes(10), IMAGE, scales_input=True)
        assert found is not None
        assert found.preprocessing == RAW
        assert found.note == "preprocessing: raw, the model rescales pixels itself"

    def test_pixels_for_a_float_model_without_rescaling_have_to_be_scored(self) -> None:
        assert without_scoring(clothes(10), IMAGE, scales_input=False) is None

    def test_integer_inputs_and_several_inputs_are_not_scored(self) -> None:
        for inputs in ((ModelInput("image", (28, 28, 1), "uint8"),), IMAGE * 2):
            found = without_scoring(clothes(10), inputs, scales_input=False)
            assert found is not None
            assert found.preprocessing == RAW


@pytest.mark.tensorflow
class TestConversion:
    """The whole way, with the demo's network and with the same network without its first layer."""

    def test_a_rescaling_layer_is_seen_and_one_that_is_missing_is_found_by_scoring(
        self, keras: Any, tmp_path: Path
    ) -> None:
        from edgeq.convert.options import Options
        from edgeq.convert.pipeline import convert

        whole = keras.models.load_model(assets.model_path())
        # What the Rescaling layer did, value / 127.5 - 1, is then up to the preprocessing.
        image = keras.Input((28, 28, 1), name="image")
        output = image
        for layer in whole.layers[2:]:
            output = layer(output)
        headless = keras.Model(image, output, name="headless")
        expected = {"whole": ("raw", "the model rescales"), "headless": ("-1..1", "found on 300 labelled")}
        for model, name in ((whole, "whole"), (headless, "headless")):
            options = Options(name=name, schemes=("float32",))
            conversion = convert(model, data=clothes(), output=tmp_path / name, options=options)
            preprocessing, note = expected[name]
            assert conversion.bundle.manifest.preprocessing.name == preprocessing
            assert any(note in told for told in conversion.notes)
