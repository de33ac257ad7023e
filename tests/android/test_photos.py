"""Photos in an app's assets with what edgeq makes of them here."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import edgeq
from edgeq.android import photo_choice
from edgeq.android.photo_choice import choose_photos
from edgeq.android.photos import PHOTOS_ZIP
from edgeq.android.placing import REMOVED
from edgeq.benchmark.prediction import predict
from edgeq.benchmark.targets import find_targets
from edgeq.bundle import Bundle, read_bundle
from edgeq.data.reading import read_dataset
from edgeq.demo import assets
from edgeq.devices.packed.packing import pack_bundle
from edgeq.errors import BundleError, DataError, ModelError, UsageError
from edgeq.files import sha256_bytes

Make = Callable[..., Path]
ORIENTATION = 0x0112


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of each of ten classes, in turn PNG, JPEG and JPEG on its side."""
    folder = tmp_path_factory.mktemp("photos")
    with np.load(assets.bundle_path().parent / "test.npz") as archive:
        images, labels = archive["image"][..., 0], archive["labels"]
    for label in range(10):
        (folder / str(label)).mkdir()
        for number, index in enumerate(np.flatnonzero(labels == label)[:3]):
            image = Image.fromarray(images[index]).resize((70, 60)).convert("RGB")
            exif = Image.Exif()
            exif[ORIENTATION] = 6 if number == 2 else 1
            name = f"{index}.{'png' if number == 0 else 'jpg'}"
            image.save(folder / str(label) / name, exif=exif)
    return folder


