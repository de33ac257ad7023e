from __future__ import annotations

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.errors import DataError, ModelError
from edgeq.runtime.quantization import (
    Quantization,
    apply_table,
    dequantize,
    quantization_table,
    quantize,
    quantize_into,
)

DTYPES = (np.int8, np.uint8, np.int16)

scales = st.floats(2**-20, 2**10, width=32)
dtypes = st.sampled_from(DTYPES)
anything = hnp.arrays(np.float32, hnp.array_shapes(max_side=6), elements=st.floats(width=32, allow_nan=False))


@st.composite
def quantizations(draw: st.DrawFn, dtype: type) -> Quantization:
    limits = np.iinfo(dtype)
    # TensorFlow Lite's int16 is symmetric: its zero point is 0.
    zero_point = 0 if dtype is np.int16 else draw(st.integers(limits.min, limits.max))
    return Quantization(draw(scales), zero_point)


@st.composite
def cases(draw: st.DrawFn) -> tuple[type, Quantization]:
    dtype = draw(dtypes)
    return dtype, draw(quantizations(dtype))


def reference(value: float, quantization: Quantization, dtype: type) -> int:
    """The definition in plain Python, which also rounds half to even."""
    limits = np.iinfo(dtype)
    scaled = float(np.float32(value) / np.float32(quantization.scale))
    if math.isinf(scaled):
        return limits.max if scaled > 0 else limits.min
    return min(max(round(scaled) + quantization.zero_point, limits.min), limits.max)


class TestQuantize:
    @given(cases(), anything)
    def test_is_the_definition(self, case: tuple[type, Quantization], values: np.ndarray) -> None:
        dtype, quantization = case
        with np.errstate(over="ignore"):
            expected = [reference(value, quantization, dtype) for value in values.ravel()]
        result = quantize(values, quantization, dtype)
        assert result.dtype == dtype
        assert result.shape == values.shape
        assert result.ravel().tolist() == expected

    @given(cases(), st.data())
    def test_round_trip_errs_by_half_a_step_inside_the_range(
        self, case: tuple[type, Quantization], data: st.DataObject
    ) -> None:
        dtype, quantization = case
        limits = np.iinfo(dtype)
        low, high = (
            (bound - quantization.zero_point) * quantization.scale for bound in (limits.min, limits.max)
        )
        values = data.draw(
            hnp.arrays(np.float64, 20, elements=st.floats(low, high)).map(lambda a: a.astype(np.float32))
        )
        error = np.abs(dequantize(quantize(values, quantization, dtype), quantization) - values)
        # The slack is float32's own resolution at the end of the range.
        assert error.max() <= quantization.scale / 2 * (1 + 1e-3) + 1e-6 * max(abs(low), abs(high))

    @given(cases())
    def test_every_integer_survives_the_round_trip(self, case: tuple[type, Quantization]) -> None:
        dtype, quantization = case
        limits = np.iinfo(dtype)
        integers = np.arange(limits.min, limits.max + 1).astype(dtype)
        assert np.array_equal(quantize(dequantize(integers, quantization), quantization, dtype), integers)

    @given(cases(), st.floats(1, 2**90, width=32))
    def test_saturates_outside_the_range(self, case: tuple[type, Quantization], beyond: float) -> None:
        dtype, quantization = case
        limits = np.iinfo(dtype)
        reach = quantization.scale * (2 * (limits.max - limits.min) + 1)
        values = [reach * beyond, -reach * beyond, math.inf, -math.inf]
        expected = [limits.max, limits.min] * 2
        assert quantize(values, quantization, dtype).tolist() == expected

    @given(cases(), anything)
    def test_keeps_the_order_of_values(self, case: tuple[type, Quantization], values: np.ndarray) -> None:
        dtype, quantization = case
        result = quantize(np.sort(values.ravel()), quantization, dtype).astype(int)
        assert (np.diff(result) >= 0).all()

    def test_rounds_half_to_even(self) -> None:
        halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
        assert quantize(halves, Quantization(1.0, 0), np.int8).tolist() == [-2, -2, 0, 0, 2, 2]

    def test_rounds_before_the_odd_zero_point_is_added(self) -> None:
        assert quantize([0.5, 1.5], Quantization(1.0, 1), np.int8).tolist() == [1, 3]

    def test_int16_reaches_beyond_the_range_of_int8(self) -> None:
        assert quantize([1000.0, -40000.0], Quantization(1.0, 0), np.int16).tolist() == [1000, -32768]

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("where", [0, 7, 99])
    def test_nan_never_becomes_a_number(self, dtype: type, where: int) -> None:
        values = np.full(100, -math.inf, np.float32)
        values[where] = math.nan
        with pytest.raises(DataError, match="NaN"):
            quantize(values, Quantization(0.1, 0), dtype)

    @pytest.mark.parametrize("dtype", [np.int32, np.float32, bool])
    def test_refuses_other_dtypes(self, dtype: type) -> None:
        with pytest.raises(DataError, match="expected int8, uint8 or int16"):
            quantize([1.0], Quantization(0.1, 0), dtype)

    def test_takes_doubles_integers_views_scalars_and_nothing(self) -> None:
        quantization = Quantization(2.0, 3)
        assert quantize([1e300, -1e300], quantization, np.int8).tolist() == [127, -128]
        assert quantize(np.arange(10, dtype=np.uint8)[::3], quantization, np.int8).tolist() == [3, 5, 6, 7]
        assert quantize(8.0, quantization, np.int8).tolist() == 7
        assert quantize(np.zeros((0, 3)), quantization, np.int8).shape == (0, 3)


