"""What the usual mistakes of an app do to a full-integer file, and whether parity and photo parity show them.

``python benchmarks/app_mistakes.py cifar10_resnet-edgeq`` takes the bundle that ``edgeq convert
converters/cifar10_resnet.py`` makes, and prints for each mistake the share of right answers on test images, what
parity says of the outputs for the recorded inputs, and what photo parity says of 8 photos that ``edgeq android
--photos`` draws, as docs/android-app.md shows it; all by the rules for other kernels than the recorded ones. Last comes
the share of other draws of 8 photos of which photo parity says so: of mistakes it should be all, of the runtime's
reference kernels, which compute rightly and round otherwise, none. No time is measured.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeq.android.photo_choice import MOST_PHOTOS
from edgeq.android.photos import PHOTOS_JSON, record_photos
from edgeq.benchmark.classification import top1
from edgeq.benchmark.measurement import Parity
from edgeq.benchmark.parity import check_parity
from edgeq.bundle import Bundle, Variant, read_bundle
from edgeq.bundle import Parity as Recorded
from edgeq.data.dataset import Dataset
from edgeq.data.reading import read_dataset
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel
from edgeq.runtime.quantization import quantize
from edgeq.scratch import scratch_folder

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "converters"))

Array = npt.NDArray[Any]

IMAGES = 2000
PHOTOS = 200
"""Of the images, those that photos are drawn from."""

DRAWS = 1000
OTHER_ANSWERS = 1
ENOUGH_DB = 18.0
MORE_NOISE_DB = 6.0
"""The limits of the app's ``edgeq.core.parity``: of ``PhotoAnswers`` and of ``PhotoInference``."""

_OTHER_KERNELS = "another kernel path"


@dataclass(frozen=True)
class Mistake:
    """A mistake in one of the steps before the model; a step that is None is done rightly.

    Attributes:
        pixels: uint8[N, H, W, C] as the app decodes and prepares them.
        values: float32[N, H, W, C] as the app computes it from pixels.
        store: int8[N, H, W, C] of real values, with the input's scale and zero point.
    """

    pixels: Callable[[Array], Array] | None = None
    values: Callable[[Array], Array] | None = None
    store: Callable[[Array, float, int], Array] | None = None


def _clipped(values: Array) -> Array:
    return np.clip(values, -128, 127).astype(np.int8)


def _channels_first(pixels: Array) -> Array:
    return ((pixels - 128) / 128).transpose(0, 3, 1, 2).reshape(pixels.shape)


def _as_uint8(real: Array, scale: float, zero: int) -> Array:
    return np.clip(np.rint(real / scale) + zero + 128, 0, 255).astype(np.uint8).view(np.int8)


MISTAKES: Mapping[str, Mistake] = {
    "none": Mistake(),
    "pixels 0 to 255 instead of −1 to 1": Mistake(values=lambda pixels: pixels),
    "pixels 0 to 1 instead of −1 to 1": Mistake(values=lambda pixels: pixels / 255),
    "BGR instead of RGB": Mistake(pixels=lambda pixels: pixels[..., ::-1]),
    "channels before rows": Mistake(values=_channels_first),
    "scale forgotten": Mistake(store=lambda real, _, zero: _clipped(np.rint(real) + zero)),
    "zero point of a uint8 input": Mistake(
        store=lambda real, scale, zero: _clipped(np.rint(real / scale) + zero + 128)
    ),
    "bytes of a uint8 input": Mistake(store=_as_uint8),
    "truncated instead of rounded": Mistake(
        store=lambda real, scale, zero: _clipped(np.trunc(real / np.float32(scale)) + zero)
    ),
}


