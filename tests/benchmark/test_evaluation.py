from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgeq.benchmark.evaluation import evaluate
from edgeq.benchmark.evaluation_job import FIDELITY, Runner
from edgeq.benchmark.fidelity import fidelity_sums
from edgeq.benchmark.tasks.base import Inputs
from edgeq.benchmark.tasks.classification import Classification
from edgeq.benchmark.tasks.outputs import Outputs
from edgeq.data.dataset import SKIP, ArrayDataset, Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import CAFFE, PREPROCESSINGS, RAW, TORCH, Preprocessing
from edgeq.data.truth import Truth
from edgeq.errors import DataError
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel

VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8")
GREY = [one for one in PREPROCESSINGS if one not in (TORCH, CAFFE)]
IMAGE = ModelInput("image", (28, 28, 1), "float32")

Array = npt.NDArray[np.float32]
Clothes = Callable[[int], ArrayDataset]
File = Callable[[str], Path]


class Unfit(Outputs):
    def observe(self, outputs: Mapping[str, Array], truth: Truth | None, inputs: Inputs) -> dict[str, Array]:
        raise DataError("labels that fit nothing")


def feed(dataset: Dataset, preprocessing: Preprocessing = RAW) -> Feed:
    return Feed(dataset, (IMAGE,), preprocessing)


def runner(path: Path, fed: Feed, name: str = "int8") -> Runner:
    return Runner(name, path, fed.preprocessing)


def evaluated(path: Path, fed: Feed, processes: int = 1) -> Mapping[str, Array]:
    return evaluate(fed, [runner(path, fed)], Outputs(), processes=processes).observed["int8"]


def plain_loop(path: Path, fed: Feed) -> dict[str, Array]:
    """One item after the other through one interpreter, each quantized on its own."""
    model = LoadedModel(path, find_runtime())
    rows: dict[str, list[Array]] = {info.name: [] for info in model.outputs}
    for index in range(len(fed.dataset)):
        items = fed.items([index])
        model.set_inputs({info.name: info.encode(items[info.name]) for info in model.inputs})
        model.invoke()
        for info in model.outputs:
            rows[info.name].append(info.decode(model.outputs_stored()[info.name])[0])
    return {name: np.stack(values) for name, values in rows.items()}


