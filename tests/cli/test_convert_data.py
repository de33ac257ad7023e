"""Data that do not fit the model: known only when it is open, and told before anything is made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeq.convert import pipeline
from edgeq.errors import EdgeqError

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def refused(tmp_path, monkeypatch) -> Callable[..., str]:
    """Converts, which must fail and make nothing; returns the message."""
    monkeypatch.chdir(tmp_path)

    def run(model: Any, **arguments: Any) -> str:
        options = pipeline.Options(schemes=("float16",), **arguments.pop("options", {}))
        with pytest.raises(EdgeqError) as caught:
            pipeline.convert(model, output="net", options=options, **arguments)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)
        assert not Path("net").exists()
        return str(caught.value)

    return run


def test_data_that_do_not_fit_are_refused_before_a_file_is_made(refused, demo, tmp_path, monkeypatch):
    class Idle:
        """In the place of the converter's process, which would be asked for a file."""

        def __init__(self, *_: Any, **__: Any) -> None:
            self.open = self.close = lambda *_, **__: None

    monkeypatch.setattr(pipeline, "ConverterProcess", Idle)
    np.savez(tmp_path / "data.npz", image=demo.images[:50, :14])
    complaint = refused(demo.model, data="data.npz")
    assert complaint == "data.npz: input 'image' expects items of shape [28, 28, 1], found [14, 28, 1]"


def test_labels_beyond_the_models_outputs_are_refused(refused, demo, tmp_path):
    np.savez(tmp_path / "data.npz", image=demo.images[:50], labels=np.arange(50) % 11)
    complaint = refused(demo.model, data="data.npz")
    assert complaint == "data.npz: label 10 is out of range: the model has 10 outputs (0 to 9)"


def test_another_number_of_names_is_refused(refused, demo):
    complaint = refused(demo.model, options={"labels": ["cat", "dog"]})
    assert (
        complaint
        == "--labels has 2 classes, the model's output has 10: expected one name an output, in its order"
    )


def test_a_corrupt_image_among_good_ones_is_named(refused, demo, tmp_path):
    (tmp_path / "photos").mkdir()
    for index in range(20):
        Image.fromarray(demo.images[index, ..., 0]).save(tmp_path / "photos" / f"{index:02}.png")
    (tmp_path / "photos" / "07.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert "photos/07.png cannot be read as an image" in refused(demo.model, data="photos")
