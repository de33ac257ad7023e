"""Measuring on a phone, with a program adb that replays what real tools print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import replays
from fake_adb import install, write_program

from edgeq.benchmark.measurement import from_json, to_json
from edgeq.benchmark.targets import find_targets
from edgeq.devices.phones.attached import attached_devices
from edgeq.devices.phones.benchmark_model import PhoneOptions, measure_on_phone
from edgeq.devices.phones.benchmark_model_command import PHONE_PLANS, PhonePlan
from edgeq.errors import DeviceError, EdgeqError, UsageError

BUNDLE = Path(__file__).parents[3] / "edgeq/demo/bundle"
FLOAT, INT8 = "252568", "100368"
"""Sizes of two variants of the demo's bundle, by which the stand-in program knows them."""

PLAN = PhonePlan(rounds=3)

CPUFREQ = "/sys/devices/system/cpu"
PIXEL = {
    "properties": {
        "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
        "ro.product.manufacturer": "Google",
        "ro.product.model": "Pixel 6",
        "ro.soc.manufacturer": "Google",
        "ro.soc.model": "Tensor",
        "ro.build.version.release": "14",
        "ro.build.version.sdk": "34",
    },
    "files": {
        "/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimdhp asimddp i8mm\nCPU implementer\t: 0x41\n"
        "CPU part\t: 0xd05\n",
        "/proc/meminfo": "MemTotal:        7654321 kB\nMemFree: 100 kB\nMemAvailable:    4000000 kB\n",
        "/proc/loadavg": "3.14 2.00 1.00 2/1000 12345\n",
        **{f"{CPUFREQ}/cpu{n}/online": "1\n" for n in range(1, 8)},
        **{f"{CPUFREQ}/cpu{n}/cpufreq/scaling_governor": "sched_pixel\n" for n in range(8)},
        **{f"{CPUFREQ}/cpu{n}/cpufreq/scaling_cur_freq": f"{300000 + n}\n" for n in range(8)},
        **{
            f"{CPUFREQ}/cpu{n}/cpufreq/cpuinfo_max_freq": f"{mhz}000\n"
            for n, mhz in enumerate([1803, 1803, 1803, 1803, 2253, 2253, 2802, 2802])
        },
        "/sys/class/thermal/thermal_zone0/type": "BIG\n",
        "/sys/class/thermal/thermal_zone0/temp": "41500\n",
        "/sys/class/thermal/thermal_zone1/type": "battery\n",
        "/sys/class/thermal/thermal_zone1/temp": "31000\n",
    },
    "services": {
        "battery": "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  level: 87\n"
        "  temperature: 305\n",
        "thermalservice": "IsStatusOverride: false\nThermal Status: 0\n",
    },
}


@pytest.fixture
def phones(tmp_path, monkeypatch):
    """Makes the program adb with these phones; returns its folder."""

    def make(**described):
        programs = install(
            tmp_path / "adb", {serial: {**PIXEL, **phone} for serial, phone in described.items()}
        )
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        return tmp_path / "adb"

    return make


@pytest.fixture
def program(tmp_path):
    """Makes a stand-in for benchmark_model that replays something for each size of a model."""

    def make(abi="arm64-v8a", loader="/system/bin/linker64", **by_size):
        named = {size.lstrip("_"): replay for size, replay in by_size.items()}
        return write_program(tmp_path / "benchmark_model", named, abi, loader)

    return make


def two_variants():
    return find_targets([BUNDLE], ["float32", "int8"])


def left_behind(folder: Path, serial: str = "ABC123") -> list[str]:
    return sorted(entry.name for entry in (folder / serial / "data/local/tmp").iterdir())


def calls(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]