class TestQuantizeInto:
    @given(cases(), anything)
    def test_is_quantize_into_an_array_that_exists(
        self, case: tuple[type, Quantization], values: np.ndarray
    ) -> None:
        dtype, quantization = case
        before = values.copy()
        out = np.empty(values.shape, dtype)
        assert quantize_into(values, quantization, out) is out
        assert np.array_equal(out, quantize(values, quantization, dtype))
        assert np.array_equal(values, before)

    def test_refuses_an_output_of_another_shape(self) -> None:
        with pytest.raises(DataError, match=r"expected an input of shape \[1, 2\], found \[2\]"):
            quantize_into(np.zeros(2, np.float32), Quantization(1.0, 0), np.zeros((1, 2), np.int8))


class TestDequantize:
    def test_is_scale_times_distance_from_the_zero_point(self) -> None:
        result = dequantize(np.array([[-128, 0], [3, 127]], np.int8), Quantization(0.5, 3))
        assert result.dtype == np.float32
        assert result.tolist() == [[-65.5, -1.5], [0.0, 62.0]]

    def test_leaves_its_input_alone(self) -> None:
        values = np.array([1, 2], np.uint8)
        dequantize(values, Quantization(0.5, 3))
        assert values.tolist() == [1, 2]


class TestQuantization:
    @pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, 1e-60, 1e60])
    def test_refuses_a_scale_that_no_tensor_has(self, scale: float) -> None:
        with pytest.raises(ModelError, match="quantization scale"):
            Quantization(scale, 0)


class TestQuantizationTable:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_holds_what_each_pixel_becomes(self, dtype: type) -> None:
        quantization = Quantization(0.0081, 0)
        pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
        expected = quantize(pixels / np.float32(127.5) - np.float32(1), quantization, dtype)
        table = quantization_table(quantization, dtype, lambda pixels: pixels / 127.5 - 1)
        assert np.array_equal(apply_table(table, pixels), expected)

    def test_without_preprocessing_quantizes_the_pixels(self) -> None:
        table = quantization_table(Quantization(1.0, -128), np.int8)
        assert table.tolist() == list(range(-128, 128))

    def test_refuses_preprocessing_that_is_not_value_by_value(self) -> None:
        with pytest.raises(DataError, match=r"found shape \[128\]"):
            quantization_table(Quantization(1.0, 0), np.int8, lambda pixels: pixels[::2])

    def test_refuses_preprocessing_that_yields_nan(self) -> None:
        with pytest.raises(DataError, match="NaN"):
            quantization_table(Quantization(1.0, 0), np.int8, lambda pixels: pixels * np.float32(math.nan))


