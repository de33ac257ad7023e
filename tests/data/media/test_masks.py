import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeq.data.media.image_preparation import ImagePreparation, placement
from edgeq.data.media.images import read_image
from edgeq.data.media.mask_files import read_mask
from edgeq.data.media.masks import IGNORED, placed, prepared_masks
from edgeq.data.media.placement import Placement
from edgeq.data.truth import Masks
from edgeq.errors import DataError


def noise(height, width, classes=20, seed=0):
    return np.random.default_rng(seed).integers(0, classes, (height, width))


def stretched(mask, height, width):
    place = Placement(height / mask.shape[0], width / mask.shape[1], 0.0, 0.0)
    return placed(mask, place, (height, width), (height, width))


# --- files


def test_a_palette_image_holds_its_indices(tmp_path):
    mask = noise(5, 7).astype(np.uint8)
    image = Image.fromarray(mask, mode="P")
    image.putpalette([value for index in range(256) for value in (255 - index, index // 2, 7)])
    image.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), mask)


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_a_grey_image_holds_its_values(tmp_path, suffix):
    mask = noise(5, 7, classes=256).astype(np.uint8)
    Image.fromarray(mask).save(tmp_path / f"mask.{suffix}")
    np.testing.assert_array_equal(read_mask(tmp_path / f"mask.{suffix}"), mask)


def test_16_bits_hold_more_than_256_classes(tmp_path):
    mask = noise(5, 7, classes=65536).astype(np.uint16)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), mask)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_hold_classes_and_not_shades(tmp_path, bits):
    mask = noise(6, 8, classes=2**bits)
    (tmp_path / "mask.png").write_bytes(_grey_png(mask, bits))
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), mask)


