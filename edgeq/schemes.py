"""The quantization schemes as data: one entry each, and everything else derives from it.

The command line's help, the table in the documentation, the converter's options, the check of a finished
file and the recognition of a foreign one all read `SCHEMES`; one more entry is enough for one more scheme.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edgeq.errors import MissingExtraError, UsageError


@dataclass(frozen=True)
class ConverterOptions:
    """What ``tf.lite.TFLiteConverter`` is told; names instead of objects, since TensorFlow is not loaded here.

    Attributes:
        optimize: whether ``tf.lite.Optimize.DEFAULT`` is set.
        supported_types: names of ``tf`` dtypes for ``target_spec.supported_types``.
        op_sets: names in ``tf.lite.OpsSet`` for ``target_spec.supported_ops``.
    """

    optimize: bool = False
    supported_types: tuple[str, ...] = ()
    op_sets: tuple[str, ...] = ("TFLITE_BUILTINS",)


@dataclass(frozen=True)
class Scheme:
    """One way to store weights and to compute activations.

    Attributes:
        name: as users type it.
        weights: dtype that most bytes of weights have in the file.
        activations: dtype that the operators compute in.
        converter: options of the converter; None for a scheme that `edgeq.quantize` makes of the float32 file.
        io_types: I/O types that it can be made with, its own default first.
        default: whether it is made when no scheme is asked for (and its data are there).
        summary: what is stored in which precision.
        choose_when: advice for the table of schemes.
        least_sqnr_db: outputs that are further from the source model's than this are called out.
    """

    name: str
    weights: str
    activations: str
    converter: ConverterOptions | None
    io_types: tuple[str, ...]
    default: bool
    summary: str
    choose_when: str
    least_sqnr_db: float

    @property
    def needs_calibration(self) -> bool:
        """Whether activation ranges must be measured: integer activations need them."""
        return self.activations != "float32"


SCHEMES: tuple[Scheme, ...] = (
    Scheme(
        name="float32",
        weights="float32",
        activations="float32",
        converter=ConverterOptions(),
        io_types=("float32",),
        default=True,
        summary="float weights, float activations",
        choose_when="the baseline that every other file is compared with",
        least_sqnr_db=60.0,
    ),
    Scheme(
        name="float16",
        weights="float16",
        activations="float32",
        converter=ConverterOptions(optimize=True, supported_types=("float16",)),
        io_types=("float32",),
        default=True,
        summary="float16 weights, float activations",
        choose_when="half the size at no loss; a GPU that computes in float16",
        least_sqnr_db=40.0,
    ),
    Scheme(
        name="dynamic",
        weights="int8",
        activations="float32",
        converter=ConverterOptions(optimize=True),
        io_types=("float32",),
        default=True,
        summary="int8 weights, float activations quantized on the fly",
        choose_when="a quarter of the size with no data at hand; dense and recurrent layers",
        least_sqnr_db=10.0,
    ),
    Scheme(
        name="int8",
        weights="int8",
        activations="int8",
        converter=ConverterOptions(optimize=True, op_sets=("TFLITE_BUILTINS_INT8",)),
        io_types=("int8", "uint8", "float32"),
        default=True,
        summary="int8 weights, int8 activations (full integer)",
        choose_when="fastest on CPUs with int8 dot products, DSPs and NPUs",
        least_sqnr_db=10.0,
    ),
    Scheme(
        name="int16x8",
        weights="int8",
        activations="int16",
        converter=ConverterOptions(
            optimize=True, op_sets=("EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",)
        ),
        io_types=("int16", "float32"),
        default=False,
        summary="int8 weights, int16 activations (full integer)",
        choose_when="int8 loses too much and the device has no float; slow on CPUs",
        least_sqnr_db=20.0,
    ),
    Scheme(
        name="int8x4",
        weights="int4",
        activations="int8",
        converter=None,
        io_types=("int8", "uint8", "float32"),
        default=False,
        summary="4-bit weights (8-bit in depthwise layers), int8 activations (full integer)",
        choose_when="size counts most; slower on CPUs than int8, and measure what it loses",
        least_sqnr_db=5.0,
    ),
)

BASELINE = "float32"
"""The scheme that is always made and that the others are compared with."""

TUNED = "tuned"
"""Label of variants that a recipe of `edgeq.quantize` makes."""


@dataclass(frozen=True)
class VariantSpec:
    """A file to make: a scheme and the dtype of its inputs and outputs.

    Attributes:
        scheme: of the file.
        io: dtype of its inputs and outputs.
        label: what sets it apart from the scheme's usual file, such as `TUNED`; empty for that one.
    """

    scheme: Scheme
    io: str
    label: str = ""

    @property
    def name(self) -> str:
        """``int8``, ``int8-tuned``, or ``int8-io-uint8`` where the I/O type is not the scheme's own default."""
        suffix = "" if self.io == self.scheme.io_types[0] else f"-io-{self.io}"
        return self.scheme.name + (f"-{self.label}" if self.label else "") + suffix


def find(name: str, schemes: Iterable[Scheme] = SCHEMES) -> Scheme:
    """The scheme of that name.

    Raises:
        UsageError: there is none.
    """
    known = {scheme.name: scheme for scheme in schemes}
    if name not in known:
        raise UsageError(f"unknown scheme {name!r}: expected one of {', '.join(known)}")
    return known[name]


