"""F311."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeq.doctor.checks.file_signature import no_signature

spoiling = pytest.importorskip("spoiling", exc_type=ImportError)
DATA = Path(__file__).parents[2] / "tflite" / "data"


def test_the_demo_has_signatures(demo_case):
    assert list(no_signature(demo_case)) == []


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_a_file_without_a_signature_is_found(spoil, lone, variant):
    (finding,) = no_signature(lone(spoil(variant, spoiling.without_signatures)))
    assert "--fix" in finding.message
    assert not finding.details["inputs_of_one_shape"]


def test_inputs_of_one_shape_are_called_easily_swapped(lone):
    (finding,) = no_signature(lone(DATA / "frozen.int8.tflite"))
    assert finding.details["inputs_of_one_shape"]
    assert "swapped" in finding.message
    assert list(no_signature(lone(DATA / "two_inputs.int8.tflite"))) == []


def test_a_signature_of_another_subgraph_names_nothing(spoil, lone):
    def elsewhere(model):
        import copy

        model.subgraphs.append(copy.copy(model.subgraphs[0]))
        model.signatureDefs[0].subgraphIndex = 1

    assert len(list(no_signature(lone(spoil("float32", elsewhere))))) == 1