class App:
    """The bundle's int8 file, in an app that makes a mistake."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.variant = _variant(bundle, "int8")
        self._model = LoadedModel(bundle.path(self.variant), find_runtime())
        (self.given,), (self.made,) = self._model.inputs, self._model.outputs

    def from_real(self, real: Array, mistake: Mistake) -> Array:
        """Outputs as stored, [N, *shape]."""
        quantization = self.given.quantization
        if quantization is None:
            raise SystemExit("expected a bundle whose int8 variant has int8 inputs")
        scale, zero = quantization.scale, quantization.zero_point
        stored = mistake.store(real, scale, zero) if mistake.store else quantize(real, quantization, np.int8)
        found = []
        for item in stored:
            self._model.set_inputs({self.given.name: item.reshape(self.given.shape)})
            self._model.invoke()
            found.append(self._model.outputs_stored()[self.made.name].copy())
        return np.stack(found)

    def from_pixels(self, pixels: Array, mistake: Mistake) -> Array:
        """Likewise, from prepared pixels."""
        if mistake.values is not None:
            return self.from_real(mistake.values(pixels.astype(np.float32)), mistake)
        return self.from_real(self.bundle.manifest.preprocessing.apply(pixels), mistake)

    def classes(self, stored: Array) -> Array:
        """Top-1 of stored outputs, int64[N]."""
        return top1(self.made.decode(stored)).reshape(-1)

    def photo_sqnr(self, exact: Array, desktop: Array, found: Array) -> tuple[float, float]:
        """SQNR of answers against the desktop's without the worst photo, and the least that is asked for."""
        before = self.made.decode(desktop)
        limit = _trimmed_db(exact, before) - MORE_NOISE_DB
        return _trimmed_db(before, self.made.decode(found)), min(ENOUGH_DB, limit)

    def judged(self, recorded: Recorded, stored: Array) -> Parity:
        """What parity says of outputs on other kernels than the recorded ones."""
        outputs = {self.made.name: stored}
        found = check_parity(
            self.bundle, recorded, self.variant.name, self._model.outputs, outputs, _OTHER_KERNELS
        )
        if found is None:
            raise SystemExit("expected a bundle that recorded outputs of its int8 variant")
        return found


def _trimmed_db(reference: Array, value: Array) -> float:
    signal = np.sum(np.square(reference, dtype=np.float64).reshape(len(reference), -1), axis=1)
    noise = np.sum(np.square(value - reference, dtype=np.float64).reshape(len(reference), -1), axis=1)
    kept = np.argsort(noise)[:-1]
    if not noise[kept].any():
        return 200.0
    return float(10 * np.log10(signal[kept].sum() / noise[kept].sum()))


@dataclass(frozen=True)
class Photos:
    """Photos with what edgeq records of them.

    Attributes:
        pixels: uint8[N, H, W, C], prepared.
        recorded: answers of the float file and of the int8 file.
    """

    pixels: Array
    recorded: Recorded


def _variant(bundle: Bundle, name: str) -> Variant:
    return next(one for one in bundle.manifest.variants if one.name == name)


@contextmanager
def _photo_folder(images: Array, classes: Array) -> Iterator[Dataset]:
    with scratch_folder("mistakes") as folder:
        for number, (image, label) in enumerate(zip(images, classes, strict=True)):
            (folder / str(label)).mkdir(exist_ok=True)
            Image.fromarray(image).save(folder / str(label) / f"{number:04}.png")
        yield read_dataset(folder)


def _recorded(bundle: Bundle, images: Array, classes: Array) -> Photos:
    """What ``edgeq android --photos`` puts into the app."""
    models = {
        name: (_variant(bundle, name), bundle.path(_variant(bundle, name)).read_bytes())
        for name in ("int8", "float32")
    }
    with _photo_folder(images, classes) as dataset:
        taken = record_photos(bundle.manifest, models, models["float32"], dataset)
    with zipfile.ZipFile(io.BytesIO(taken.content)) as archive:
        index = json.loads(archive.read(PHOTOS_JSON))

        def array(name: str) -> Array:
            return np.asarray(np.load(io.BytesIO(archive.read(name))))

        pixels = np.stack([array(photo["pixels"]) for photo in index["photos"]])
        reference = {output: array(file) for output, file in index["reference"].items()}
        stored = {
            one["name"]: {output: array(file) for output, file in one["outputs"].items()}
            for one in index["variants"]
        }
    return Photos(pixels, Recorded({}, reference, stored))


def _parity(app: App, mistake: Mistake) -> str:
    """What parity says, which begins at the real values."""
    if mistake.pixels is not None or mistake.values is not None:
        return "does not see it"
    recorded = app.bundle.parity()
    found = app.judged(recorded, app.from_real(recorded.inputs[app.given.name], mistake))
    same = "the same bits" if not found.differing else f"{100 * found.differing:.0f} % of the values differ"
    return f"{'passes' if found.passed else 'fails'}: {found.sqnr_db:.1f} dB, {same}"


