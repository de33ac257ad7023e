"""A graph is frozen once for all its files, and they are those of a converter of their own to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeq.convert import shared_calibration
from edgeq.convert.converter import Converter, Recipe
from edgeq.convert.shared_freezing import SharedFreezing
from edgeq.schemes import VariantSpec, find
from edgeq.sources.graph import Dimensions, SourceGraph
from edgeq.sources.opening import open_source

pytestmark = pytest.mark.tensorflow

FLOAT = [VariantSpec(find(name), "float32") for name in ("float32", "float16", "dynamic")]


@pytest.fixture(scope="module")
def graph(tiny: Path) -> SourceGraph:
    return open_source(tiny, Dimensions())


@pytest.fixture
def freezes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry each time that TensorFlow freezes a graph."""
    from tensorflow.lite.python.lite import TFLiteFrozenGraphConverterV2

    freeze = TFLiteFrozenGraphConverterV2._freeze_concrete_function
    calls: list[Any] = []

    def counted(self: Any) -> Any:
        calls.append(self)
        return freeze(self)

    monkeypatch.setattr(TFLiteFrozenGraphConverterV2, "_freeze_concrete_function", counted)
    return calls


def test_one_freezing_gives_the_bytes_of_separate_ones(graph: SourceGraph, freezes: list[Any]) -> None:
    converter = Converter(graph.frozen)
    together = [converter.make(Recipe.of(spec)) for spec in FLOAT]
    assert len(freezes) == 1
    assert [Converter(graph.frozen).make(Recipe.of(spec)) for spec in FLOAT] == together
    assert len(freezes) == 4


def test_an_unknown_version_freezes_for_each_file(
    graph: SourceGraph, freezes: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_calibration, "_KNOWN_VERSIONS", ("1.15",))
    converter = Converter(graph.frozen)
    for spec in FLOAT:
        converter.make(Recipe.of(spec))
    assert len(freezes) == 3


def test_a_converter_without_the_private_method_is_left_alone() -> None:
    assert not SharedFreezing().install(object())