def assert_equal_bits(found: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == np.float32
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_equals_a_plain_loop_bit_for_bit_with_one_process_and_with_three(
    variant: str, demo_file: File, clothes: Clothes, tmp_path: Path
) -> None:
    fed = feed(clothes(50))
    expected = plain_loop(demo_file(variant), fed)
    assert_equal_bits(evaluated(demo_file(variant), fed, processes=1), expected)
    assert_equal_bits(evaluated(demo_file(variant), fed, processes=3), expected)


@pytest.mark.parametrize("preprocessing", GREY, ids=lambda chosen: chosen.name)
@pytest.mark.parametrize("variant", ["float32", "int8", "int16x8"])
def test_pixels_through_a_table_give_the_bits_of_floats_that_are_computed(
    variant: str, preprocessing: Preprocessing, demo_file: File, clothes: Clothes, tmp_path: Path
) -> None:
    pixels = clothes(20)
    computed = preprocessing.apply(pixels.columns["image"].rows(range(20))).astype(np.float32)
    floats = ArrayDataset({"image": computed}, source="floats")
    by_table = evaluated(demo_file(variant), feed(pixels, preprocessing))
    by_floats = evaluated(demo_file(variant), feed(floats))
    assert_equal_bits(by_table, by_floats)
    assert_equal_bits(by_table, plain_loop(demo_file(variant), feed(pixels, preprocessing)))


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("count", [1, 10, 12])
def test_a_last_batch_that_is_not_full_gives_each_items_own_outputs(
    variant: str,
    count: int,
    batched: Callable[[str, int], Path],
    demo_file: File,
    clothes: Clothes,
    tmp_path: Path,
) -> None:
    fed = feed(clothes(count))
    found = evaluated(batched(variant, 4), fed, processes=2)
    assert found["class"].shape == (count, 10)
    assert_equal_bits(found, plain_loop(demo_file(variant), fed))


def test_several_inputs_are_fed_by_name_and_several_outputs_come_back(
    two_inputs: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    right, left = random.normal(size=(2, 25, 32)).astype(np.float32)
    inputs = tuple(ModelInput(name, (32,), "float32") for name in ("right", "left"))
    fed = Feed(ArrayDataset({"right": right, "left": left}, source="pairs"), inputs, RAW)
    found = evaluated(two_inputs, fed, processes=2)
    assert {name: array.shape for name, array in found.items()} == {"total": (25, 3), "hidden": (25, 64)}
    assert_equal_bits(found, plain_loop(two_inputs, fed))


def classification(count: int, clothes: Clothes) -> tuple[Feed, Classification]:
    return feed(clothes(count)), Classification(10)


def test_every_file_is_compared_with_the_baseline_on_the_same_items(
    demo_file: File, clothes: Clothes
) -> None:
    fed, task = classification(40, clothes)
    runners = [runner(demo_file(name), fed, name) for name in ("float32", "int8")]
    result = evaluate(fed, runners, task, baseline="float32", processes=2)
    assert result.failures == {}
    assert result.bad == ()
    assert FIDELITY not in result.observed["float32"]
    expected = fidelity_sums(plain_loop(demo_file("float32"), fed), plain_loop(demo_file("int8"), fed))
    assert np.array_equal(result.observed["int8"][FIDELITY], expected)


@pytest.mark.parametrize("processes", [1, 3])
def test_observations_come_back_in_the_order_of_the_items(
    processes: int, demo_file: File, clothes: Clothes
) -> None:
    fed, task = classification(200, clothes)
    result = evaluate(fed, [runner(demo_file("int8"), fed)], task, processes=processes)
    (scores,) = plain_loop(demo_file("int8"), fed).values()
    assert np.array_equal(result.observed["int8"]["top"][:, 0], scores.argmax(axis=1))
    assert np.array_equal(result.good, np.arange(200))


def test_progress_rises_to_all_items(demo_file: File, clothes: Clothes) -> None:
    fed, task = classification(50, clothes)
    told: list[tuple[int, int]] = []
    evaluate(
        fed, [runner(demo_file("int8"), fed)], task, processes=2, progress=lambda *step: told.append(step)
    )
    assert told == sorted(told)
    assert (told[0], told[-1]) == ((0, 50), (50, 50))


def worker_pids() -> list[int]:
    """The worker processes of this process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == os.getpid() and b"edgeq.pool_worker" in command:
                found.append(int(folder.name))
    return found


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="needs /proc to find the workers"
)


@needs_proc
def test_a_process_that_is_killed_once_costs_nothing(demo_file: File, clothes: Clothes) -> None:
    fed, task = classification(400, clothes)
    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if not killed and 0 < done < total:
            killed.append(worker_pids()[-1])
            os.kill(killed[0], signal.SIGKILL)

    result = evaluate(fed, [runner(demo_file("int16x8"), fed)], task, processes=2, progress=kill_one)
    assert killed
    assert result.failures == {}
    (scores,) = plain_loop(demo_file("int16x8"), fed).values()
    assert np.array_equal(result.observed["int8"]["top"][:, 0], scores.argmax(axis=1))
    assert worker_pids() == []


def test_a_file_that_ends_its_process_is_named_and_the_others_go_on(
    demo_file: File, clothes: Clothes, crashing: Path
) -> None:
    fed, task = classification(30, clothes)
    runners = [runner(demo_file("float32"), fed, "float32"), runner(crashing, fed, "broken")]
    result = evaluate(fed, runners, task, baseline="float32", processes=2)
    assert list(result.observed) == ["float32"]
    assert re.match(r"the runtime crashed .*SIG", result.failures["broken"])
    assert len(result.observed["float32"]["top"]) == 30


def test_a_file_that_the_runtime_refuses_is_named_and_the_others_go_on(
    refused: Path, demo_file: File, clothes: Clothes
) -> None:
    fed, task = classification(5, clothes)
    runners = [runner(refused, fed, "new"), runner(demo_file("int8"), fed)]
    result = evaluate(fed, runners, task, baseline="new", processes=2)
    assert re.match(r"refused.tflite is refused by ai-edge-litert .*version", result.failures["new"])
    assert list(result.observed) == ["int8"]


class TestBadItems:
    @pytest.fixture
    def spoilt(self, clothes: Clothes) -> Feed:
        values = clothes(300).columns["image"].rows(range(300)).astype(np.float32)
        values[[7, 270], 3, 3, 0] = np.nan
        return feed(ArrayDataset({"image": values}, clothes(300).labels, source="spoilt"))

    def test_all_of_them_are_listed_where_they_are_an_error(self, spoilt: Feed, demo_file: File) -> None:
        with pytest.raises(DataError, match=r"spoilt: 2 of 300 items are bad .*item 7 .*item 270 .*NaN"):
            evaluate(spoilt, [runner(demo_file("int8"), spoilt)], Classification(10), processes=2)

    def test_only_they_are_left_out_where_they_are_skipped(self, spoilt: Feed, demo_file: File) -> None:
        result = evaluate(
            spoilt, [runner(demo_file("int8"), spoilt)], Classification(10), on_bad_input=SKIP, processes=2
        )
        assert [item.name for item in result.bad] == ["item 7 of input 'image'", "item 270 of input 'image'"]
        assert np.array_equal(result.good, np.setdiff1d(np.arange(300), [7, 270]))
        fine = spoilt.over(spoilt.dataset.take(list(result.good)))
        (scores,) = plain_loop(demo_file("int8"), fine).values()
        assert np.array_equal(result.observed["int8"]["top"][:, 0], scores.argmax(axis=1))

    def test_nothing_left_is_an_error_in_either_case(self, demo_file: File) -> None:
        fed = feed(ArrayDataset({"image": np.full((3, 28, 28, 1), np.inf, np.float32)}, source="nothing"))
        with pytest.raises(DataError, match="nothing: 3 of 3 items are bad"):
            evaluate(fed, [runner(demo_file("int8"), fed)], Classification(10), on_bad_input=SKIP)


def test_data_that_do_not_fit_the_task_are_the_datas_error(demo_file: File, clothes: Clothes) -> None:
    fed = feed(clothes(10))
    with pytest.raises(DataError, match="labels that fit nothing"), ThreadPoolExecutor(1) as executor:
        evaluate(fed, [runner(demo_file("int8"), fed)], Unfit(), executor=executor)


class TestResuming:
    @pytest.fixture(autouse=True)
    def _cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def interrupted(self, fed: Feed, path: Path, key: str) -> None:
        def stop(done: int, total: int) -> None:
            if done > total / 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            evaluate(fed, [runner(path, fed)], Classification(10), key=key, processes=2, progress=stop)

    def test_an_interrupted_evaluation_goes_on_where_it_stopped(
        self, demo_file: File, clothes: Clothes
    ) -> None:
        fed = feed(clothes(400))
        self.interrupted(fed, demo_file("int8"), "k")
        told: list[int] = []
        result = evaluate(
            fed,
            [runner(demo_file("int8"), fed)],
            Classification(10),
            key="k",
            progress=lambda done, total: told.append(done),
        )
        assert 200 <= result.resumed == told[0] < 400
        (scores,) = plain_loop(demo_file("int8"), fed).values()
        assert np.array_equal(result.observed["int8"]["top"][:, 0], scores.argmax(axis=1))

    def test_what_is_finished_is_forgotten(self, demo_file: File, clothes: Clothes) -> None:
        fed = feed(clothes(40))
        for _ in range(2):
            result = evaluate(fed, [runner(demo_file("int8"), fed)], Classification(10), key="k")
            assert result.resumed == 0

    def test_another_key_begins_anew(self, demo_file: File, clothes: Clothes) -> None:
        fed = feed(clothes(400))
        self.interrupted(fed, demo_file("int8"), "one")
        assert evaluate(fed, [runner(demo_file("int8"), fed)], Classification(10), key="two").resumed == 0

    def test_a_damaged_observation_is_made_again(
        self, demo_file: File, clothes: Clothes, tmp_path: Path
    ) -> None:
        fed = feed(clothes(400))
        self.interrupted(fed, demo_file("int8"), "k")
        stored = sorted((tmp_path / "cache" / "edgeq" / "evaluations" / "k").glob("*.npz"))
        stored[0].write_bytes(stored[0].read_bytes()[:100])
        result = evaluate(fed, [runner(demo_file("int8"), fed)], Classification(10), key="k")
        assert 0 < result.resumed < 400
        (scores,) = plain_loop(demo_file("int8"), fed).values()
        assert np.array_equal(result.observed["int8"]["top"][:, 0], scores.argmax(axis=1))

    def test_no_home_at_all_is_no_reason_not_to_measure(
        self, demo_file: File, clothes: Clothes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.delenv("HOME", raising=False)

        def unknown(number: int) -> None:
            # As in a container that runs under a number which no user has.
            raise KeyError(number)

        monkeypatch.setattr("pwd.getpwuid", unknown)
        with pytest.raises(RuntimeError):
            Path.home()
        fed = feed(clothes(20))
        result = evaluate(fed, [runner(demo_file("int8"), fed)], Classification(10), key="k")
        assert len(result.good) == 20

    def test_a_home_that_cannot_be_written_is_no_reason_not_to_measure(
        self, demo_file: File, clothes: Clothes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        fed = feed(clothes(20))
        result = evaluate(fed, [runner(demo_file("int8"), fed)], Classification(10), key="k")
        assert len(result.good) == 20
