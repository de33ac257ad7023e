"""Memory: 50,000 images through ``edgeq benchmark``, killed in the middle and taken up again.

The peaks are VmHWM in ``/proc/PID/status`` of the command itself and of every process that it starts, read ten times
a second while they live; megabytes are 10⁶ bytes. Linux only.

Three runs over 50,000 JPEGs of 32 × 32 pixels with one variant: one to the end, one that gets SIGKILL when half of
the items are stored, one that goes on where that one stopped; the results of the first and of the last must be the
same. A fourth run takes a thousand JPEGs of 224 × 224 pixels through all variants that edgeq makes by default. The
labels are what the model itself says of each image before noise is added.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rates
import subject
from common import print_table, run, side, write_result
from PIL import Image

MOST_MB = 500.0

COUNTS = {32: 50_000, 224: 1000}
"""Images by their height and width."""

SMOKE_COUNTS = {32: 6000, 224: 60}

RUNS: dict[str, tuple[int, tuple[str, ...]]] = {
    "to the end": (32, ("int8",)),
    "killed": (32, ("int8",)),
    "taken up again": (32, ("int8",)),
    "all variants": (224, rates.DEFAULT_VARIANTS),
}
"""Size of the images and variants of each run, in order."""

_CANDIDATES = 120
_MOST_OF_A_CLASS = 10
"""Random weights give half of all photos one answer, and edgeq refuses a model that does no better than that answer."""

_NOISE = 2.0
"""Standard deviation, in grey levels: makes every file another one, and leaves most answers as they are."""

_POLL_S = 0.1
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_RESUMED = re.compile(r"([\d,]+) of [\d,]+ items were measured before an interruption")


@dataclass
class _Watched:
    """What was seen of a run; megabytes by process id."""

    parent_mb: float = 0.0
    others_mb: dict[int, float] = field(default_factory=dict)
    stored_when_killed: int | None = None
    wall_s: float = 0.0


def study(smoke: bool) -> None:
    """Makes the images, runs the four and writes."""
    bundle = subject.bundle(smoke)
    counts = SMOKE_COUNTS if smoke else COUNTS
    done: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="edgeq-streaming-") as name:
        folder = Path(name)
        for size, count in counts.items():
            given = {
                "bundle": str(bundle.folder),
                "folder": str(folder / f"{size}"),
                "count": count,
                "size": size,
            }
            side(__file__, "make", smoke=True, **given)
        for run_name, (size, variants) in RUNS.items():
            kill_at = (0.0 if smoke else 0.5) * counts[size] if run_name == "killed" else None
            manifest = folder / f"{size}" / "images.csv"
            done[run_name] = _benchmark(bundle.folder, manifest, variants, folder, kill_at)
            print(f"{run_name}: {_told(done[run_name])}", flush=True)
    killed, resumed = done["killed"]["stored"], done["taken up again"]["resumed"]
    same = done["to the end"]["accuracy"] == done["taken up again"]["accuracy"]
    peaks = [peak for each in done.values() for peak in (each["parent_mb"], *each["others_mb"])]
    met = max(peaks) <= MOST_MB and same and resumed == killed
    _print_summary(done, counts)
    print(f"\nstored when it was killed: {killed:,}; not done again: {resumed:,}; same results: {same}")
    print(
        f"target: at most {MOST_MB:.0f} MB in each process; {'met' if met else 'missed'}, {max(peaks):.0f} MB"
    )
    summary = {"peak_mb": max(peaks), "stored_when_killed": killed, "resumed": resumed, "same_results": same}
    path = write_result(
        "streaming",
        {
            "smoke": smoke,
            "settings": {"model": bundle.manifest.name, "images": counts, "runs": RUNS, "most_mb": MOST_MB},
            "summary": {**summary, "met": met},
            "raw": {name: {**each, "accuracy": None} for name, each in done.items()},
        },
        smoke=smoke,
    )
    print(f"\n{path}")


def _told(each: dict[str, Any]) -> str:
    others = ", ".join(f"{peak:.0f}" for peak in each["others_mb"])
    return f"{each['wall_s']:.1f} s, peak {each['parent_mb']:.0f} MB, of its processes {others} MB"


def _print_summary(done: dict[str, dict[str, Any]], counts: dict[int, int]) -> None:
    rows = []
    for name, (size, variants) in RUNS.items():
        each = done[name]
        peaks = [f"{each['parent_mb']:.0f}", f"{max(each['others_mb']):.0f}"]
        rows.append([name, f"{counts[size]:,}", str(len(variants)), f"{each['wall_s']:.1f}", *peaks])
    print()
    print_table(["run", "images", "variants", "wall s", "command MB", "largest of its processes MB"], rows)


def _benchmark(
    bundle: Path, manifest: Path, variants: tuple[str, ...], folder: Path, kill_at: float | None
) -> dict[str, Any]:
    """One ``edgeq benchmark``; killed as soon as more than `kill_at` items are stored."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "edgeq",
        "benchmark",
        str(bundle),
        "--data",
        str(manifest),
        "--no-latency",
    ]
    command += [argument for variant in variants for argument in ("--variant", variant)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    log = folder / "log.txt"
    with log.open("wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "-o", str(result)], stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment
        )
        watched = _watch(process, folder / "cache", kill_at)
        watched.wall_s = time.perf_counter() - start
    said = log.read_text(encoding="utf-8")
    if kill_at is None and process.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with status {process.returncode}:\n{said[-3000:]}")
    resumed = _RESUMED.search(said)
    return {
        "wall_s": watched.wall_s,
        "parent_mb": watched.parent_mb,
        "others_mb": sorted(watched.others_mb.values()),
        "stored": _stored(folder / "cache"),
        "resumed": int(resumed[1].replace(",", "")) if resumed else 0,
        "accuracy": None if kill_at is not None else _accuracy(result),
    }


def _accuracy(result: Path) -> list[Any]:
    content = json.loads(result.read_text(encoding="utf-8"))
    return [measurement["accuracy"] for measurement in content["measurements"]]


def _watch(process: subprocess.Popen[bytes], cache: Path, kill_at: float | None) -> _Watched:
    """Reads the peaks until the command has ended, and its processes with it."""
    watched = _Watched()
    while process.poll() is None:
        watched.parent_mb = max(watched.parent_mb, _peak_mb(process.pid))
        for child in _children(process.pid):
            watched.others_mb[child] = max(watched.others_mb.get(child, 0.0), _peak_mb(child))
        if kill_at is not None and _stored(cache) > kill_at:
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
        # A run that is to be killed must not be over before.
        time.sleep(_POLL_S if kill_at is None else 0.01)
    if kill_at is not None and process.returncode != -signal.SIGKILL:
        raise SystemExit(f"the run that was to be killed ended before, with status {process.returncode}")
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in watched.others_mb):
        if time.monotonic() > deadline:
            raise SystemExit("processes of the command outlived it by ten seconds")
        time.sleep(0.01)
    return watched


