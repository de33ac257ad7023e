from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgeq.benchmark.evaluation import StoredItems, evaluate
from edgeq.data.dataset import ArrayDataset, Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.data.preprocessing import PREPROCESSINGS, RAW, Preprocessing
from edgeq.errors import DataError, WorkerError
from edgeq.runtime.available import find_runtime
from edgeq.runtime.interpreter import LoadedModel

VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8")
IMAGE = ModelInput("image", (28, 28, 1), "float32")

Array = npt.NDArray[np.float32]
Clothes = Callable[[int], ArrayDataset]
File = Callable[[str], Path]


def feed(dataset: Dataset, preprocessing: Preprocessing = RAW) -> Feed:
    return Feed(dataset, (IMAGE,), preprocessing)


def evaluated(path: Path, fed: Feed, folder: Path, processes: int = 1) -> dict[str, Array]:
    scratch = folder / f"{path.name}-{processes}-{fed.dataset.source}"
    scratch.mkdir()
    items = StoredItems(fed, range(len(fed.dataset)), scratch)
    return evaluate("int8", path, items, scratch, runtime=None, processes=processes)


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
    assert_equal_bits(evaluated(demo_file(variant), fed, tmp_path, processes=1), expected)
    assert_equal_bits(evaluated(demo_file(variant), fed, tmp_path, processes=3), expected)


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS, ids=lambda chosen: chosen.name)
@pytest.mark.parametrize("variant", ["float32", "int8", "int16x8"])
def test_pixels_through_a_table_give_the_bits_of_floats_that_are_computed(
    variant: str, preprocessing: Preprocessing, demo_file: File, clothes: Clothes, tmp_path: Path
) -> None:
    pixels = clothes(20)
    computed = preprocessing.apply(pixels.raw("image", range(20))).astype(np.float32)
    floats = ArrayDataset({"image": computed}, source="floats")
    by_table = evaluated(demo_file(variant), feed(pixels, preprocessing), tmp_path)
    by_floats = evaluated(demo_file(variant), feed(floats), tmp_path)
    assert_equal_bits(by_table, by_floats)
    assert_equal_bits(by_table, plain_loop(demo_file(variant), feed(pixels, preprocessing)))


def test_pixels_stay_bytes_on_disk_and_floats_are_stored_as_the_model_sees_them(
    clothes: Clothes, tmp_path: Path
) -> None:
    pixels = clothes(300)
    stored = StoredItems(feed(pixels, PREPROCESSINGS[1]), range(10, 290), tmp_path)
    written = np.load(stored.paths["image"])
    assert (written.dtype, stored.count) == (np.uint8, 280)
    assert np.array_equal(written, pixels.raw("image", range(10, 290)))
    wide = ArrayDataset({"image": pixels.raw("image", range(300)).astype(np.int32)}, source="wide")
    written = np.load(StoredItems(feed(wide, PREPROCESSINGS[1]), range(300), tmp_path).paths["image"])
    assert written.dtype == np.float32
    assert written.max() <= 1.0


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
    found = evaluated(batched(variant, 4), fed, tmp_path, processes=2)
    assert found["class"].shape == (count, 10)
    assert_equal_bits(found, plain_loop(demo_file(variant), fed))


def test_several_inputs_are_fed_by_name_and_several_outputs_come_back(
    two_inputs: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    right, left = random.normal(size=(2, 25, 32)).astype(np.float32)
    inputs = tuple(ModelInput(name, (32,), "float32") for name in ("right", "left"))
    fed = Feed(ArrayDataset({"right": right, "left": left}, source="pairs"), inputs, RAW)
    found = evaluated(two_inputs, fed, tmp_path, processes=2)
    assert {name: array.shape for name, array in found.items()} == {"total": (25, 3), "hidden": (25, 64)}
    assert_equal_bits(found, plain_loop(two_inputs, fed))


def test_progress_ends_with_all_items(
    demo_file: File, batched: Callable[[str, int], Path], clothes: Clothes, tmp_path: Path
) -> None:
    items = StoredItems(feed(clothes(50)), range(50), tmp_path)
    for path in (demo_file("int8"), batched("int8", 4)):
        told: list[tuple[int, int]] = []
        evaluate(
            "int8",
            path,
            items,
            tmp_path,
            runtime=None,
            processes=2,
            progress=lambda *step, told=told: told.append(step),
        )
        assert told == sorted(told)
        assert told[-1] == (50, 50)
        assert {total for _, total in told} == {50}


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
            if parent == os.getpid() and b"edgeq.runtime.worker" in command:
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to find the workers")
def test_a_worker_that_dies_midway_is_an_error_and_leaves_no_process(
    demo_file: File, clothes: Clothes, tmp_path: Path
) -> None:
    items = StoredItems(feed(clothes(2000)), range(2000), tmp_path)
    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if not killed:
            assert 0 < done < total
            killed.append(worker_pids()[-1])
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(WorkerError, match=r"^int8: the runtime crashed at 'evaluate' \(SIGKILL\)$"):
        evaluate("int8", demo_file("int16x8"), items, tmp_path, runtime=None, processes=3, progress=kill_one)
    assert killed
    assert worker_pids() == []


def test_a_file_that_the_runtime_refuses_is_the_variants_error(
    refused: Path, clothes: Clothes, tmp_path: Path
) -> None:
    with pytest.raises(WorkerError, match=r"^int8: refused.tflite is refused by ai-edge-litert .*version"):
        evaluated(refused, feed(clothes(5)), tmp_path, processes=2)


def test_items_that_are_not_finite_are_refused_before_anything_runs(tmp_path: Path) -> None:
    values = np.zeros((300, 28, 28, 1), np.float32)
    values[270, 3, 3, 0] = np.nan
    fed = feed(ArrayDataset({"image": values}, source="spoilt"))
    with pytest.raises(DataError, match=r"spoilt: input 'image' holds NaN or infinity .*item 270"):
        StoredItems(fed, range(300), tmp_path)
