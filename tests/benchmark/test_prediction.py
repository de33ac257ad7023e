from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.benchmark import prediction
from edgeq.benchmark.prediction import predict
from edgeq.benchmark.targets import Targets, find_targets
from edgeq.data.dataset import ArrayDataset
from edgeq.data.preprocessing import find_preprocessing
from edgeq.demo import assets
from edgeq.errors import DataError, UsageError, WorkerError
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel

Clothes = Callable[[int], ArrayDataset]
File = Callable[[str], Path]


@pytest.fixture(scope="module")
def demo() -> Targets:
    return find_targets([assets.bundle_path()], ["float32", "int8"])


@pytest.fixture
def pixels(clothes: Clothes) -> np.ndarray:
    item: np.ndarray = clothes(1).raw("image", [0])[0]
    return item


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def test_every_variant_is_run_on_every_input(demo: Targets, clothes: Clothes, tmp_path: Path) -> None:
    items = clothes(3).raw("image", range(3))
    paths = [saved(tmp_path / f"{position}.npy", item) for position, item in enumerate(items)]
    predictions = predict(demo, paths)
    assert predictions.inputs == tuple(map(str, paths))
    assert predictions.failures == {}
    assert list(predictions.outputs) == ["float32", "int8"]
    for variant, outputs in predictions.outputs.items():
        model = LoadedModel({target.info.name: target.path for target in demo.files}[variant], find_runtime())
        assert outputs["class"].shape == (3, 10)
        for position, item in enumerate(items):
            (info,) = model.inputs
            model.set_inputs({"image": info.encode(item[None].astype(np.float32))})
            model.invoke()
            expected = model.outputs[0].decode(model.outputs_stored()["class"])[0]
            assert np.array_equal(outputs["class"][position], expected)


@pytest.mark.parametrize("form", ["npy", "npy of a batch of one", "npz", "png"])
def test_an_item_may_come_in_several_forms(
    demo: Targets, pixels: np.ndarray, form: str, tmp_path: Path
) -> None:
    expected = predict(demo, [saved(tmp_path / "item.npy", pixels)]).outputs["int8"]["class"]
    path = tmp_path / "other.npy"
    if form == "npz":
        path = tmp_path / "item.npz"
        np.savez(path, image=pixels)
    elif form == "png":
        path = tmp_path / "item.png"
        Image.fromarray(pixels[:, :, 0]).save(path)
    else:
        saved(path, pixels if form == "npy" else pixels[None])
    assert np.array_equal(predict(demo, [str(path)]).outputs["int8"]["class"], expected)


def test_the_preprocessing_can_be_given(demo: Targets, pixels: np.ndarray, tmp_path: Path) -> None:
    path = saved(tmp_path / "item.npy", pixels)
    scaled = saved(tmp_path / "scaled.npy", (pixels / np.float32(255)).astype(np.float32))
    found = predict(demo, [path], preprocessing=find_preprocessing("0..1")).outputs["float32"]["class"]
    expected = predict(demo, [scaled]).outputs["float32"]["class"]
    assert np.allclose(found, expected, atol=1e-6)
    assert not np.allclose(found, predict(demo, [path]).outputs["float32"]["class"], atol=1e-3)


def test_a_file_with_a_fixed_batch_answers_for_the_item(
    batched: Callable[[str, int], Path], demo: Targets, pixels: np.ndarray, tmp_path: Path
) -> None:
    path = saved(tmp_path / "item.npy", pixels)
    found = predict(find_targets([batched("int8", 4)]), [path])
    (outputs,) = found.outputs.values()
    assert np.array_equal(outputs["class"], predict(demo, [path]).outputs["int8"]["class"])


def test_several_inputs_are_given_by_name_in_an_npz(two_inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "item.npz"
    random = np.random.default_rng(0)
    np.savez(path, right=random.normal(size=32), left=random.normal(size=32))
    (outputs,) = predict(find_targets([two_inputs]), [path]).outputs.values()
    assert {name: array.shape for name, array in outputs.items()} == {"total": (1, 3), "hidden": (1, 64)}


def test_a_variant_that_fails_is_named_and_the_others_answer(
    refused: Path, demo_file: File, pixels: np.ndarray, tmp_path: Path
) -> None:
    path = saved(tmp_path / "item.npy", pixels)
    predictions = predict(find_targets([demo_file("int8"), refused]), [path])
    assert list(predictions.outputs) == [f"{assets.NAME}.int8"]
    assert list(predictions.failures) == ["refused"]
    assert "version" in predictions.failures["refused"]


def test_if_every_variant_fails_that_is_the_error(refused: Path, pixels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"refused.tflite is refused by"):
        predict(find_targets([refused]), [saved(tmp_path / "item.npy", pixels)])


def test_an_unknown_runtime_is_refused(demo: Targets, pixels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises((UsageError, WorkerError), match="unknown runtime 'onnx'"):
        predict(demo, [saved(tmp_path / "item.npy", pixels)], runtime="onnx")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.npy", None, r"gone.npy does not exist: expected an image, a WAV, an .npy or an .npz file"),
        ("a.txt", b"text", r"a.txt is nothing that edgeq reads"),
        ("a.npy", b"\x93NUMPY", r"a.npy cannot be read as .npy"),
        ("a.png", b"no image", r"a.png"),
    ],
)
def test_an_input_that_cannot_be_read_is_refused(
    demo: Targets, tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason):
        predict(demo, [tmp_path / name])


def test_no_input_at_all_is_refused(demo: Targets) -> None:
    with pytest.raises(DataError, match="expected at least one input"):
        predict(demo, [])


def test_an_item_of_another_shape_is_refused(demo: Targets, tmp_path: Path) -> None:
    path = saved(tmp_path / "item.npy", np.zeros((2, 28, 28, 1), np.uint8))
    with pytest.raises(
        DataError, match=r"input 'image' expects one item of shape \[28, 28, 1\], found \[2, 28"
    ):
        predict(demo, [path])


def test_one_image_for_a_model_of_several_inputs_is_refused(
    two_inputs: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "item.png"
    Image.fromarray(pixels[:, :, 0]).save(path)
    with pytest.raises(
        DataError, match=r"is one input and the model has the inputs left, right: give an .npz"
    ):
        predict(find_targets([two_inputs]), [path])


def test_an_npz_without_the_models_inputs_is_refused(demo: Targets, tmp_path: Path) -> None:
    np.savez(tmp_path / "item.npz", picture=np.zeros((28, 28, 1)))
    with pytest.raises(DataError, match=r"expected arrays named image, found picture"):
        predict(demo, [tmp_path / "item.npz"])


def test_a_batch_that_would_fill_the_memory_is_refused(
    demo: Targets, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a machine with very little.
    monkeypatch.setattr(prediction, "memory_share", lambda processes: 1000)
    with pytest.raises(WorkerError, match="convert it with a batch of 1"):
        predict(demo, [saved(tmp_path / "item.npy", pixels)])
