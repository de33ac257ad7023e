"""What all tests share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import flatbuffers
import hypothesis
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# A shell starts background jobs with SIGINT ignored, and processes hand that on: Ctrl-C could not be tested then.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Likewise nohup and SIGHUP; a handler of our own is not handed on, so that children have the default again.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

# A deadline would be an assertion on time: what takes 20 ms alone may take a second beside another test.
hypothesis.settings.register_profile("edgeq", deadline=None)
hypothesis.settings.load_profile("edgeq")

# In continuous integration everything is installed, and a skip would hide that something is not tested.
# Only what needs hardware may be skipped there.
_REQUIRE_ALL = os.environ.get("EDGEQ_REQUIRE_ALL") == "1"


def pytest_collection_modifyitems(config, items):
    if sys.version_info >= (3, 12):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("python311")])
        items[:] = [item for item in items if not item.get_closest_marker("python311")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if _REQUIRE_ALL and report.skipped and not item.get_closest_marker("hardware"):
        report.outcome = "failed"
        report.longrepr = f"skipped although EDGEQ_REQUIRE_ALL=1: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _no_numpy_warnings():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="edgeq")
        yield


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A folder with the sdist of this checkout and the wheel made from it."""
    folder = tmp_path_factory.mktemp("built")
    checkout = folder / "checkout"
    root = Path(__file__).parents[1]
    # A copy, because building writes beside the sources and takes along what an earlier build left there.
    without = shutil.ignore_patterns("__pycache__", "build", ".gradle", "assets")
    shutil.copytree(root / "edgeq", checkout / "edgeq", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "android_demo", checkout / "android_demo", ignore=without)
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg", "setup.py"):
        shutil.copy(root / name, checkout)
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", str(folder), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def crashing_model():
    """A sound flatbuffer on which LiteRT overflows its stack: an IF whose branch is the IF itself."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")

    def tensor(name: str, dtype: int) -> object:
        made = schema.TensorT()
        made.name, made.type, made.shape, made.buffer = name, dtype, [1], 0
        return made

    def graph() -> object:
        options = schema.IfOptionsT()
        options.thenSubgraphIndex = options.elseSubgraphIndex = 1
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 0, 1], [2]
        operator.builtinOptions, operator.builtinOptionsType = options, schema.BuiltinOptions.IfOptions
        made = schema.SubGraphT()
        made.tensors = [
            tensor("condition", schema.TensorType.BOOL),
            tensor("x", schema.TensorType.FLOAT32),
            tensor("y", schema.TensorType.FLOAT32),
        ]
        made.inputs, made.outputs, made.operators = [0, 1], [2], [operator]
        return made

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.IF
    code.version = 1
    model = schema.ModelT()
    model.version, model.operatorCodes, model.buffers = 3, [code], [schema.BufferT()]
    model.subgraphs = [graph(), graph()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