def test_variants_are_measured_against_each_other_and_nothing_is_left_on_the_phone(phones, program):
    folder = phones(ABC123={})
    times = program(
        _252568=[{"text": replays.classic(1000 + 10 * n, extra=replays.XNNPACK_BY_ITSELF)} for n in range(5)],
        _100368=[{"text": replays.classic(400 + 4 * n, extra=replays.XNNPACK_BY_ITSELF)} for n in range(5)],
    )
    session = measure_on_phone(
        two_variants(), None, PhoneOptions(threads=(1,), benchmark_model=times, plan=PLAN)
    )
    assert session.failures == {}
    base, int8 = session.measurements
    assert (base.variant.name, base.latency.ratio, base.baseline) == ("float32", None, "float32")
    assert int8.latency.statistic == "median"
    assert int8.latency.ratio.value == pytest.approx(0.4, rel=0.01)
    assert int8.latency.verdict == "faster"
    assert int8.latency.median.n == 3
    assert [len(chunk) for chunk in int8.latency.chunks_ms] == [1] * 3
    assert (int8.latency.load_ms, int8.latency.first_ms, int8.latency.p90_ms) == (2.5, 9.0, None)
    assert int8.peak_memory_bytes == int(7.25 * 2**20)
    assert int8.accuracy is None
    assert any("accuracy is not measured over adb" in note for note in session.notes)
    assert (int8.runtime.name, int8.runtime.delegate) == ("benchmark_model", "XNNPACK")
    assert (int8.runtime.nodes_delegated, int8.runtime.nodes) == (9, 11)
    assert int8.runtime.kernel_path.endswith("XNNPACK, arm64-v8a+i8mm")
    assert int8.inputs == {"image": "int8[1, 28, 28, 1]"}
    assert left_behind(folder) == []
    # Every command names the phone, but for the list of phones.
    assert all(call == ["devices"] or call[:2] == ["-s", "ABC123"] for call in calls(folder))
    assert [from_json(json.loads(json.dumps(to_json(one)))) for one in session.measurements]


def test_the_phone_is_described(phones, program):
    phones(ABC123={})
    session = measure_on_phone(
        two_variants(),
        "ABC123",
        PhoneOptions(threads=(1,), benchmark_model=program(default={"text": replays.classic()}), plan=PLAN),
    )
    environment = session.measurements[0].environment
    assert environment.device == "Google Pixel 6, Google Tensor"
    assert environment.cpu == "Cortex-A55"
    assert environment.os == "Android 14 (SDK 34)"
    assert environment.reached_by == "adb:ABC123"
    assert environment.architecture == "arm64-v8a"
    assert environment.cores == 8
    assert environment.features == ("asimd", "asimdhp", "asimddp", "i8mm")
    assert (environment.python, environment.numpy) == ("", "")
    assert environment.power == "mains"
    assert environment.memory_bytes == 7654321 * 1024
    assert environment.warnings == ()
    assert [state.moment for state in environment.states] == ["before", *["during"] * 6, "after"]
    before = environment.states[0]
    assert before.temperature_c == 41.5
    assert before.load_1m == 3.14
    assert before.cores[7].governor == "sched_pixel"
    assert before.cores[7].frequency_mhz == 300.007


SHORT = PhonePlan(rounds=2)


def measured(serial=None, *, targets=None, **options):
    return measure_on_phone(
        targets or two_variants(), serial, PhoneOptions(**{"threads": (1,), "plan": SHORT, **options})
    )


def test_the_tools_own_file_gives_the_digits_that_its_output_rounds(phones, program):
    phones(ABC123={})
    times = program(
        _252568={
            "text": replays.litert(0.98),
            "result": list(replays.result_file(0.98321, median_ms=0.97654)),
        },
        _100368={"text": replays.litert(0.5)},
    )
    base, int8 = measured(benchmark_model=times).measurements
    assert base.latency.mean_ms == pytest.approx(0.98321, rel=1e-6)
    assert base.latency.statistic == "median"
    assert base.latency.median.value == pytest.approx(0.97654, rel=1e-6)
    # Means are compared with means: the other run tells no median.
    assert int8.latency.statistic == "mean"
    assert int8.latency.ratio.value == pytest.approx(0.5 / 0.98321, rel=1e-6)


def test_options_reach_the_tool(phones, program):
    folder = phones(ABC123={})
    told = "INFO: {options}\n" + replays.classic(extra=replays.GPU_ASKED)
    session = measured(
        benchmark_model=program(default={"text": told}),
        use_gpu=True,
        use_xnnpack=False,
        threads=(1, 4),
        cpus=(4, 5),
    )
    assert [one.threads for one in session.measurements] == [1, 1, 4, 4]
    assert {one.runtime.delegate for one in session.measurements} == {"GPU"}
    assert session.measurements[0].environment.cpus == (4, 5)
    ran = [call[3] for call in calls(folder) if "--graph" in str(call)]
    assert len(ran) == 8
    for script in ran:
        assert "exec taskset 30 " in script
        assert "--use_xnnpack=false --use_gpu=true" in script
        assert "--num_runs=10 --min_secs=1 --max_secs=15 --warmup_runs=1 --warmup_min_secs=0.5" in script
    assert sum("--num_threads=4" in script for script in ran) == 4
    # adb before 2020 and phones before Android 6 take commands of up to 4096 bytes.
    assert max(len(call[3]) for call in calls(folder) if len(call) > 3) < 4000