def _children(pid: int) -> list[int]:
    """Processes that a process has started, from any of its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text(encoding="ascii").split())
    return found


def _peak_mb(pid: int) -> float:
    """Largest resident memory so far; 0 for a process that has ended."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def _stored(cache: Path) -> int:
    """Items whose observations lie in the cache; the names of the files are ``START-STOP.npz``."""
    ranges = [path.stem.split("-") for path in cache.glob("edgeq/evaluations/*/*-*.npz")]
    return sum(int(stop) - int(start) for start, stop in ranges)


def make(bundle: str, folder: str, count: int, size: int) -> None:
    """Side: writes JPEGs and the manifest that says what the model sees in each."""
    target = Path(folder)
    target.mkdir()
    generator = np.random.default_rng(subject.SEED)
    distinct = _varied(subject.photos(_CANDIDATES, size, subject.SEED + 3), generator)
    classes = _classes(Path(bundle), distinct, target)
    chosen = [
        position
        for position, number in enumerate(classes)
        if classes[:position].count(number) < _MOST_OF_A_CLASS
    ]
    with Path(target, "images.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label"])
        for index in range(count):
            photo = chosen[index % len(chosen)]
            noisy = distinct[photo] + generator.normal(0, _NOISE, distinct[photo].shape)
            path = target / f"{index:05d}.jpg"
            Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).save(path, quality=90)
            rows.writerow([path.name, classes[photo]])


def _varied(photos: npt.NDArray[np.uint8], generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Flat and hard ones, and some with a cast of colour, so that the answers differ."""
    contrast = generator.uniform(0.2, 4, (len(photos), 1, 1, 1))
    colour = generator.uniform(0, 255, (len(photos), 1, 1, 3))
    return np.clip(np.rint((photos - 115.0) * contrast + colour), 0, 255).astype(np.uint8)


def _classes(bundle: Path, images: npt.NDArray[np.uint8], folder: Path) -> list[int]:
    """The float32 variant's answers."""
    from edgeq.benchmark.targets import find_targets
    from edgeq.data.feeding import Feed
    from edgeq.data.reading import read_dataset

    with tempfile.TemporaryDirectory(dir=folder) as name:
        for index, image in enumerate(images):
            Image.fromarray(image).save(Path(name, f"{index:05d}.png"))
        targets = find_targets([bundle], ["float32"])
        feed = Feed(read_dataset(Path(name)), targets.inputs, targets.preprocessing)
        _, evaluated = rates.edgeq_evaluation(targets, feed)
    return [int(best) for best in evaluated.observed["float32"]["top"][:, 0]]


if __name__ == "__main__":
    run(__file__, study, [make])
