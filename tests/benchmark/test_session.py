from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import made_up_machines
import numpy as np
import pytest

from edgeq.benchmark import session as session_module
from edgeq.benchmark.environment import read_environment
from edgeq.benchmark.host_watch import Clocks, HostWatch
from edgeq.benchmark.item_values import correct_items
from edgeq.benchmark.latency import Plan
from edgeq.benchmark.measurement import Estimate, Measurement, from_json, to_json
from edgeq.benchmark.session import Session, measure
from edgeq.benchmark.targets import find_targets
from edgeq.data.dataset import ArrayDataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.demo import assets
from edgeq.errors import DataError, RuntimeUnavailableError, UsageError, WorkerError
from edgeq.runtime.process import Worker

TINY = Plan(rounds=6, least_runs=6, least_seconds=0.0, max_seconds=5.0, warmup_seconds=0.0, warmup_runs=1)
VARIANTS = ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"]

Clothes = Callable[[int], ArrayDataset]
File = Callable[[str], Path]


@pytest.fixture(scope="module")
def whole(clothes: Clothes) -> Session:
    """The demo's bundle on 300 labelled items, measured for a moment."""
    return measure(find_targets([assets.bundle_path()]), data=clothes(300), threads=(1,), plan=TINY)


def value_of(measurement: Measurement, key: str) -> float:
    assert measurement.accuracy is not None
    metric = measurement.accuracy.metric(key)
    assert metric is not None
    return metric.value.value


def drop_of(measurement: Measurement) -> Estimate | None:
    assert measurement.accuracy is not None
    assert measurement.accuracy.primary is not None
    return measurement.accuracy.primary.drop


def by_name(session: Session) -> dict[str, Measurement]:
    return {measurement.variant.name: measurement for measurement in session.measurements}


class TestWholeBundle:
    def test_every_variant_is_measured_once_in_one_session(self, whole: Session) -> None:
        assert [measurement.variant.name for measurement in whole.measurements] == VARIANTS
        assert len({measurement.session for measurement in whole.measurements}) == 1
        assert whole.failures == {}
        assert whole.notes == ()

    def test_measurements_survive_their_json(self, whole: Session) -> None:
        for measurement in whole.measurements:
            line = json.dumps(to_json(measurement), allow_nan=False)
            assert from_json(json.loads(line)) == measurement

    def test_everything_but_the_baseline_is_compared_with_float32(self, whole: Session) -> None:
        for name, measurement in by_name(whole).items():
            assert measurement.baseline == "float32"
            assert measurement.latency is not None
            assert measurement.accuracy is not None
            compared = (
                measurement.latency.ratio,
                measurement.latency.verdict,
                measurement.accuracy.agreement,
                drop_of(measurement),
                measurement.accuracy.sqnr_db,
            )
            assert [number is None for number in compared] == [name == "float32"] * 5

    def test_latencies_are_paired_rounds_with_their_statistics(self, whole: Session) -> None:
        for measurement in whole.measurements:
            latency = measurement.latency
            assert latency is not None
            samples = np.concatenate([np.array(chunk) for chunk in latency.chunks_ms])
            assert len(latency.chunks_ms) == TINY.rounds
            assert latency.median.n == len(samples)
            assert latency.median.value == pytest.approx(np.median(samples))
            assert latency.median.low <= latency.median.value <= latency.median.high
            assert latency.min_ms == samples.min() <= latency.median.value <= latency.p90_ms <= latency.p95_ms
            assert latency.mean_ms == pytest.approx(samples.mean())
            assert latency.load_ms > 0
            assert latency.first_ms > 0

    def test_accuracy_is_that_of_the_items_and_their_labels(self, whole: Session, clothes: Clothes) -> None:
        labels = clothes(300).labels
        assert labels is not None
        right = {}
        for name, measurement in by_name(whole).items():
            accuracy = measurement.accuracy
            assert accuracy is not None
            assert (accuracy.n, accuracy.excluded) == (300, 0)
            top1, top5 = value_of(measurement, "top1"), value_of(measurement, "top5")
            assert top1 <= top5
            bits = correct_items(accuracy)
            assert bits is not None
            right[name] = bits
            assert bits.mean() == pytest.approx(top1)
        # The demo's network is right on about nine of ten at every precision.
        assert all(bits.mean() > 0.8 for bits in right.values())
        for name, measurement in by_name(whole).items():
            assert measurement.accuracy is not None
            drop = drop_of(measurement)
            if drop is not None:
                lost = 100 * (right["float32"].mean() - right[name].mean())
                assert drop.value == pytest.approx(lost)

    def test_what_is_nearer_to_float32_agrees_more(self, whole: Session) -> None:
        noise = {name: m.accuracy.sqnr_db for name, m in by_name(whole).items() if m.accuracy is not None}
        assert noise["float16"] is not None
        assert noise["int16x8"] is not None
        assert noise["int8"] is not None
        assert noise["float16"] > noise["int16x8"] > noise["int8"] > 10
        float16 = by_name(whole)["float16"].accuracy
        assert float16 is not None
        assert float16.agreement is not None
        assert float16.agreement.value > 0.99

    def test_each_file_says_how_it_ran(self, whole: Session) -> None:
        named = by_name(whole)
        assert named["int8"].inputs == {"image": "int8[1, 28, 28, 1]"}
        assert named["int8-io-float32"].inputs == {"image": "float32[1, 28, 28, 1]"}
        assert (named["int8"].runtime.nodes_delegated, named["int8"].runtime.nodes) == (15, 16)
        assert named["int16x8"].runtime.delegate == "none"
        assert {m.runtime.name for m in whole.measurements} == {"litert"}
        assert {m.threads for m in whole.measurements} == {1}
        assert {m.environment.device_id for m in whole.measurements} == {read_environment().device_id}
        assert all(m.provenance["versions"] for m in whole.measurements)

    def test_memory_is_each_workers_own(self, whole: Session) -> None:
        for measurement in whole.measurements:
            assert measurement.peak_memory_bytes is None or 10e6 < measurement.peak_memory_bytes < 250e6