def test_big_cores_are_found(phones, program):
    folder = phones(ABC123={})
    session = measured(
        benchmark_model=program(default={"text": replays.classic()}), big_cores=True, threads=()
    )
    assert session.measurements[0].environment.cpus == (4, 5, 6, 7)
    assert session.measurements[0].environment.cores == 4
    assert {one.threads for one in session.measurements} == {1, 4}
    assert any("taskset f0" in str(call) for call in calls(folder))


def test_variants_of_a_round_are_run_in_an_order_drawn_from_the_seed(phones, program):
    folder = phones(ABC123={})
    times = program(default={"text": replays.classic()})
    orders = []
    for seed in (1, 1, 2):
        (folder / "calls").unlink(missing_ok=True)
        measured(benchmark_model=times, seed=seed, plan=PhonePlan(rounds=3))
        orders.append(
            [str(call).partition(".tflite ")[0][-1] for call in calls(folder) if "--graph" in str(call)]
        )
    assert orders[0] == orders[1] != orders[2]
    assert all(sorted(orders[0][at : at + 2]) == ["0", "1"] for at in range(0, 6, 2))


def test_operators_are_profiled_in_a_run_of_their_own(phones, program):
    folder = phones(ABC123={})
    session = measured(
        benchmark_model=program(default={"text": replays.classic() + replays.PROFILE}), op_profiling=True
    )
    assert any(note.startswith("int8, 1 thread: operators by time: CONV_2D 75 %") for note in session.notes)
    assert sum("--enable_op_profiling=true" in str(call) for call in calls(folder)) == 2


def test_progress_is_told(phones, program):
    phones(ABC123={})
    told = []
    measure_on_phone(
        two_variants(),
        None,
        PhoneOptions(threads=(1,), plan=SHORT, benchmark_model=program(default={"text": replays.classic()})),
        progress=lambda what, done, total: told.append((what, done, total)),
    )
    assert told[0] == ("copying", 0, 3)
    assert [step for step in told if step[0] == "latency, 1 thread"] == [
        ("latency, 1 thread", n, 4) for n in range(4)
    ]


@pytest.mark.parametrize(
    ("replay", "message"),
    [
        ({"text": replays.REFUSED, "status": 1}, "ended with status 1: 'Op builtin_code out of range"),
        ({"text": "INFO: STARTING!", "status": 139}, "crashed (SIGSEGV): its last line is 'STARTING!'"),
        ({"text": "INFO: STARTING!"}, "tells no time of an inference; its last line is 'STARTING!'"),
        ({"text": "count=5 avg=x"}, "expected a number of 0 or more, found 'x'"),
        ({"text": replays.classic(), "result": [1, 2, 3]}, "its result file"),
        ([{"text": replays.classic()}, {"text": "", "status": 1}], "ended with status 1: it printed nothing"),
    ],
)
def test_a_variant_that_fails_does_not_stop_the_others(phones, program, replay, message):
    folder = phones(ABC123={})
    session = measured(benchmark_model=program(_252568={"text": replays.classic()}, _100368=replay))
    assert [one.variant.name for one in session.measurements] == ["float32"]
    assert session.failures.keys() == {"int8"}
    assert session.failures["int8"].startswith("int8: ")
    assert message in session.failures["int8"]
    assert left_behind(folder) == []


def test_a_variant_that_hangs_is_ended_and_the_others_are_measured(phones, program, monkeypatch):
    folder = phones(ABC123={})
    monkeypatch.setattr(PhonePlan, "timeout_s", 3.0)
    session = measured(
        benchmark_model=program(_252568={"text": replays.classic()}, _100368={"text": "", "hang": True})
    )
    assert session.failures == {
        "int8": "int8: phone ABC123 could not run benchmark_model: no answer within 3 s"
    }
    assert len(session.measurements) == 1
    assert left_behind(folder) == []


