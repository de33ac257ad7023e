"""Files with one mistake, made of the demo's bundle."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeq.bundle import Manifest, Parity, Variant, read_bundle, write_bundle
from edgeq.demo.assets import bundle_path, calibration
from edgeq.doctor.case import Case
from edgeq.doctor.opening import open_files_case
from edgeq.files import sha256_bytes
from edgeq.runtime.running import run_file

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def spoil(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the demo's file of a variant with one thing changed, under a name of its own."""
    spoiling = pytest.importorskip("spoiling", exc_type=ImportError)

    def make(variant: str, change: Callable[[Any], None], name: str | None = None) -> Path:
        source = bundle_path() / f"fashion_mnist.{variant}.tflite"
        target: Path = spoiling.spoiled(source, tmp_path / (name or f"spoiled.{variant}.tflite"), change)
        return target

    return make


@pytest.fixture
def lone() -> Callable[..., Case]:
    """The case of one file, with the demo's calibration images where they are asked for."""

    def make(path: Path, *, with_data: bool = False) -> Case:
        return open_files_case(path, data=calibration() if with_data else None)

    return make


@pytest.fixture
def in_bundle(tmp_path: Path) -> Callable[..., Case]:
    """The demo's bundle of float32 and one variant, whose file is another one; all digests are sound.

    What the kernels here compute of the demo's own files is recorded as the parity outputs, since the bundle that
    ships was made on one machine, and others may round otherwise.
    """

    def make(variant: str, file: Path, *, with_data: bool = False) -> Case:
        bundle = read_bundle(bundle_path())
        parity = bundle.parity()
        chosen = [one for one in bundle.manifest.variants if one.name in ("float32", variant)]
        content = {one.file: bundle.path(one).read_bytes() for one in chosen}
        stored, variants = {}, []
        for one in chosen:
            ran = run_file(bundle.path(one), one.name, parity.inputs)
            stored[one.name] = ran.stored
            if one.name == variant:
                content[one.file] = file.read_bytes()
            variants.append(_of_content(one, content[one.file], ran.kernel_path))
        folder = tmp_path / "spoiled-bundle"
        manifest: Manifest = dataclasses.replace(bundle.manifest, variants=tuple(variants))
        write_bundle(folder, manifest, content, Parity(parity.inputs, parity.reference, stored), force=True)
        return open_files_case(folder, data=calibration() if with_data else None)

    return make


def _of_content(variant: Variant, content: bytes, kernel_path: str) -> Variant:
    return dataclasses.replace(
        variant,
        sha256=sha256_bytes(content),
        size_bytes=len(content),
        check=dataclasses.replace(variant.check, kernel_path=kernel_path),
    )
