"""The rule on models whose int16x8 form fails or is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeq.doctor.case import Case
from edgeq.doctor.checks.model_graph import Graph, graph_of, listed
from edgeq.doctor.checks.model_operators import tried
from edgeq.doctor.rule import Finding
from edgeq.schemes import find

_SCHEME = "int16x8"


def breaks_int16x8(case: Case) -> Iterator[Finding]:
    """M209: models whose int16x8 form cannot be made, allocated or run, or is far from float32."""
    trial = tried(case, _SCHEME)
    if trial is None or case.float32_file is None:
        return
    if trial.problem is not None:
        what = "cannot be made" if trial.path is None else "does not run"
        graph = graph_of(case.float32_file, case.float32_model)
        layers = _named(graph, trial.problem)
        where = "".join(f"; {name} is in {listed(names)}" for name, names in layers.items())
        advice = "" if "take int8" in trial.problem else "; take int8 or float16, or replace what fails"
        yield Finding(
            case.name,
            f"int16x8 {what}: {trial.problem.rstrip('.')}{where}{advice}",
            details={"operators": layers},
        )
        return
    least = find(_SCHEME).least_sqnr_db
    if trial.sqnr_db is not None and trial.sqnr_db < least:
        yield Finding(
            case.name,
            f"outputs of int16x8 are {trial.sqnr_db:.1f} dB from those of float32, expected at least {least:.0f} dB; "
            "take int8 or float16; edgeq layers shows which layers lose most",
            details={"sqnr_db": trial.sqnr_db},
        )


def _named(graph: Graph, problem: str) -> dict[str, list[str]]:
    """Layers of the operators that a message names, by operator."""
    words = set(re.findall(r"[A-Z][A-Z0-9_]{2,}", problem))
    found: dict[str, list[str]] = {}
    for operator in graph.main.operators:
        if operator.name in words:
            found.setdefault(operator.name, []).append(graph.name(operator))
    return found
