"""The rules on files after conversion, as data."""

from __future__ import annotations

from edgeq.doctor.checks.file_operators import flex_or_custom, op_version_too_new
from edgeq.doctor.checks.file_outputs import collapsed_outputs, outputs_differ
from edgeq.doctor.checks.file_runs import does_not_allocate, does_not_run
from edgeq.doctor.checks.file_saturation import saturated_activations
from edgeq.doctor.checks.file_scales import bad_quantization, channel_scale_spread
from edgeq.doctor.checks.file_scheme import float_io, float_islands, scheme_not_as_claimed
from edgeq.doctor.checks.file_signature import no_signature
from edgeq.doctor.checks.file_speed import dynamic_slower, many_partitions
from edgeq.doctor.rule import CALIBRATION, ERROR, FILES, FLOAT32, WARNING, Rule

FILE_RULES: tuple[Rule, ...] = (
    Rule(
        "F301",
        "does-not-allocate",
        ERROR,
        "the runtime refuses the file, or crashes on it",
        (FILES,),
        does_not_allocate,
    ),
    Rule(
        "F302",
        "does-not-run",
        ERROR,
        "the file loads and fails at inference, or its outputs are NaN",
        (FILES,),
        does_not_run,
    ),
    Rule(
        "F303",
        "scheme-not-as-claimed",
        ERROR,
        "the file is of another precision than its name or its bundle says",
        (FILES,),
        scheme_not_as_claimed,
        is_cheap=True,
    ),
    Rule(
        "F304",
        "float-io",
        WARNING,
        "inputs or outputs are float where integers were asked for",
        (FILES,),
        float_io,
        is_cheap=True,
    ),
    Rule(
        "F305",
        "saturated-activations",
        WARNING,
        "values of an activation are clipped on the calibration set",
        (FILES, CALIBRATION),
        saturated_activations,
    ),
    Rule(
        "F306",
        "collapsed-outputs",
        ERROR,
        "the outputs are the same whatever the input is",
        (FILES, CALIBRATION),
        collapsed_outputs,
    ),
    Rule(
        "F307",
        "channel-scale-spread",
        WARNING,
        "one channel of a layer has far larger weights than the others",
        (FILES,),
        channel_scale_spread,
    ),
    Rule(
        "F308",
        "op-version-too-new",
        ERROR,
        "the runtime is older than an operator of the file",
        (FILES,),
        op_version_too_new,
        fix="per-tensor-dense",
    ),
    Rule(
        "F309",
        "many-partitions",
        WARNING,
        "XNNPACK takes the graph in pieces, or leaves much of it out",
        (FILES,),
        many_partitions,
    ),
    Rule(
        "F310",
        "dynamic-slower",
        WARNING,
        "the dynamic-range file is slower than float32, as measured here",
        (FILES, FLOAT32),
        dynamic_slower,
    ),
    Rule(
        "F311",
        "no-signature",
        WARNING,
        "inputs and outputs have no names, so that they are fed by position",
        (FILES,),
        no_signature,
        is_cheap=True,
        fix="add-signature",
    ),
    Rule(
        "F312",
        "float-islands",
        WARNING,
        "operators compute in float inside an integer file",
        (FILES,),
        float_islands,
        is_cheap=True,
    ),
    Rule(
        "F313",
        "flex-or-custom",
        ERROR,
        "operators that no Python runtime has",
        (FILES,),
        flex_or_custom,
    ),
    Rule(
        "F314",
        "bad-quantization",
        ERROR,
        "a scale or a zero point that nothing can be computed with",
        (FILES,),
        bad_quantization,
        is_cheap=True,
    ),
    Rule(
        "F315",
        "outputs-differ",
        ERROR,
        "the outputs are not those that the bundle recorded, or far from float32",
        (FILES, CALIBRATION),
        outputs_differ,
    ),
)
"""In the order of their codes."""