def test_a_variant_that_prints_without_end_is_ended(phones, program, monkeypatch):
    folder = phones(ABC123={})
    monkeypatch.setattr("edgeq.devices.phones.adb.MOST_OUTPUT", 1 << 20)
    session = measured(
        benchmark_model=program(_252568={"text": replays.classic()}, _100368={"text": "", "endless": True})
    )
    assert "more than 1 MB of output" in session.failures["int8"]
    assert left_behind(folder) == []


def test_where_every_variant_fails_it_is_said_once(phones, program):
    phones(ABC123={})
    with pytest.raises(
        EdgeqError, match="nothing could be measured on phone ABC123: benchmark_model ended with"
    ) as e:
        measured(benchmark_model=program(default={"text": replays.REFUSED, "status": 1}))
    assert str(e.value).count("ended with status") == 1


@pytest.mark.parametrize("option", ["use_gpu", "use_xnnpack"])
def test_a_tool_that_does_not_know_an_option_that_was_asked_for_measures_nothing(phones, program, option):
    phones(ABC123={})
    ignored = f"WARN: Unconsumed cmdline flags: --{option}=true\n"
    with pytest.raises(EdgeqError, match=f"does not know --{option}"):
        measured(benchmark_model=program(default={"text": replays.classic(extra=ignored)}), **{option: True})


def test_a_phone_that_is_unplugged_midway_is_said(phones, program):
    phones(ABC123={})
    with pytest.raises(DeviceError, match="phone ABC123 is gone, it could not run benchmark_model"):
        measured(
            benchmark_model=program(_252568={"text": replays.classic()}, _100368={"text": "", "unplug": True})
        )


def test_where_adbs_server_is_restarted_midway_it_is_said(phones, program):
    folder = phones(ABC123={})
    # The guard's connection ends, and the phone answers again at once.
    cut = {"text": replays.classic(), "cut": True}
    with pytest.raises(
        DeviceError, match="the connection to phone ABC123 was cut, it could not run benchmark_model"
    ):
        measured(benchmark_model=program(default=cut))
    assert left_behind(folder) == []


def test_what_was_measured_before_the_phone_was_unplugged_is_kept(phones, program):
    phones(ABC123={})
    runs = [{"text": replays.classic()}] * 3 + [{"text": "", "unplug": True}]
    session = measured(
        benchmark_model=program(default=runs),
        targets=find_targets([BUNDLE], ["int8"]),
        threads=(1, 2),
        plan=SHORT,
    )
    assert [one.threads for one in session.measurements] == [1]
    assert "is gone" in session.failures["int8"]


