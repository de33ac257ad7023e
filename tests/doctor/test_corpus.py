"""The proof of the doctor: it finds every mistake that is made in a good project, and nothing in the good ones.

``EDGEQ_WHOLE_CORPUS=1`` makes every mistake in every project that it can be made in, with all rules, and looks at each
file of all good projects by itself; without it, what takes long is tried on one or two.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")

sys.path.insert(0, str(Path(__file__).parent / "checks"))
sys.path.insert(0, str(Path(__file__).parent / "corpus"))

from mending import MENDABLE, agree, mended
from mistakes import MISTAKES, pairs
from patient import Mistake, Patient
from projects import MAKERS, Project, build

from edgeq.doctor.examination import Examination
from edgeq.doctor.rules import RULES

pytestmark = pytest.mark.tensorflow

WHOLE = os.environ.get("EDGEQ_WHOLE_CORPUS") == "1"
NAMES = [maker.__name__ for maker in MAKERS]
PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Good projects by name, each built when it is first asked for."""
    makers = {maker.__name__: maker for maker in MAKERS}
    built: dict[str, Project] = {}

    def of(name: str) -> Project:
        if name not in built:
            built[name] = build(makers[name], tmp_path_factory.mktemp("corpus") / name)
        return built[name]

    return of


def found(examination: Examination) -> list[str]:
    """What an examination says, one line a finding; a rule that could not finish is none of the kind expected."""
    assert [(one.rule.code, one.reason) for one in examination.failed] == []
    return [f"{one.rule.code} {one.finding.subject} {one.finding.message}" for one in examination.diagnoses]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_good_model(project, name):
    good = project(name)
    examination = Patient(good.model, good.data).examined()
    assert found(examination) == []
    # All but the rules on files look at it.
    assert {one.code for one in examination.checked} == {one.code for one in RULES if one.code[0] != "F"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_good_bundle(project, name):
    good = project(name)
    examination = Patient(good.bundle, good.data).examined()
    assert found(examination) == []
    # A bundle cannot be converted on trial.
    assert {one.code for one in RULES} - {one.code for one in examination.checked} == {"M201", "M209"}


@pytest.mark.parametrize("with_data", [False, True])
@pytest.mark.parametrize("name", NAMES if WHOLE else ["pair"])
def test_nothing_is_found_in_a_good_file(project, name, with_data):
    good = project(name)
    for file in sorted(good.bundle.glob("*.tflite")):
        assert found(Patient(file, good.data if with_data else None).examined()) == []


@pytest.mark.parametrize(
    ("mistake", "name"),
    [
        pytest.param(mistake, name, id=f"{mistake.code}-{mistake.name}-{name}")
        for mistake, name in pairs(whole=WHOLE)
    ],
)
def test_a_mistake_is_found_by_its_rule(project, tmp_path, mistake: Mistake, name: str):
    patient = mistake.make(project(name), tmp_path)
    said = found(patient.examined(*(() if WHOLE else (mistake.code,))))
    assert mistake.code in {line.split()[0] for line in said}, said


@pytest.mark.parametrize(("mistake", "name"), MENDABLE, ids=[f"{one.code}-{one.name}" for one, _ in MENDABLE])
def test_a_mistake_that_is_mended_is_found_no_more_and_the_outputs_are_the_good_ones(
    project, tmp_path, mistake: Mistake, name: str
):
    good = project(name)
    patient = mistake.make(good, tmp_path)
    whole = mended(patient, mistake)
    assert found(whole.examined(mistake.code)) == []
    agree(good, patient, whole)


def test_each_rule_has_a_mistake_and_each_fix_is_tried():
    assert {one.code for one in MISTAKES} == {one.code for one in RULES}
    assert {one.code for one, _ in MENDABLE} == {one.code for one in RULES if one.fix}


def test_each_architecture_has_mistakes_of_all_kinds():
    kinds = {(name, mistake.code[0]) for mistake, name in pairs(whole=True)}
    assert kinds == {(name, letter) for name in NAMES for letter in "DMF"}
    assert len({(one.name, one.code) for one in MISTAKES}) == len(MISTAKES)


def test_the_documentation_states_the_counts():
    text = PAGE.read_text(encoding="utf-8")
    section = text[text.index("\n## How well it finds\n") :]
    stated = [int(number) for number in re.findall(r"\*\*(\d+)\*\*", section)]
    architectures = {maker.__doc__ for maker in MAKERS}
    whole = pairs(whole=True)
    assert stated == [len(NAMES), len(architectures), len(MISTAKES), len(whole), len(pairs(whole=False))]
    for letter, kind in (("D", "data"), ("M", "models"), ("F", "files")):
        rules = sum(one.code[0] == letter for one in RULES)
        mistakes = sum(one.code[0] == letter for one in MISTAKES)
        count = sum(one.code[0] == letter for one, _ in whole)
        usual = sum(one.code[0] == letter for one, _ in pairs(whole=False))
        assert f"| {kind} | {rules} | {mistakes} | {count} | {usual} |" in section
    for name in NAMES:
        assert f"| {name} |" in section


def test_the_data_of_the_projects_differ(project):
    # A project that is another one's copy would prove nothing more.
    shapes = {tuple(values.shape[1:] for values in project(name).arrays().values()) for name in NAMES}
    assert len(shapes) == len(NAMES)
    assert all(np.isfinite(project("pair").arrays()[name]).all() for name in ("speed", "height"))
