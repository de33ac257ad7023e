"""TensorFlow Lite model metadata: what is written, what MediaPipe makes of it, and what is refused."""

from __future__ import annotations

import ctypes.util
import dataclasses
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.android.metadata import LABEL_FILE, MetadataOutcome, write_with_metadata
from edgeq.android.metadata_file import with_metadata
from edgeq.android.metadata_normalisation import furthest_pixel, normalisation_of
from edgeq.android.metadata_rules import check_labels, is_probability, notes_on_file, refusal
from edgeq.benchmark.targets import find_targets
from edgeq.bundle import Bundle, read_bundle
from edgeq.data.dataset import ArrayDataset
from edgeq.data.media.audio import AudioPreparation
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.preprocessing import (
    CAFFE,
    MINUS_ONE_TO_ONE,
    PREPROCESSINGS,
    RAW,
    TORCH,
    ZERO_TO_ONE,
    Preprocessing,
)
from edgeq.demo import assets
from edgeq.errors import ModelError, OutputError, UsageError
from edgeq.runtime.running import run_file
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.metadata import read_metadata
from edgeq.tflite.model import TfliteModel, read_model

LABELS = ("ant", "bee", "cat", "dog", "élan")
FLOAT, UINT8 = "float32", "int8-io-uint8"
CHILD = Path(__file__).parent / "mediapipe_child.py"

