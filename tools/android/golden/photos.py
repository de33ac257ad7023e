#!/usr/bin/env python3
"""A small bundle with photos for the tests of the app's photo parity.

    .venv/bin/python tools/android/golden/photos.py android_demo/core/src/test/resources/golden/photos

Its model says which colour a picture has most of, so that exchanged channels change the answer. Photos are of all kinds
that a JVM decodes: PNG of colours, of grey and of a palette, and a JPEG that lies on its side.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from edgeq.android.photos import PHOTOS_ZIP, record_photos
from edgeq.benchmark.accuracy_statistics import sqnr_db
from edgeq.bundle import Check, Manifest, Parity, Tensor, Variant, write_bundle
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.preprocessing import MINUS_ONE_TO_ONE
from edgeq.data.reading import read_dataset
from edgeq.files import sha256_bytes
from edgeq.runtime.running import Ran, run_file
from edgeq.tflite.signature import add_signature
from tests.tflite.hand_made import Graph, tflite

SHAPE = (1, 12, 16, 3)
LABELS = ("red", "green", "blue")
PREPROCESSING = dataclasses.replace(
    MINUS_ONE_TO_ONE, image=ImagePreparation(antialias=True, fit="letterbox", pad=114)
)

_SEED = 20240607
_ORIENTATION = 0x0112
_INPUT_QUANTIZATION = {"scales": [1 / 127.5], "zero_points": [0]}
_OUTPUT_QUANTIZATION = {"scales": [1 / 256], "zero_points": [0]}


def write(folder: Path) -> None:
    """Writes the bundle.

    Args:
        folder: where; a bundle that is there is replaced.
    """
    with tempfile.TemporaryDirectory() as temporary:
        write_photos(Path(temporary))
        write_with(folder, Path(temporary))


def write_with(folder: Path, photos: Path) -> None:
    """Writes the bundle with the photos of a folder."""
    models = {"int8": _model("int8"), "float32": _model("float32")}
    real = np.random.default_rng(_SEED).uniform(-1, 1, (4, *SHAPE)).astype(np.float32)
    ran = {name: _run(name, content, real) for name, content in models.items()}
    reference = {"colour": ran["float32"].stored["colour"]}
    described = {
        name: (_variant(name, content, ran[name], reference["colour"]), content)
        for name, content in models.items()
    }
    manifest = Manifest(
        name="colours",
        inputs=(Tensor("image", SHAPE, "float32"),),
        outputs=("colour",),
        batched={"image": True},
        preprocessing=PREPROCESSING,
        labels=LABELS,
        calibration=(),
        variants=tuple(variant for variant, _ in described.values()),
        failures=(),
        provenance={},
    )
    taken = record_photos(manifest, described, described["float32"], read_dataset(photos))
    parity = Parity({"image": real}, reference, {name: one.stored for name, one in ran.items()})
    files = {variant.file: content for variant, content in described.values()}
    write_bundle(folder, manifest, files, parity, others={PHOTOS_ZIP: taken.content}, force=True)


def write_photos(folder: Path) -> None:
    """Writes the photos: noise around one colour, darker to one corner, so that a turn is seen."""
    generator = np.random.default_rng(_SEED)
    for colour, label in enumerate(LABELS):
        (folder / label).mkdir()
        Image.fromarray(_photo(generator, colour, (26, 44))).save(folder / label / "wide.png")
    Image.fromarray(_photo(generator, 0, (41, 27))).quantize(200).save(folder / "red" / "palette.png")
    Image.fromarray(_photo(generator, 1, (25, 25))).convert("L").save(folder / "green" / "grey.png")
    lying = Image.fromarray(_photo(generator, 2, (36, 50)))
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    lying.save(folder / "blue" / "lying.jpg", exif=exif, quality=90)


def _photo(generator: np.random.Generator, colour: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    height, width = size
    light = np.linspace(0.3, 1, height)[:, None] * np.linspace(0.5, 1, width)
    tone = np.full(3, 90.0)
    tone[colour] = 230.0
    noise = generator.normal(0, 4, (height, width, 3))
    return np.clip(np.rint(light[..., None] * tone + noise), 0, 255).astype(np.uint8)


def _model(io: str) -> bytes:
    """The mean of each channel; a file of integers where `io` says so."""
    graph = Graph()
    given: Mapping[str, Any] = _INPUT_QUANTIZATION if io == "int8" else {}
    made: Mapping[str, Any] = _OUTPUT_QUANTIZATION if io == "int8" else {}
    image = graph.tensor("image", SHAPE, io, **given)
    axes = graph.constant("axes", np.array([1, 2], np.int32))
    colour = graph.tensor("colour", (1, 3), io, **made)
    graph.operator("MEAN", [image, axes], colour, version=2 if io == "int8" else 1)
    graph.inputs, graph.outputs = [image], [colour]
    return add_signature(tflite(graph), {"image": image}, {"colour": colour})


def _run(name: str, content: bytes, real: npt.NDArray[np.float32]) -> Ran:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        return run_file(path, name, {"image": real})


def _variant(name: str, content: bytes, ran: Ran, reference: npt.NDArray[np.float32]) -> Variant:
    tensors = [
        tuple(
            Tensor(
                info.name,
                info.shape,
                info.dtype,
                None if info.quantization is None else float(info.quantization.scale),
                None if info.quantization is None else info.quantization.zero_point,
            )
            for info in infos
        )
        for infos in (ran.inputs, ran.outputs)
    ]
    return Variant(
        name=name,
        file=f"colours.{name}.tflite",
        scheme=name,
        io=name,
        sha256=sha256_bytes(content),
        size_bytes=len(content),
        inputs=tensors[0],
        outputs=tensors[1],
        check=Check(
            len(reference),
            sqnr_db(reference, ran.outputs[0].decode(ran.stored["colour"])),
            1.0,
            ran.kernel_path,
        ),
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]))
