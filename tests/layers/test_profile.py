"""Time of operators as run here: real files, real processes, no assertion on a clock beyond what differs tenfold."""

from __future__ import annotations

import importlib.metadata

import pytest

from edgeq.demo import assets
from edgeq.errors import ModelError, RuntimeUnavailableError, WorkerError
from edgeq.layers import profile_worker
from edgeq.layers.profile import LITERT_PROFILER, OPERATOR_FILES, profile_operators
from edgeq.layers.profile_litert import VERSIONS
from edgeq.layers.profile_single import patches, time_singly
from edgeq.processes import CommandProcess
from edgeq.tflite.model import read_model

DEMO = assets.bundle_path()

known_version = pytest.mark.skipif(
    importlib.metadata.version("ai-edge-litert") not in VERSIONS,
    reason="the profiler of this version of LiteRT was not tried",
)


def demo(scheme):
    return DEMO / f"fashion_mnist.{scheme}.tflite"


@pytest.fixture
def unknown_runtime(tmp_path, monkeypatch):
    """The same LiteRT under a version that nobody has tried."""
    metadata = tmp_path / "ai_edge_litert-99.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ai-edge-litert\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@known_version
@pytest.mark.parametrize("scheme", ["float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"])
def test_every_operator_of_the_demo_has_a_time_from_the_runtimes_own_profiler(scheme):
    profile = profile_operators(demo(scheme), runs=5)
    names = [operator.name for operator in read_model(demo(scheme)).subgraphs[0].operators]
    assert profile.method == LITERT_PROFILER
    assert profile.source.startswith("LiteRT's profiler, litert 2.")
    covered = [index for time in profile.times for index in time.operators]
    assert sorted(covered) == list(range(len(names)))
    assert all(len(time.operators) <= 2 for time in profile.times)
    delegated = {index for time in profile.times if time.is_delegated for index in time.operators}
    assert (len(delegated) == 0) == (scheme == "int16x8")


@known_version
def test_kernels_are_those_of_the_operator_they_are_given_to():
    profile = profile_operators(demo("int8"), runs=5)
    names = [operator.name for operator in read_model(demo("int8")).subgraphs[0].operators]
    kernels = {index: time.kernels for time in profile.times for index in time.operators}
    depthwise = [kernels[index] for index, name in enumerate(names) if name == "DEPTHWISE_CONV_2D"]
    assert depthwise
    assert all("DWConv" in one[-1] for one in depthwise)
    (dense,) = [kernels[index] for index, name in enumerate(names) if name == "FULLY_CONNECTED"]
    assert "Fully Connected" in dense[-1]


@known_version
def test_two_threads_are_profiled_as_well():
    profile = profile_operators(demo("float32"), threads=2, runs=5)
    assert profile.method == LITERT_PROFILER
    assert "2 threads" in profile.source


@pytest.mark.usefixtures("unknown_runtime")
def test_a_version_that_was_not_tried_is_measured_operator_by_operator():
    profile = profile_operators(demo("int8"), runs=5)
    assert profile.method == OPERATOR_FILES
    assert profile.version == "99.0"
    assert profile.source.startswith("every operator measured alone")
    assert "LiteRT's profiler was not used: LiteRT 99.0" in profile.notes[0]
    operators = read_model(demo("int8")).subgraphs[0].operators
    assert [time.operators for time in profile.times] == [(operator.index,) for operator in operators]
    assert all(time.latency_us > 0 for time in profile.times)


def test_the_profiler_refuses_to_guess_at_structs_of_other_versions(monkeypatch):
    monkeypatch.setattr(profile_worker, "VERSIONS", ("1.0",))
    with pytest.raises(
        RuntimeUnavailableError, match=r"none of the versions whose profiler was tried \(1\.0\)"
    ):
        profile_worker.profile(str(demo("int8")), 1, 0, 1, 1.0)


