"""Classification from JPEG files on disk, on two cores: edgeq against the slower of decoding and inference alone.

Decoding alone is edgeq's own `read_image` in a bare loop in two processes, over the same files; inference alone a bare
loop over arrays in memory in two processes (see `rates`), with several variants one after the other. edgeq is the
whole call of `evaluate`: start, decoding once for all variants, inference, collecting. The files are in the system's
cache.

On the same two cores both compete. A program that decodes at rate d and infers at rate i does no more than
1 / (1/d + 1/i) items a second, whatever it overlaps: that is the bound, and where i and d are equal it is half of
either. It reaches 0.85 of the slower rate only where the other one is at least 5.7 times as fast (1/0.85 - 1 = 0.176).
Both ratios are told: to the slower rate, which is the target, and to the bound, which is what edgeq loses.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rates
import subject
from common import Run, Spread, print_table, run, side, write_result
from PIL import Image

from edgeq.benchmark.targets import find_targets
from edgeq.bundle import read_bundle
from edgeq.data.feeding import Feed
from edgeq.data.media.images import read_image
from edgeq.data.reading import read_dataset

ALTERNATIONS = 5
LEAST_RATIO = 0.85
QUALITY = 90

SIZES = {"500x375": (375, 500), "224x224": (224, 224)}
"""Height and width of the files: the median photo of ImageNet, and the model's own size."""

SMOKE_SIZES = {"500x375": (45, 60), "224x224": (32, 32)}

CASES: dict[str, tuple[str, ...]] = {
    "int8": ("int8",),
    "float32": ("float32",),
    "all": rates.DEFAULT_VARIANTS,
}
ITEMS = {"int8": 1600, "float32": 800, "all": 200}
"""Three to five seconds on two cores."""

_DISTINCT = 50
"""Photos that are made; the others are shifted by a few pixels, which costs the same to decode."""


def study(smoke: bool) -> None:
    """Alternates the sides, prints and writes."""
    bundle = subject.bundle(smoke)
    sizes = SMOKE_SIZES if smoke else SIZES
    counts = dict.fromkeys(ITEMS, 60) if smoke else ITEMS
    with tempfile.TemporaryDirectory(prefix="edgeq-jpeg-") as name:
        folder = Path(name)
        bytes_each = {
            size: _write_files(folder, size, pixels, max(counts.values())) for size, pixels in sizes.items()
        }
        common: dict[str, Any] = {
            "bundle": str(bundle.folder),
            "folder": name,
            "counts": counts,
            "smoke": smoke,
        }
        side(__file__, "prepare", **{**common, "smoke": True})
        bare_runs: list[Run] = []
        runs: dict[str, list[Run]] = {size: [] for size in sizes}
        for position in range(1 if smoke else ALTERNATIONS):
            bare_runs.append(side(__file__, "bare", **common))
            for size in sizes:
                runs[size].append(side(__file__, "evaluated", size=size, **common))
            _print_alternation(
                position, bare_runs[-1].answer, {size: runs[size][-1].answer for size in sizes}
            )
    bare_answers = [done.answer for done in bare_runs]
    summary = {
        size: {
            case: _summary(bare_answers, [done.answer for done in runs[size]], size, case) for case in CASES
        }
        for size in sizes
    }
    met = all(row["ratio"].median >= LEAST_RATIO for rows in summary.values() for row in rows.values())
    _print_summary(summary, met)
    path = write_result(
        "jpeg_folder",
        {
            "smoke": smoke,
            "settings": {
                "model": bundle.manifest.name,
                "processes": rates.CORES,
                "alternations": ALTERNATIONS,
                "quality": QUALITY,
                "variants": CASES,
                "items": counts,
                "bytes_of_a_file": bytes_each,
            },
            "summary": {**summary, "met": met},
            "raw": {
                "bare": [{**done.to_json(), **done.answer} for done in bare_runs],
                "edgeq": {
                    size: [{**done.to_json(), **done.answer} for done in made] for size, made in runs.items()
                },
            },
        },
        smoke=smoke,
    )
    print(f"\n{path}")


def _write_files(folder: Path, size: str, pixels: tuple[int, int], count: int) -> int:
    """Writes JPEGs into ``folder/size``; returns their mean size in bytes."""
    height, width = pixels
    target = folder / size
    target.mkdir()
    distinct = subject.photos(min(count, _DISTINCT), max(pixels), subject.SEED + 2)[:, :height, :width]
    for index in range(count):
        copy, photo = divmod(index, len(distinct))
        image = Image.fromarray(np.roll(distinct[photo], 7 * copy, axis=1))
        image.save(target / f"{index:05d}.jpg", quality=QUALITY)
    return round(statistics.mean(path.stat().st_size for path in target.iterdir()))