@pytest.fixture(scope="session")
def app(demo_bundle: Bundle, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A new app with photos."""
    return edgeq.new_android_app(demo_bundle, tmp_path_factory.mktemp("new") / "Demo", photos=photos)


def opened(bundle: Bundle) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(bundle.folder / PHOTOS_ZIP) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(entries["photos.json"]), entries


def test_the_bundle_with_photos_is_valid_and_names_their_digest(app: Any) -> None:
    again = read_bundle(app.bundle.folder)
    assert again.manifest.files[PHOTOS_ZIP] == sha256_bytes((app.bundle.folder / PHOTOS_ZIP).read_bytes())
    (app.bundle.folder / PHOTOS_ZIP).rename(app.bundle.folder / "away")
    with pytest.raises(BundleError, match=r"photos\.zip is missing"):
        read_bundle(app.bundle.folder)
    (app.bundle.folder / "away").rename(app.bundle.folder / PHOTOS_ZIP)


def test_photos_are_the_files_themselves_of_different_classes(app: Any, photos: Path) -> None:
    index, entries = opened(app.bundle)
    assert (index["format"], index["version"], index["input"]) == ("edgeq-photos", 1, "image")
    names = [one["name"] for one in index["photos"]]
    assert len({name.split("/")[0] for name in names}) == 8
    for one in index["photos"]:
        content = (photos / one["name"]).read_bytes()
        assert entries[one["file"]] == content
        assert one["sha256"] == sha256_bytes(content)
        assert one["lossless"] == one["name"].endswith(".png")
        assert one["size"] == [60, 70]


def test_pixels_and_answers_are_those_that_edgeq_computes_here(app: Any, photos: Path) -> None:
    index, entries = opened(app.bundle)
    paths = [photos / one["name"] for one in index["photos"]]
    predicted = predict(find_targets([app.bundle.folder]), paths)
    assert [one["name"] for one in index["variants"]] == ["int8", "float32"]
    for variant, described in zip(app.bundle.manifest.variants, index["variants"], strict=True):
        (output,) = variant.outputs
        stored = np.load(io.BytesIO(entries[described["outputs"][output.name]]))
        assert stored.dtype == output.dtype
        assert stored.shape == (8, 1, 10)
        real = (
            stored if output.scale is None else (stored.astype(np.float32) - output.zero_point) * output.scale
        )
        np.testing.assert_allclose(real[:, 0], predicted.outputs[variant.name][output.name], atol=1e-5)
        assert "XNNPACK" in described["kernel_path"]
    reference = np.load(io.BytesIO(entries[index["reference"]["class"]]))
    np.testing.assert_array_equal(reference, np.load(io.BytesIO(entries["variant-2-1.npy"])))


def test_a_photo_on_its_side_is_recorded_upright(app: Any, demo_bundle: Bundle, tmp_path: Path) -> None:
    for orientation in (1, 6):
        image = Image.fromarray(np.arange(0, 240, 3, dtype=np.uint8).repeat(40).reshape(80, 40).T)
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        (image.rotate(90, expand=True) if orientation == 6 else image).save(
            tmp_path / f"{orientation}.jpg", exif=exif, quality=95
        )
    module = tmp_path / "demo"
    index, entries = opened(edgeq.new_android_app(demo_bundle, module, photos=tmp_path).bundle)
    assert sorted(one["orientation"] for one in index["photos"]) == [1, 6]
    upright, turned = (np.load(io.BytesIO(entries[one["pixels"]])).astype(int) for one in index["photos"])
    assert upright.shape == (28, 28, 1)
    assert abs(upright - turned).max() <= 4


def test_the_same_photos_make_the_same_archive(
    app: Any, demo_bundle: Bundle, photos: Path, tmp_path: Path
) -> None:
    again = edgeq.new_android_app(demo_bundle, tmp_path / "Demo", photos=read_dataset(photos))
    assert (again.bundle.folder / PHOTOS_ZIP).read_bytes() == (app.bundle.folder / PHOTOS_ZIP).read_bytes()


def test_a_run_without_photos_removes_them_and_says_so(
    app: Any, demo_bundle: Bundle, make_module: Make, photos: Path
) -> None:
    module = make_module()
    first = edgeq.put_into_android_app(demo_bundle, module, photos=photos)
    assert PHOTOS_ZIP in first.bundle.manifest.files
    second = edgeq.put_into_android_app(demo_bundle, module)
    assert [one.path.name for one in second.files if one.state == REMOVED] == [PHOTOS_ZIP]
    assert "photos.zip of the earlier run was removed: --photos DATA records photos anew" in second.notes
    assert PHOTOS_ZIP not in second.bundle.manifest.files


def test_a_bundle_with_photos_can_be_packed(app: Any) -> None:
    packed = pack_bundle(find_targets([app.bundle.folder]))
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert f"bundle/{PHOTOS_ZIP}" in archive.namelist()


def test_what_was_calibrated_on_is_left_out(demo_bundle: Bundle, photos: Path) -> None:
    dataset = read_dataset(photos)
    drawn = choose_photos(dataset, demo_bundle.manifest)
    known = dataclasses.replace(demo_bundle.manifest, calibration=drawn.dataset.digests())
    others = choose_photos(dataset, known)
    assert len(others.paths) == 8
    assert not set(others.paths) & set(drawn.paths)
    every = dataclasses.replace(demo_bundle.manifest, calibration=dataset.digests())
    with pytest.raises(DataError, match="all 30 photos were calibrated on"):
        choose_photos(dataset, every)


def test_small_photos_are_taken_before_large_ones(
    demo_bundle: Bundle, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = read_dataset(photos)
    sizes = sorted(path.stat().st_size for path in photos.rglob("*.*"))
    monkeypatch.setattr(photo_choice, "MOST_BYTES", sum(sizes[:5]))
    few = choose_photos(dataset, demo_bundle.manifest)
    assert sorted(path.stat().st_size for path in few.paths) == sizes[:5]
    assert few.notes[-1].startswith(f"5 photos of {photos} to check the app by: 8 different ones")
    monkeypatch.setattr(photo_choice, "MOST_BYTES", sizes[0] - 1)
    with pytest.raises(DataError, match=r"the smallest photo has 0\.0 MB, expected at most 0\.0 MB in all"):
        choose_photos(dataset, demo_bundle.manifest)


def test_photos_that_a_phone_would_halve_are_left_out(
    demo_bundle: Bundle, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "large.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "small.png")
    monkeypatch.setattr(photo_choice, "MOST_PIXELS", 9999)
    chosen = choose_photos(read_dataset(tmp_path), demo_bundle.manifest)
    assert [path.name for path in chosen.paths] == ["small.png"]
    (tmp_path / "small.png").unlink()
    with pytest.raises(DataError, match="which phones halve"):
        choose_photos(read_dataset(tmp_path), demo_bundle.manifest)


def test_a_photo_that_cannot_be_read_is_left_out_with_its_reason(demo_bundle: Bundle, tmp_path: Path) -> None:
    Image.new("L", (30, 30)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    chosen = choose_photos(read_dataset(tmp_path), demo_bundle.manifest)
    assert [path.name for path in chosen.paths] == ["good.png"]
    assert "bad.png cannot be read as an image" in chosen.notes[0]


def test_arrays_are_no_photos(demo_bundle: Bundle) -> None:
    with pytest.raises(DataError, match="--photos expects image files"):
        choose_photos(read_dataset(assets.bundle_path().parent / "test.npz"), demo_bundle.manifest)


def test_a_bundle_without_float32_is_refused(demo_bundle: Bundle, photos: Path, make_module: Make) -> None:
    only = [variant for variant in demo_bundle.manifest.variants if variant.name == "int8"]
    cut = Bundle(demo_bundle.folder, dataclasses.replace(demo_bundle.manifest, variants=tuple(only)))
    with pytest.raises(
        UsageError, match=r"compares answers with those of float32, which .* lacks: it has int8"
    ):
        edgeq.put_into_android_app(cut, make_module(), photos=photos)


def test_a_model_without_a_single_picture_is_refused(
    demo_bundle: Bundle, photos: Path, make_module: Make
) -> None:
    (tensor,) = demo_bundle.manifest.inputs
    two = dataclasses.replace(
        demo_bundle.manifest, inputs=(tensor, dataclasses.replace(tensor, name="other"))
    )
    with pytest.raises(ModelError, match="takes no single picture"):
        edgeq.put_into_android_app(Bundle(demo_bundle.folder, two), make_module(), photos=photos)