def test_weights_that_are_converted_once_take_no_time_alone():
    times, failures = time_singly(demo("float16"), threads=1, runtime=None, runs=5, seconds=1)
    graph = read_model(demo("float16")).subgraphs[0]
    assert failures == []
    assert {graph.operators[index].name for index, time in times.items() if time == 0} == {"DEQUANTIZE"}
    assert len(times) == len(graph.operators)


@pytest.mark.parametrize("scheme", ["float32", "float16", "int8"])
def test_a_file_of_one_operator_has_its_inputs_and_outputs_and_is_still_a_model(scheme, tmp_path):
    path = demo(scheme)
    model = read_model(path)
    for operator in model.subgraphs[0].operators:
        content = bytearray(path.read_bytes())
        for patch in patches(path, model, operator.index):
            end = patch.position + len(patch.content)
            content.extend(bytes(max(0, end - len(content))))
            content[patch.position : end] = patch.content
        single = read_model(bytes(content))
        graph = single.subgraphs[0]
        assert graph.operators[-1].name == operator.name
        assert graph.operators[-1].outputs == operator.outputs
        assert graph.outputs == operator.outputs
        assert {other.name for other in graph.operators[:-1]} <= {"DEQUANTIZE"}
        assert single.signatures == ()
        made = {tensor for other in graph.operators for tensor in other.outputs}
        known = {tensor.index for tensor in graph.tensors if tensor.is_constant}
        assert all({*other.inputs} <= {*graph.inputs} | made | known for other in graph.operators)


def test_a_file_that_is_no_model_is_refused_before_any_process_starts(tmp_path):
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"\x00" * 64)
    with pytest.raises(ModelError, match="is not a TensorFlow Lite model"):
        profile_operators(path)


def test_a_file_that_the_runtime_refuses_says_so(tmp_path):
    path = tmp_path / "cut.tflite"
    content = bytearray(demo("int8").read_bytes())
    # The identifier is right, and what stands behind the tables is not.
    model = read_model(bytes(content))
    largest = max(model.buffers, key=lambda buffer: buffer.size)
    path.write_bytes(bytes(content[: largest.start + 8]))
    with pytest.raises((ModelError, WorkerError)):
        profile_operators(path)


@known_version
def test_what_the_library_refuses_is_an_error_of_one_line(tmp_path):
    path = tmp_path / "missing.tflite"
    with (
        CommandProcess("edgeq.layers.profile_worker", "LiteRT's profiler", timeout_s=60) as process,
        pytest.raises(WorkerError, match="LiteRT"),
    ):
        process.ask("profile", path=str(path), threads=1, discard=1, runs=1, seconds=1.0)


def test_the_slowest_tenth_of_the_runs_does_not_count():
    rows = [[10, 1]] * 9 + [[1000, 1]]
    assert profile_worker.trimmed_means(rows) == [10.0, 1.0]
    assert profile_worker.trimmed_means([[7]]) == [7.0]


@pytest.mark.tensorflow
def test_a_layer_with_nearly_all_the_work_has_nearly_all_the_time(dominated):
    profile = profile_operators(dominated, runs=20)
    names = [operator.name for operator in read_model(dominated).subgraphs[0].operators]
    latencies = profile.by_operator({})
    slowest = max(latencies, key=latencies.__getitem__)
    assert names[slowest] == "CONV_2D"
    # 151 million multiply-accumulates against less than 30 thousand.
    assert latencies[slowest] > 0.8 * sum(latencies.values())
    singly, _ = time_singly(dominated, threads=1, runtime=None, runs=20, seconds=2)
    assert singly[slowest] > 0.8 * sum(singly.values())


@pytest.fixture(scope="module")
def dominated(tmp_path_factory):
    """One convolution of 64 channels between two layers that do next to nothing."""
    keras = pytest.importorskip("keras")
    import tensorflow

    model = keras.Sequential(
        [
            keras.Input((64, 64, 1)),
            keras.layers.Conv2D(64, 1, activation="relu"),
            keras.layers.Conv2D(64, 3, padding="same", activation="relu", name="heavy"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )
    path = tmp_path_factory.mktemp("dominated") / "dominated.tflite"
    path.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())
    return path
