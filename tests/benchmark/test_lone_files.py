"""A .tflite from the web: what its metadata say counts, and what nobody says is assumed aloud."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from PIL import Image

from edgeq.benchmark.prediction import predict
from edgeq.benchmark.session import measure
from edgeq.benchmark.targets import find_targets
from edgeq.data.dataset import ArrayDataset
from edgeq.data.preprocessing import ZERO_TO_ONE, find_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.demo import assets
from edgeq.errors import UsageError
from edgeq.files import sha256_file

sys.path.insert(0, str(Path(__file__).parents[1] / "tflite"))

from hand_made import Graph, schema, tflite

PIXELS = np.array([[0, 1], [127, 255]], np.uint8)


def passing_on(
    dtype: str = "float32", scale: float = 0.0, zero_point: int = 0, shape: tuple[int, ...] = (1, 2, 2, 1)
) -> Graph:
    """A network that gives its pixels back as four scores."""
    scales = {"scales": [scale], "zero_points": [zero_point]} if scale else {}
    graph = Graph()
    image = graph.tensor("image", shape, dtype, **scales)
    scores = graph.tensor("scores", (1, 4), dtype, **scales)
    graph.operator("RESHAPE", [image, graph.constant("shape", np.array([1, 4], np.int32))], scores)
    graph.inputs, graph.outputs = [image], [scores]
    return graph


def normalising(mean: list[float], std: list[float], label_file: str = "") -> bytes:
    """Metadata of one image and one output, as the TensorFlow Lite Support library packs them."""
    builder = flatbuffers.Builder(0)

    def vector(values: list[Any], prepend: Any) -> int:
        builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            prepend(value)
        return int(builder.EndVector())

    def table(*fields: tuple[int, int]) -> int:
        builder.StartObject(max(slot for slot, _ in fields) + 1)
        for slot, value in fields:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        return int(builder.EndObject())

    means, stds = vector(mean, builder.PrependFloat32), vector(std, builder.PrependFloat32)
    options = table((0, means), (1, stds))
    builder.StartObject(2)
    builder.PrependByteSlot(0, 1, 0)
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    unit = builder.EndObject()
    inputs = [table((4, vector([unit], builder.PrependUOffsetTRelative)))]
    outputs = []
    if label_file:
        name = builder.CreateString(label_file)
        builder.StartObject(3)
        builder.PrependUOffsetTRelativeSlot(0, name, 0)
        builder.PrependByteSlot(2, 2, 0)
        outputs = [table((6, vector([builder.EndObject()], builder.PrependUOffsetTRelative)))]
    graph = table(
        (2, vector(inputs, builder.PrependUOffsetTRelative)),
        (3, vector(outputs, builder.PrependUOffsetTRelative)),
    )
    builder.Finish(table((3, vector([graph], builder.PrependUOffsetTRelative))), file_identifier=b"M001")
    return bytes(builder.Output())


def with_metadata(graph: Graph, metadata: bytes, labels: str = "") -> bytes:
    graph.buffers.append(metadata)
    entry = schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(graph.buffers) - 1
    content = io.BytesIO(tflite(graph, metadata=[entry]))
    if labels:
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr("labels.txt", labels)
    return content.getvalue()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(path)
    return path


def lone(tmp_path: Path, content: bytes, name: str = "web.tflite") -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def scores_of(path: Path, photo: Path, preprocess: str | None = None) -> tuple[list[float], tuple[str, ...]]:
    """What came out, which is what went in, and the notes."""
    chosen = None if preprocess is None else find_preprocessing(preprocess)
    done = predict(find_targets([path]), [photo], preprocessing=chosen)
    return done.outputs[path.stem]["scores"][0].tolist(), done.notes


def test_metadata_say_what_becomes_of_pixels(tmp_path: Path, photo: Path) -> None:
    path = lone(tmp_path, with_metadata(passing_on(), normalising([127.5], [127.5])))
    scores, notes = scores_of(path, photo)
    assert scores == pytest.approx((PIXELS.ravel() - 127.5) / 127.5, abs=1e-6)
    assert notes == ("pixels become (x − 127.5) / 127.5, as the metadata of web.tflite say",)


def test_metadata_of_a_quantized_file_are_of_its_real_values(tmp_path: Path, photo: Path) -> None:
    quantized = passing_on("uint8", 1 / 128, 128)
    path = lone(tmp_path, with_metadata(quantized, normalising([127.5], [127.5])))
    scores, _ = scores_of(path, photo)
    assert scores == pytest.approx(((PIXELS.ravel() - 127.5) / 127.5).clip(-1, 127 / 128), abs=1 / 256)


def test_metadata_that_integers_cannot_follow_do_not_count(tmp_path: Path, photo: Path) -> None:
    quantized = passing_on("uint8", 1 / 128, 128)
    path = lone(tmp_path, with_metadata(quantized, normalising([0], [1])))
    scores, notes = scores_of(path, photo)
    assert scores == pytest.approx((PIXELS.ravel().astype(int) - 128) / 128, abs=1e-6)
    assert notes[0].startswith(
        "the metadata of web.tflite scale pixels as (x − 0) / 1, and its integers cannot store"
    )


def test_each_channel_has_its_own_numbers(tmp_path: Path) -> None:
    graph = passing_on(shape=(1, 1, 1, 3))
    graph.tensors[1].shape = [1, 3]
    graph.buffers[-1] = np.array([1, 3], np.int32).tobytes()
    path = lone(tmp_path, with_metadata(graph, normalising([10, 20, 30], [1, 2, 4])))
    Image.fromarray(np.array([[[110, 120, 130]]], np.uint8)).save(tmp_path / "photo.png")
    scores, notes = scores_of(path, tmp_path / "photo.png")
    assert scores == pytest.approx([100, 50, 25])
    assert notes == ("pixels become (x − (10, 20, 30)) / (1, 2, 4), as the metadata of web.tflite say",)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "lowest"),
    [
        ("uint8", 1 / 128, 128, 0),
        ("uint8", 1 / 255, 0, 0),
        ("int8", 1 / 127.5, 0, -128),
        ("int8", 0.02, -14, -128),
    ],
)
def test_a_quantized_file_that_says_nothing_gets_pixels_as_they_are(
    tmp_path: Path, photo: Path, dtype: str, scale: float, zero_point: int, lowest: int
) -> None:
    path = lone(tmp_path, tflite(passing_on(dtype, scale, zero_point)))
    scores, notes = scores_of(path, photo)
    stored = PIXELS.ravel().astype(int) + lowest
    assert scores == pytest.approx(((stored - zero_point) * scale).tolist(), abs=1e-5)
    (note,) = notes
    assert (
        "web.tflite does not say how pixels are scaled: web.tflite stores 8-bit integers, and pixels go in"
        in note
    )
    assert "--preprocess" in note


def test_a_quantized_file_tells_how_the_float_file_beside_it_wants_pixels(tmp_path: Path) -> None:
    lone(tmp_path, tflite(passing_on()), "a.tflite")
    lone(tmp_path, tflite(passing_on("uint8", 1 / 255, 0)), "b.tflite")
    targets = find_targets([tmp_path / "a.tflite", tmp_path / "b.tflite"])
    pixels = ArrayDataset({"image": PIXELS.reshape(1, 2, 2, 1)})
    assert targets.preprocessing_of(pixels).apply(PIXELS) == pytest.approx(PIXELS / 255)
    assert any("b.tflite stores 8-bit integers" in note for note in targets.notes(pixels))


def test_a_float_file_that_says_nothing_gets_raw_pixels_and_a_note(tmp_path: Path, photo: Path) -> None:
    path = lone(tmp_path, tflite(passing_on()))
    scores, notes = scores_of(path, photo)
    assert scores == PIXELS.ravel().tolist()
    (note,) = notes
    assert note.startswith("web.tflite does not say how pixels are scaled: they go in as 0 to 255; ")
    assert "--preprocess 0..1" in note


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_what_the_user_says_counts_and_is_not_told_again(tmp_path: Path, photo: Path, dtype: str) -> None:
    graph = passing_on(dtype, *((1 / 255, 0) if dtype == "uint8" else ()))
    path = lone(tmp_path, with_metadata(graph, normalising([127.5], [127.5])))
    scores, notes = scores_of(path, photo, "0..1")
    assert scores == pytest.approx((PIXELS.ravel() / 255).tolist(), abs=1e-6)
    assert notes == ()


def test_numbers_that_are_no_pixels_are_taken_as_they_are(tmp_path: Path) -> None:
    path = lone(tmp_path, tflite(passing_on("uint8", 1 / 128, 128)))
    np.save(tmp_path / "item.npy", np.array([-1, -0.5, 0, 0.5], np.float32).reshape(2, 2, 1))
    done = predict(find_targets([path]), [tmp_path / "item.npy"])
    assert done.outputs["web"]["scores"].ravel().tolist() == [-1, -0.5, 0, 0.5]
    assert done.notes == ()


def test_only_what_needs_it_is_noted_where_latency_alone_is_measured(tmp_path: Path) -> None:
    assert find_targets([lone(tmp_path, tflite(passing_on()))]).notes(None) == ()


def photos_of_two_classes(folder: Path) -> Path:
    """Photos whose brightest pixel is their class; the classes are named as in the labels, in another order."""
    for place, name in enumerate(["zebra", "cat", "dog", "ant"]):
        for other in (10, 20, 30):
            pixels = np.full(4, other, np.uint8)
            pixels[place] = 250
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.reshape(2, 2)).save(folder / name / f"{other}.png")
    return folder


def test_photos_are_scored_by_the_labels_in_the_file(tmp_path: Path) -> None:
    metadata = normalising([0], [255], "labels.txt")
    content = with_metadata(passing_on("uint8", 1 / 255, 0), metadata, "zebra\ncat\ndog\nant\n")
    targets = find_targets([lone(tmp_path, content)])
    assert targets.labels == ("zebra", "cat", "dog", "ant")
    data = read_dataset(photos_of_two_classes(tmp_path / "photos"))
    session = measure(targets, data=data, plan=None)
    accuracy = session.measurements[0].accuracy
    assert accuracy is not None
    assert accuracy.primary is not None
    assert accuracy.primary.value.value == 1.0
    assert session.notes[0] == "pixels become (x − 0) / 255, as the metadata of web.tflite say"


def test_labels_that_cannot_be_read_are_told_and_the_rest_counts(tmp_path: Path, photo: Path) -> None:
    path = lone(tmp_path, with_metadata(passing_on(), normalising([0], [255], "labels.txt")))
    scores, notes = scores_of(path, photo)
    assert scores == pytest.approx(PIXELS.ravel() / 255)
    assert "its metadata name the label file 'labels.txt', which cannot be read" in notes[0]
    assert "--labels" in notes[0]


def test_metadata_that_are_none_leave_the_file_usable(tmp_path: Path, photo: Path) -> None:
    path = lone(tmp_path, with_metadata(passing_on(), b"\0\0\0\0XXXX"))
    scores, notes = scores_of(path, photo)
    assert scores == PIXELS.ravel().tolist()
    assert "nothing is taken from them" in notes[0]
    assert "does not say how pixels are scaled" in notes[1]


def free_size() -> bytes:
    graph = passing_on(shape=(1, 1, 1, 3))
    graph.tensors[0].shapeSignature = [-1, -1, -1, 3]
    graph.tensors[1].shape = [1, 3]
    graph.buffers[-1] = np.array([1, -1], np.int32).tobytes()
    return tflite(graph)


def test_a_file_without_a_size_takes_no_photos_instead_of_shrinking_them_to_a_pixel(
    tmp_path: Path, photo: Path
) -> None:
    targets = find_targets([lone(tmp_path, free_size())])
    with pytest.raises(
        UsageError, match=r"^web.tflite leaves the size of its input open, image \[\?, \?, \?, 3\]"
    ):
        predict(targets, [photo])
    data = read_dataset(photos_of_two_classes(tmp_path / "photos"))
    with pytest.raises(UsageError, match="convert it with a fixed size"):
        measure(targets, data=data, plan=None)


def test_a_file_without_a_size_is_said_to_be_timed_with_one_pixel(tmp_path: Path) -> None:
    assert "timed with 1" in find_targets([lone(tmp_path, free_size())]).notes(None)[0]


def test_a_free_batch_is_no_free_size(tmp_path: Path, photo: Path) -> None:
    graph = passing_on()
    graph.tensors[0].shapeSignature = [-1, 2, 2, 1]
    scores, _ = scores_of(lone(tmp_path, tflite(graph)), photo, "raw")
    assert scores == PIXELS.ravel().tolist()


def test_a_bundle_assumes_nothing() -> None:
    targets = find_targets([assets.bundle_path()])
    pixels = ArrayDataset({"image": np.zeros((1, 28, 28, 1), np.uint8)})
    assert targets.preprocessing_of(pixels) == targets.preprocessing
    assert targets.notes(pixels) == ()


def test_a_lone_file_is_described_like_a_variant(tmp_path: Path) -> None:
    path = lone(tmp_path, tflite(passing_on("uint8", 1 / 255, 0)))
    (target,) = find_targets([path]).files
    assert (target.info.model, target.info.name, target.info.file) == ("web", "web", "web.tflite")
    assert (target.info.io, target.info.sha256) == ("uint8", sha256_file(path))


def test_a_preset_is_what_metadata_of_that_range_say(tmp_path: Path) -> None:
    targets = find_targets([lone(tmp_path, with_metadata(passing_on(), normalising([0], [255])))])
    assert targets.preprocessing.apply(PIXELS) == pytest.approx(ZERO_TO_ONE.apply(PIXELS))
