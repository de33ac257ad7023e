from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeq.bundle import read_bundle
from edgeq.data.dataset import ArrayDataset
from edgeq.data.reading import read_dataset
from edgeq.demo.assets import bundle_path
from edgeq.demo.assets import test_data as demo_data
from edgeq.errors import DataError
from edgeq.optimize.candidate_cache import OBSERVATIONS, Store
from edgeq.optimize.evaluation import ValidationPlan, by_agreement
from edgeq.optimize.findings import Quality
from edgeq.optimize.workshop import REPORT

sys.path.insert(0, str(Path(__file__).parent))

from workshop_parts import demo_judge, few

(NAME,) = demo_data().input_names()


def file_of(variant: str) -> Path:
    bundle = read_bundle(bundle_path())
    return bundle.path(next(one for one in bundle.manifest.variants if one.name == variant))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_without_labels_agreement_with_float32_is_what_counts(store: Store) -> None:
    data = few(demo_data(), 100).with_truth(None)
    judge = demo_judge(store, data)
    assert not judge.has_labels
    assert any("no labels: files are judged by their agreement" in note for note in judge.notes)
    quality = judge.judge({"int8": file_of("int8")})["int8"]
    assert isinstance(quality, Quality)
    assert quality.metric == "agreement"
    assert quality.reference == 1
    assert quality.drop_pp == pytest.approx(100 * (1 - quality.value))
    assert 0 <= quality.low_pp <= quality.drop_pp <= quality.high_pp


def test_agreement_has_an_interval_also_where_all_agree() -> None:
    quality = by_agreement(np.ones(100, np.bool_))
    assert (quality.drop_pp, quality.low_pp) == (0, 0)
    # Wilson's interval: z² / (n + z²).
    assert quality.high_pp == pytest.approx(100 * 3.8415 / 103.8415, rel=1e-3)


def test_halves_share_no_item_and_are_all_items(store: Store) -> None:
    whole = few(demo_data(), 60)
    doubled = whole.take([*range(len(whole)), *range(10)])
    judge = demo_judge(store, doubled, ValidationPlan(holdout=True))
    halves = [set(judge._halves[half].digests()) for half in ("choice", REPORT)]
    assert not halves[0] & halves[1]
    assert judge.count() + judge.count(REPORT) == len(doubled)
    assert len(halves[0]) == len(halves[1])
    one, other = (judge.judge({"int8": file_of("int8")}, half)["int8"] for half in ("choice", REPORT))
    assert isinstance(one, Quality)
    assert isinstance(other, Quality)
    assert (one.n, other.n) == (judge.count(), judge.count(REPORT))


def test_a_float32_file_that_guesses_is_an_error(store: Store) -> None:
    data = few(demo_data(), 100)
    labels = np.random.default_rng(0).permutation(data.labels)
    wrong = ArrayDataset({NAME: data.raw(NAME, range(len(data)))}, labels)
    with pytest.raises(DataError, match="float32"):
        demo_judge(store, wrong).check()


def test_each_file_runs_over_the_items_once(store: Store) -> None:
    first = demo_judge(store).judge({"a": file_of("int8"), "b": file_of("dynamic")})
    entries = sorted((store.root / OBSERVATIONS).iterdir())
    assert len(entries) == 3
    times = [(entry / "observed.npz").stat().st_mtime_ns for entry in entries]
    # Two names for one file, and a file that is gone but known.
    again = demo_judge(store).judge({"x": file_of("int8"), "y": file_of("dynamic")})
    assert [again["x"], again["y"]] == [first["a"], first["b"]]
    assert times == [(entry / "observed.npz").stat().st_mtime_ns for entry in entries]


def test_damaged_observations_are_made_again(store: Store) -> None:
    first = demo_judge(store).judge({"int8": file_of("int8")})
    for entry in (store.root / OBSERVATIONS).iterdir():
        (entry / "observed.npz").write_bytes(b"PK")
    assert demo_judge(store).judge({"int8": file_of("int8")}) == first


def test_a_file_that_does_not_run_costs_nobody_else(store: Store, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    content = bytearray(file_of("int8").read_bytes())
    damaged.write_bytes(bytes(content[: len(content) // 2]))
    judged = demo_judge(store).judge({"damaged": damaged, "int8": file_of("int8")})
    assert isinstance(judged["damaged"], str)
    assert isinstance(judged["int8"], Quality)


def test_items_that_turn_out_to_be_bad_are_left_out_for_all(store: Store, tmp_path: Path) -> None:
    data = few(demo_data(), 40)
    for index in range(len(data)):
        folder = tmp_path / "photos" / str(data.labels[index])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.raw(NAME, [index])[0].reshape(28, 28)).save(folder / f"{index}.png")
    bad = next((tmp_path / "photos").rglob("*.png"))
    # Its header is sound, so that only reading it tells.
    bad.write_bytes(bad.read_bytes()[:-40])
    photos = read_dataset(tmp_path / "photos").inspected("skip")
    for _ in range(2):
        judge = demo_judge(store, photos, ValidationPlan(on_bad_input="skip"))
        quality = judge.judge({"int8": file_of("int8")})["int8"]
        assert isinstance(quality, Quality)
        assert quality.n == 39
