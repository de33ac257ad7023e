"""The bundle: a folder with the .tflite files, bundle.json and parity.npz; read, written and verified.

Format history (``version`` in bundle.json):

* 1: first version.

A reader takes variants of schemes that it does not know, ignores keys that it does not know, and refuses a
newer version by naming it.
"""

from __future__ import annotations

import dataclasses
import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import BundleError
from edgeq.files import atomic_directory, sha256_bytes, sha256_file

VERSION = 1
BUNDLE_JSON = "bundle.json"
PARITY_NPZ = "parity.npz"

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Tensor:
    """An input or output of a file.

    Attributes:
        name: the source model's.
        shape: of the tensor, with the batch axis where there is one.
        dtype: as stored.
        scale: None for a tensor that is not quantized.
        zero_point: None for a tensor that is not quantized.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Check:
    """What came out when a file was run and compared with the source model.

    Attributes:
        n: inputs compared.
        sqnr_db: signal to quantization noise of all outputs together, in decibels.
        agreement: share of inputs on which top-1 agrees; None where the model does not classify.
        kernel_path: what computed the variant's outputs in parity.npz.
    """

    n: int
    sqnr_db: float
    agreement: float | None
    kernel_path: str


@dataclass(frozen=True)
class Variant:
    """One file of the bundle.

    Attributes:
        name: scheme and I/O type, such as ``int8-io-uint8``.
        file: its name in the bundle.
        scheme: as read back from the flatbuffer.
        io: dtype of its inputs and outputs.
        sha256: of the file.
        size_bytes: of the file.
        inputs: of the file, in its order.
        outputs: of the file, in its order.
        check: how it compared with the source model when it was made.
        float_operators: operators that compute in float although the scheme is full integer.
        needs_flex: whether it has TensorFlow (Flex) operators.
        gzip_bytes: size after gzip level 9; None in bundles of before, for it takes a second to compute.
    """

    name: str
    file: str
    scheme: str
    io: str
    sha256: str
    size_bytes: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    check: Check
    float_operators: tuple[str, ...] = ()
    needs_flex: bool = False
    gzip_bytes: int | None = None


@dataclass(frozen=True)
class Failure:
    """A variant that was asked for and could not be made."""

    name: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """The content of bundle.json.

    Attributes:
        name: of the model.
        inputs: of the source model, float shapes and dtypes, in its order.
        outputs: names of the source model's outputs, in its order.
        batched: whether the first axis of each input is a batch axis, by input name.
        preprocessing: what happens to stored values before the model.
        labels: class names in the order of the outputs; empty where unknown.
        calibration: SHA-256 of each calibration item; they are left out of every measurement.
        variants: the files.
        failures: what could not be made.
        provenance: versions, options and the source's digest; no dates and no paths.
        task: what the model does, where a user said so; None where labels and outputs tell.
        files: SHA-256 of the other files by name.
        version: of this format.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    batched: Mapping[str, bool]
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    calibration: tuple[str, ...]
    variants: tuple[Variant, ...]
    failures: tuple[Failure, ...]
    provenance: Mapping[str, Any]
    task: str | Mapping[str, Any] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    version: int = VERSION


@dataclass(frozen=True)
class Parity:
    """A few inputs and what was computed from them.

    Attributes:
        inputs: real-valued inputs by name, [n, *shape] with the batch axis after the items.
        reference: outputs of the source model by name, float32[n, *shape].
        stored: outputs by variant, then by name, as the file stores them (integers where quantized).
    """

    inputs: Mapping[str, Array]
    reference: Mapping[str, Array]
    stored: Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk whose digests were found to match."""

    folder: Path
    manifest: Manifest

    def path(self, variant: Variant) -> Path:
        """Where the variant's file lies."""
        return self.folder / variant.file

    def parity(self) -> Parity:
        """Reads parity.npz."""
        return _read_parity(self.folder / PARITY_NPZ)


def is_bundle(folder: Path) -> bool:
    """Whether a folder looks like a bundle: edgeq replaces nothing else."""
    return (folder / BUNDLE_JSON).is_file()