SYSTEM_LIBRARIES = {"EGL": "libegl1", "GLESv2": "libgles2", "GL": "libgl1", "glib-2.0": "libglib2.0-0"}
"""What the wheels of MediaPipe and of its OpenCV take from the system, and Debian's packages."""


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """uint8[24, 16, 12, 3] of differing brightness and colour, so that classes differ."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (24, 1, 1, 3))
    noise = random.integers(-255, 256, (24, 16, 12, 3)) // 4
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def rgb(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> Bundle:
    """A network of random weights on colour images from -1 to 1, as float32 and as int8 that takes uint8."""
    pytest.importorskip("tensorflow")
    import keras

    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert

    keras.utils.set_random_seed(0)
    layers = keras.layers
    # A steep last layer: scores that are all alike would agree whatever goes in.
    steep = keras.initializers.RandomNormal(stddev=3.0)
    model = keras.Sequential(
        [
            keras.Input((16, 12, 3), name="image"),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(LABELS), activation="softmax", kernel_initializer=steep, name="scores"),
        ],
        name="tiny",
    )
    extremes = np.stack([np.zeros_like(pixels[0]), np.full_like(pixels[0], 255)])
    data = ArrayDataset({"image": np.concatenate([extremes, pixels])}, source="pixels")
    options = Options(
        name="tiny", schemes=("float32", "int8"), io=("uint8",), preprocess="-1..1", labels=LABELS
    )
    folder = tmp_path_factory.mktemp("metadata") / "bundle"
    return convert(model, calibration=data, output=folder, options=options).bundle


@pytest.fixture(scope="session")
def written(rgb: Bundle, tmp_path_factory: pytest.TempPathFactory) -> MetadataOutcome:
    return write_with_metadata(rgb, [FLOAT, UINT8], tmp_path_factory.mktemp("metadata") / "new" / "folder")


@pytest.fixture(scope="session")
def grey() -> Bundle:
    return read_bundle(assets.bundle_path())


def path_of(outcome: MetadataOutcome, variant: str) -> Path:
    return next(file.path for file in outcome.files if file.variant == variant)


def with_manifest(bundle: Bundle, **changes: Any) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, **changes))


def mediapipe(*arguments: Path | str) -> Any:
    pytest.importorskip("mediapipe")
    for library, package in SYSTEM_LIBRARIES.items():
        if ctypes.util.find_library(library) is None:
            pytest.skip(
                f"MediaPipe needs lib{library}, which is not installed: sudo apt-get install {package}"
            )
    command = [sys.executable, str(CHILD), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def classified(path: Path, images: np.ndarray, folder: Path) -> tuple[Any, np.ndarray]:
    """What MediaPipe says, and its scores, float32[n, classes]; empty where it refuses the file."""
    np.save(folder / "images.npy", images)
    said = mediapipe("classify", path, folder / "images.npy", folder / "scores.npz")
    return said, np.empty(0) if "refused" in said else np.load(folder / "scores.npz")["scores"]


def edgeq_scores(path: Path, images: np.ndarray) -> np.ndarray:
    """Scores of a file for pixels from -1 to 1, or for the pixels themselves where it takes uint8."""
    (image,), _ = model_io(read_model(path))
    real = MINUS_ONE_TO_ONE.apply(images)
    if image.scale is not None:
        real = (images.astype(np.float32) - np.float32(image.zero_point or 0)) * np.float32(image.scale)
    ran = run_file(path, path.name, {image.name: real[:, None]})
    (output,) = ran.outputs
    return output.decode(ran.stored[output.name]).reshape(len(images), -1)


@pytest.mark.tensorflow
def test_mediapipes_reader_finds_what_was_written(written):
    shown = mediapipe("show", path_of(written, FLOAT))
    assert shown["files"] == {LABEL_FILE: "".join(f"{label}\n" for label in LABELS)}
    metadata = shown["metadata"]
    (graph,) = metadata["subgraph_metadata"]
    (image,), (scores,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    assert (metadata["name"], metadata["min_parser_version"]) == ("tiny", "1.0.0")
    assert image["content"]["content_properties"] == {
        "color_space": "RGB", "default_size": {"width": 12, "height": 16}
    }  # fmt: skip
    assert image["process_units"] == [
        {"options_type": "NormalizationOptions", "options": {"mean": [127.5], "std": [127.5]}}
    ]
    assert image["stats"] == {"max": [1.0], "min": [-1.0]}
    assert scores["stats"] == {"max": [1.0], "min": [0.0]}
    assert [(file["name"], file["type"]) for file in scores["associated_files"]] == [
        (LABEL_FILE, "TENSOR_AXIS_LABELS")
    ]


@pytest.mark.tensorflow
def test_metadata_of_uint8_give_the_range_of_what_is_stored(written):
    (graph,) = mediapipe("show", path_of(written, UINT8))["metadata"]["subgraph_metadata"]
    tensors = (*graph["input_tensor_metadata"], *graph["output_tensor_metadata"])
    assert [tensor["stats"] for tensor in tensors] == [{"max": [255.0], "min": [0.0]}] * 2


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", [FLOAT, UINT8])
def test_mediapipe_classifies_as_edgeq_does(written, pixels, tmp_path, variant):
    path = path_of(written, variant)
    said, scores = classified(path, pixels, tmp_path)
    own = edgeq_scores(path, pixels)
    assert said["names"] == list(LABELS)
    assert len(set(own.argmax(axis=1))) >= 3
    # MediaPipe brings kernels of its own, whose rounding may differ from LiteRT's by a step or two of 256.
    most = 1e-5 if variant == FLOAT else 2 / 256
    np.testing.assert_allclose(scores, own, atol=most)
    first, second = np.sort(own, axis=1)[:, -1], np.sort(own, axis=1)[:, -2]
    clear = first - second > 2 * most
    assert clear.sum() >= 20
    np.testing.assert_array_equal(scores[clear].argmax(axis=1), own[clear].argmax(axis=1))


@pytest.mark.tensorflow
def test_mediapipe_goes_by_the_normalisation_that_is_written(rgb, pixels, tmp_path):
    other = write_with_metadata(with_manifest(rgb, preprocessing=ZERO_TO_ONE), [FLOAT], tmp_path)
    path = path_of(other, FLOAT)
    _, scores = classified(path, pixels, tmp_path)
    assert np.abs(scores - edgeq_scores(path, pixels)).max() > 0.1


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", [FLOAT, UINT8])
def test_outputs_are_the_same_bits(rgb, written, pixels, variant):
    old = next(one for one in rgb.manifest.variants if one.name == variant)
    inputs = {"image": MINUS_ONE_TO_ONE.apply(pixels)[:, None]}
    before, after = (run_file(path, variant, inputs) for path in (rgb.path(old), path_of(written, variant)))
    assert before.kernel_path == after.kernel_path
    for name, stored in before.stored.items():
        np.testing.assert_array_equal(stored, after.stored[name])


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", [FLOAT, UINT8])
def test_the_old_file_is_in_the_new_one_byte_for_byte(rgb, written, variant):
    old_path = next(rgb.path(one) for one in rgb.manifest.variants if one.name == variant)
    old, new = read_model(old_path), read_model(path_of(written, variant))
    assert old_path.read_bytes() in path_of(written, variant).read_bytes()
    assert (new.subgraphs, new.signatures, new.operator_codes) == (
        old.subgraphs, old.signatures, old.operator_codes
    )  # fmt: skip
    assert set(new.metadata) - set(old.metadata) == {"TFLITE_METADATA"}
    assert len(new.buffers) == len(old.buffers) + 1


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", [FLOAT, UINT8])
def test_a_lone_file_needs_no_preprocess(written, pixels, variant):
    targets = find_targets([path_of(written, variant)])
    assert targets.labels == LABELS
    found = targets.preprocessing_of(ArrayDataset({"image": pixels}, source="pixels"))
    np.testing.assert_allclose(found.table(3), MINUS_ONE_TO_ONE.table(3), rtol=1e-6, atol=1e-6)


@pytest.mark.tensorflow
def test_channels_that_differ_are_written_for_float32_and_mediapipe_refuses_them(rgb, pixels, tmp_path):
    outcome = write_with_metadata(with_manifest(rgb, preprocessing=TORCH), [FLOAT, UINT8], tmp_path)
    (file,) = outcome.files
    assert "MediaPipe Tasks refuses" in file.notes[0]
    said = read_metadata(file.path, read_model(file.path))
    np.testing.assert_allclose(said.mean, (123.675, 116.28, 103.53), rtol=1e-6)
    np.testing.assert_allclose(said.std, (58.395, 57.12, 57.375), rtol=1e-6)
    # A uint8 input would get pixels as they are, whatever the metadata say.
    assert "copies pixels as they are" in outcome.refused[UINT8]
    assert "Per-channel" in classified(file.path, pixels[:1], tmp_path)[0]["refused"]


def test_grey_images_are_written_and_mediapipe_refuses_them(grey, tmp_path):
    outcome = write_with_metadata(grey, [FLOAT], tmp_path)
    (file,) = outcome.files
    assert "three channels" in file.notes[0]
    said = read_metadata(file.path, read_model(file.path))
    assert (said.labels, said.mean, said.std) == (grey.manifest.labels, (0.0,), (1.0,))
    refused = classified(file.path, np.zeros((1, 28, 28, 3), np.uint8), tmp_path)[0]["refused"]
    assert "Only RGB color space is supported" in refused


def test_int8_is_refused_with_a_way_out_and_others_are_written(grey, tmp_path):
    outcome = write_with_metadata(grey, ["int8", FLOAT, "float16", FLOAT], tmp_path)
    assert [file.variant for file in outcome.files] == [FLOAT, "float16"]
    assert list(outcome.refused) == ["int8"]
    assert "take uint8 or float32: make such a file with edgeq convert --io uint8" in outcome.refused["int8"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{assets.NAME}.float16.tflite",
        f"{assets.NAME}.float32.tflite",
    ]


def test_files_of_equal_content_are_equal(grey, tmp_path):
    contents = [
        path_of(write_with_metadata(grey, [FLOAT], tmp_path / name), FLOAT).read_bytes() for name in "ab"
    ]
    assert contents[0] == contents[1]


def test_old_metadata_are_replaced_and_not_doubled(grey, tmp_path):
    first = path_of(write_with_metadata(grey, [FLOAT], tmp_path / "a"), FLOAT)
    again = with_metadata(first.read_bytes(), b"\0\0\0\0M001new", {"other.txt": b"x\n"})
    model = read_model(again)
    assert len(model.buffers) == len(read_model(first).buffers)
    buffer = model.buffers[model.metadata["TFLITE_METADATA"]]
    assert again[buffer.start : buffer.start + buffer.size] == b"\0\0\0\0M001new"
    # Of the old archive nothing is left, and the new one is where readers look for it.
    assert again.count(b"PK\x05\x06") == 1
    (tmp_path / "again.tflite").write_bytes(again)
    with zipfile.ZipFile(tmp_path / "again.tflite") as archive:
        assert archive.namelist() == ["other.txt"]
        assert archive.getinfo("other.txt").compress_type == zipfile.ZIP_STORED
        assert archive.testzip() is None


def test_a_model_that_ends_like_an_archive_stays_whole(grey):
    content = grey.path(grey.manifest.variants[0]).read_bytes() + b"PK\x05\x06" + bytes(18)
    assert content in with_metadata(content, b"\0\0\0\0M001", {LABEL_FILE: b"a\n"})


@pytest.mark.parametrize("cut", [0, 7, 100, 5000])
def test_a_damaged_file_is_an_error(grey, tmp_path, cut):
    variant = grey.manifest.variants[0]
    (tmp_path / variant.file).write_bytes(grey.path(variant).read_bytes()[:cut])
    with pytest.raises(ModelError):
        write_with_metadata(dataclasses.replace(grey, folder=tmp_path), [variant.name], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@settings(max_examples=50)
@given(place=st.integers(0, 2000), bit=st.integers(0, 7))
def test_a_file_with_a_flipped_bit_is_extended_or_refused(place, bit):
    content = bytearray((assets.bundle_path() / f"{assets.NAME}.int8.tflite").read_bytes())
    content[place] ^= 1 << bit
    try:
        new = with_metadata(bytes(content), b"\0\0\0\0M001", {LABEL_FILE: b"a\n"})
    except ModelError:
        return
    assert bytes(content) in new
    assert "TFLITE_METADATA" in read_model(new).metadata


@settings(max_examples=50)
@given(place=st.integers(1, 122), bit=st.integers(0, 7))
def test_an_old_archive_that_is_damaged_is_replaced_or_left_behind(place, bit):
    plain = (assets.bundle_path() / f"{assets.NAME}.int8.tflite").read_bytes()
    content = bytearray(with_metadata(plain, b"\0\0\0\0M001old", {LABEL_FILE: b"a\nb\n"}))
    content[-place] ^= 1 << bit
    new = with_metadata(bytes(content), b"\0\0\0\0M001new", {LABEL_FILE: b"c\n"})
    assert plain in new
    with zipfile.ZipFile(io.BytesIO(new)) as archive:
        assert archive.read(LABEL_FILE) == b"c\n"


def test_existing_files_are_replaced_only_by_force(grey, tmp_path):
    target = tmp_path / f"{assets.NAME}.float32.tflite"
    target.write_bytes(b"mine")
    (tmp_path / "other.txt").write_text("mine")
    with pytest.raises(OutputError, match="--force"):
        write_with_metadata(grey, [FLOAT, "float16"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([target.name, "other.txt"])
    assert target.read_bytes() == b"mine"
    write_with_metadata(grey, [FLOAT], tmp_path, force=True)
    assert read_metadata(target, read_model(target)).labels == grey.manifest.labels
    assert (tmp_path / "other.txt").read_text() == "mine"


def test_files_of_a_bundle_are_never_replaced(grey):
    with pytest.raises(OutputError, match="is a bundle"):
        write_with_metadata(grey, [FLOAT], grey.folder, force=True)


def test_a_file_in_the_place_of_the_folder_is_an_error(grey, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        write_with_metadata(grey, [FLOAT], tmp_path / "file" / "folder")


@pytest.mark.parametrize("variants", [["int4"], []])
def test_variants_that_are_not_there_are_named(grey, tmp_path, variants):
    with pytest.raises(UsageError, match=r"expected some of float32, float16"):
        write_with_metadata(grey, variants, tmp_path)


def test_a_bundle_of_which_no_file_can_have_metadata_is_an_error(grey, tmp_path):
    with pytest.raises(UsageError, match=r"int8: its input is int8.*int16x8: its input is int16"):
        write_with_metadata(grey, ["int8", "int16x8"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_that_utf8_cannot_hold_is_written(grey, tmp_path):
    outcome = write_with_metadata(with_manifest(grey, name="a\ud800b"), [FLOAT], tmp_path)
    assert mediapipe("show", outcome.files[0].path)["metadata"]["name"] == "a?b"


@pytest.mark.parametrize(
    "label", ["", " ", "a\nb", "a\rb", "a\x85b", "a\u2028b", " a", "a ", "\ufeffa", "a\ud800"]
)
def test_a_class_name_that_one_line_cannot_hold_is_refused(label):
    with pytest.raises(UsageError, match=r"class name 2 .*--labels"):
        check_labels(["fine", label])


def test_a_bundle_without_class_names_is_refused(grey, tmp_path):
    with pytest.raises(UsageError, match="--labels"):
        write_with_metadata(with_manifest(grey, labels=()), [FLOAT], tmp_path)


def test_class_names_of_another_number_are_refused(grey, tmp_path):
    with pytest.raises(UsageError, match="it has 10 classes, and the bundle has 9 class names"):
        write_with_metadata(with_manifest(grey, labels=grey.manifest.labels[:9]), [FLOAT], tmp_path)


def test_class_names_that_are_there_twice_are_written_with_a_note(grey, tmp_path):
    # As ImageNet's two cranes.
    labels = (*grey.manifest.labels[:8], "crane", "crane")
    (file,) = write_with_metadata(with_manifest(grey, labels=labels), [FLOAT], tmp_path).files
    assert "2 classes are named 'crane'" in file.notes[-1]
    assert read_metadata(file.path, read_model(file.path)).labels == labels


def image(dtype: str = "float32", shape: tuple[int, ...] = (1, 8, 8, 3), **changes: Any) -> TensorInfo:
    info = TensorInfo("image", 0, shape, dtype, None, None, shape)
    return dataclasses.replace(info, **changes)


def scores(
    dtype: str = "float32", shape: tuple[int, ...] = (1, 10), scale: float | None = None
) -> TensorInfo:
    return TensorInfo("class", 1, shape, dtype, scale, None if scale is None else 0, shape)


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ([image()], [scores()], ""),
        ([image("uint8")], [scores()], ""),
        ([image(), image()], [scores()], "2 inputs"),
        ([image()], [scores(), scores()], "2 outputs"),
        ([image(shape=(1, 49, 40))], [scores()], "expected an image"),
        ([image(shape=(4, 8, 8, 3))], [scores()], "expected an image"),
        ([image(shape=(1, 8, 8, 4))], [scores()], "expected an image"),
        ([image(shape=(1, 0, 8, 3))], [scores()], "expected an image"),
        ([image(shape_signature=(-1, -1, 8, 3))], [scores()], "not fixed"),
        ([image(shape_signature=(-1, 8, 8, 3))], [scores()], ""),
        ([image()], [scores(shape=(1, 4, 4, 10))], "expected a score a class"),
        ([image()], [scores(shape=(1, 1))], "expected a score a class"),
        ([image()], [scores("int8", scale=0.1)], "its output is int8"),
        ([image()], [scores("uint8")], "without a scale"),
        ([image("int16")], [scores()], "its input is int16"),
    ],
)
def test_files_of_another_shape_or_type_are_refused(grey, inputs, outputs, expected):
    model = read_model(grey.path(grey.manifest.variants[0]))
    reason = refusal(model, inputs, outputs, grey.manifest)
    assert expected in reason
    assert bool(expected) == bool(reason)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"preprocessing": CAFFE}, "BGR"),
        ({"preprocessing": Preprocessing("negative", (-1.0,))}, "std above 0"),
        ({"preprocessing": Preprocessing("zero", (0.0,))}, "std above 0"),
        ({"preprocessing": Preprocessing("huge", (1e-29,), (1e9,))}, "no mean"),
        ({"preprocessing": Preprocessing("two", (1.0, 2.0))}, "2 channels"),
        ({"preprocessing": Preprocessing("sound", audio=AudioPreparation(features="mfcc"))}, "sound"),
        ({"preprocessing": Preprocessing("all", inputs={"image": CAFFE})}, "BGR"),
        ({"task": "segmentation"}, "does not classify"),
        ({"task": "multi-label"}, ""),
    ],
)
def test_preprocessing_that_metadata_cannot_say_is_refused(grey, changes, expected):
    model = read_model(grey.path(grey.manifest.variants[0]))
    manifest = dataclasses.replace(grey.manifest, **changes)
    reason = refusal(model, [image()], [scores()], manifest)
    assert expected in reason
    assert bool(expected) == bool(reason)


def test_subgraphs_and_tensorflows_operators_are_refused(grey):
    model = read_model(grey.path(grey.manifest.variants[0]))
    graph = model.subgraphs[0]
    flex = dataclasses.replace(graph.operators[0], name="FlexErf", custom_code="FlexErf")
    several = dataclasses.replace(model, subgraphs=(graph, graph))
    with_flex = dataclasses.replace(model, subgraphs=(dataclasses.replace(graph, operators=(flex,)),))
    assert "2 subgraphs" in refusal(several, [image()], [scores()], grey.manifest)
    assert "Flex" in refusal(with_flex, [image()], [scores()], grey.manifest)


@pytest.mark.parametrize("fit", ["crop", "letterbox"])
def test_a_crop_is_noted(grey, tmp_path, fit):
    preprocessing = dataclasses.replace(RAW, image=ImagePreparation(fit=fit))
    (file,) = write_with_metadata(with_manifest(grey, preprocessing=preprocessing), [FLOAT], tmp_path).files
    assert f"cannot say {fit}" in file.notes[-1]


def ending_before(model: TfliteModel, operator: str) -> TfliteModel:
    """The model with what an operator reads as its output."""
    graph = model.subgraphs[0]
    (index,) = (one.inputs[0] for one in graph.operators if one.name == operator)
    return dataclasses.replace(model, subgraphs=(dataclasses.replace(graph, outputs=(index,)),))


@pytest.mark.parametrize("variant", [FLOAT, "int8", "int8-io-float32"])
def test_probabilities_are_told_from_logits(grey, variant):
    model = read_model(next(grey.path(one) for one in grey.manifest.variants if one.name == variant))
    assert is_probability(model)
    assert not is_probability(ending_before(model, "SOFTMAX"))


@pytest.mark.parametrize(
    ("preprocessing", "scale", "zero_point", "expected"),
    [
        (RAW, 1.0, 0, (0, 0)),
        (ZERO_TO_ONE, 1 / 255, 0, (0, 0)),
        (ZERO_TO_ONE, 2 / 255, 0, (254, 127)),
        (MINUS_ONE_TO_ONE, 2 / 255, 28, (99, 0)),
        (RAW, None, None, (0, 0)),
    ],
)
def test_the_pixel_that_is_stored_least_like_itself_is_found(preprocessing, scale, zero_point, expected):
    tensor = image("uint8", scale=scale, zero_point=zero_point)
    assert furthest_pixel(preprocessing, tensor, 3) == expected


@pytest.mark.parametrize(
    ("scale", "noted", "refused"), [(1.0, False, False), (1.01, True, False), (1.1, False, True)]
)
def test_uint8_inputs_that_do_not_take_pixels_as_they_are_are_noted_or_refused(grey, scale, noted, refused):
    model = read_model(grey.path(grey.manifest.variants[0]))
    tensor = image("uint8", scale=scale, zero_point=0)
    reason = refusal(model, [tensor], [scores()], grey.manifest)
    assert ("copies pixels as they are" in reason) == refused
    assert any("a few answers" in note for note in notes_on_file(model, tensor, RAW)) == noted or refused


numbers = st.floats(1e-3, 1e3)


@given(scale=st.tuples(numbers, numbers, numbers), offset=st.tuples(*[st.floats(-1e3, 1e3)] * 3))
def test_a_normalisation_is_the_preprocessing_in_other_words(scale, offset):
    preprocessing = Preprocessing("any", scale, offset)
    said = normalisation_of(preprocessing)
    values = (np.arange(256)[:, None] - np.array(said.mean)) / np.array(said.std)
    expected = np.arange(256)[:, None] * np.array(scale) + np.array(offset)
    np.testing.assert_allclose(np.broadcast_to(values, expected.shape), expected, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(np.broadcast_to(said.least, 3), expected[0], rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(np.broadcast_to(said.largest, 3), expected[-1], rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS, ids=lambda one: one.name)
def test_one_number_stands_for_channels_that_are_alike(preprocessing):
    said = normalisation_of(preprocessing)
    assert len(said.mean) == len(said.std) == (3 if preprocessing in (TORCH, CAFFE) else 1)