def test_without_data_there_is_no_accuracy_and_without_a_plan_no_latency(demo_file: File) -> None:
    targets = find_targets([demo_file("float32"), demo_file("int8")])
    timed = measure(targets, threads=(1, 2), plan=TINY)
    assert [(m.threads, m.accuracy) for m in timed.measurements] == [(1, None)] * 2 + [(2, None)] * 2
    assert all(m.latency is not None for m in timed.measurements)
    sized = measure(targets, plan=None)
    assert [(m.threads, m.latency, m.accuracy) for m in sized.measurements] == [(1, None, None)] * 2
    assert [m.variant.size_bytes for m in sized.measurements] == [
        target.path.stat().st_size for target in targets.files
    ]


def test_a_lone_file_has_accuracy_and_latency_and_nothing_to_compare_with(
    demo_file: File, clothes: Clothes
) -> None:
    session = measure(find_targets([demo_file("int8")]), data=clothes(60), threads=(1,), plan=TINY)
    (measurement,) = session.measurements
    assert measurement.baseline is None
    assert not measurement.is_baseline
    assert measurement.accuracy is not None
    assert measurement.latency is not None
    assert value_of(measurement, "top1") > 0.8
    assert (measurement.accuracy.agreement, drop_of(measurement)) == (None, None)
    assert (measurement.latency.ratio, measurement.latency.verdict) == (None, None)
    assert measurement.provenance == {}


def test_another_baseline_can_be_chosen(clothes: Clothes) -> None:
    targets = find_targets([assets.bundle_path()], ["float32", "int8"])
    session = measure(targets, data=clothes(40), threads=(1,), plan=None, baseline="int8")
    named = by_name(session)
    assert {m.baseline for m in session.measurements} == {"int8"}
    assert named["int8"].accuracy is not None
    assert named["float32"].accuracy is not None
    assert named["int8"].accuracy.agreement is None
    assert named["float32"].accuracy.agreement is not None


