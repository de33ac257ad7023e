from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeq.benchmark.accuracy import bound_feed
from edgeq.benchmark.targets import find_targets
from edgeq.bundle import Bundle, read_bundle, write_bundle
from edgeq.convert.options import Options
from edgeq.convert.saved_recipe import read_recipe
from edgeq.data.dataset import Dataset
from edgeq.demo.assets import bundle_path, calibration
from edgeq.demo.assets import test_data as demo_data
from edgeq.devices.job_options import JobOptions
from edgeq.errors import BundleError, DataError, MissingExtraError, ModelError, OutputError, UsageError
from edgeq.files import atomic_directory
from edgeq.optimize.budget import Budget
from edgeq.optimize.document import OPTIMIZE_JSON, read_document
from edgeq.optimize.options import Optimization, OptimizeOptions
from edgeq.optimize.pipeline import optimize
from edgeq.optimize.result import Goal
from edgeq.quantize.building import quantize_file
from edgeq.quantize.items import write_items

sys.path.insert(0, str(Path(__file__).parent))

from workshop_parts import Store, demo_workshop, few, recipe

GOAL = Goal(max_drop_pp=3.0)
BUDGET = 2
"""Recipes: the whole search makes dozens."""

TIMES = JobOptions(speed="quick", max_seconds=0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("optimize")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def data() -> Dataset:
    return few(demo_data(), 120)


@pytest.fixture(scope="module")
def made(folder: Path, data: Dataset) -> Optimization:
    return search(folder / "bundle", data, source=kept(folder, "float32", "int8"))


def search(output: Path, data: Dataset | None, **how: object) -> Optimization:
    how = {"goal": GOAL, "budget": Budget(candidates=BUDGET), "calibration": few(calibration(), 24), **how}
    how.setdefault("options", OptimizeOptions(job=TIMES))
    return optimize(how.pop("source", bundle_path()), data=data, output=output, **how)  # type: ignore[arg-type]


def test_the_bundle_has_the_chosen_one_first_and_float32(made: Optimization) -> None:
    bundle = read_bundle(made.bundle.folder)
    names = [variant.name for variant in bundle.manifest.variants]
    assert made.result.chosen is not None
    assert names[0] == made.names[made.result.chosen]
    assert "float32" in names
    assert {made.names[key] for key in made.result.front} <= set(names)
    assert set(bundle.parity().stored) == set(names)
    # Further files are verified like all others.
    assert OPTIMIZE_JSON in bundle.manifest.files
    assert bundle.manifest.calibration[: len(read_bundle(bundle_path()).manifest.calibration)] == (
        read_bundle(bundle_path()).manifest.calibration
    )


def test_every_tuned_file_was_run_and_compared(made: Optimization) -> None:
    tuned = [one for one in made.bundle.manifest.variants if "-tuned" in one.name]
    assert tuned
    for variant in tuned:
        assert variant.check.n == 16
        assert variant.check.sqnr_db > 5
        assert [tensor.dtype for tensor in variant.inputs] == ["int8"]
        assert made.bundle.path(variant).stat().st_size == variant.size_bytes


def test_its_recipe_makes_the_winner_again(made: Optimization, tmp_path: Path) -> None:
    document = read_document(made.bundle.folder / OPTIMIZE_JSON)
    outcome = next(one for one in document.result.outcomes if "-tuned" in made.names.get(one.key, ""))
    recipe = outcome.explicit_recipe
    assert recipe is not None
    data = few(calibration(), 24)
    places = {digest: index for index, digest in enumerate(data.digests())}
    targets = find_targets([made.bundle.folder])
    indices = [places[digest] for digest in document.calibration["digests"]]
    items = write_items(bound_feed(targets, data, targets.preprocessing), indices, tmp_path / "items")
    learned, _ = items.split(document.calibration["held_back"])
    float32 = next(one for one in made.bundle.manifest.variants if one.name == "float32")
    again = quantize_file(made.bundle.path(float32), recipe, learned)
    variant = next(one for one in made.bundle.manifest.variants if one.name == made.names[outcome.key])
    assert again.content == made.bundle.path(variant).read_bytes()


def test_a_second_search_makes_nothing_and_finds_the_same(
    made: Optimization, folder: Path, data: Dataset
) -> None:
    first = without_times(json.loads((made.bundle.folder / OPTIMIZE_JSON).read_text(encoding="utf-8")))
    again = search(
        made.bundle.folder,
        data,
        source=kept(folder, "float32", "int8"),
        options=OptimizeOptions(Options(force=True), job=TIMES),
    )
    assert made.made >= BUDGET
    assert again.made == 0
    assert again.result.chosen == made.result.chosen
    assert first == without_times(
        json.loads((made.bundle.folder / OPTIMIZE_JSON).read_text(encoding="utf-8"))
    )
    assert read_bundle(made.bundle.folder).manifest == again.bundle.manifest


def without_times(value: object) -> object:
    """Latencies are measured anew."""
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in ("speed", "reason")}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def test_of_two_searches_on_one_output_the_second_ends_at_once(
    made: Optimization, folder: Path, data: Dataset
) -> None:
    with (
        atomic_directory(folder / "taken"),
        pytest.raises(OutputError, match="is being written by another process"),
    ):
        search(folder / "taken", data)
    with pytest.raises(OutputError, match="add --force"):
        search(made.bundle.folder, data)


