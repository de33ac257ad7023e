from __future__ import annotations

import pytest

from edgeq.demo import assets
from edgeq.runtime.available import find_runtime
from edgeq.runtime.delegation import Delegation, count
from edgeq.runtime.interpreter import LoadedModel


@pytest.mark.parametrize(
    ("variant", "delegated", "total", "partitions"),
    [
        ("float32", 16, 16, 1),
        # The other 26 expand a float16 weight each.
        ("float16", 42, 42, 1),
        ("dynamic", 14, 16, 3),
        ("int8", 15, 16, 1),
        ("int8-io-float32", 17, 18, 2),
    ],
)
def test_the_demos_operators_in_the_delegate_are_counted(
    variant: str, delegated: int, total: int, partitions: int
) -> None:
    model = LoadedModel(assets.bundle_path() / f"{assets.NAME}.{variant}.tflite", find_runtime())
    found = model.delegation
    assert (found.delegate, found.delegated, found.total) == ("XNNPACK", delegated, total)
    assert found.partitions == partitions
    assert len(found.indices) == delegated
    assert set(found.indices) <= set(range(total))


def test_int16x8_is_not_delegated_at_all() -> None:
    model = LoadedModel(assets.bundle_path() / f"{assets.NAME}.int16x8.tflite", find_runtime())
    assert model.delegation == Delegation("none", 0, 16, 0)


class _Listed:
    """An interpreter that lists these nodes: (name, inputs, outputs)."""

    def __init__(self, *nodes: tuple[str, list[int], list[int]]) -> None:
        self._nodes = nodes

    def _get_ops_details(self) -> list[dict[str, object]]:
        return [
            {"index": index, "op_name": name, "inputs": inputs, "outputs": outputs}
            for index, (name, inputs, outputs) in enumerate(self._nodes)
        ]


def test_several_partitions_are_added_and_what_lies_between_is_not() -> None:
    nodes = _Listed(
        ("CONV_2D", [0], [1]),
        ("CUSTOM", [1], [2]),
        ("CONV_2D", [2], [3]),
        ("ADD", [3, 2], [4]),
        ("DELEGATE", [0], [1]),
        ("DELEGATE", [2], [4]),
    )
    assert count(nodes) == Delegation("XNNPACK", 3, 4, 2, indices=(0, 2, 3))


def test_an_operator_that_two_outputs_need_counts_once() -> None:
    nodes = _Listed(("SPLIT", [0], [1, 2]), ("RELU", [1], [3]), ("RELU", [2], [4]), ("DELEGATE", [0], [3, 4]))
    assert count(nodes) == Delegation("XNNPACK", 3, 3, 1, indices=(0, 1, 2))


def test_an_unused_output_is_not_what_an_omitted_input_reads() -> None:
    # What LiteRT lists of a Keras LSTM with a dense layer: the loop hands out its last state only.
    nodes = _Listed(
        ("RESHAPE", [0, 1], [2]),
        ("WHILE", [3, 2], [-1, 4]),
        ("STRIDED_SLICE", [4], [5]),
        ("FULLY_CONNECTED", [5, 6, -1], [7]),
        ("DELEGATE", [0], [2]),
        ("DELEGATE", [5], [7]),
    )
    assert count(nodes) == Delegation("XNNPACK", 2, 4, 2, indices=(0, 3))


def test_a_runtime_that_does_not_say_is_unknown() -> None:
    assert count(object()) == Delegation("unknown", None, None)