def _summary(bare_answers: list[Any], answers: list[Any], size: str, case: str) -> dict[str, Any]:
    decoding = [answer["decoding"][size] for answer in bare_answers]
    inference = [answer["inference"][case] for answer in bare_answers]
    rate = [answer[case]["rate"] for answer in answers]
    steady = [answer[case]["steady_rate"] for answer in answers]
    slower = [min(pair) for pair in zip(decoding, inference, strict=True)]
    bound = [1 / (1 / d + 1 / i) for d, i in zip(decoding, inference, strict=True)]
    return {
        "decoding_rate": Spread.of(decoding),
        "inference_rate": Spread.of(inference),
        "bound": Spread.of(bound),
        "rate": Spread.of(rate),
        "ratio": _ratios(rate, slower),
        "bound_ratio": _ratios(bound, slower),
        "ratio_to_bound": _ratios(rate, bound),
        "steady_ratio": _ratios(steady, slower),
        "steady_ratio_to_bound": _ratios(steady, bound),
        "looking_s": Spread.of([answer["looking_s"] for answer in answers]),
        "same_answers": all(answer[case]["same_answers"] for answer in answers),
    }


def _ratios(values: list[float], others: list[float]) -> Spread:
    return Spread.of([value / other for value, other in zip(values, others, strict=True)])


def _print_alternation(position: int, alone: Any, ours: dict[str, Any]) -> None:
    for size, answer in ours.items():
        shown = ", ".join(
            f"{case} {alone['inference'][case]:.0f} → {answer[case]['rate']:.0f}" for case in CASES
        )
        print(f"{position + 1}: {size}: decoding {alone['decoding'][size]:.0f} images/s, {shown}", flush=True)


def _print_summary(summary: dict[str, dict[str, dict[str, Any]]], met: bool) -> None:
    rows = [
        [
            f"{size}, {case}",
            *(row[key].text(0) for key in ("decoding_rate", "inference_rate", "rate")),
            *(
                row[key].text(2)
                for key in ("ratio", "bound_ratio", "ratio_to_bound", "steady_ratio_to_bound")
            ),
        ]
        for size, by_case in summary.items()
        for case, row in by_case.items()
    ]
    head = ["files, variants", "decoding/s", "inference/s", "edgeq/s", "of the slower", "bound of the slower"]
    print()
    print_table([*head, "edgeq of the bound", "while it runs"], rows)
    same = all(row["same_answers"] for by_case in summary.values() for row in by_case.values())
    print(f"\nsame answers as the bare processes: {'yes' if same else 'no'}")
    print(f"target: at least {LEAST_RATIO} of the slower; {'met' if met else 'missed'}")


def prepare(bundle: str, folder: str, counts: dict[str, int]) -> None:
    """Side: decodes the files of the first size for the bare loops."""
    targets = find_targets([Path(bundle)])
    (spec,) = targets.inputs
    preparation = targets.preprocessing.of(spec.name).image
    first = next(path for path in sorted(Path(folder).iterdir()) if path.name.startswith("500"))
    paths = sorted(first.iterdir())
    pixels = np.stack([read_image(path, preparation, spec.item_shape) for path in paths])
    read = read_bundle(Path(bundle))
    rates.write_stored(read, CASES["int8"], subject.real_values(pixels), Path(folder))
    most = max(counts["float32"], counts["all"])
    rates.write_stored(read, CASES["all"], subject.real_values(pixels[:most]), Path(folder))


def bare(bundle: str, folder: str, counts: dict[str, int]) -> dict[str, Any]:
    """Side: decoding alone of both sizes, and inference alone of all cases."""
    targets = find_targets([Path(bundle)])
    (spec,) = targets.inputs
    preparation = targets.preprocessing.of(spec.name).image
    decoding = {
        path.name: rates.bare_decoding(sorted(path.iterdir()), preparation, spec.item_shape)
        for path in sorted(Path(folder).iterdir())
        if path.is_dir()
    }
    inference = {}
    for case, names in CASES.items():
        inference[case], best = rates.bare_inference(
            read_bundle(Path(bundle)), names, Path(folder), counts[case]
        )
        np.savez(Path(folder, f"best-{case}.npz"), **best)  # type: ignore[arg-type]
    return {"decoding": decoding, "inference": inference}


def evaluated(bundle: str, folder: str, counts: dict[str, int], size: str) -> dict[str, Any]:
    """Side: edgeq's evaluation of a folder, in all cases; ``looking_s`` is its look at all files before."""
    result: dict[str, Any] = {}
    whole = read_dataset(Path(folder, size))
    start = time.perf_counter()
    inspected = whole.inspected()
    result["looking_s"] = time.perf_counter() - start
    for case, names in CASES.items():
        targets = find_targets([Path(bundle)], names)
        feed = Feed(inspected.take(range(counts[case])), targets.inputs, targets.preprocessing)
        figures, came = rates.edgeq_evaluation(targets, feed)
        # The bare loops ran on what the files of the first size become.
        same = size != next(iter(SIZES)) or rates.same_answers(
            came, np.load(Path(folder, f"best-{case}.npz"))
        )
        result[case] = {**figures, "same_answers": same}
    return result


if __name__ == "__main__":
    run(__file__, study, [prepare, bare, evaluated])
