"""F307 and F314."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeq.doctor.checks.file_scales import (
    LARGEST_SPREAD,
    bad_quantization,
    channel_scale_spread,
    channel_spread,
)

spoiling = pytest.importorskip("spoiling", exc_type=ImportError)
SCALES = st.lists(st.floats(0.1, 1.0), min_size=5, max_size=32)


def test_the_demo_has_sound_scales(demo_case):
    assert list(channel_scale_spread(demo_case)) == []
    assert list(bad_quantization(demo_case)) == []


def weights_of(model, operator, position=0):
    return spoiling.tensor(model, spoiling.operators(model, operator)[position].inputs[1])


@pytest.mark.parametrize("operator", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_a_channel_with_weights_100_times_larger_is_found_with_its_layer(spoil, lone, operator):
    def louder(model):
        scales = np.array(weights_of(model, operator, 1).quantization.scale, np.float32)
        scales[5] *= 100
        weights_of(model, operator, 1).quantization.scale = scales

    (finding,) = channel_scale_spread(lone(spoil("int8", louder)))
    (layer,) = finding.details["layers"]
    assert layer["channel"] == 5
    assert layer["largest_over_median"] > LARGEST_SPREAD
    assert layer["layer"] in finding.message


def test_channels_with_next_to_no_weights_are_fine(spoil, lone):
    def dead(model):
        scales = np.array(weights_of(model, "CONV_2D").quantization.scale, np.float32)
        scales[: len(scales) // 2] *= 1e-9
        weights_of(model, "CONV_2D").quantization.scale = scales

    assert list(channel_scale_spread(lone(spoil("int8", dead)))) == []


@given(SCALES, st.floats(1e-3, 1e3))
def test_a_spread_does_not_depend_on_the_unit(scales, factor):
    one, other = channel_spread(tuple(scales)), channel_spread(tuple(scale * factor for scale in scales))
    assert one is not None
    assert other is not None
    assert other.largest_over_median == pytest.approx(one.largest_over_median)
    assert one.largest_over_median >= 1


@given(SCALES, st.data())
def test_the_loudest_channel_is_named_and_its_spread_is_its_factor(scales, data):
    place = data.draw(st.integers(0, len(scales) - 1))
    scales[place] = 100 * float(np.median(np.delete(scales, place)))
    spread = channel_spread(tuple(scales))
    assert spread is not None
    assert (spread.channel, spread.channels, spread.dead) == (place, len(scales), 0)
    # The median of all channels is at most one place away from that of the others.
    assert spread.largest_over_median > 10


@pytest.mark.parametrize(
    "scales", [(), (1.0,), (1.0, 2.0, 3.0), (1.0, 0.0, 1.0, 1.0), (1.0, np.nan, 1.0, 1.0)]
)
def test_too_few_channels_and_scales_that_are_none_say_nothing(scales):
    assert channel_spread(scales) is None


@pytest.mark.parametrize(
    ("scale", "said"),
    [(0.0, "scale of 0"), (-0.5, "scale of -0.5"), (np.nan, "nan"), (np.inf, "inf"), (1e-40, "float32")],
)
def test_a_scale_that_nothing_can_be_computed_with_is_found(spoil, lone, scale, said):
    def change(model):
        conv = spoiling.operators(model, "CONV_2D")[2]
        spoiling.tensor(model, conv.outputs[0]).quantization.scale = [scale]

    (finding,) = bad_quantization(lone(spoil("int8", change)))
    assert said in finding.message
    (tensor,) = finding.details["tensors"]
    assert tensor["tensor"].partition(";")[0] in finding.message


@pytest.mark.parametrize("zero_point", [-129, 128, 1000])
def test_a_zero_point_outside_of_the_type_is_found(spoil, lone, zero_point):
    def change(model):
        conv = spoiling.operators(model, "CONV_2D")[2]
        spoiling.tensor(model, conv.outputs[0]).quantization.zeroPoint = [zero_point]

    (finding,) = bad_quantization(lone(spoil("int8", change)))
    assert f"zero point of {zero_point}" in finding.message


def test_scales_that_do_not_fit_their_axis_are_found(spoil, lone):
    def fewer(model):
        quantization = weights_of(model, "CONV_2D").quantization
        quantization.scale, quantization.zeroPoint = quantization.scale[:-1], quantization.zeroPoint[:-1]

    def elsewhere(model):
        weights_of(model, "CONV_2D").quantization.quantizedDimension = 9

    (finding,) = bad_quantization(lone(spoil("int8", fewer)))
    assert "scales along axis 0" in finding.message
    (finding,) = bad_quantization(lone(spoil("int8", elsewhere)))
    assert "axis 9" in finding.message


def test_a_scale_of_zero_on_indices_and_floats_means_that_there_is_none(spoil, lone):
    def unscaled(model):
        quantization = type(
            spoiling.tensor(model, 0).quantization or weights_of(model, "CONV_2D").quantization
        )
        for index in (0, spoiling.operators(model, "MEAN")[0].inputs[1]):
            made = quantization()
            made.scale, made.zeroPoint = [0.0], [0]
            spoiling.tensor(model, index).quantization = made

    assert list(bad_quantization(lone(spoil("float32", unscaled)))) == []
