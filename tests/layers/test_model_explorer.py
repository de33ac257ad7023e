"""Node data as Google's Model Explorer reads them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeq.demo import assets
from edgeq.errors import UsageError
from edgeq.layers.model_explorer import METRICS, graph_id, node_data, node_data_paths
from edgeq.layers.structure import LayerAnalysis, LayerCost
from edgeq.tflite.model import read_model

FILE = assets.bundle_path() / "fashion_mnist.int8.tflite"

# What the package makes of a file of ours, and of the .tflite itself. Its native part holds a TensorFlow of its own,
# so that it gets a process of its own.
READER = """
import json, sys
from model_explorer.node_data_builder import GradientItem, GraphNodeData, ModelNodeData, NodeDataResult
from model_explorer.builtin_tflite_flatbuffer_adapter import BuiltinTfliteFlatbufferAdapter

def graph(value):
    results = {key: NodeDataResult(**result) for key, result in value.pop("results").items()}
    gradient = [GradientItem(**item) for item in value.pop("gradient")]
    return GraphNodeData(results=results, gradient=gradient, **value)

data = {key: graph(value) for key, value in json.load(open(sys.argv[1])).items()}
graphs = {}
for collection in BuiltinTfliteFlatbufferAdapter().convert(sys.argv[2], {})["graphCollections"]:
    for one in collection.graphs:
        graphs[one["id"]] = {node["id"]: node["label"] for node in one["nodes"]}
print(json.dumps({"data": json.loads(ModelNodeData(data).to_json_string()), "graphs": graphs}))
"""


def cost(index, quantized, **values):
    return LayerCost(
        index, quantized, f"layer {index}", "CONV_2D", "", (), "int8", 10 * (index or 0), 0, 0, **values
    )


def analysis(layers, n=8):
    return LayerAnalysis("model", "int8", n, "", 20.0, None, None, None, tuple(layers))


def whole_file():
    """A value for every operator of the demo's int8 file."""
    operators = read_model(FILE).subgraphs[0].operators
    return analysis(
        [
            dataclasses.replace(
                cost(one.index, one.index),
                operator=one.name,
                error_share=0.01 * one.index,
                latency_us=3.0,
                n=8,
            )
            for one in operators
        ]
    )


def test_a_file_holds_one_value_an_operator_under_its_index_in_the_analysed_file():
    found = node_data(
        analysis([cost(None, None), cost(0, 4, latency_us=1.5), cost(1, None, latency_us=7.0)]), FILE
    )
    latency = json.loads(found["latency"])
    assert list(latency) == [graph_id(FILE)]
    assert latency[graph_id(FILE)]["results"] == {"4": {"value": 1.5}}
    assert latency[graph_id(FILE)]["name"] == "latency, µs (int8)"
    assert [item["stop"] for item in latency[graph_id(FILE)]["gradient"]] == [0.0, 0.5, 1.0]


def test_a_lone_files_operators_are_its_layers():
    found = node_data(analysis([cost(3, None, latency_us=1.5)], n=0), FILE)
    assert json.loads(found["latency"])[graph_id(FILE)]["results"] == {"3": {"value": 1.5}}


def test_only_what_was_measured_is_written_and_the_most_important_first():
    found = node_data(analysis([cost(0, 0, error_share=0.25, saturation=float("nan"))]), FILE)
    assert list(found) == ["damage", "size"]
    assert json.loads(found["damage"])[graph_id(FILE)]["results"]["0"]["value"] == 25.0
    assert node_data_paths(Path("out/x.json"), list(found)) == {
        "damage": Path("out/x.json"),
        "size": Path("out/x.size.json"),
    }


def test_numbers_that_json_does_not_have_are_left_out():
    found = node_data(analysis([cost(0, 0, latency_us=float("inf")), cost(1, 1, latency_us=2.0)]), FILE)
    assert list(json.loads(found["latency"])[graph_id(FILE)]["results"]) == ["1"]


def test_nothing_to_show_is_an_error():
    with pytest.raises(UsageError, match="no layers to show"):
        node_data(analysis([]), FILE)


@pytest.mark.skipif(
    find_spec("model_explorer") is None, reason="no ai-edge-model-explorer: it has no wheel here"
)
@pytest.mark.parametrize("metric", [metric.key for metric in METRICS if metric.key != "saturation"])
def test_the_package_reads_the_file_and_has_a_node_for_every_value(tmp_path, metric):
    path = tmp_path / "data.json"
    text = node_data(whole_file(), FILE)[metric]
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(FILE)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    ours = json.loads(text)
    for graph, data in ours.items():
        assert {key: answer["data"][graph][key] for key in data} == data
        labels = answer["graphs"][graph]
        for operator in read_model(FILE).subgraphs[0].operators:
            assert str(operator.index) in data["results"]
            assert labels[str(operator.index)] == operator.name.lower()
