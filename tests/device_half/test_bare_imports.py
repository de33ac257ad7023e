"""What measures runs with the standard library, numpy and the runtime alone, and from within a zip archive.

That is how a packed bundle runs on a device: nothing but a runtime, which brings numpy, is installed there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest

import edgeq
from edgeq.demo import assets

MEASURING = (
    "edgeq.benchmark.session",
    "edgeq.benchmark.targets",
    "edgeq.benchmark.accuracy",
    "edgeq.benchmark.evaluation",
    "edgeq.benchmark.evaluation_job",
    "edgeq.bundle",
    "edgeq.data.reading",
    "edgeq.devices.packed.program",
    "edgeq.pool",
    "edgeq.pool_worker",
    "edgeq.report.plain_text",
    "edgeq.report.recommend",
    "edgeq.report.results",
    "edgeq.report.tables",
    "edgeq.report.verdicts",
    "edgeq.report.wording",
    "edgeq.runtime.process",
    "edgeq.runtime.running",
    "edgeq.runtime.worker",
)

# Python imports this in every process that has it on its path: in those of the workers, too.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        blocked = {"PIL", "click", "rich", "flatbuffers", "jinja2", "plotly", "scipy", "tensorflow", "keras"}
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is not on a bare device", name=name)

sys.meta_path.insert(0, Blocker())
"""

NAMES_OF_THE_SCHEMA = ("BuiltinOperator.py", "TensorType.py")

MEASURE = """
import json, sys
import numpy as np
import edgeq
from edgeq.benchmark.latency import QUICK
from edgeq.benchmark.session import measure
from edgeq.benchmark.targets import find_targets
from edgeq.data.dataset import ArrayDataset

def main():
    bundle, data = sys.argv[1:]
    with np.load(data) as arrays:
        dataset = ArrayDataset({"image": arrays["image"]}, arrays["labels"])
    done = measure(find_targets([bundle], ["float32", "int8"]), data=dataset, threads=[1], plan=QUICK)
    values = {one.variant.name: one.accuracy.primary.value.value for one in done.measurements}
    print(json.dumps({"from": edgeq.__file__, "values": values, "failures": dict(done.failures)}))

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a process: the device half in an archive, and nothing that is not on a bare device."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(BLOCKER)
    package = Path(edgeq.__file__).parent
    schema = {file.name: file for file in files("tflite") or () if file.name in NAMES_OF_THE_SCHEMA}
    with zipfile.ZipFile(folder / "edgeq.zip", "w") as archive:
        for path in package.rglob("*.py"):
            if path.relative_to(package).parts[0] not in ("convert", "sources", "cli"):
                archive.write(path, Path("edgeq") / path.relative_to(package))
        archive.writestr("tflite/__init__.py", "")
        for name in NAMES_OF_THE_SCHEMA:
            archive.write(str(schema[name].locate()), f"tflite/{name}")
    path = os.pathsep.join([str(folder), str(folder / "edgeq.zip")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def run(bare: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=bare, capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("blocked", ["PIL.Image", "click", "flatbuffers"])
def test_what_is_blocked_cannot_be_imported_there(bare: dict[str, str], blocked: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {blocked}"], env=bare, capture_output=True, check=False
    )
    assert b"is not on a bare device" in done.stderr


@pytest.mark.parametrize("module", MEASURING)
def test_a_module_that_measures_imports_numpy_alone(bare: dict[str, str], module: str) -> None:
    code = (
        f"import sys; before = set(sys.modules); import {module}\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names))"
    )
    assert set(run(bare, "-c", code).split()) <= {"edgeq", "numpy", "tflite"}


def test_a_bundle_is_measured_from_within_an_archive(bare: dict[str, str], tmp_path: Path) -> None:
    data = assets.test_data()
    assert data.labels is not None
    (name,) = data.input_names()
    some = list(range(0, len(data), 10))
    np.savez(tmp_path / "data.npz", image=data.raw(name, some), labels=data.labels[some])
    (tmp_path / "measure.py").write_text(MEASURE)
    told = run(bare, str(tmp_path / "measure.py"), str(assets.bundle_path()), str(tmp_path / "data.npz"))
    outcome = json.loads(told)
    assert "edgeq.zip" in outcome["from"]
    assert outcome["failures"] == {}
    assert set(outcome["values"]) == {"float32", "int8"}
    assert min(outcome["values"].values()) > 0.8