def _tables() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "identity": np.arange(256, dtype=np.uint8),
        "flip": (np.arange(256) - 128).astype(np.int8),
        "int8": generator.integers(-128, 128, 256).astype(np.int8),
        "uint8": generator.integers(0, 256, 256).astype(np.uint8),
        "int16": generator.integers(-32768, 32768, 256).astype(np.int16),
    }


@pytest.mark.parametrize("table", _tables().values(), ids=_tables().keys())
class TestApplyTable:
    @given(values=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=0, min_side=0, max_side=7)))
    def test_is_indexing(self, table: np.ndarray, values: np.ndarray) -> None:
        result = apply_table(table, values)
        assert result.dtype == table.dtype
        assert np.array_equal(result, table[values])

    @pytest.mark.parametrize("step", [1, 2, 3])
    def test_fills_and_returns_its_output_also_through_views(self, table: np.ndarray, step: int) -> None:
        values = np.random.default_rng(1).integers(0, 256, (6, 12), dtype=np.uint8)
        whole = np.zeros((6, 12), table.dtype)
        out = whole[:, ::step]
        assert apply_table(table, values[:, ::step], out) is out
        assert np.array_equal(out, table[values[:, ::step]])
        untouched = np.delete(whole, np.s_[::step], axis=1)
        assert not untouched.any()

    def test_takes_values_at_an_odd_address(self, table: np.ndarray) -> None:
        values = np.random.default_rng(2).integers(0, 256, 101, dtype=np.uint8)[1:]
        assert np.array_equal(apply_table(table, values), table[values])

    def test_leaves_its_input_alone(self, table: np.ndarray) -> None:
        values = np.arange(256, dtype=np.uint8)
        apply_table(table, values)
        assert np.array_equal(values, np.arange(256))

    def test_refuses_an_output_that_does_not_fit(self, table: np.ndarray) -> None:
        values = np.zeros((2, 3), np.uint8)
        for out in (np.zeros((3, 2), table.dtype), np.zeros((2, 3), np.float32)):
            with pytest.raises(DataError, match="expected an output"):
                apply_table(table, values, out)

    def test_refuses_values_that_are_no_pixels(self, table: np.ndarray) -> None:
        with pytest.raises(DataError, match="uint8 values, found"):
            apply_table(table, np.zeros(3, np.int16))

    def test_refuses_a_table_of_another_length(self, table: np.ndarray) -> None:
        with pytest.raises(DataError, match="256 entries"):
            apply_table(table[:100], np.zeros(3, np.uint8))


@pytest.mark.tensorflow
@pytest.mark.parametrize("zero_point", [0, 1, 128, 255])
def test_agrees_with_tensorflows_fake_quantization(zero_point: int) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    quantization = Quantization(0.0125, zero_point)
    low, high = ((bound - zero_point) * quantization.scale for bound in (0, 255))
    values = np.random.default_rng(0).uniform(low - 1, high + 1, 10_000).astype(np.float32)
    expected = tensorflow.quantization.fake_quant_with_min_max_args(values, min=low, max=high).numpy()
    result = dequantize(quantize(values, quantization, np.uint8), quantization)
    # Half a step is where the two may round differently: TensorFlow computes with the inverse of the scale.
    ties = np.abs(np.abs(values / quantization.scale % 1) - 0.5) < 1e-3
    assert np.count_nonzero(ties) < 100
    assert result[~ties] == pytest.approx(expected[~ties], abs=1e-5)
