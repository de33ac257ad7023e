"""Makes a variant run on an older runtime where the file alone tells how, and records anew what it computes then.

One thing can be done without the source model: dense layers with float activations whose int8 weights have a scale for
each output, which runtimes before TensorFlow 2.17 do not know, get one scale (`edgeq.tflite.dense_scales`). Files whose
activations are integers need none of that: the converter (TensorFlow 2.21) gives their dense layers version 4, which
all runtimes take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgeq.android.runtimes import RuntimeVersion, runtime_needs, why_not
from edgeq.benchmark.parity import check_parity
from edgeq.bundle import Array, Bundle, Check, Parity, Variant
from edgeq.errors import BundleError, ConversionError, ModelError
from edgeq.files import gzip_bytes, sha256_bytes
from edgeq.runtime.running import Ran, run_file
from edgeq.scratch import scratch_folder
from edgeq.tflite.dense_scales import has_per_channel_dense, with_per_tensor_dense
from edgeq.tflite.model import read_model

NEXT_STEP = "choose another with --variant, or a newer runtime"

_OTHER_KERNELS = "of the converted file"
"""A path that no recorded outputs have, so that parity looks at the noise and does not ask for the same bits."""


@dataclass(frozen=True)
class Fitted:
    """A variant as the app gets it.

    Attributes:
        variant: as the bundle describes it; size, digest and check are those of a converted file.
        content: of the file.
        stored: its recorded outputs by name, as stored, [n, *shape].
        change: what was changed in the file, as part of a sentence; empty where nothing was.
    """

    variant: Variant
    content: bytes
    stored: Mapping[str, Array]
    change: str = ""


def reason_against(bundle: Bundle, variant: Variant, asked: RuntimeVersion | None) -> str | None:
    """Why a variant cannot run on a runtime even when it is converted; None where it can, or nothing is asked for."""
    if asked is None:
        return None
    content = bundle.path(variant).read_bytes()
    reason = why_not(runtime_needs(read_model(content)), asked)
    if reason is None:
        return None
    converted = _converted(content)
    if converted is None:
        return reason
    return why_not(runtime_needs(read_model(converted[0])), asked)


def fit_variant(bundle: Bundle, recorded: Parity, variant: Variant, asked: RuntimeVersion | None) -> Fitted:
    """A variant as it is, or converted where the runtime asked for is too old for it.

    Args:
        bundle: that it is of.
        recorded: the bundle's inputs and outputs.
        variant: of the bundle.
        asked: the oldest runtime that it must run on; None asks for nothing.

    Raises:
        ConversionError: the runtime cannot run it, or the converted file is further from the float model than parity
            lets a device be.
        EdgeqError: the file is damaged, or no runtime is installed to run a converted one.
    """
    content = bundle.path(variant).read_bytes()
    stored = recorded.stored.get(variant.name)
    if stored is None:
        raise BundleError(f"{bundle.folder} recorded no outputs of {variant.name}: convert the model again")
    model = read_model(content)
    reason = None if asked is None else why_not(runtime_needs(model), asked)
    if asked is None or reason is None:
        return Fitted(variant, content, stored)
    refused = f"{variant.name} cannot run on {asked.text}: {reason}; "
    converted = _converted(content)
    if converted is None:
        raise ConversionError(f"{refused}{NEXT_STEP}")
    content, change = converted
    still = why_not(runtime_needs(read_model(content)), asked)
    if still is not None:
        raise ConversionError(
            f"{variant.name} cannot run on {asked.text}, also once {change}: {still}; {NEXT_STEP}"
        )
    return _recorded_anew(bundle, recorded, variant, content, change)


def _converted(content: bytes) -> tuple[bytes, str] | None:
    """The file with one scale for each dense layer, and what was done; None where it has no such layers."""
    if not has_per_channel_dense(read_model(content)):
        return None
    try:
        mended = with_per_tensor_dense(content)
    except ModelError:
        return None
    count = len(mended.layers)
    return (
        mended.content,
        "a dense layer got one scale" if count == 1 else f"{count} dense layers got one scale each",
    )


def _recorded_anew(bundle: Bundle, recorded: Parity, variant: Variant, content: bytes, change: str) -> Fitted:
    """Runs a converted file on the recorded inputs, and refuses it where parity would."""
    ran = _run(variant, content, recorded)
    found = check_parity(bundle, recorded, variant.name, ran.outputs, ran.stored, _OTHER_KERNELS)
    if found is None:
        raise BundleError(
            f"{bundle.folder} recorded no outputs of {variant.name} that can be compared: convert again"
        )
    if not found.passed:
        agreement = "" if found.agreement is None else f" and {100 * found.agreement:.0f} % of top-1"
        expected = "" if found.least_agreement is None else f" and {100 * found.least_agreement:.0f} %"
        raise ConversionError(
            f"{variant.name} loses too much once {change}: {found.sqnr_db:.1f} dB{agreement} on {found.n} inputs, "
            f"expected at least {found.least_sqnr_db:.1f} dB{expected}; {NEXT_STEP}"
        )
    described = replace(
        variant,
        sha256=sha256_bytes(content),
        size_bytes=len(content),
        gzip_bytes=gzip_bytes(content),
        check=Check(found.n, found.sqnr_db, found.agreement, ran.kernel_path),
    )
    before = variant.check.sqnr_db
    return Fitted(described, content, ran.stored, f"{change}, {found.sqnr_db:.1f} dB instead of {before:.1f}")


def _run(variant: Variant, content: bytes, recorded: Parity) -> Ran:
    with scratch_folder("android") as folder:
        path = folder / Path(variant.file).name
        path.write_bytes(content)
        return run_file(path, variant.name, recorded.inputs)
