"""How many operators of a file a delegate took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Delegation:
    """Which share of a file is delegated.

    Attributes:
        delegate: ``XNNPACK`` or ``none``.
        delegated: operators of the file that run in a delegate; None where the runtime does not say.
        total: operators of the file; None where the runtime does not say.
        partitions: parts that the delegate took in one piece each; None where the runtime does not say.
        indices: of the delegated operators in the first subgraph, ascending.
    """

    delegate: str
    delegated: int | None
    total: int | None
    partitions: int | None = None
    indices: tuple[int, ...] = ()


def count(interpreter: Any) -> Delegation:
    """Counts the operators that the default delegate took.

    The runtime lists DELEGATE nodes (one a partition) beside all original operators. How many originals
    one of them stands for is found by walking from its outputs back to its inputs.

    Args:
        interpreter: an allocated ``Interpreter``.
    """
    details = getattr(interpreter, "_get_ops_details", None)
    if details is None:
        return Delegation("unknown", None, None)
    nodes = details()
    originals = [node for node in nodes if node["op_name"] != "DELEGATE"]
    partitions = [node for node in nodes if node["op_name"] == "DELEGATE"]
    # An unused output and an omitted input are both -1, and have nothing to do with each other.
    producer = {int(tensor): node for node in originals for tensor in node["outputs"] if tensor >= 0}
    taken: set[int] = set()
    for partition in partitions:
        borders = {int(tensor) for tensor in partition["inputs"]}
        waiting = [int(tensor) for tensor in partition["outputs"]]
        while waiting:
            node = producer.get(waiting.pop())
            if node is None or int(node["index"]) in taken:
                continue
            taken.add(int(node["index"]))
            waiting += [int(tensor) for tensor in node["inputs"] if int(tensor) not in borders]
    return Delegation(
        delegate="XNNPACK" if partitions else "none",
        delegated=len(taken),
        total=len(originals),
        partitions=len(partitions),
        indices=tuple(sorted(taken)),
    )