class TestCalibrationItems:
    def test_they_are_left_out_and_it_is_said(self, clothes: Clothes) -> None:
        seen, new = assets.calibration(), clothes(30)
        (name,) = seen.input_names()
        mixed = ArrayDataset(
            {"image": np.concatenate([seen.raw(name, range(20)), new.raw("image", range(30))])},
            source="mixed",
        )
        targets = find_targets([assets.bundle_path()], ["float32", "int8"])
        session = measure(targets, data=mixed, plan=None)
        assert session.notes == ("20 of 50 items are left out: the bundle was calibrated on them",)
        accuracies = [m.accuracy for m in session.measurements]
        assert [(a.n, a.excluded) for a in accuracies if a is not None] == [(30, 20)] * 2
        alone = measure(targets, data=ArrayDataset({"image": new.raw("image", range(30))}), plan=None)
        assert alone.measurements[1].accuracy is not None
        assert accuracies[1] == dataclasses.replace(alone.measurements[1].accuracy, excluded=20)

    def test_a_set_of_nothing_else_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"all 256 items were calibrated on, nothing is left to measure"):
            measure(find_targets([assets.bundle_path()]), data=assets.calibration(), plan=None)


def test_a_limit_takes_items_from_the_whole_set(clothes: Clothes) -> None:
    order = np.argsort(clothes(500).labels, kind="stable")
    labels = clothes(500).labels
    assert labels is not None
    # As a folder of classes is: sorted.
    data = ArrayDataset({"image": clothes(500).raw("image", list(order))}, labels[order], source="sorted")
    targets = find_targets([assets.bundle_path()], ["float32"])
    (limited,) = measure(targets, data=data, plan=None, limit=50).measurements
    assert limited.accuracy is not None
    assert limited.accuracy.n == 50
    (unlimited,) = measure(targets, data=data, plan=None, limit=5000).measurements
    assert unlimited.accuracy is not None
    assert unlimited.accuracy.n == 500
    assert limited.accuracy.data_digest != unlimited.accuracy.data_digest
    # Fifty of the first class only would not be above chance.
    assert 0.7 < value_of(limited, "top1") < 1.0


def test_preprocessing_can_be_given_instead_of_the_bundles(clothes: Clothes) -> None:
    scaled = clothes(60).raw("image", range(60)) / np.float32(255)
    data = ArrayDataset({"image": scaled.astype(np.float32)}, clothes(60).labels, source="scaled")
    targets = find_targets([assets.bundle_path()], ["float32"])
    back = Preprocessing("back", (255.0,))
    (measurement,) = measure(targets, data=data, plan=None, preprocessing=back).measurements
    assert value_of(measurement, "top1") > 0.8