def _grey_png(mask, bits):
    """A grey PNG of a few bits, which Pillow does not write."""
    import struct
    import zlib

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width = mask.shape
    rows = b""
    for row in mask:
        packed = np.packbits(((row[:, None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8))
        rows += b"\0" + packed.tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_a_mask_in_colours_is_refused(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "mask.png")
    with pytest.raises(
        DataError, match=r"mask.png is an image of mode RGB: expected a mask with a palette or"
    ):
        read_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a"])
def test_what_is_no_mask_is_refused(tmp_path, content):
    (tmp_path / "mask.png").write_bytes(content)
    with pytest.raises(DataError, match=r"mask.png cannot be read as a mask"):
        read_mask(tmp_path / "mask.png")


def test_a_missing_mask_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone.png cannot be read as a mask"):
        read_mask(tmp_path / "gone.png")


def test_a_mask_that_is_cut_off_is_refused(tmp_path):
    Image.fromarray(noise(50, 70).astype(np.uint8)).save(tmp_path / "mask.png")
    content = (tmp_path / "mask.png").read_bytes()
    (tmp_path / "mask.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="cannot be read as a mask"):
        read_mask(tmp_path / "mask.png")


# --- geometry

# No centre of these falls on an edge between pixels, where each library rounds its own way.
SIZES = [((37, 53), (16, 29)), ((21, 33), (65, 129)), ((375, 500), (224, 224)), ((64, 48), (64, 48))]


@pytest.mark.parametrize(("original", "result"), SIZES)
def test_stretching_is_the_nearest_neighbour_of_pillow(original, result):
    mask = noise(*original)
    theirs = Image.fromarray(mask.astype(np.uint8)).resize(result[::-1], Image.Resampling.NEAREST)
    np.testing.assert_array_equal(stretched(mask, *result), np.asarray(theirs))


@pytest.mark.tensorflow
@pytest.mark.parametrize(("original", "result"), SIZES)
def test_stretching_is_the_nearest_neighbour_of_tensorflow(original, result):
    import tensorflow as tf

    mask = noise(*original)
    theirs = tf.image.resize(mask[..., None], result, "nearest").numpy()[..., 0]
    np.testing.assert_array_equal(stretched(mask, *result), theirs)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_the_nearest_pixel_is_exact_also_on_edges(original, result):
    column = np.arange(original)[:, None]
    centres = [(2 * place + 1) * original // (2 * result) for place in range(result)]
    assert stretched(column, result, 1)[:, 0].tolist() == centres


@settings(deadline=None, max_examples=30)
@given(
    size=st.tuples(st.integers(8, 60), st.integers(8, 60)),
    target=st.tuples(st.integers(8, 40), st.integers(8, 40)),
    fit=st.sampled_from(["stretch", "crop", "letterbox"]),
)
def test_a_mask_lies_as_its_image_lies(tmp_path_factory, size, target, fit):
    # The mask is its own image: prepared by the nearest pixel, both must come out alike, and bars do not count.
    folder = tmp_path_factory.mktemp("pair")
    mask = noise(*size, classes=200).astype(np.uint8)
    Image.fromarray(mask).save(folder / "mask.png")
    pad = 255 if fit == "letterbox" else 0
    preparation = ImagePreparation(resize="nearest", fit=fit, pad=pad)
    image = read_image(folder / "mask.png", preparation, (*target, 1))[..., 0].astype(np.int32)
    (prepared,) = prepared_masks(Masks(files=(folder / "mask.png",)), preparation, (*target, 1), target)
    expected = np.where(image == 255, IGNORED, image) if fit == "letterbox" else image
    # Images are prepared in float32: a centre on an edge between pixels may fall to either side there.
    place = placement(size, preparation, (*target, 1))
    rows, columns = (
        place.to_original(np.arange(side)[:, None] + [0.5, 0.5])[:, axis] for axis, side in enumerate(target)
    )
    clear = _clear_of_edges(rows)[:, None] & _clear_of_edges(columns)
    np.testing.assert_array_equal(prepared[clear], expected[clear])


def _clear_of_edges(positions):
    return np.abs(positions - np.rint(positions)) > 1e-4


def test_an_output_smaller_than_the_input_shows_the_same_part(tmp_path):
    mask = np.zeros((100, 200), np.uint8)
    mask[:, 100:] = 3
    Image.fromarray(mask).save(tmp_path / "mask.png")
    preparation = ImagePreparation(fit="letterbox")
    truth = Masks(files=(tmp_path / "mask.png",))
    (prepared,) = prepared_masks(truth, preparation, (200, 200, 3), (20, 20))
    expected = np.full((20, 20), IGNORED)
    expected[5:15, :10], expected[5:15, 10:] = 0, 3
    np.testing.assert_array_equal(prepared, expected)


def test_ignored_pixels_do_not_count(tmp_path):
    Image.fromarray(np.array([[0, 255], [9, 1]], np.uint8)).save(tmp_path / "mask.png")
    for ignored, expected in ((255, [[0, -1], [9, 1]]), (9, [[0, 255], [-1, 1]])):
        truth = Masks(files=(tmp_path / "mask.png",), ignored=ignored)
        prepared = prepared_masks(truth, ImagePreparation(), (2, 2, 3), (2, 2))
        np.testing.assert_array_equal(prepared, [expected])


def test_masks_that_are_arrays_are_brought_to_the_size_of_the_output():
    values = np.kron(np.array([[[0, 1], [2, 255]]], np.uint8), np.ones((1, 4, 4), np.uint8))
    # Cropping is for image files: these arrays lie over inputs that were arrays too.
    preparation = ImagePreparation(fit="crop", crop_fraction=0.5)
    prepared = prepared_masks(Masks(values=values), preparation, (8, 8, 3), (4, 4))
    np.testing.assert_array_equal(prepared, [[[0, 0, 1, 1]] * 2 + [[2, 2, -1, -1]] * 2])


def test_preparing_leaves_the_truth_as_it_is():
    values = np.full((1, 2, 2), 255, np.uint8)
    prepared_masks(Masks(values=values), ImagePreparation(), (2, 2, 1), (2, 2))
    assert (values == 255).all()
