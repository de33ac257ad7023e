"""What is to be measured: the variants of a bundle, or lone .tflite files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeq.benchmark.lone_files import Said, sizes_that_are_free, what_files_say
from edgeq.benchmark.measurement import VariantInfo
from edgeq.bundle import Bundle, is_bundle, read_bundle
from edgeq.data.columns import ArrayColumn, ImageColumn
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import ModelInput
from edgeq.data.preprocessing import RAW, Preprocessing
from edgeq.errors import ModelError, UsageError
from edgeq.files import gzip_bytes, sha256_file
from edgeq.schemes import BASELINE, SCHEMES, Scheme
from edgeq.tflite.io import TensorInfo, model_io
from edgeq.tflite.model import TfliteModel, read_model
from edgeq.tflite.precision import scheme_of


@dataclass(frozen=True)
class Target:
    """One file to measure."""

    path: Path
    info: VariantInfo


@dataclass(frozen=True)
class Targets:
    """Files of one model, and what its data must be.

    Attributes:
        files: what to measure.
        inputs: of the model; None for files without metadata, whose inputs the runtime tells.
        preprocessing: of the data, but see `preprocessing_of`.
        labels: class names; empty where unknown.
        calibrated_on: SHA-256 of items that are left out of accuracy.
        bundle: where they came from; None for lone files.
        provenance: of the bundle; empty for lone files.
        task: what the model does; None where the bundle does not say.
        said: by lone files of their data, or assumed; None for a bundle, which says it all.
        free: an input whose size lone files leave open, as it is shown; empty where all are fixed.
    """

    files: tuple[Target, ...]
    inputs: tuple[ModelInput, ...]
    preprocessing: Preprocessing = RAW
    labels: tuple[str, ...] = ()
    calibrated_on: frozenset[str] = frozenset()
    bundle: Bundle | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    task: str | Mapping[str, Any] | None = None
    said: Said | None = None
    free: str = ""

    def preprocessing_of(self, data: Dataset) -> Preprocessing:
        """What to do with data where nobody says it: what 8-bit pixels need may be known where the rest is not."""
        return self.said.pixels if self.said is not None and _holds_pixels(data) else self.preprocessing

    def check_sizes(self) -> None:
        """Refuses data for a file that does not say of what size.

        Raises:
            UsageError: a lone file takes inputs of any size.
        """
        if self.free:
            raise UsageError(
                f"{self.files[0].path.name} leaves the size of its input open, {self.free}, and data would be brought "
                "to a size of 1: convert it with a fixed size; edgeq benchmark without --data measures latency"
            )

    def notes(self, data: Dataset | None, *, preprocessing_is_given: bool = False) -> tuple[str, ...]:
        """What lone files say or leave open, and what is assumed therefore; one sentence each.

        Args:
            data: the data set; None where only latency is measured.
            preprocessing_is_given: whether the user said what becomes of pixels.
        """
        if self.said is None:
            return ()
        # Labels that cannot be read are nobody's loss where others were given.
        notes = () if self.labels else self.said.notes
        if self.free and data is None:
            notes += (
                f"{self.files[0].path.name} leaves the size of its input open, {self.free}: timed with 1",
            )
        if data is not None and _holds_pixels(data) and not preprocessing_is_given and self.said.pixels_note:
            notes += (self.said.pixels_note,)
        return notes

    def only(self, names: Sequence[str]) -> Targets:
        """The files of some variants.

        Args:
            names: of the variants.

        Raises:
            UsageError: one of them is not there.
        """
        there = [target.info.name for target in self.files]
        unknown = [name for name in names if name not in there]
        if unknown:
            raise UsageError(f"no variant {', '.join(unknown)}: there are {', '.join(there)}")
        return dataclasses.replace(
            self, files=tuple(target for target in self.files if target.info.name in names)
        )

    def baseline(self, asked: str | None) -> str | None:
        """The variant that the others are compared with: float32, else the first; None for a lone file.

        Raises:
            UsageError: the one asked for is not there.
        """
        names = [target.info.name for target in self.files]
        if asked is not None:
            if asked not in names:
                raise UsageError(f"no variant {asked!r} to compare with: there are {', '.join(names)}")
            return asked
        if len(names) == 1:
            return None
        schemes = {target.info.name: target.info.scheme for target in self.files}
        return next((name for name in names if schemes[name] == BASELINE), names[0])


def find_targets(
    paths: Sequence[Path | str], variants: Sequence[str] = (), *, schemes: Sequence[Scheme] = SCHEMES
) -> Targets:
    """Reads a bundle, or .tflite files that are variants of one model.

    Args:
        paths: one bundle, or files.
        variants: names to keep; none keeps all.
        schemes: that lone files are recognised as.

    Raises:
        EdgeqError: something is missing, damaged, or does not go together.
    """
    files = [Path(path) for path in paths]
    bundles = [path for path in files if path.is_dir() or is_bundle(path)]
    if len(bundles) > 1:
        raise UsageError(f"expected one bundle, found {len(bundles)}: measure them one by one")
    if bundles and len(files) > 1:
        raise UsageError("expected one bundle or several .tflite files, not both: measure them one by one")
    if not files:
        raise UsageError("expected a bundle or .tflite files")
    targets = _from_bundle(read_bundle(bundles[0])) if bundles else _from_files(files, schemes)
    return targets.only(variants) if variants else targets


def _from_bundle(bundle: Bundle) -> Targets:
    manifest = bundle.manifest
    files = tuple(
        Target(
            bundle.path(variant),
            VariantInfo(
                model=manifest.name,
                name=variant.name,
                file=variant.file,
                scheme=variant.scheme,
                io=variant.io,
                sha256=variant.sha256,
                size_bytes=variant.size_bytes,
                gzip_bytes=variant.gzip_bytes or gzip_bytes(bundle.path(variant).read_bytes()),
            ),
        )
        for variant in manifest.variants
    )
    inputs = tuple(
        ModelInput(
            tensor.name, tensor.shape[1:] if manifest.batched.get(tensor.name) else tensor.shape, tensor.dtype
        )
        for tensor in manifest.inputs
    )
    return Targets(
        files,
        inputs,
        manifest.preprocessing,
        manifest.labels,
        frozenset(manifest.calibration),
        bundle,
        manifest.provenance,
        manifest.task,
    )


def _holds_pixels(data: Dataset) -> bool:
    return any(
        isinstance(column, ImageColumn) or (isinstance(column, ArrayColumn) and column.dtype == "uint8")
        for column in data.columns.values()
    )


def _from_files(paths: Sequence[Path], schemes: Sequence[Scheme]) -> Targets:
    stems = [path.name.removesuffix(".tflite") for path in paths]
    if len(set(stems)) != len(stems):
        raise UsageError(f"two files have one name ({', '.join(stems)}): rename one")
    opened: list[tuple[Path, TfliteModel, tuple[TensorInfo, ...]]] = []
    for path in paths:
        if not path.is_file():
            raise ModelError(f"{path} does not exist: expected a bundle or a .tflite file")
        model = read_model(path)
        opened.append((path, model, model_io(model)[0]))
    every = [_inputs(model, tensors) for _, model, tensors in opened]
    for path, found in zip(paths, every, strict=True):
        if found != every[0]:
            raise UsageError(
                f"{path.name} has other inputs than {paths[0].name} "
                f"({_shown(found)} instead of {_shown(every[0])}): measure them one by one"
            )
    files = tuple(
        Target(path, _described(path, model, tensors, stems[0], schemes)) for path, model, tensors in opened
    )
    said = what_files_say(opened)
    free = sizes_that_are_free(opened[0][2])
    return Targets(files, every[0], said.preprocessing, said.labels, said=said, free=free)


def _inputs(model: TfliteModel, tensors: Sequence[TensorInfo]) -> tuple[ModelInput, ...]:
    is_named = any(signature.subgraph_index == 0 for signature in model.signatures)
    return tuple(
        ModelInput(
            tensor.name,
            _item_shape(tensor.shape),
            "float32" if tensor.scale is not None else tensor.dtype,
            is_named=is_named,
        )
        for tensor in tensors
    )


def _described(
    path: Path, model: TfliteModel, inputs: Sequence[TensorInfo], name: str, schemes: Sequence[Scheme]
) -> VariantInfo:
    scheme = scheme_of(model, schemes)
    return VariantInfo(
        model=name,
        name=path.name.removesuffix(".tflite"),
        file=path.name,
        scheme=scheme.name if scheme else "unknown",
        io=inputs[0].dtype if inputs else "none",
        sha256=sha256_file(path),
        size_bytes=path.stat().st_size,
        gzip_bytes=gzip_bytes(path.read_bytes()),
    )


def _item_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Without the batch axis; a file says nothing of its axes, and a first size of 1 is the convention."""
    return tuple(shape[1:]) if len(shape) > 1 else tuple(shape)


def _shown(inputs: Sequence[ModelInput]) -> str:
    return ", ".join(f"{spec.name} {list(spec.item_shape)}" for spec in inputs)
