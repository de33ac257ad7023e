"""The proof without a Raspberry Pi: emulated ones run the packed bundle and the device's commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from debian_packages import UnavailableError
from emulated_pi import EmulatedPi, boot
from machines import Machine
from proof import Proofs, Ran

from edgeq.benchmark.measurement import Measurement
from edgeq.report.results import read_results

pytestmark = pytest.mark.slow

VARIANTS = ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"]
MOBILENET = [*VARIANTS, "int8x4"]
"""LiteRT of the 64-bit machines runs 4-bit weights; tflite-runtime 2.14, which the others have, refuses them."""

MAIN = ("bookworm64", "trixie64", "bookworm32-on-64")


@dataclass(frozen=True)
class Facts:
    """What must be true of a machine: bits of the interpreter, its Python, the kernel's word, and the runtime."""

    bits: int
    python: str
    uname: str
    architecture: str
    runtime: str
    feature: str
    refused: tuple[str, ...] = ()


# tflite-runtime 2.14 knows no dense layer with weights by channel, which the converter writes into `dynamic`.
_OLD = ("tflite-runtime", "neon", ("dynamic",))
FACTS = {
    "bookworm64": Facts(64, "3.11", "aarch64", "aarch64", "litert", "asimd"),
    "bookworm64-a53": Facts(64, "3.11", "aarch64", "aarch64", "litert", "asimd"),
    "trixie64": Facts(64, "3.13", "aarch64", "aarch64", "litert", "asimddp"),
    "bookworm32": Facts(32, "3.11", "armv7l", "armv7l", *_OLD),
    "bookworm32-on-64": Facts(32, "3.11", "aarch64", "armv7l", *_OLD),
}


def measured_in(ran: Ran, results: str) -> list[Measurement]:
    return read_results([ran.pi.home / results])


def refused_of(facts: Facts, variants: list[str]) -> list[str]:
    """Variants that a machine's runtime refuses."""
    four_bits = ["int8x4"] if facts.runtime == "tflite-runtime" else []
    return [name for name in variants if name in (*facts.refused, *four_bits)]


def in_full(ran: Ran, results: str, facts: Facts, variants: list[str]) -> None:
    """All variants were measured, but for those that the runtime refuses, which are named."""
    refused_ones = refused_of(facts, variants)
    assert "Traceback" not in ran.done.stderr
    assert ran.done.returncode == (3 if refused_ones else 0), ran.done.stderr
    measured = measured_in(ran, results)
    assert [one.variant.name for one in measured] == [name for name in variants if name not in refused_ones]
    for refused in refused_ones:
        assert f"not measured: {refused}: " in ran.done.stderr
    for one in measured:
        assert one.latency is not None
        assert one.accuracy is not None
        assert one.accuracy.primary is not None
        assert one.runtime.name == facts.runtime
        assert one.runtime.kernel_path.endswith(f"{facts.architecture}+{facts.feature}")
        assert one.parity is not None
        assert one.parity.passed
        assert not one.parity.same_kernels
        # A worker that this machine's kernel had started itself would compute on this machine's CPU.
        assert one.environment.emulator == "qemu-user"
        assert one.environment.architecture == facts.architecture
        assert facts.feature in one.environment.features