class TestErrors:
    def test_a_baseline_that_guesses_is_the_error_and_no_drop_is_given(self, clothes: Clothes) -> None:
        data = clothes(200)
        assert data.labels is not None
        shuffled = ArrayDataset(
            {"image": data.raw("image", range(200))}, np.roll(np.sort(data.labels), 7), source="shuffled"
        )
        with pytest.raises(DataError, match=r"float32 is right on .* of 200 items .*not above chance"):
            measure(find_targets([assets.bundle_path()]), data=shuffled, plan=None)

    def test_a_variant_that_fails_is_named_and_the_others_are_measured(
        self, refused: Path, demo_file: File, clothes: Clothes
    ) -> None:
        targets = find_targets([demo_file("float32"), refused, demo_file("int8")])
        for data in (None, clothes(20)):
            session = measure(targets, data=data, threads=(1,), plan=TINY)
            assert [m.variant.name for m in session.measurements] == [
                f"{assets.NAME}.float32",
                f"{assets.NAME}.int8",
            ]
            assert list(session.failures) == ["refused"]
            assert "is refused by ai-edge-litert" in session.failures["refused"]

    def test_if_every_variant_fails_that_is_the_error(self, refused: Path) -> None:
        with pytest.raises(WorkerError, match=r"nothing could be measured: .*refused.tflite is refused by"):
            measure(find_targets([refused]), threads=(1,), plan=TINY)

    def test_data_that_do_not_fit_are_refused_before_anything_runs(self) -> None:
        data = ArrayDataset({"image": np.zeros((5, 32, 32, 3), np.uint8)}, source="other")
        with pytest.raises(DataError, match=r"expects items of shape \[28, 28, 1\], found \[32, 32, 3\]"):
            measure(find_targets([assets.bundle_path()]), data=data)

    def test_an_unknown_runtime_and_a_missing_one_are_refused_at_once(self) -> None:
        targets = find_targets([assets.bundle_path()])
        with pytest.raises(UsageError, match="unknown runtime 'onnx'"):
            measure(targets, runtime="onnx")
        try:
            import tflite_runtime  # noqa: F401
        except ImportError:
            with pytest.raises(RuntimeUnavailableError, match="tflite-runtime is not installed"):
                measure(targets, runtime="tflite-runtime")


def test_a_bundle_on_a_read_only_place_can_be_measured(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(assets.bundle_path(), tmp_path / "bundle"))
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        session = measure(find_targets([folder], ["int8"]), threads=(1,), plan=TINY)
        assert len(session.measurements) == 1
    finally:
        folder.chmod(0o755)


def test_progress_names_what_is_done(clothes: Clothes) -> None:
    told: list[tuple[str, int, int]] = []
    targets = find_targets([assets.bundle_path()], ["float32", "int8"])
    measure(targets, data=clothes(20), threads=(1, 2), plan=TINY, progress=lambda *step: told.append(step))
    assert [what for i, (what, _, _) in enumerate(told) if i == 0 or told[i - 1][0] != what] == [
        "looking at the data",
        "accuracy",
        "latency, 1 thread",
        "latency, 2 threads",
    ]
    assert all(0 <= done <= total for _, done, total in told)


