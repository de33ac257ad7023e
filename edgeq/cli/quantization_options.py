"""Options for the methods of `edgeq.quantize`, each of which can be used alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgeq.quantize.recipe import Recipe

# As edgeq.quantize.recipe has them, which imports nothing heavy but is not needed for --help.
_SCALES = ("max", "mse")
_ROUNDINGS = ("nearest", "error-feedback", "adaround")
_REWRITES = ("pool-to-mean", "hard-swish", "equalize")

_OPTIONS = (
    click.option(
        "--ranges",
        metavar="METHOD",
        help="Of activations, of int8 and int8x4 files that are made beside the usual ones: minmax, averaged, "
        "percentile:99.99, mse, entropy, or chosen for each tensor.",
    ),
    click.option(
        "--weight-scales",
        type=click.Choice(_SCALES),
        help="Of each channel: its largest weight, or least error.",
    ),
    click.option("--rounding", type=click.Choice(_ROUNDINGS), help="Of weights."),
    click.option(
        "--bias-correction", is_flag=True, help="Keep the mean of each layer's output with its bias."
    ),
    click.option(
        "--compensate", is_flag=True, help="Move weights first towards what makes up for the layers before."
    ),
    click.option(
        "--rewrite",
        "rewrites",
        type=click.Choice(_REWRITES),
        multiple=True,
        help="Of the float graph, which stays equal; repeatable.",
    ),
)


def quantization_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def methods_of(
    ranges: str | None,
    weight_scales: str | None,
    rounding: str | None,
    bias_correction: bool,
    compensate: bool,
    rewrites: Sequence[str],
) -> Recipe | None:
    """What the options ask for; None where none of them was given."""
    from edgeq.quantize.recipe import REWRITES, Recipe, WeightMethod

    if not (ranges or weight_scales or rounding or bias_correction or compensate or rewrites):
        return None
    plain = WeightMethod()
    return Recipe(
        rewrites=tuple(name for name in REWRITES if name in rewrites),
        range_method=ranges or Recipe().range_method,
        weights=WeightMethod(
            scales=weight_scales or plain.scales,
            rounding=rounding or plain.rounding,
            correct_bias=bias_correction,
            compensate=compensate,
        ),
    )