def told(ran: Ran, model: str, name: str, results: str) -> list[str]:
    """How the outputs differ from the recorded ones, a line a variant."""
    lines = []
    for one in measured_in(ran, results):
        assert one.parity is not None
        steps = one.parity.largest_difference
        largest = "float" if steps is None else f"largest {steps} steps"
        kernels = one.runtime.kernel_path
        lines.append(
            f"{name:17} {model:10} {one.variant.name:16} {one.parity.differing:7.2%}  {largest:17} "
            f"{one.parity.sqnr_db:6.1f} dB  {kernels}"
        )
    return lines


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that ended with exit code 2."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture(params=MAIN)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def booted(machine: Machine, folder: Path, *sets: str) -> EmulatedPi:
    try:
        return boot(machine, folder, *sets)
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("machine", sorted(FACTS))
def test_the_machine_is_what_it_is_said_to_be(
    known_machines: dict[str, Machine], machine: str, tmp_path: Path
) -> None:
    pi, facts = booted(known_machines[machine], tmp_path / "machine"), FACTS[machine]
    code = (
        "import json, os, platform, struct, subprocess, sys; "
        "started = [sys.executable, '-c', 'import platform; print(platform.machine())']; "
        "print(json.dumps([struct.calcsize('P') * 8, platform.machine(), '%d.%d' % sys.version_info[:2], "
        "os.path.dirname(sys.executable), sys.prefix, subprocess.check_output(started, text=True).strip()]))"
    )
    bits, uname, python, folder, prefix, child = json.loads(pi.run("python3", "-c", code).stdout)
    assert (bits, uname, python, child) == (facts.bits, facts.uname, facts.python, facts.uname)
    assert (folder, prefix) == (str(pi.environment / "bin"), str(pi.environment))


def test_the_packed_bundle_runs_in_full_with_numpy_and_a_runtime_alone(bare: Ran, name: str) -> None:
    in_full(bare, "demo.jsonl", FACTS[name], VARIANTS)
    assert "emulated" in bare.done.stdout
    assert all(one.accuracy.primary.value.value > 0.7 for one in measured_in(bare, "demo.jsonl"))


def test_a_packed_mobilenet_runs_in_full(mobilenet: Ran, name: str) -> None:
    in_full(mobilenet, "mobilenet.jsonl", FACTS[name], MOBILENET)


def test_how_much_outputs_differ_from_those_of_this_machine_is_measured(
    bare: Ran, mobilenet: Ran, name: str, differences: list[str]
) -> None:
    for ran, model, variants in ((bare, "demo", VARIANTS), (mobilenet, "mobilenet", MOBILENET)):
        lines = told(ran, model, name, f"{model}.jsonl")
        assert len(lines) == len(variants) - len(refused_of(FACTS[name], variants))
        differences += lines
        for one in measured_in(ran, f"{model}.jsonl"):
            assert one.parity is not None
            assert (one.parity.largest_difference is None) == (
                one.variant.name not in ("int8", "int16x8", "int8x4")
            )
            assert one.parity.recorded_kernel_path.split()[1] == measured_version(one)


def measured_version(one: Measurement) -> str:
    """The version that recorded; the 64-bit machines have the same."""
    recorded = one.parity.recorded_kernel_path.split()[1] if one.parity else ""
    return one.runtime.version + "," if one.runtime.name == "litert" else recorded


def test_the_packed_bundle_leaves_nothing_but_its_results(bare: Ran) -> None:
    left = {path.name for path in bare.pi.home.rglob("*") if not path.is_dir()}
    assert left == {"demo.pyz", "demo.jsonl"}


def test_times_of_an_emulated_cpu_are_compared_with_nothing(bare: Ran) -> None:
    measured = measured_in(bare, "demo.jsonl")
    assert not any(one.times_are_comparable for one in measured)
    assert all(any("emulated" in warning for warning in one.environment.warnings) for one in measured)


def test_neither_tensorflow_nor_a_package_of_the_commands_is_where_the_packed_bundle_ran(bare: Ran) -> None:
    names = ("tensorflow", "keras", "click", "rich", "tflite", "flatbuffers", "jinja2", "edgeq")
    if bare.pi.machine.name != "bookworm32-on-64":
        names = (*names, "PIL")
    # flatbuffers comes with LiteRT.
    allowed = {"flatbuffers"} if FACTS[bare.pi.machine.name].runtime == "litert" else set()
    code = f"from importlib.util import find_spec; print(*[name for name in {names} if find_spec(name)])"
    assert set(bare.pi.run("python3", "-c", code).stdout.split()) == allowed


