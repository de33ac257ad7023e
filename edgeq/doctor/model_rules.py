"""The rules on models before conversion, as data."""

from __future__ import annotations

from edgeq.doctor.checks.model_activations import heavy_tails, unlike_concatenation
from edgeq.doctor.checks.model_batch_norm import unfolded_batch_norm
from edgeq.doctor.checks.model_finite import not_finite
from edgeq.doctor.checks.model_int16 import breaks_int16x8
from edgeq.doctor.checks.model_operators import does_not_convert, dynamic_shape, needs_flex, stays_float
from edgeq.doctor.checks.model_weights import float16_overflow, outlier_channels
from edgeq.doctor.rule import CALIBRATION, ERROR, FLOAT32, TRIALS, WARNING, Rule

MODEL_RULES: tuple[Rule, ...] = (
    Rule(
        "M201",
        "stays-float",
        WARNING,
        "operators that have no int8 form compute in float32 in the int8 file",
        (TRIALS,),
        stays_float,
    ),
    Rule(
        "M202",
        "needs-flex",
        ERROR,
        "TensorFlow's own operators, which no runtime runs without the Flex delegate",
        (),
        needs_flex,
    ),
    Rule(
        "M203",
        "dynamic-shape",
        WARNING,
        "an input has free dimensions beside the batch",
        (),
        dynamic_shape,
        is_cheap=True,
    ),
    Rule(
        "M204",
        "unfolded-batch-norm",
        WARNING,
        "batch normalization behind an activation stays as two operators",
        (FLOAT32,),
        unfolded_batch_norm,
        is_cheap=True,
    ),
    Rule(
        "M205",
        "heavy-tails",
        WARNING,
        "an activation's range is far larger than where its values are",
        (FLOAT32, CALIBRATION),
        heavy_tails,
    ),
    Rule(
        "M206",
        "unlike-concatenation",
        WARNING,
        "tensors of very different ranges are concatenated and share one int8 scale",
        (FLOAT32, CALIBRATION),
        unlike_concatenation,
    ),
    Rule(
        "M207",
        "outlier-channels",
        WARNING,
        "one channel's weights are far larger than the others'",
        (FLOAT32,),
        outlier_channels,
        is_cheap=True,
    ),
    Rule(
        "M208",
        "float16-overflow",
        ERROR,
        "weights or activations that float16 cannot hold",
        (FLOAT32,),
        float16_overflow,
    ),
    Rule(
        "M209",
        "breaks-int16x8",
        WARNING,
        "the int16x8 file cannot be made, does not run, or is far from float32",
        (TRIALS,),
        breaks_int16x8,
    ),
    Rule(
        "M210",
        "does-not-convert",
        ERROR,
        "the model cannot be converted to float32, or its int8 form fails",
        (),
        does_not_convert,
    ),
    Rule(
        "M211",
        "not-finite-model",
        ERROR,
        "weights are NaN or infinite, or outputs are although inputs are numbers",
        (FLOAT32,),
        not_finite,
        is_cheap=True,
    ),
)
