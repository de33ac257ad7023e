"""Opening a Keras model, a script or a float file as a case for the doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edgeq.convert.model_case import open_model_case
from edgeq.data.dataset import ArrayDataset
from edgeq.data.preprocessing import RAW
from edgeq.demo.assets import bundle_path
from edgeq.errors import ModelError

pytestmark = pytest.mark.tensorflow


def test_a_model_with_data_is_a_case_whose_files_are_gone_afterwards(
    tiny: Path, pixels: ArrayDataset
) -> None:
    with open_model_case(tiny, data=pixels, preprocess="-1..1") as case:
        assert (case.name, case.files, case.bundle) == ("tiny", (), None)
        assert case.batched == {"image": True}
        assert case.preprocessing.name == "-1..1"
        float32_file = case.float32_file
        assert float32_file is not None
        assert case.reference is not None
        assert case.feed is not None
        assert case.trials is not None
        int8 = case.trials("int8")
        assert (int8.scheme, int8.problem) == ("int8", None)
        assert int8.path is not None
        assert int8.path.is_file()
        assert int8.sqnr_db is not None
        assert int8.sqnr_db > 10
        assert case.trials("int8") is int8
    assert not float32_file.exists()


def test_without_data_trials_are_made_of_random_items(tiny: Path) -> None:
    with open_model_case(tiny) as case:
        assert case.preprocessing == RAW
        assert case.probe is None
        assert case.trials is not None
        assert case.trials("int8").problem is None


def test_data_that_cannot_be_read_are_the_cases_problem(tiny: Path, tmp_path: Path) -> None:
    with open_model_case(tiny, data=tmp_path / "missing") as case:
        assert case.dataset is None
        assert "does not exist" in str(case.data_problem)
        assert case.float32_file is not None


def test_data_that_tell_no_preprocessing_are_taken_raw(tiny: Path, pixels: ArrayDataset) -> None:
    with open_model_case(tiny, data=pixels) as case:
        assert case.preprocessing == RAW


def test_calibration_data_alone_are_enough(tiny: Path, pixels: ArrayDataset) -> None:
    with open_model_case(tiny, calibration=pixels, preprocess="-1..1") as case:
        assert case.dataset is None
        assert case.probe is not None


def test_a_script_brings_its_data_and_preprocessing(tiny: Path, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import numpy as np\n"
        'preprocess = "0..1"\n'
        f"def model():\n    return {str(tiny)!r}\n"
        "def data():\n"
        "    return {'image': np.random.default_rng(0).integers(0, 256, (12, 12, 12, 3), dtype=np.uint8)}\n"
    )
    with open_model_case(script) as case:
        assert case.name == "mine"
        assert case.preprocessing.name == "0..1"
        assert case.items is not None
        assert len(case.items) == 12


def test_a_float_file_is_examined_as_a_file_too(pixels: ArrayDataset) -> None:
    source = bundle_path() / "fashion_mnist.float32.tflite"
    with open_model_case(source) as case:
        (file,) = case.files
        assert (file.path, file.claimed_scheme) == (source, "float32")
        assert case.trials is not None
        assert case.trials("int8").problem is None


def test_a_trial_that_cannot_be_made_says_why(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((8,), name="features"),
            keras.layers.Dense(64),
            keras.layers.LayerNormalization(),
            keras.layers.Dense(3),
        ]
    )
    model.save(tmp_path / "normed.keras")
    data = ArrayDataset({"": np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)})
    with open_model_case(tmp_path / "normed.keras", data=data) as case:
        assert case.trials is not None
        trial = case.trials("int16x8")
        assert trial.path is None
        assert "NEG" in str(trial.problem)


def test_a_model_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError), open_model_case(tmp_path / "missing.keras"):
        pass