def write_bundle(
    folder: Path,
    manifest: Manifest,
    models: Mapping[str, bytes],
    parity: Parity,
    *,
    others: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> Bundle:
    """Writes a bundle whole or not at all.

    Args:
        folder: where; must not exist, or be a bundle when `force` is given.
        manifest: without the digests of `files`, which are filled in.
        models: the content of each variant's file by its name.
        parity: a few inputs and outputs.
        others: the content of further files by name, which every reader verifies like these.
        force: whether an existing bundle is replaced.

    Returns:
        The bundle as written.

    Raises:
        BundleError: a file name that leads out of the folder.
        OutputError: the folder exists, is being written by another process, or cannot be written.
    """
    beside = {PARITY_NPZ: _parity_bytes(parity), **(others or {})}
    for name in (*models, *beside):
        _require_plain(folder, name)
    files = {name: sha256_bytes(content) for name, content in beside.items()}
    complete = dataclasses.replace(manifest, files=files)
    with atomic_directory(folder, force=force, replaceable=is_bundle) as temporary:
        for name, content in (*models.items(), *beside.items()):
            (temporary / name).write_bytes(content)
        text = json.dumps(_manifest_to_json(complete), indent=1, ensure_ascii=False, sort_keys=False)
        (temporary / BUNDLE_JSON).write_text(text + "\n", encoding="utf-8")
    return Bundle(folder, complete)


def read_bundle(folder: Path | str) -> Bundle:
    """Reads a bundle and verifies every digest.

    Raises:
        BundleError: it is missing, incomplete, altered, or of a newer version.
    """
    folder = Path(folder)
    path = folder / BUNDLE_JSON
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{folder} is not a bundle: it holds no {BUNDLE_JSON} (edgeq convert makes one)"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    manifest = _manifest_from_json(value, path)
    if PARITY_NPZ not in manifest.files:
        raise BundleError(f"{path} is damaged: it says nothing of {PARITY_NPZ}; convert the model again")
    expected = {variant.file: variant.sha256 for variant in manifest.variants} | dict(manifest.files)
    for name, digest in expected.items():
        _verify(folder, name, digest)
    return Bundle(folder, manifest)


def _require_plain(folder: Path, name: str) -> None:
    """Refuses names with folders in them, also as Windows reads them."""
    if name in ("", ".", "..") or PurePosixPath(name).name != name or PureWindowsPath(name).name != name:
        raise BundleError(f"{folder}: the file name {name!r} leads out of the bundle")


def _verify(folder: Path, name: str, digest: str) -> None:
    _require_plain(folder, name)
    path = folder / name
    if not path.is_file():
        raise BundleError(f"{folder} is incomplete: {name} is missing; convert the model again")
    found = sha256_file(path)
    if found != digest:
        raise BundleError(
            f"{path} was altered or damaged: expected SHA-256 {digest[:12]}…, found {found[:12]}…; "
            "convert the model again"
        )


def _manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    fields = {field.name: getattr(manifest, field.name) for field in dataclasses.fields(manifest)}
    version = fields.pop("version")
    return {
        "format": "edgeq-bundle",
        "version": version,
        **{name: _plain(value) for name, value in fields.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Preprocessing):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _manifest_from_json(value: Any, path: Path) -> Manifest:
    if not isinstance(value, dict) or value.get("format") != "edgeq-bundle":
        raise BundleError(f"{path} is not edgeq's: expected the format 'edgeq-bundle'")
    version = value.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise BundleError(f"{path} has version {version!r}, this edgeq reads up to {VERSION}: update edgeq")
    try:
        manifest = Manifest(
            name=str(value["name"]),
            inputs=_tensors(value["inputs"]),
            outputs=tuple(map(str, value["outputs"])),
            batched={str(name): bool(flag) for name, flag in value["batched"].items()},
            preprocessing=Preprocessing.from_json(value["preprocessing"]),
            labels=tuple(map(str, value["labels"])),
            calibration=tuple(map(str, value["calibration"])),
            variants=tuple(_variant(variant) for variant in value["variants"]),
            failures=tuple(Failure(str(f["name"]), str(f["reason"])) for f in value["failures"]),
            provenance=dict(value["provenance"]),
            task=_task(value.get("task")),
            files={str(name): str(digest) for name, digest in value["files"].items()},
            version=version,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BundleError(
            f"{path} is damaged ({type(error).__name__}: {error}); convert the model again"
        ) from error
    names = [variant.name for variant in manifest.variants]
    if not names or len(set(names)) < len(names):
        found = ", ".join(names) or "none"
        raise BundleError(f"{path} is damaged: expected variants of different names, found {found}")
    return manifest


def _task(value: Any) -> str | Mapping[str, Any] | None:
    if value is not None and not isinstance(value, str | dict):
        raise ValueError(f"{value!r} is no task")
    return value


def _tensors(values: Any) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            name=str(value["name"]),
            shape=tuple(int(size) for size in value["shape"]),
            dtype=_dtype(value["dtype"]),
            scale=None if value["scale"] is None else float(value["scale"]),
            zero_point=None if value["zero_point"] is None else int(value["zero_point"]),
        )
        for value in values
    )


def _dtype(name: Any) -> str:
    # NumPy would also take a Python object's type or a record for a dtype, and parse a string as a tuple.
    if not isinstance(name, str) or not name.isalnum() or np.dtype(name).kind not in "buif":
        raise ValueError(f"{name!r} is no dtype of a tensor")
    return str(np.dtype(name))


def _variant(value: Any) -> Variant:
    check = value["check"]
    return Variant(
        name=str(value["name"]),
        file=str(value["file"]),
        scheme=str(value["scheme"]),
        io=str(value["io"]),
        sha256=str(value["sha256"]),
        size_bytes=int(value["size_bytes"]),
        inputs=_tensors(value["inputs"]),
        outputs=_tensors(value["outputs"]),
        check=Check(
            n=int(check["n"]),
            sqnr_db=float(check["sqnr_db"]),
            agreement=None if check["agreement"] is None else float(check["agreement"]),
            kernel_path=str(check["kernel_path"]),
        ),
        float_operators=tuple(map(str, value.get("float_operators", ()))),
        needs_flex=bool(value.get("needs_flex", False)),
        gzip_bytes=None if value.get("gzip_bytes") is None else int(value["gzip_bytes"]),
    )


def _parity_bytes(parity: Parity) -> bytes:
    """The .npz; NumPy stamps no dates, so equal arrays are equal bytes."""
    arrays = {f"input/{name}": array for name, array in parity.inputs.items()}
    arrays |= {f"float/{name}": array for name, array in parity.reference.items()}
    for variant, outputs in parity.stored.items():
        arrays |= {f"variant/{variant}/{name}": array for name, array in outputs.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _read_parity(path: Path) -> Parity:
    inputs: dict[str, Array] = {}
    reference: dict[str, Array] = {}
    stored: dict[str, dict[str, Array]] = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                kind, _, rest = key.partition("/")
                if kind == "input":
                    inputs[rest] = archive[key]
                elif kind == "float":
                    reference[rest] = archive[key]
                elif kind == "variant":
                    variant, _, name = rest.partition("/")
                    stored.setdefault(variant, {})[name] = archive[key]
    except (
        OSError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        SyntaxError,
        TypeError,
        tokenize.TokenError,
    ) as error:
        # NumPy reads an array's header with Python's parser, whose errors are the last three.
        raise BundleError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return Parity(inputs, reference, stored)
