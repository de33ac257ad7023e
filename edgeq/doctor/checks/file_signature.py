"""F311: a file without names for its inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator

from edgeq.doctor.case import Case
from edgeq.doctor.checks.file_reading import read
from edgeq.doctor.rule import Finding


def no_signature(case: Case) -> Iterator[Finding]:
    """F311: a file can be fed by position only."""
    for file, inspection in read(case):
        # One of another subgraph names nothing that an interpreter is fed with.
        if any(signature.subgraph_index == 0 for signature in inspection.signatures):
            continue
        shapes = [info.shape for info in inspection.inputs]
        swappable = len(set(shapes)) < len(shapes)
        yield Finding(
            file.path.name,
            "expected a signature that names its inputs and outputs, found none"
            f"{' and inputs of one shape, which are easily swapped' if swappable else ''}: edgeq doctor --fix adds it",
            file.path,
            {
                "inputs": [info.name for info in inspection.inputs],
                "outputs": [info.name for info in inspection.outputs],
                "inputs_of_one_shape": swappable,
            },
        )
