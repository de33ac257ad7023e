"""Image files before their pixels are decoded, good and bad."""

from __future__ import annotations

import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bad_images import PIXELS, BadImage, bad_images, encoded, png
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.media.images import check_image, original_size, read_image
from edgeq.errors import DataError

PLAIN = ImagePreparation()
BAD = bad_images()
KINDS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_image(path, PLAIN, (4, 4, 3))
    return str(caught.value)


# Bad files


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_image_is_refused_in_one_line_with_its_name_and_the_reason(tmp_path: Path, bad: BadImage):
    path = tmp_path / bad.name
    path.write_bytes(bad.content)
    message = refusal(path)
    assert message.startswith(f"{path} cannot be read as an image: ")
    assert bad.reason in message
    assert "\n" not in message
    assert " at 0x" not in message


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad.shows], ids=lambda bad: bad.name)
def test_a_look_at_the_bytes_finds_what_reading_finds(tmp_path: Path, bad: BadImage):
    path = tmp_path / bad.name
    path.write_bytes(bad.content)
    with pytest.raises(DataError) as caught:
        check_image(Path(bad.name), bad.content)
    assert refusal(path) == f"{tmp_path}/{caught.value}"


@pytest.mark.parametrize("bad", [bad for bad in BAD if not bad.shows], ids=lambda bad: bad.name)
def test_a_look_decodes_no_pixel(bad: BadImage):
    check_image(Path(bad.name), bad.content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_at_a_whole_file_finds_nothing(kind: str):
    check_image(Path("a"), encoded(kind))


@pytest.mark.parametrize("options", [{"progressive": True}, {"comment": b"\xff\xd9"}], ids=str)
def test_a_jpeg_is_whole_where_its_last_marker_ends_it(options: dict[str, object]):
    content = encoded("JPEG", **options)
    check_image(Path("a"), content)
    check_image(Path("a"), content + bytes(100))
    with pytest.raises(DataError, match="cut off"):
        check_image(Path("a"), content[:-2])


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_noticed_when_the_image_is_read(tmp_path: Path, kind: str):
    content = encoded(kind)
    for cut in (1, 2, 5, 200, len(content) // 3, len(content) - 20):
        (tmp_path / "a").write_bytes(content[:-cut])
        assert refusal(tmp_path / "a").endswith("copy or save it again")


def test_the_largest_image_has_as_many_pixels_as_pillow_warns_of():
    check_image(Path("a.png"), png(5, 17_895_697, 1, 0))
    with pytest.raises(DataError, match="it has 17895698 × 5 pixels, expected at most 89,478,485"):
        check_image(Path("a.png"), png(5, 17_895_698, 1, 0))


def test_a_suffix_does_not_matter_where_the_content_is_an_image(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(encoded("PNG"))
    assert (read_image(tmp_path / "a.jpg", PLAIN, PIXELS.shape) == PIXELS).all()


def test_an_animation_of_one_picture_is_a_picture(tmp_path: Path):
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "a.gif", save_all=True)
    assert (read_image(tmp_path / "a.gif", PLAIN, (48, 64, 1)) == PIXELS[..., :1]).all()


def test_a_photo_with_a_second_picture_behind_it_is_the_photo(tmp_path: Path):
    # Stereo cameras and phones write such files with the suffix .jpg.
    (tmp_path / "a.jpg").write_bytes(encoded("MPO", PIXELS[::-1], quality=95))
    (tmp_path / "b.jpg").write_bytes(encoded("JPEG", quality=95))
    both = [read_image(tmp_path / name, PLAIN, PIXELS.shape) for name in ("a.jpg", "b.jpg")]
    assert (both[0] == both[1]).all()


# No file at all


def test_a_missing_file_a_folder_and_a_loop_of_links_are_named(tmp_path: Path):
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert refusal(tmp_path / "gone.png").endswith(
        "gone.png cannot be read as an image: No such file or directory"
    )
    assert refusal(tmp_path).endswith("cannot be read as an image: it is a folder")
    assert "loop.png cannot be read as an image: Too many levels" in refusal(tmp_path / "loop.png")


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "a.png")
    assert refusal(tmp_path / "a.png").endswith("it is no regular file")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.png", r"caf\xe9.png"),
        (b"two\nlines.png", r"two\nlines.png"),
        ("größe.png".encode(), "größe.png"),
    ],
)
def test_any_name_of_a_file_can_be_printed(tmp_path: Path, name: bytes, shown: str):
    message = refusal(tmp_path / os.fsdecode(name))
    assert f"/{shown} cannot be read as an image" in message
    assert message.encode()


def test_a_name_that_no_file_can_have_is_refused():
    assert "a\\x00.png cannot be read as an image: " in refusal(Path("a\0.png"))


# Warnings


def test_pillow_warns_of_nothing_that_edgeq_reads(tmp_path: Path):
    stripes = Image.fromarray(PIXELS).quantize(3)
    stripes.save(tmp_path / "palette.png", transparency=b"\0\x80\xff")
    broken = encoded("PNG", PIXELS[::-1]).replace(b"acTL\0\0\0\x02", b"acTL\0\0\0\0")
    (tmp_path / "no_animation.png").write_bytes(broken)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_image(tmp_path / "palette.png", PLAIN, (4, 4, 1))
        read_image(tmp_path / "palette.png", PLAIN, (4, 4, 3))
        with pytest.raises(DataError, match="expected at most"):
            check_image(Path("a.png"), png(10_000, 9_000, 1, 0))


def test_threads_change_the_filters_of_warnings_one_after_the_other(monkeypatch: pytest.MonkeyPatch):
    seen = []
    opened = Image.open

    def watched(*arguments: object, **options: object) -> Image.Image:
        time.sleep(0.001)  # time enough for another thread to come in
        seen.append(len(warnings.filters))
        return opened(*arguments, **options)

    monkeypatch.setattr(Image, "open", watched)
    content = encoded("PNG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: check_image(Path("a.png"), content), range(40)))
    assert set(seen) == {len(before) + 1}
    assert list(warnings.filters) == before


# Damage


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(KINDS), sideways=st.booleans())
def test_a_damaged_image_is_read_or_refused_in_one_line(
    tmp_path: Path, data: st.DataObject, kind: str, sideways: bool
):
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if sideways and kind not in ("BMP", "GIF") else {}
    content = bytearray(encoded(kind, **options))
    for _ in range(data.draw(st.integers(1, 4))):
        # Headers matter most.
        limit = data.draw(st.sampled_from((50, 300, len(content))))
        content[data.draw(st.integers(0, min(limit, len(content)) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a"
    path.write_bytes(content[: data.draw(st.sampled_from((len(content), len(content) - 3)))])
    try:
        shape, message = read_image(path, PLAIN, (4, 4, 3)).shape, ""
        assert len(original_size(path, PLAIN)) == 2
    except DataError as error:
        shape, message = (4, 4, 3), str(error)
    assert shape == (4, 4, 3)
    assert "\n" not in message
