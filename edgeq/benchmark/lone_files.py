"""What .tflite files that are in no bundle say of their data, and what is assumed where they say nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeq.data.preprocessing import RAW, Preprocessing
from edgeq.errors import ModelError
from edgeq.printing import printable
from edgeq.tflite.io import TensorInfo
from edgeq.tflite.metadata import Metadata, read_metadata
from edgeq.tflite.model import TfliteModel

_MOST_CLIPPED = 0.25
"""Share of pixel values. Calibrated inputs cut off the few that calibration did not see; a wrong range loses half."""

_LOWEST = {"uint8": 0, "int8": -128}
"""What black is stored as, in files that take pixels as they are."""


@dataclass(frozen=True)
class Said:
    """What lone files say of their data.

    Attributes:
        labels: class names; empty where they name none.
        preprocessing: of all data; raw where they say nothing.
        pixels: of 8-bit pixels.
        pixels_note: one sentence on where that is from; empty where there is nothing to say.
        notes: on what could not be read, one sentence each.
    """

    labels: tuple[str, ...] = ()
    preprocessing: Preprocessing = RAW
    pixels: Preprocessing = RAW
    pixels_note: str = ""
    notes: tuple[str, ...] = ()


def what_files_say(files: Sequence[tuple[Path, TfliteModel, Sequence[TensorInfo]]]) -> Said:
    """What the first file's metadata say, or its integers, or those of another file of the same model.

    Args:
        files: path, content and inputs of files of one model.
    """
    path, model, inputs = files[0]
    name = printable(path.name)
    try:
        metadata = read_metadata(path, model)
        problem = metadata.problem
    except ModelError as error:
        # A file that runs is measured, whatever is written beside it.
        metadata, problem = Metadata(), f"{error}; nothing is taken from them"
    stored = _stored_as_they_are((path, inputs) for path, _, inputs in files)
    every, pixels, note = _preprocessing(name, metadata, inputs, stored)
    return Said(metadata.labels, every, pixels, note, (problem,) if problem else ())


def _preprocessing(
    name: str, said: Metadata, inputs: Sequence[TensorInfo], stored: tuple[str, Preprocessing] | None
) -> tuple[Preprocessing, Preprocessing, str]:
    """What becomes of all data, and of pixels, and one sentence on why.

    Args:
        name: of the first file.
        said: by its metadata.
        inputs: of it.
        stored: file and preprocessing of pixels that are stored as they are; None where no input is 8-bit.
    """
    clipped = _clipped_share(said, inputs)
    if said.mean and stored is not None and clipped > _MOST_CLIPPED:
        reason = f"the metadata of {name} scale pixels as {_formula(said)}, and its integers cannot store {clipped:.0%}"
        return RAW, stored[1], f"{reason} of that: pixels go in as they are; --preprocess says otherwise"
    if said.mean:
        normalisation = _normalisation(said)
        return normalisation, normalisation, f"pixels become {_formula(said)}, as the metadata of {name} say"
    if not any(_is_image(tensor.shape) and tensor.dtype in ("float32", *_LOWEST) for tensor in inputs):
        return RAW, RAW, ""
    reason = f"{name} does not say how pixels are scaled"
    if stored is not None:
        source, pixels = stored
        how = f"{source} stores 8-bit integers, and pixels go in as they are; --preprocess says otherwise"
        return RAW, pixels, f"{reason}: {how}"
    how = "they go in as 0 to 255; most networks want another range, such as --preprocess 0..1 or -1..1"
    return RAW, RAW, f"{reason}: {how}"


def _clipped_share(said: Metadata, inputs: Sequence[TensorInfo]) -> float:
    """How many of the 256 pixel values a normalisation moves out of what the first input's integers can stand for.

    Writers of quantized files put numbers there that nobody looked at: the Task Library, for which they are written,
    copies pixels into 8-bit inputs as they are.
    """
    tensor = inputs[0] if inputs else None
    if not said.mean or tensor is None or tensor.scale is None or tensor.dtype not in _LOWEST:
        return 0.0
    lowest = _LOWEST[tensor.dtype]
    normalised = (np.arange(256)[:, None] - np.array(said.mean)) / np.array(said.std)
    stored = np.rint(normalised / tensor.scale) + (tensor.zero_point or 0)
    return float(np.mean((stored < lowest) | (stored > lowest + 255)))


def sizes_that_are_free(inputs: Iterable[TensorInfo]) -> str:
    """The first input whose size beside the batch is not fixed, as it is shown; empty where all are."""
    for tensor in inputs:
        if any(size < 0 for size in tensor.shape_signature[1:]):
            shown = ", ".join("?" if size < 0 else str(size) for size in tensor.shape_signature)
            return f"{printable(tensor.name)} [{shown}]"
    return ""


def _normalisation(said: Metadata) -> Preprocessing:
    """(x − mean) / std as scale and offset."""
    scale = tuple(1 / std for std in said.std)
    offset = tuple(-mean / std for mean, std in zip(said.mean, said.std, strict=True))
    return Preprocessing("the file's metadata", scale, offset)


def _formula(said: Metadata) -> str:
    mean, std = (_numbers(values) for values in (said.mean, said.std))
    return f"(x − {mean}) / {std}"


def _numbers(values: Sequence[float]) -> str:
    if len(set(values)) == 1:
        return f"{values[0]:g}"
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _is_image(shape: Sequence[int]) -> bool:
    """[N, H, W, 1 or 3]."""
    return len(shape) == 4 and shape[3] in (1, 3)


def _stored_as_they_are(
    files: Iterable[tuple[Path, Sequence[TensorInfo]]],
) -> tuple[str, Preprocessing] | None:
    """The real values of pixels that are stored unchanged, by the scale of the first file whose integers tell it.

    An input of 8-bit integers has 256 values as pixels have, and those who make such files feed them pixels. A
    calibrated input spans what calibration saw, so that for other files of the model the same map is an estimate.
    """
    for path, inputs in files:
        for tensor in inputs:
            if tensor.dtype in _LOWEST and tensor.scale is not None and _is_image(tensor.shape):
                zero_point = tensor.zero_point or 0
                offset = tensor.scale * (_LOWEST[tensor.dtype] - zero_point)
                return printable(path.name), Preprocessing("as stored", (tensor.scale,), (offset,))
    return None
