"""What ``benchmark_model`` says of delegates: which of them execute something, and how many operators they took."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_APPLIED = re.compile(
    r"Explicitly applied ([\w .-]{1,60}) delegate, and the model graph will be (completely|partially)"
)
_NOT_EXECUTED = re.compile(
    r"Though ([\w .-]{1,60}) delegate is explicitly applied, the model graph will not be executed"
)
_REPLACING = re.compile(
    r"Replacing (\d{1,9})(?: out of (\d{1,9}))? node\(s\) with delegate \(([\w .-]{1,80})\) node"
    r"(?:, yielding \d{1,9} partitions?(?: for (?:the whole graph|subgraph (\d{1,9})))?)?"
)
_CREATED_XNNPACK = "Created TensorFlow Lite XNNPACK delegate"
_DELEGATES = {"TfLiteXNNPackDelegate": "XNNPACK", "TfLiteGpuDelegateV2": "GPU"}

NO_DELEGATE = "none"

_MOST = 4
"""Delegates that are named: the tool has flags for six."""


@dataclass(frozen=True)
class DelegatesTold:
    """What the output says.

    Attributes:
        name: of what executes something, such as ``XNNPACK``, several joined by a plus sign, or ``none``.
        nodes_delegated: operators of the first subgraph that they took; None where not told.
        nodes: operators of the first subgraph; None where not told.
    """

    name: str
    nodes_delegated: int | None
    nodes: int | None


def delegates_told(lines: Iterable[str]) -> DelegatesTold:
    """Reads the lines that speak of delegates.

    Args:
        lines: of the output, each of a bounded length.
    """
    applied: dict[str, None] = {}
    nodes_delegated: int | None = None
    nodes: int | None = None
    idle: set[str] = set()
    created = False
    for line in lines:
        created = created or _CREATED_XNNPACK in line
        if match := _APPLIED.search(line):
            applied[match.group(1)] = None
        elif match := _NOT_EXECUTED.search(line):
            idle.add(match.group(1))
        elif match := _REPLACING.search(line):
            replaced, of, name, subgraph = match.groups()
            if subgraph not in (None, "0"):
                continue
            if int(replaced):
                applied[_DELEGATES.get(name, name)] = None
            nodes_delegated = (nodes_delegated or 0) + int(replaced)
            # A later delegate sees a node that stands for what the earlier one took: the first one sees them all.
            nodes = nodes if nodes is not None or of is None else int(of)
    if created and not applied and "XNNPACK" not in idle:
        # The runtime applies it by itself and says no more than this.
        applied["XNNPACK"] = None
    if nodes is not None and nodes_delegated is not None:
        nodes_delegated = min(nodes_delegated, nodes)
    return DelegatesTold("+".join([*applied][:_MOST]) or NO_DELEGATE, nodes_delegated, nodes)