@pytest.mark.parametrize("place", [0.1, 0.5, 0.999])
def test_a_packed_bundle_altered_by_one_byte_is_refused(bare: Ran, place: float) -> None:
    content = bytearray((bare.pi.home / "demo.pyz").read_bytes())
    content[int(place * len(content))] ^= 1
    folder = bare.pi.home.parent / f"altered-{place}"
    folder.mkdir()
    (folder / "demo.pyz").write_bytes(content)
    there = EmulatedPi(bare.pi.machine, bare.pi.environment, folder)
    done = there.run("python3", "demo.pyz", "--quick")
    assert "Traceback" not in done.stderr
    assert refused(done)
    assert [path.name for path in folder.iterdir()] == ["demo.pyz"]


def test_pip_takes_the_wheel_that_fits_and_finds_all_that_it_asks_for(device: Ran, name: str) -> None:
    code = "import importlib.metadata as m; print(m.distribution('edgeq').read_text('WHEEL'))"
    told = device.pi.run("python3", "-c", code).stdout
    assert ("Tag: py3-none-any" in told) == (FACTS[name].bits == 64)
    assert ("Tag: py3-none-manylinux_2_34_armv7l" in told) == (FACTS[name].bits == 32)


def test_the_installed_edgeq_benchmarks_a_bundle(device: Ran, name: str) -> None:
    in_full(device, "results.jsonl", FACTS[name], VARIANTS)


def test_the_installed_edgeq_runs_a_picture_through_all_variants(device: Ran, name: str) -> None:
    done = device.others["run"]
    assert "Traceback" not in done.stderr
    assert done.returncode == (3 if FACTS[name].refused else 0), done.stderr
    assert all(variant in done.stdout for variant in VARIANTS if variant not in FACTS[name].refused)


def test_the_installed_edgeq_inspects_a_file(device: Ran) -> None:
    done = device.others["inspect"]
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_the_installed_edgeq_reports_and_compares_no_emulated_times(device: Ran) -> None:
    done = device.others["report"]
    assert done.returncode == 0, done.stderr
    assert "emulated" in (device.pi.home / "report.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["bookworm64-a53"])
def test_the_oldest_64_bit_processor_runs_the_packed_bundle(smoke: Ran) -> None:
    assert smoke.done.returncode == 0, smoke.done.stderr
    (one,) = measured_in(smoke, "demo.jsonl")
    assert "A53" in one.environment.cpu
    assert one.parity is not None
    assert one.parity.passed


def test_a_machine_without_a_runtime_says_in_one_line_what_fits(
    known_machines: dict[str, Machine], proofs: Proofs, tmp_path: Path
) -> None:
    """A 32-bit system on a 64-bit kernel, which says aarch64 and has NumPy of its own."""
    pi = booted(known_machines["bookworm32-on-64"], tmp_path / "machine")
    shutil.copy(proofs.result("made", "demo") / "demo.pyz", pi.home)
    line = refused(pi.run("python3", "demo.pyz"))
    assert "tflite-runtime" in line
    assert "pip install" in line
    assert "litert" not in line


def test_a_machine_without_numpy_says_so_in_one_line(
    known_machines: dict[str, Machine], proofs: Proofs, tmp_path: Path
) -> None:
    pi = booted(known_machines["bookworm64"], tmp_path / "machine")
    shutil.copy(proofs.result("made", "demo") / "demo.pyz", pi.home)
    assert "numpy" in refused(pi.run("python3", "demo.pyz")).lower()


def test_the_script_runs_a_command_alone(known_machines: dict[str, Machine], tmp_path: Path) -> None:
    booted(known_machines["bookworm64"], tmp_path / "machine")
    script = Path(__file__).parent / "emulated_pi.py"
    command = [
        sys.executable,
        str(script),
        "--machine",
        "bookworm64",
        "--",
        "python3",
        "-c",
        "import sys; sys.exit(7)",
    ]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 7