def _photo_parity(app: App, mistake: Mistake, photos: Photos) -> str:
    """What photo parity says; PNG files are decoded to equal pixels everywhere."""
    seen = photos.pixels if mistake.pixels is None else mistake.pixels(photos.pixels)
    different = int(np.sum(np.any(seen != photos.pixels, axis=(1, 2, 3))))
    stored = photos.recorded.stored[app.variant.name][app.made.name]
    exact = photos.recorded.reference[app.made.name]
    found_db, least_db = app.photo_sqnr(exact, stored, app.from_pixels(photos.pixels, mistake))
    others = int(np.sum(app.classes(app.from_pixels(seen, mistake)) != app.classes(stored)))
    passed = not different and found_db >= least_db and others <= OTHER_ANSWERS
    n = len(photos.pixels)
    answers = f"{found_db:.1f} dB (least {least_db:.1f}) and {n - others} of {n} answers as on the desktop"
    if not different:
        return f"{'passes' if passed else 'fails'}: equal pixels, {answers}"
    levels = float(np.mean(np.abs(seen.astype(np.int64) - photos.pixels)))
    swapped = "red and blue exchanged, " if np.array_equal(seen[..., ::-1], photos.pixels) else ""
    return f"fails: pixels of {different} photos {levels:.0f} levels off, {swapped}{answers}"


def _share_of_draws(app: App, mistake: Mistake, images: Array, exact: Array) -> str:
    """How many draws of photos show a mistake behind the pixels."""
    if mistake.pixels is not None:
        return "each with a colour in it"
    wrong = app.from_pixels(images, mistake)
    return _share_that_shows(app, app.from_pixels(images, Mistake()), wrong, exact)


def _share_that_shows(app: App, right: Array, wrong: Array, exact: Array) -> str:
    """How many draws of photos are refused; outputs as stored, [N, *shape]."""
    other = app.classes(right) != app.classes(wrong)
    generator = np.random.default_rng(0)
    shown = 0
    for _ in range(DRAWS):
        drawn = generator.choice(len(right), MOST_PHOTOS, replace=False)
        found_db, least_db = app.photo_sqnr(exact[drawn], right[drawn], wrong[drawn])
        shown += not (found_db >= least_db and int(other[drawn].sum()) <= OTHER_ANSWERS)
    return f"{100 * shown / DRAWS:.1f} %"


def _reference_kernels(app: App, images: Array) -> Array:
    """Outputs as stored of an app without a mistake, on other kernels of this machine's runtime."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    path = str(app.bundle.path(app.variant))
    model = Interpreter(path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    model.allocate_tensors()
    (given,), (made,) = model.get_input_details(), model.get_output_details()
    real = app.bundle.manifest.preprocessing.apply(images)
    stored = quantize(real, app.given.quantization, np.int8)  # type: ignore[arg-type]
    found = []
    for item in stored:
        model.set_tensor(given["index"], item.reshape(app.given.shape))
        model.invoke()
        found.append(model.get_tensor(made["index"]).copy())
    return np.stack(found)


def _float_answers(bundle: Bundle, images: Array) -> Array:
    model = LoadedModel(bundle.path(_variant(bundle, "float32")), find_runtime())
    found = []
    for item in bundle.manifest.preprocessing.apply(images):
        model.set_inputs({model.inputs[0].name: item.reshape(model.inputs[0].shape)})
        model.invoke()
        found.append(model.outputs_stored()[model.outputs[0].name].copy())
    return np.stack(found)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    bundle = read_bundle(parser.parse_args().bundle)
    import cifar10_resnet

    images, classes = (part[:IMAGES] for part in cifar10_resnet.data())
    app = App(bundle)
    photos = _recorded(bundle, images[:PHOTOS], classes[:PHOTOS])
    exact = _float_answers(bundle, images)
    print("| mistake | right answers | parity | photo parity | draws |\n|---|---|---|---|---|")
    for name, mistake in MISTAKES.items():
        seen = images if mistake.pixels is None else mistake.pixels(images)
        right = np.mean(app.classes(app.from_pixels(seen, mistake)) == classes)
        said = f"{_parity(app, mistake)} | {_photo_parity(app, mistake, photos)}"
        print(f"| {name} | {100 * right:.1f} % | {said} | {_share_of_draws(app, mistake, images, exact)} |")
    others = _reference_kernels(app, images)
    right = np.mean(app.classes(others) == classes)
    share = _share_that_shows(app, app.from_pixels(images, Mistake()), others, exact)
    print(f"| none, on the reference kernels | {100 * right:.1f} % | | | {share} |")


if __name__ == "__main__":
    main()
