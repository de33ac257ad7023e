"""``edgeq layers``: what each layer costs in accuracy, time and size."""

from __future__ import annotations

import json
import shutil

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeq.tflite.model import read_model


@pytest.fixture(scope="module")
def analysed(tmp_path_factory, demo):
    """The demo's bundle analysed once, with all outputs; where it ran, and what it said."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("layers")
    arguments = ["layers", demo.bundle, "--data", demo.calibration, "--items", "32", "--top", "5"]
    outputs = ["-o", "a.html", "-o", "a.json", "-o", "a.txt", "--model-explorer", "nodes.json"]
    done = subprocess.run(
        [sys.executable, "-m", "edgeq", *map(str, arguments), *outputs],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return folder, done


def test_layers_are_ranked_and_the_last_line_says_what_to_do(analysed, demo):
    _, done = analysed
    lines = done.stdout.splitlines()
    assert lines[0] == "fashion_mnist, int8"
    assert lines[1].startswith("SQNR of the outputs ")
    ranks = [line.split()[0] for line in lines if line[:3].strip().isdigit()]
    assert ranks == ["1", "2", "3", "4", "5"]
    assert lines[-1].startswith("next: ")


def test_every_output_is_written_and_named(analysed):
    folder, done = analysed
    written = [
        "a.html",
        "a.json",
        "a.txt",
        "nodes.json",
        "nodes.latency.json",
        "nodes.saturation.json",
        "nodes.size.json",
    ]
    assert sorted(path.name for path in folder.iterdir()) == written
    said = done.stderr.splitlines()
    assert [line.removeprefix("written: ") for line in said if line.startswith("written: ")] == written
    assert said[-1].startswith("see them: model-explorer ")
    assert said[-1].endswith(
        "--node_data_paths=nodes.json,nodes.latency.json,nodes.saturation.json,nodes.size.json"
    )


def test_the_json_has_all_layers_with_damage_time_and_size(analysed, demo):
    folder, _ = analysed
    document = json.loads((folder / "a.json").read_text())
    assert (document["format"], document["version"], document["n"]) == ("edgeq-layers", 1, 32)
    operators = [layer for layer in document["layers"] if layer["index"] is not None]
    model = read_model(demo.bundle / "fashion_mnist.float32.tflite")
    assert [layer["operator"] for layer in operators] == [one.name for one in model.subgraphs[0].operators]
    assert all(layer["rank"] for layer in operators)
    assert sum(layer["latency_share"] or 0.0 for layer in operators) == pytest.approx(1.0, abs=0.02)


def test_node_data_name_operators_of_the_variants_file(analysed, demo):
    folder, _ = analysed
    model = read_model(demo.bundle / "fashion_mnist.int8.tflite")
    indices = {str(operator.index) for operator in model.subgraphs[0].operators}
    for name in ("nodes.json", "nodes.latency.json", "nodes.size.json"):
        ((graph, data),) = json.loads((folder / name).read_text()).items()
        assert graph == "main"
        assert set(data["results"]) <= indices
        assert data["results"]


def test_a_lone_file_shows_time_and_size(edgeq, work, demo):
    shutil.copyfile(demo.bundle / "fashion_mnist.float32.tflite", work / "mine.tflite")
    run = edgeq("layers", "mine.tflite", "--model-explorer", "mine.json")
    assert run.code == 0
    assert run.out.splitlines()[0] == "mine.tflite"
    assert "1 thread" in run.out
    assert run.out.splitlines()[-1] == (
        "next: edgeq layers BUNDLE --data DATA says what quantizing each layer costs in accuracy"
    )
    assert sorted(path.name for path in work.glob("mine*.json")) == ["mine.json", "mine.size.json"]


def test_a_file_that_the_runtime_refuses_is_named_once(edgeq, work, demo):
    model = schema.ModelT.InitFromObj(
        schema.Model.GetRootAs((demo.bundle / "fashion_mnist.float32.tflite").read_bytes())
    )
    model.operatorCodes[0].version = 99
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (work / "new.tflite").write_bytes(bytes(builder.Output()))
    run = edgeq("layers", "new.tflite")
    assert run.code != 0
    assert "is refused by" in run.complaint
    assert run.complaint.count("new.tflite") == 1


def test_json_goes_to_stdout_alone(edgeq, demo):
    run = edgeq("layers", demo.bundle / "fashion_mnist.int8.tflite", "--no-profile", "--json")
    assert run.err == ""
    document = json.loads(run.out)
    assert document["latency_us"] is None
    assert {layer["latency_us"] for layer in document["layers"]} == {None}


def test_two_threads_are_said(edgeq, demo):
    run = edgeq("layers", demo.bundle / "fashion_mnist.float32.tflite", "--threads", "2")
    assert "2 threads" in run.out


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ["--variant", "int4"],
            "expected one of the variants float16, dynamic, int8, int8-io-float32, int16x8",
        ),
        (["-o", "a.csv"], "a.csv: unknown format 'csv': expected a file that ends in .html, .json or .txt"),
        (["-o", "missing/a.json"], "missing"),
        (["--model-explorer", "a.txt"], "--model-explorer a.txt: expected a file that ends in .json"),
        (["--preprocess", "0..1"], "--preprocess is for the items of --data"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_wrong_options_end_in_one_line_before_the_work_begins(edgeq, demo, options, complaint):
    run = edgeq("layers", demo.bundle, *options)
    assert run.code == 2
    assert complaint in run.complaint


def test_a_lone_file_takes_no_data(edgeq, demo):
    run = edgeq("layers", demo.bundle / "fashion_mnist.int8.tflite", "--data", demo.calibration)
    assert run.code == 2
    assert "lone file" in run.complaint


def test_a_page_without_jinja_names_the_extra(edgeq, demo, blocked):
    run = edgeq("layers", demo.bundle, "-o", "a.html", PYTHONPATH=blocked("jinja2"))
    assert run.code == 2
    assert 'pip install "edgeq[report]"' in run.complaint


def test_what_is_no_model_is_refused(edgeq, work):
    (work / "a.tflite").write_bytes(b"\x00" * 100)
    run = edgeq("layers", "a.tflite")
    assert run.code == 2
    assert "is not a TensorFlow Lite model" in run.complaint


def test_a_bundle_that_is_not_there_is_said_to_be_missing(edgeq, work):
    run = edgeq("layers", "missing-edgeq", "--data", "photos.npz")
    assert run.code == 2
    assert run.complaint == "missing-edgeq does not exist: expected a bundle or a .tflite file"
