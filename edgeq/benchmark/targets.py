"""What is to be measured: the variants of a bundle, or lone .tflite files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeq.benchmark.measurement import VariantInfo
from edgeq.bundle import Bundle, is_bundle, read_bundle
from edgeq.data.feeding import ModelInput
from edgeq.data.preprocessing import RAW, Preprocessing
from edgeq.errors import ModelError, UsageError
from edgeq.files import gzip_bytes, sha256_file
from edgeq.schemes import BASELINE, SCHEMES, Scheme
from edgeq.tflite.io import model_io
from edgeq.tflite.metadata import Metadata, read_metadata
from edgeq.tflite.model import read_model
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
        preprocessing: of the data.
        labels: class names; empty where unknown.
        calibrated_on: SHA-256 of items that are left out of accuracy.
        bundle: where they came from; None for lone files.
        provenance: of the bundle; empty for lone files.
        task: what the model does; None where the bundle does not say.
    """

    files: tuple[Target, ...]
    inputs: tuple[ModelInput, ...]
    preprocessing: Preprocessing = RAW
    labels: tuple[str, ...] = ()
    calibrated_on: frozenset[str] = frozenset()
    bundle: Bundle | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    task: str | Mapping[str, Any] | None = None

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


def _from_files(paths: Sequence[Path], schemes: Sequence[Scheme]) -> Targets:
    stems = [path.name.removesuffix(".tflite") for path in paths]
    if len(set(stems)) != len(stems):
        raise UsageError(f"two files have one name ({', '.join(stems)}): rename one")
    files: list[Target] = []
    inputs: tuple[ModelInput, ...] = ()
    said = Metadata()
    for path, stem in zip(paths, stems, strict=True):
        if not path.is_file():
            raise ModelError(f"{path} does not exist: expected a bundle or a .tflite file")
        model = read_model(path)
        said = said if files else read_metadata(path, model)
        scheme = scheme_of(model, schemes)
        tensors, _ = model_io(model)
        found = tuple(
            ModelInput(
                tensor.name,
                _item_shape(tensor.shape),
                "float32" if tensor.scale is not None else tensor.dtype,
                is_named=any(signature.subgraph_index == 0 for signature in model.signatures),
            )
            for tensor in tensors
        )
        inputs = inputs or found
        if found != inputs:
            raise UsageError(
                f"{path.name} has other inputs than {paths[0].name} "
                f"({_shown(found)} instead of {_shown(inputs)}): measure them one by one"
            )
        files.append(
            Target(
                path,
                VariantInfo(
                    model=stems[0],
                    name=stem,
                    file=path.name,
                    scheme=scheme.name if scheme else "unknown",
                    io=tensors[0].dtype if tensors else "none",
                    sha256=sha256_file(path),
                    size_bytes=path.stat().st_size,
                    gzip_bytes=gzip_bytes(path.read_bytes()),
                ),
            )
        )
    return Targets(tuple(files), inputs, _preprocessing(said), said.labels)


def _preprocessing(said: Metadata) -> Preprocessing:
    """What a file's metadata say of pixels; raw where they say nothing."""
    if not said.mean:
        return RAW
    scale = tuple(1 / std for std in said.std)
    offset = tuple(-mean / std for mean, std in zip(said.mean, said.std, strict=True))
    return Preprocessing("the file's metadata", scale, offset)


def _item_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Without the batch axis; a file says nothing of its axes, and a first size of 1 is the convention."""
    return tuple(shape[1:]) if len(shape) > 1 else tuple(shape)


def _shown(inputs: Sequence[ModelInput]) -> str:
    return ", ".join(f"{spec.name} {list(spec.item_shape)}" for spec in inputs)