class TestMachineWhileMeasuring:
    def test_its_state_is_told_from_before_to_after(self, whole: Session) -> None:
        for measurement in whole.measurements:
            states = measurement.environment.states
            assert [states[0].moment, states[-1].moment] == ["before", "after"]
            assert states[0].elapsed_s <= states[-1].elapsed_s
            assert measurement.environment.cpus == ()
            assert measurement.invalid is None

    def test_a_raspberry_pi_that_begins_to_throttle_has_no_times_to_compare(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = made_up_machines.pi4(tmp_path)
        # At the session's start, before and after one thread, then before and after two.
        answers = ("0x0", "0x0", "0x0", "0x0", "0x80008")
        made_up_machines.vcgencmd(root, *(f"throttled={answer}" for answer in answers))
        monkeypatch.setattr(session_module, "HostWatch", lambda: HostWatch(root))
        targets = find_targets([assets.bundle_path()], ["int8"])
        one, two = measure(targets, threads=(1, 2), plan=TINY).measurements
        assert (one.invalid, one.times_are_comparable) == (None, True)
        assert two.invalid == (
            "the Raspberry Pi throttled during the run (soft temperature limit): "
            "use a better power supply or cooling, and measure again"
        )
        assert not two.times_are_comparable
        assert [state.throttled for state in two.environment.states] == [0, 0x80008]
        assert from_json(json.loads(json.dumps(to_json(two)))) == two

    def test_what_the_state_before_timing_warns_of_replaces_what_the_start_did(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = made_up_machines.pi4(tmp_path)
        made_up_machines.vcgencmd(root, "throttled=0x1", "throttled=0x10000")
        monkeypatch.setattr(session_module, "HostWatch", lambda: HostWatch(root))
        targets = find_targets([assets.bundle_path()], ["int8"])
        (measured,) = measure(targets, threads=(1,), plan=TINY).measurements
        told = [warning for warning in measured.environment.warnings if "Raspberry Pi" in warning]
        assert [warning.partition(":")[0] for warning in told] == [
            "the Raspberry Pi throttled some time before the start (under-voltage)"
        ]

    def test_a_clock_that_is_set_meanwhile_is_warned_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start = Clocks.now()
        monkeypatch.setattr(Clocks, "now", lambda: dataclasses.replace(start, wall=start.wall + next(jumps)))
        jumps = itertools.count(0, 3600)
        targets = find_targets([assets.bundle_path()], ["int8"])
        (measured,) = measure(targets, threads=(1,), plan=TINY).measurements
        (warning,) = [warning for warning in measured.environment.warnings if "clock" in warning]
        assert warning.endswith("s during the run: times are measured by another clock and unaffected")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
class TestCores:
    def test_the_timed_processes_are_tied_and_this_one_is_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        here = os.sched_getaffinity(0)
        core = min(here)
        tied: list[set[int]] = []
        time = Worker.time

        def look(worker: Worker, discard: int, runs: int) -> list[int]:
            tasks = Path(f"/proc/{worker._process.pid}/task").iterdir()
            tied.extend(os.sched_getaffinity(int(task.name)) for task in tasks)
            return time(worker, discard, runs)

        monkeypatch.setattr(Worker, "time", look)
        targets = find_targets([assets.bundle_path()], ["float32", "int8"])
        session = measure(targets, threads=(1, 2), plan=TINY, cpus=[core, core])
        assert [measurement.environment.cpus for measurement in session.measurements] == [(core,)] * 4
        assert set(map(frozenset, tied)) == {frozenset({core})}
        assert os.sched_getaffinity(0) == here
        assert session.notes == (f"2 threads share core {core}, which slows them",)
        assert {m.environment.device_id for m in session.measurements} == {read_environment().device_id}

    def test_one_core_means_one_thread_by_default(self) -> None:
        targets = find_targets([assets.bundle_path()], ["int8"])
        session = measure(targets, plan=TINY, cpus=[min(os.sched_getaffinity(0))])
        assert [measurement.threads for measurement in session.measurements] == [1]

    def test_a_core_that_is_not_there_is_refused_before_anything_runs(self) -> None:
        with pytest.raises(UsageError, match=r"^cores 4000-4001 cannot be used here: choose of "):
            measure(find_targets([assets.bundle_path()]), cpus=[4001, 4000])


class TestSustained:
    def test_each_variant_has_its_minutes_beside_its_latency(self) -> None:
        targets = find_targets([assets.bundle_path()], ["float32", "int8"])
        told: list[str] = []
        session = measure(
            targets,
            threads=(1, 2),
            plan=TINY,
            sustained_s=1.0,
            minute_s=0.5,
            cool_down_s=0.1,
            progress=lambda what, *_: told.append(what),
        )
        assert len(session.measurements) == 4
        for measurement in session.measurements:
            assert measurement.latency is not None
            assert [minute.minute for minute in measurement.latency.sustained] == [1, 2]
            assert len(measurement.latency.chunks_ms) == TINY.rounds
            assert from_json(json.loads(json.dumps(to_json(measurement)))) == measurement
        assert [what for what, _ in itertools.groupby(told)] == [
            "cooling down",
            "latency, 1 thread", "cooling down", "sustained, float32", "cooling down", "sustained, int8",
            "cooling down",
            "latency, 2 threads", "cooling down", "sustained, float32", "cooling down", "sustained, int8",
        ]  # fmt: skip

    def test_it_is_for_latency_alone_and_takes_ten_seconds(self) -> None:
        targets = find_targets([assets.bundle_path()], ["int8"])
        with pytest.raises(UsageError, match="a sustained run are for latency"):
            measure(targets, plan=None, sustained_s=60)
        with pytest.raises(UsageError, match=r"a sustained run takes 10 s to 86400 s .* found 3 s"):
            measure(targets, sustained_s=3)
