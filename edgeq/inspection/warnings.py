"""What a user should look at in a file, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgeq.inspection.claims import is_claim_kept
from edgeq.inspection.islands import INTEGERS, computes_in_float
from edgeq.inspection.layers import CUSTOM, FLEX
from edgeq.inspection.structure import Inspection
from edgeq.tflite.model import TfliteModel
from edgeq.tflite.op_versions import REGISTERED_CUSTOM
from edgeq.tflite.precision import MIXED, Precision


def file_warnings(inspection: Inspection, model: TfliteModel) -> tuple[str, ...]:
    """What a user should look at.

    Args:
        inspection: complete but for its warnings.
        model: the file.
    """
    return (
        *_claim(inspection),
        *_foreign_operators(inspection),
        *_interface(inspection, model),
        *_islands(inspection),
        *_run(inspection),
    )


def _claim(inspection: Inspection) -> Iterator[str]:
    claimed = inspection.claimed_scheme
    precision = Precision(inspection.weights, inspection.activations)
    if claimed is not None and not is_claim_kept(claimed, inspection.scheme, precision):
        yield f"the file's name says {claimed}, and it {_reality(inspection)}: convert it again, or rename it"


def _reality(inspection: Inspection) -> str:
    if inspection.scheme is not None:
        return f"is {inspection.scheme}"
    computing = [
        layer for layer in inspection.layers if layer.precision in INTEGERS or computes_in_float(layer)
    ]
    floats = sum(computes_in_float(layer) for layer in computing)
    if floats and inspection.activations == MIXED:
        return f"computes in float in {floats} of its {len(computing)} operators"
    return f"has {inspection.weights} weights and {inspection.activations} activations"


def _foreign_operators(inspection: Inspection) -> Iterator[str]:
    flex = [use.operator for use in inspection.operators if use.kind == FLEX]
    if flex:
        yield (
            f"it has operators of TensorFlow itself ({_listed(flex)}), which run only where the Flex delegate is "
            "built in, and in no Python runtime: convert it without Flex"
        )
    custom = [use.operator for use in inspection.operators if use.kind == CUSTOM]
    foreign = [name for name in custom if name not in REGISTERED_CUSTOM]
    if foreign:
        yield (
            f"it has custom operators ({_listed(foreign)}): they run only where the application registers kernels "
            "for them"
        )


def _interface(inspection: Inspection, model: TfliteModel) -> Iterator[str]:
    if not model.subgraphs[0].operators:
        yield "it has no operators: its outputs are its inputs or constants"
    if not inspection.signatures:
        yield (
            "it has no signature, so that inputs can only be told apart by their order and by tensor names: convert "
            "it again with edgeq, which adds one"
        )
    yield from _free_dimensions(inspection)
    if inspection.macs_at_least:
        yield (
            "it has a loop, and nothing in the file tells how many turns it takes: one turn of its body counts in the "
            "multiply-accumulates, which are at least as many as are given here"
        )


def _free_dimensions(inspection: Inspection) -> Iterator[str]:
    """A batch that is left free is worth a word only where it may cost something."""
    run = inspection.run
    beside = [item.name for item in inspection.inputs if -1 in item.shape_signature[1:]]
    batch = [item.name for item in inspection.inputs if -1 in item.shape_signature[:1]]
    if beside:
        tried = "" if run is None or run.free_size is None else f", and as {run.free_size} in the run here"
        yield (
            f"inputs have free dimensions ({_listed(beside)}), which count as 1 in all figures{tried}, and may keep "
            "delegates away: fix them with edgeq convert --size"
        )
    elif batch and run is not None and run.delegated is not None and run.delegated != run.operators:
        yield (
            f"inputs have a free batch ({_listed(batch)}), which counts as 1 here and may keep delegates away: fix it "
            "with edgeq convert --batch 1"
        )


def _islands(inspection: Inspection) -> Iterator[str]:
    for island in inspection.islands[:_MOST_ISLANDS]:
        first, last = island.layers[0], island.layers[-1]
        names = {(layer.subgraph, layer.index): layer.name for layer in inspection.layers}
        span = names[first] if names[first] == names[last] else f"{names[first]} to {names[last]}"
        count = f"{len(island.layers)} operators" if len(island.layers) > 1 else "one operator"
        yield f"{count} in an integer model left in float ({span}): {island.cause}"
    left = len(inspection.islands) - _MOST_ISLANDS
    if left > 0:
        yield f"{left} more parts of it compute in float"


def _run(inspection: Inspection) -> Iterator[str]:
    run = inspection.run
    if run is not None and run.error is not None:
        yield f"it does not run here: {run.error}" if run.runtime else f"it was not run here: {run.error}"


def _listed(names: Iterable[str]) -> str:
    known = list(dict.fromkeys(names))
    return ", ".join(known[:4]) + (f" and {len(known) - 4} more" if len(known) > 4 else "")


_MOST_ISLANDS = 8
