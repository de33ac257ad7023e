from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeq.bundle import read_bundle
from edgeq.demo.assets import bundle_path
from edgeq.optimize.build_task import build_candidate
from edgeq.optimize.candidate import Candidate, variant_candidate
from edgeq.optimize.candidate_cache import CANDIDATES, MODEL, Store
from edgeq.optimize.findings import BuiltFile, Quality, Speed
from edgeq.optimize.real_workshop import RealWorkshop
from edgeq.pool import ProcessPool

sys.path.insert(0, str(Path(__file__).parent))

from workshop_parts import demo_workshop, recipe

STOCK = [variant_candidate(name) for name in ("float32", "float16", "int8")]
TUNED = recipe(range_method="percentile:99.9")
NARROW = recipe(scheme="int8x4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workshop")


@pytest.fixture(scope="module")
def workshop(folder: Path) -> Iterator[RealWorkshop]:
    with demo_workshop(Store(folder / "store"), folder / "files") as workshop:
        workshop.build([*STOCK, TUNED, NARROW])
        yield workshop


def built(workshop: RealWorkshop, candidate: Candidate) -> BuiltFile:
    found = workshop.build([candidate])[candidate.key]
    assert isinstance(found, BuiltFile), found
    return found


def test_errors_of_all_kinds_of_files_compare(workshop: RealWorkshop) -> None:
    errors = [built(workshop, one).error for one in (*STOCK, NARROW)]
    assert errors[0] == 0
    assert errors == sorted(errors)
    # An int8 file of one tool is about as good as that of another.
    assert built(workshop, TUNED).error == pytest.approx(errors[2], rel=1)


def test_a_file_comes_with_what_repeats_it_and_what_runs_it(workshop: RealWorkshop) -> None:
    tuned, narrow = built(workshop, TUNED), built(workshop, NARROW)
    assert tuned.ranges
    assert tuned.operators == 16
    assert tuned.delegated is not None
    assert narrow.delegated is not None
    assert narrow.delegated < tuned.delegated <= tuned.operators
    assert narrow.size_bytes < 0.8 * tuned.size_bytes


def test_an_int8_recipe_with_all_layers_kept_in_four_bits_is_called_int8x4(workshop: RealWorkshop) -> None:
    kept = recipe(layers={layer.name: "int8x4" for layer in workshop.layers})
    built(workshop, kept)
    names = workshop.names([kept, TUNED, NARROW])
    assert list(names.values()) == ["int8x4-tuned", "int8-tuned", "int8x4-tuned-2"]
    assert workshop.ready(kept, names[kept.key]).variant.scheme == "int8x4"


def test_a_second_search_makes_nothing_again(workshop: RealWorkshop, folder: Path) -> None:
    with demo_workshop(Store(folder / "store"), folder / "second") as second:
        files = second.build([*STOCK, TUNED, NARROW])
        assert second.made == 0
        assert second.judge([TUNED]) == workshop.judge([TUNED])
    assert [
        dataclasses.replace(one, path=Path()) for one in files.values() if isinstance(one, BuiltFile)
    ] == [dataclasses.replace(built(workshop, one), path=Path()) for one in (*STOCK, TUNED, NARROW)]


def test_a_damaged_entry_is_made_again(workshop: RealWorkshop, folder: Path) -> None:
    store = Store(folder / "damaged")
    with demo_workshop(store, folder / "before") as before:
        content = built(before, STOCK[0]).path.read_bytes()
    (entry,) = [path for path in (store.root / CANDIDATES).iterdir() if (path / "findings.json").exists()]
    (entry / MODEL).write_bytes(b"half of it")
    with demo_workshop(store, folder / "after") as after:
        assert built(after, STOCK[0]).path.read_bytes() == content
        assert after.made == 1


def test_what_cannot_be_made_says_why_and_is_not_tried_again(workshop: RealWorkshop, folder: Path) -> None:
    unknown = recipe(layers={"no such layer": "float32"})
    reason = workshop.build([unknown])[unknown.key]
    assert isinstance(reason, str)
    assert "no such layer" in reason
    made = workshop.made
    assert workshop.build([unknown])[unknown.key] == reason
    assert workshop.made == made


def test_a_variant_that_the_bundle_lacks_says_so(workshop: RealWorkshop, folder: Path) -> None:
    base = read_bundle(bundle_path())
    lacking = dataclasses.replace(
        base, manifest=dataclasses.replace(base.manifest, variants=base.manifest.variants[:1])
    )
    with demo_workshop(Store(folder / "store"), folder / "lacking", base=lacking) as other:
        assert list(other.build([STOCK[2]]).values()) == ["the bundle has no variant int8"]
        assert list(other.judge([STOCK[2]]).values()) == ["the bundle has no variant int8"]


class _Fatal(ProcessPool):
    """Kills the process that makes one of the candidates."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if args[0]["recipe"]["range_method"] == "mse":
            return super().submit(os.abort)
        return super().submit(build_candidate, {**args[0], "store": os.environ["STORE"]})


def test_a_crash_costs_one_candidate(
    workshop: RealWorkshop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fatal = recipe(range_method="mse")
    store = Store(folder / "crash")
    monkeypatch.setenv("STORE", str(folder / "store"))
    with (
        _Fatal(1, "the runtime", activity="build") as executor,
        demo_workshop(store, folder / "crash files", executor=executor) as other,
    ):
        answers = other.build([fatal, TUNED])
        assert answers[fatal.key] == "the runtime crashed at 'build' (SIGABRT)"
        assert isinstance(answers[TUNED.key], BuiltFile)
    # It may have been for want of memory, and another time it may work.
    assert len(list((store.root / CANDIDATES).iterdir())) == 1


def test_files_are_judged_against_float32_item_by_item(workshop: RealWorkshop) -> None:
    judged = workshop.judge([*STOCK, TUNED])
    float32, tuned = judged[STOCK[0].key], judged[TUNED.key]
    assert isinstance(float32, Quality)
    assert isinstance(tuned, Quality)
    assert (float32.drop_pp, float32.agreement) == (0, 1)
    # Of a file without a single other answer no more is known than that on these items.
    assert float32.low_pp == pytest.approx(-float32.high_pp)
    assert float32.high_pp > 0
    assert tuned.metric == "top-1"
    assert tuned.reference == float32.value
    assert tuned.drop_pp == pytest.approx(100 * (tuned.reference - tuned.value))
    assert tuned.low_pp < tuned.drop_pp < tuned.high_pp
    assert tuned.n == 100


def test_files_are_timed_in_one_run_with_float32(workshop: RealWorkshop) -> None:
    timed = workshop.time([STOCK[2], TUNED])
    speeds = [timed[one.key] for one in (STOCK[2], TUNED)]
    for speed in speeds:
        assert isinstance(speed, Speed), speed
        assert speed.low <= speed.ratio <= speed.high
        assert speed.latency_ms > 0
        assert speed.threads == 1


def test_layers_have_the_names_of_the_user(workshop: RealWorkshop) -> None:
    assert [layer.title for layer in workshop.layers][:2] == ["stem", "block1_depthwise"]
    assert [layer.kind for layer in workshop.layers].count("DEPTHWISE_CONV_2D") == 5
    assert workshop.layers[-1].weights == workshop.layers[-1].macs == 1920
