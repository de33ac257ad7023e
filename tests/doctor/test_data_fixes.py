"""Copies and preprocessing that mend data; `edgeq doctor --fix` as a command is tested in tests/cli."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.data.feeding import ModelInput
from edgeq.data.preprocessing import RAW, Preprocessing, read_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.doctor.case import Case
from edgeq.doctor.data_fixes import mend_data
from edgeq.doctor.examination import Diagnosis
from edgeq.doctor.rule import Finding
from edgeq.doctor.rules import RULES
from edgeq.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3)).astype(np.float32)
IMAGE = ModelInput("image", (4, 4, 3), "float32")
OTHER = ModelInput("other", (4, 4, 3), "float32")


def case_of(folder: Path, preprocessing: Preprocessing = RAW, **arrays: np.ndarray) -> Case:
    np.savez(folder / "data.npz", **arrays)
    inputs = tuple(spec for spec in (IMAGE, OTHER) if spec.name in arrays)
    return Case(
        target=folder,
        name="net",
        inputs=inputs,
        batched={spec.name: True for spec in inputs},
        preprocessing=preprocessing,
        dataset=read_dataset(folder / "data.npz"),
    )


def found(code: str, **details: Any) -> Diagnosis:
    (rule,) = (rule for rule in RULES if rule.code == code)
    return Diagnosis(rule, Finding("data.npz", "wrong", details=details))


def number(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, width=32)


@given(
    scale=st.one_of(number(0.0625, 100), st.lists(number(0.0625, 100), min_size=3, max_size=3)),
    offset=st.one_of(number(-100, 100), st.lists(number(-100, 100), min_size=3, max_size=3)),
    own=st.sampled_from(
        [RAW, Preprocessing("own", (0.5,), (-1.0,)), Preprocessing("own", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))]
    ),
)
def test_the_written_preprocessing_gives_what_reached_the_model_with_the_range_corrected(
    tmp_path_factory, scale, offset, own
):
    folder = tmp_path_factory.mktemp("rescale")
    case = case_of(folder, own, image=PIXELS)
    said = mend_data(case, [found("D104", input="image", scale=scale, offset=offset)])
    assert "data-preprocessing.json" in said
    mended = read_preprocessing(folder / "data-preprocessing.json")
    np.testing.assert_allclose(
        mended.of("image").apply(PIXELS),
        own.apply(PIXELS) * np.array(scale) + np.array(offset),
        rtol=1e-4,
        atol=1e-3 * (1 + np.abs(np.array(scale)).max()),
    )


def test_of_several_inputs_only_the_one_in_question_is_corrected(tmp_path):
    case = case_of(tmp_path, image=PIXELS, other=PIXELS)
    mend_data(case, [found("D104", input="other", scale=[1.0, 2.0, 3.0], offset=0.0)])
    mended = read_preprocessing(tmp_path / "data-preprocessing.json")
    np.testing.assert_array_equal(mended.of("image").apply(PIXELS), PIXELS)
    np.testing.assert_allclose(mended.of("other").apply(PIXELS), PIXELS * [1, 2, 3])


def test_items_are_left_out_and_inputs_exchanged_in_one_copy(tmp_path):
    case = case_of(tmp_path, image=PIXELS, other=PIXELS + 1, labels=np.arange(12) % 3)
    diagnoses = [found("D103", items=[0, 5]), found("D109", order={"image": "other", "other": "image"})]
    said = mend_data(case, diagnoses)
    assert "2 items left out, inputs exchanged" in said
    kept = [row for row in range(12) if row not in (0, 5)]
    with np.load(tmp_path / "data-fixed.npz") as archive:
        np.testing.assert_array_equal(archive["image"], PIXELS[kept] + 1)
        np.testing.assert_array_equal(archive["other"], PIXELS[kept])
        np.testing.assert_array_equal(archive["labels"], np.array(kept) % 3)
    np.testing.assert_array_equal(np.load(tmp_path / "data.npz")["image"], PIXELS)


def test_an_earlier_copy_is_not_overwritten(tmp_path):
    case = case_of(tmp_path, image=PIXELS)
    (tmp_path / "data-fixed.npz").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"data-fixed\.npz exists already"):
        mend_data(case, [found("D103", items=[0])])
    assert (tmp_path / "data-fixed.npz").read_bytes() == b"mine"


def test_what_was_found_without_a_remedy_is_left_to_a_person(tmp_path):
    case = case_of(tmp_path, image=PIXELS)
    with pytest.raises(DataError, match="says not how it is mended"):
        mend_data(case, [found("D104", input="image")])
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]


def test_the_written_preprocessing_is_json_with_a_version(tmp_path):
    case = case_of(tmp_path, image=PIXELS)
    mend_data(case, [found("D104", input="image", scale=[1.0, 2.0, 3.0], offset=[0.0, 1.0, 2.0])])
    written = json.loads((tmp_path / "data-preprocessing.json").read_text())
    assert written["values"] == {"scale": [1.0, 2.0, 3.0], "offset": [0.0, 1.0, 2.0]}