def test_the_model_that_is_searched_is_never_replaced(folder: Path, data: Dataset) -> None:
    source = kept(folder, "float32", "int8")
    forced = OptimizeOptions(Options(force=True), job=TIMES)
    with pytest.raises(UsageError, match="is the model that is searched, which the result would replace"):
        search(source.parent / "." / source.name, data, source=source, options=forced)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"data": None}, DataError, "needs data to judge files on: add --data"),
        ({"executor": "ray"}, UsageError, "expected local or dask:tcp"),
        ({"options": OptimizeOptions(keep=("no_such*=float32",))}, UsageError, "no layer is named"),
        ({"goal": Goal(0.5, confident=True)}, DataError, "give about"),
    ],
    ids=["no data", "no executor", "no layer", "too few items"],
)
def test_bad_input_is_one_line(
    folder: Path, data: Dataset, how: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as found:
        search(folder / "bad", how.pop("data", data), **how)  # type: ignore[arg-type]
    assert "\n" not in str(found.value)
    assert not (folder / "bad").exists()


def test_too_few_items_for_a_confident_search_are_told_before_the_model_is_opened(
    folder: Path, data: Dataset
) -> None:
    missing = folder / "missing.keras"
    for goal, options, message in (
        (
            Goal(0.5, confident=True),
            OptimizeOptions(),
            "on 120 validation items even a file without a single error",
        ),
        (Goal(3.5, confident=True), OptimizeOptions(limit=100), "on 100 validation items"),
        (Goal(0.0, confident=True), OptimizeOptions(), "no number of items shows that"),
    ):
        with pytest.raises(DataError, match=message):
            search(folder / "bad", data, source=missing, goal=goal, options=options)


def test_a_missing_extra_is_named_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "edgeq\[optimize\]"'):
        optimize(tmp_path / "missing.keras", goal=GOAL, data=tmp_path / "missing")


def test_a_bundle_without_a_float32_file_to_quantize_is_refused(folder: Path, data: Dataset) -> None:
    with pytest.raises(BundleError, match="has no float32 variant to quantize"):
        search(folder / "none", data, source=kept(folder, "int8"))


def test_a_model_that_needs_flex_is_refused(folder: Path, data: Dataset) -> None:
    source = changed(
        folder / "flex",
        lambda bundle: [dataclasses.replace(one, needs_flex=True) for one in bundle.manifest.variants],
    )
    with pytest.raises(ModelError, match="TensorFlow's own operators"):
        search(folder / "none", data, source=source)


def kept(folder: Path, *names: str) -> Path:
    return changed(
        folder / f"with {' '.join(names)}",
        lambda bundle: [one for one in bundle.manifest.variants if one.name in names],
    )


def changed(folder: Path, change: object) -> Path:
    """The demo's bundle with other variants."""
    bundle: Bundle = read_bundle(bundle_path())
    if not folder.exists():
        variants = change(bundle)  # type: ignore[operator]
        write_bundle(
            folder,
            dataclasses.replace(bundle.manifest, variants=tuple(variants)),
            {one.file: bundle.path(one).read_bytes() for one in variants},
            bundle.parity(),
        )
    return folder


def test_a_search_that_was_killed_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from workshop_parts import *\n"
        "with demo_workshop(Store(Path(sys.argv[2])), Path(sys.argv[3])) as workshop:\n"
        "    workshop._progress = lambda what, done, total: done == 2 and os.kill(os.getpid(), 9)\n"
        "    workshop.build([recipe(range_method=f'percentile:{p}') for p in (90, 99, 100)])"
    )
    arguments = [str(Path(__file__).parent), str(tmp_path / "store"), str(tmp_path / "killed")]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == -9
    with demo_workshop(Store(tmp_path / "store"), tmp_path / "resumed") as workshop:
        files = workshop.build([recipe(range_method=f"percentile:{p}") for p in (90, 99, 100)])
        assert len(files) == 3
        assert workshop.made == 1


def test_the_chosen_recipe_is_what_convert_reads(made: Optimization) -> None:
    winner = made.result.winner
    assert winner is not None
    path = made.bundle.folder / OPTIMIZE_JSON
    if winner.candidate.recipe is None:
        with pytest.raises(UsageError, match="needs no recipe"):
            read_recipe(path)
        return
    saved = read_recipe(path)
    assert saved.recipe == winner.explicit_recipe
    assert sorted(saved.digests or ()) == sorted(few(calibration(), 24).digests())
    assert saved.held_back == 6