@pytest.mark.parametrize(
    ("phone", "options", "kind", "message"),
    [
        ({"fails": ["full"]}, {}, DeviceError, "is full: benchmark_model needs"),
        ({"fails": ["corrupt"]}, {}, DeviceError, "benchmark_model arrived damaged on phone ABC123"),
        ({"fails": ["no-taskset"]}, {"cpus": (0,)}, DeviceError, "does not tie programs to cores 0"),
        ({}, {"cpus": (0, 12)}, UsageError, "no core 12 that is on: there are 0-7"),
        ({"files": {}}, {"big_cores": True}, DeviceError, "does not tell the frequencies of its cores"),
        ({"properties": {}}, {}, DeviceError, "does not tell its ABI"),
        (
            {"properties": {"ro.product.cpu.abilist": "x86_64"}},
            {},
            DeviceError,
            "is for arm64-v8a, the phone runs x86_64",
        ),
        ({}, {"benchmark_model_sha256": "0" * 64}, DeviceError, "has the SHA-256"),
        ({}, {"baseline": "none"}, UsageError, "no variant 'none' to compare with"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_left(
    phones, program, phone, options, kind, message
):
    folder = phones(ABC123=phone)
    with pytest.raises(kind) as caught:
        measured(**{"benchmark_model": program(default={"text": replays.classic()}), **options})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert left_behind(folder) == []


def test_a_phone_without_sha256sum_is_checked_by_size(phones, program):
    phones(ABC123={"fails": ["no-sha256sum"]})
    assert measured(benchmark_model=program(default={"text": replays.classic()})).measurements


def test_a_state_that_spoils_the_times_is_warned_of(phones, program):
    governors = {
        name: "powersave\n" if "cpu3" in name and "governor" in name else text
        for name, text in PIXEL["files"].items()
    }
    phones(
        ABC123={
            "files": governors,
            "low_power": 1,
            "services": {
                "battery": "  USB powered: false\n  level: 9\n  temperature: 412\n",
                "thermalservice": "Thermal Status: 1\n",
            },
        }
    )
    environment = (
        measured(benchmark_model=program(default={"text": replays.classic()})).measurements[0].environment
    )
    assert environment.power == "battery"
    told = " | ".join(environment.warnings)
    for warning in (
        "governor of cores 3 is 'powersave'",
        "adb -s ABC123 shell settings put global low_power 0",
        "runs on battery",
        "battery is at 9 %",
        "battery has 41 C",
        "thermal status 1",
    ):
        assert warning in told


def test_throttling_that_begins_while_it_is_measured_makes_the_times_invalid(phones, program):
    phones(
        ABC123={
            "services": {"battery": "", "thermalservice": ["Thermal Status: 0\n", "Thermal Status: 2\n"]},
        }
    )
    one = measured(benchmark_model=program(default={"text": replays.classic()})).measurements[0]
    assert one.invalid == (
        "the phone began to throttle for heat (thermal status 0 before, 2 after): let it cool and measure again"
    )
    assert not one.times_are_comparable


def test_androids_emulator_is_no_phone(phones, program):
    phones(ABC123={"properties": {**PIXEL["properties"], "ro.boot.qemu": "1"}})
    one = measured(benchmark_model=program(default={"text": replays.classic()})).measurements[0]
    assert one.environment.emulator == "Android emulator"
    assert not one.times_are_comparable


def test_phones_are_listed_with_what_would_run(phones, program, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    phones(ABC123={}, DEF456={"state": "unauthorized"}, GHI789={"properties": {}})
    first, second, third = attached_devices()
    assert (first.model, first.abi, first.would_run) == ("Google Pixel 6", "arm64-v8a", "")
    assert first.remedy == "give --benchmark-model PATH, built for arm64-v8a"
    assert (second.state, second.would_run) == ("unauthorized", "")
    assert "Allow USB debugging" in second.remedy
    assert "does not tell its ABI" in third.remedy
    cached = tmp_path / "cache/edgeq/benchmark_model/arm64-v8a"
    cached.mkdir(parents=True)
    program().rename(cached / "benchmark_model")
    assert attached_devices()[0].would_run == "benchmark_model of the cache"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_edgeq_that_is_ended_leaves_nothing(phones, program, how):
    folder = phones(ABC123={})
    path = program(default={"text": "", "hang": True})
    script = (
        "from pathlib import Path\n"
        "from edgeq.benchmark.targets import find_targets\n"
        "from edgeq.devices.phones.benchmark_model import PhoneOptions, measure_on_phone\n"
        f"measure_on_phone(find_targets([{str(BUNDLE)!r}]), None, PhoneOptions(benchmark_model=Path({str(path)!r})))\n"
    )
    edgeq = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until(lambda: any(Path(folder / "ABC123/data/local/tmp").glob("edgeq-*/pid")), edgeq)
        edgeq.send_signal(how)
        edgeq.wait(30)
        _wait_until(lambda: left_behind(folder) == [])
    finally:
        edgeq.kill()
        edgeq.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_line_ends_a_phone_that_hangs(phones, program, how):
    folder = phones(ABC123={})
    path = program(default={"text": "", "hang": True})
    edgeq = subprocess.Popen(
        [sys.executable, "-m", "edgeq", "benchmark", BUNDLE, "--on", "adb:", "--benchmark-model", path],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until(lambda: any(Path(folder / "ABC123/data/local/tmp").glob("edgeq-*/pid")), edgeq)
        edgeq.send_signal(how)
        assert edgeq.wait(30) == (130 if how == signal.SIGINT else 128 + signal.SIGTERM)
        assert left_behind(folder) == []
    finally:
        edgeq.kill()
        edgeq.wait()


def _wait_until(done, process=None) -> None:
    limit = time.monotonic() + 60
    while not done():
        assert time.monotonic() < limit
        assert process is None or process.poll() is None
        time.sleep(0.05)


def test_plans_keep_within_what_a_variant_may_take():
    quick = PHONE_PLANS["quick"].within(0.6)
    assert (quick.max_seconds, quick.least_seconds, quick.rounds) == (
        pytest.approx(0.1),
        pytest.approx(0.1),
        6,
    )
    assert PHONE_PLANS["full"].within(None) == PHONE_PLANS["full"]