def recognise(weights: str, activations: str, schemes: Iterable[Scheme] = SCHEMES) -> Scheme | None:
    """The scheme of a file with those precisions, as read from its flatbuffer; None where none fits.

    Args:
        weights: dtype that most bytes of weights have; ``none`` in a file without weights.
        activations: dtype that the operators compute in; ``mixed`` where they differ.
        schemes: where to look.
    """
    for scheme in schemes:
        if scheme.activations == activations and weights in (scheme.weights, "none"):
            return scheme
    return None


@dataclass(frozen=True)
class Selection:
    """What a user asked to make, resolved.

    Attributes:
        specs: the files to make, the baseline first.
        notes: what was left out or changed and why, one sentence each.
    """

    specs: tuple[VariantSpec, ...]
    notes: tuple[str, ...] = field(default=())


def select(
    names: Iterable[str] = (),
    io_types: Iterable[str] = (),
    *,
    has_data: bool,
    has_quantizer: bool = True,
    schemes: Iterable[Scheme] = SCHEMES,
) -> Selection:
    """Resolves ``--scheme`` and ``--io`` to the files to make.

    Args:
        names: schemes asked for; none means the default ones, ``all`` means every one.
        io_types: I/O types asked for; none means each scheme's own, and float32 beside it where nothing
            was asked for at all.
        has_data: whether there are calibration data.
        has_quantizer: whether litert-quantizer is installed, which makes schemes that the converter does not have.
        schemes: the schemes to choose from.

    Returns:
        The files, float32 always among them and first.

    Raises:
        UsageError: an unknown scheme or I/O type, or a scheme that needs data without any.
        MissingExtraError: a scheme that needs litert-quantizer without it.
    """
    schemes = tuple(schemes)
    asked = tuple(dict.fromkeys(names))
    asked_io = tuple(dict.fromkeys(io_types))
    known_io = {io for scheme in schemes for io in scheme.io_types}
    for io in asked_io:
        if io not in known_io:
            raise UsageError(f"unknown I/O type {io!r}: expected one of {', '.join(sorted(known_io))}")
    if "all" in asked:
        chosen, open_choice = list(schemes), True
    elif asked:
        chosen, open_choice = [find(name, schemes) for name in asked], False
    else:
        chosen, open_choice = [scheme for scheme in schemes if scheme.default], True

    notes = []
    specs = [VariantSpec(find(BASELINE, schemes), find(BASELINE, schemes).io_types[0])]
    for scheme in chosen:
        if scheme.needs_calibration and not has_data:
            if not open_choice:
                raise UsageError(
                    f"scheme {scheme.name} needs representative data: add --data FOLDER or --data FILE.npz"
                )
            notes.append(f"{scheme.name} is left out: it needs --data")
            continue
        if scheme.converter is None and not has_quantizer:
            missing = MissingExtraError(f"litert-quantizer, which scheme {scheme.name} needs,", "optimize")
            if not open_choice:
                raise missing
            notes.append(f"{scheme.name} is left out: {missing}")
            continue
        for io in _io_types(scheme, asked_io, open_choice):
            specs.append(VariantSpec(scheme, io))
        if scheme.needs_calibration and asked_io and not set(asked_io) & set(scheme.io_types):
            notes.append(
                f"{scheme.name} has {scheme.io_types[0]} inputs and outputs: {', '.join(asked_io)} "
                "is not possible there"
            )
    return Selection(tuple(dict.fromkeys(specs)), tuple(notes))


def _io_types(scheme: Scheme, asked: tuple[str, ...], open_choice: bool) -> tuple[str, ...]:
    if not scheme.needs_calibration:
        return scheme.io_types[:1]
    if asked:
        return tuple(io for io in asked if io in scheme.io_types) or scheme.io_types[:1]
    if open_choice and scheme.default and "float32" in scheme.io_types:
        return scheme.io_types[0], "float32"
    return scheme.io_types[:1]


def io_choices(schemes: Iterable[Scheme] = SCHEMES) -> tuple[str, ...]:
    """The I/O types that ``--io`` takes: those of the schemes that have a choice, in their order."""
    return tuple(
        dict.fromkeys(io for scheme in schemes if scheme.needs_calibration for io in scheme.io_types)
    )


def help_lines(schemes: Iterable[Scheme] = SCHEMES) -> str:
    """One line a scheme for the command line's help: its name and what it stores."""
    schemes = tuple(schemes)
    width = max((len(scheme.name) for scheme in schemes), default=0)
    return "\n".join(f"  {scheme.name:<{width}}  {scheme.summary}" for scheme in schemes)


def markdown_table(schemes: Iterable[Scheme] = SCHEMES) -> str:
    """The table of schemes in the documentation, without a line break at its end."""
    heading = ("scheme", "what it is", "`--io`", "needs data", "made by default", "choose it for")
    rows = [heading, ("---",) * len(heading)]
    for scheme in schemes:
        default = "no"
        if scheme.default:
            default = "with data" if scheme.needs_calibration else "yes"
        rows.append(
            (
                f"`{scheme.name}`",
                scheme.summary,
                ", ".join(scheme.io_types) if scheme.needs_calibration else "–",
                "yes" if scheme.needs_calibration else "no",
                default,
                scheme.choose_when,
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
