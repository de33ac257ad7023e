from __future__ import annotations

import pytest

from edgeq.errors import ModelError, UsageError
from edgeq.sources.dimensions import OpenInput, batches, fix_inputs
from edgeq.sources.graph import Dimensions


def image(*shape: int | None) -> OpenInput:
    return OpenInput("image", shape, "float32", batched=True)


@pytest.mark.parametrize(
    ("shape", "batch", "size", "fixed"),
    [
        pytest.param((None, 8), None, (), (1, 8), id="a free batch is 1"),
        pytest.param((None, 8), 4, (), (4, 8), id="a free batch is what was asked for"),
        pytest.param((4, 8), None, (), (4, 8), id="a fixed batch stays"),
        pytest.param((4, 8), 4, (), (4, 8), id="a fixed batch may be asked for"),
        pytest.param((None, None, None, 3), None, (32, 64), (1, 32, 64, 3), id="sizes in order"),
        pytest.param((None, 32, None, 3), None, (64,), (1, 32, 64, 3), id="only what is free has a size"),
    ],
)
def test_free_dimensions_get_their_sizes(
    shape: tuple[int | None, ...], batch: int | None, size: tuple[int, ...], fixed: tuple[int, ...]
) -> None:
    (spec,) = fix_inputs([image(*shape)], Dimensions(batch, size))
    assert spec.shape == fixed
    assert spec.item_shape == fixed[1:]


@pytest.mark.parametrize(
    ("shape", "batch", "size", "message"),
    [
        ((4, 8), 2, (), r"'image' fixes its batch at 4: --batch 2 is not possible"),
        ((None, None, None, 3), None, (), r"2 free dimensions of image \[\?, \?, \?, 3\], found none"),
        ((None, None, None, 3), None, (8,), r"2 free dimensions .* found --size 8: add --size 224x224"),
        ((None, None, None, 3), None, (8, 8, 8), r"found --size 8x8x8"),
        ((None, 8, 8, 3), None, (8, 8), r"--size 8x8 has nothing to fix: .* image \[\?, 8, 8, 3\]"),
    ],
)
def test_dimensions_that_do_not_fit_are_named(
    shape: tuple[int | None, ...], batch: int | None, size: tuple[int, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        fix_inputs([image(*shape)], Dimensions(batch, size))


def test_two_inputs_share_the_sizes() -> None:
    inputs = [OpenInput(name, (None, None, None, 3), "float32", True) for name in ("left", "right")]
    assert [spec.shape for spec in fix_inputs(inputs, Dimensions(size=(8, 9)))] == [(1, 8, 9, 3)] * 2


def test_inputs_that_differ_are_dealt_the_sizes_in_order() -> None:
    inputs = [image(None, None, None, 3), OpenInput("tokens", (None, None), "int32", True)]
    fixed = fix_inputs(inputs, Dimensions(size=(8, 9, 16)))
    assert [spec.shape for spec in fixed] == [(1, 8, 9, 3), (1, 16)]


def test_half_precision_is_fed_as_float32() -> None:
    (spec,) = fix_inputs([OpenInput("x", (None, 4), "bfloat16", True)], Dimensions())
    assert spec.dtype == "float32"


@pytest.mark.parametrize("dtype", ["string", "complex64", "resource"])
def test_inputs_that_take_no_numbers_are_refused(dtype: str) -> None:
    with pytest.raises(ModelError, match=f"input 'text' has dtype {dtype}, expected numbers"):
        fix_inputs([OpenInput("text", (None, 1), dtype, True)], Dimensions())


@pytest.mark.parametrize(
    ("shapes", "dimensions", "batched"),
    [
        pytest.param([(None, 8)], Dimensions(), [True], id="free is a batch"),
        pytest.param([(None, 8), ()], Dimensions(), [True, False], id="a scalar beside it is none"),
        pytest.param([(None, 8), (1,)], Dimensions(), [True, False], id="nor is a parameter"),
        pytest.param([(1, 8), (1, 4)], Dimensions(), [True, True], id="all ones are batches of one"),
        pytest.param([(1, 8), (2, 8)], Dimensions(), [False, False], id="unless one differs"),
        pytest.param([(256, 256, 3)], Dimensions(), [False], id="an image is no batch of rows"),
        pytest.param([(4, 8)], Dimensions(batch=4), [True], id="a fixed batch that was said"),
        pytest.param([(None,)], Dimensions(size=(16000,)), [False], id="a waveform with its length"),
        pytest.param([(None,)], Dimensions(batch=1), [True], id="a batch of numbers"),
        pytest.param([(None,), (None,)], Dimensions(), [True, True], id="features of a table"),
    ],
)
def test_batches_are_told_from_shapes(
    shapes: list[tuple[int | None, ...]], dimensions: Dimensions, batched: list[bool]
) -> None:
    named = {f"input{place}": shape for place, shape in enumerate(shapes)}
    assert list(batches(named, dimensions).values()) == batched


def test_a_lone_free_dimension_must_be_said() -> None:
    with pytest.raises(UsageError, match="may be a length or a batch: say which with --size 16000"):
        batches({"waveform": (None,)}, Dimensions())


def test_a_batch_cannot_be_asked_for_where_there_is_none() -> None:
    with pytest.raises(UsageError, match=r"--batch 2 is not possible: .* \(x \[5, 4\]\)"):
        batches({"x": (5, 4)}, Dimensions(batch=2))
