"""Opens a bundle or a bare .tflite as a case, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

from edgeq.benchmark.targets import Target, Targets, find_targets
from edgeq.data.dataset import Dataset
from edgeq.data.labels import in_order_of
from edgeq.data.preprocessing import Preprocessing, find_preprocessing
from edgeq.data.reading import read_dataset
from edgeq.doctor.case import Case, FileCase
from edgeq.errors import DataError
from edgeq.schemes import BASELINE, SCHEMES, VariantSpec
from edgeq.tflite.io import model_io
from edgeq.tflite.model import read_model


def open_files_case(
    target: Path,
    *,
    data: Path | Dataset | None = None,
    calibration: Path | Dataset | None = None,
    preprocess: Preprocessing | str | None = None,
    variants: tuple[str, ...] = (),
    runtime: str | None = None,
    target_runtime: str | None = None,
    seed: int = 0,
) -> Case:
    """Opens a bundle, or one .tflite.

    Args:
        target: the folder of the bundle, or the file.
        data: a data set, or where it lies.
        calibration: likewise, for calibration alone.
        preprocess: instead of the bundle's, or of what the file's metadata say.
        variants: of a bundle, by name; none takes all.
        runtime: which runtime; None for the best installed.
        target_runtime: that the files are to run on elsewhere, such as ``tflite-runtime 2.14``.
        seed: of the draws.

    Returns:
        The case. Data that cannot be read become its `Case.data_problem`.

    Raises:
        EdgeqError: the bundle or the file is missing or damaged, or there is no such preprocessing or variant.
    """
    wanted = find_preprocessing(preprocess) if isinstance(preprocess, str) else preprocess
    every = find_targets([target])
    chosen = every.only(variants) if variants else every
    dataset, problem = read_given(data, every.labels)
    calibration_set, calibration_problem = read_given(calibration, every.labels)
    manifest = None if every.bundle is None else every.bundle.manifest
    return Case(
        target=target,
        name=_stem(target) if manifest is None else manifest.name,
        inputs=every.inputs,
        batched=_batched(every) if manifest is None else manifest.batched,
        preprocessing=wanted or (every.preprocessing if dataset is None else every.preprocessing_of(dataset)),
        files=tuple(_file_case(one, every, runtime) for one in chosen.files),
        # Also where it is not examined itself: the others are compared with it.
        float32_file=next((one.path for one in every.files if one.info.scheme == BASELINE), None),
        dataset=dataset,
        data_problem=problem or calibration_problem,
        calibration=calibration_set,
        calibrated_on=every.calibrated_on,
        bundle=every.bundle,
        dynamic_inputs=_dynamic_inputs(every),
        runtime=runtime,
        target_runtime=target_runtime,
        seed=seed,
    )


def read_given(
    data: Path | Dataset | None, labels: tuple[str, ...] = ()
) -> tuple[Dataset | None, DataError | None]:
    """The data as a data set, or why they cannot be read.

    Args:
        data: a data set, or where it lies.
        labels: class names in the order of the model's outputs, in which the classes are numbered; empty where unknown.

    Raises:
        ModelError: they are a converter script that fails.
    """
    if data is None:
        return None, None
    try:
        return in_order_of(data if isinstance(data, Dataset) else read_dataset(data), labels), None
    except DataError as error:
        return None, error


def claimed_by(name: str) -> tuple[str | None, str | None]:
    """The scheme and the I/O type that a name claims, as ``edgeq convert`` names files and variants.

    Args:
        name: of a variant (``int8-io-uint8``), or of a file (``NAME.int8-io-uint8.tflite``).

    Returns:
        None for what the name says nothing of. An I/O type is claimed only together with a scheme.
    """
    last = name.removesuffix(".tflite").rpartition(".")[2]
    for scheme in SCHEMES:
        for io in scheme.io_types:
            if last == VariantSpec(scheme, io).name:
                return scheme.name, io
    return None, None


def _file_case(one: Target, every: Targets, runtime: str | None) -> FileCase:
    scheme, io = claimed_by(one.info.name if every.bundle is not None else one.path.name)
    if every.bundle is not None and scheme is None:
        # A scheme of the user's own, which the manifest tells by its name.
        scheme, io = one.info.scheme, one.info.io
    return FileCase(
        one.path,
        one.info.name,
        claimed_scheme=scheme,
        claimed_io=io if _takes_and_gives_floats(every, scheme) else None,
        runtime=runtime,
    )


def _takes_and_gives_floats(every: Targets, scheme: str | None) -> bool:
    """Whether the claimed I/O type is one of inputs that are real numbers: token ids stay what they are."""
    return scheme is not None and all(spec.is_float for spec in every.inputs)


def _batched(every: Targets) -> dict[str, bool]:
    """Whether the first axis of each input of a bare file is a batch axis, as `find_targets` takes it to be."""
    inputs, _ = model_io(read_model(every.files[0].path))
    return {
        tensor.name: len(tensor.shape) > len(spec.item_shape)
        for tensor, spec in zip(inputs, every.inputs, strict=True)
    }


def _dynamic_inputs(every: Targets) -> tuple[str, ...]:
    """Inputs with free dimensions beside the first axis, in any of the files."""
    found = {
        tensor.name: None
        for one in every.files
        for tensor in model_io(read_model(one.path))[0]
        if any(size < 0 for size in tensor.shape_signature[1:])
    }
    return tuple(found)


def _stem(path: Path) -> str:
    """The file's name without the scheme that it claims."""
    stem = path.name.removesuffix(".tflite")
    return stem.rpartition(".")[0] if claimed_by(stem)[0] is not None and "." in stem else stem
