"""F308 and F313."""

from __future__ import annotations

import pytest

from edgeq.doctor.checks.file_operators import flex_or_custom, op_version_too_new
from edgeq.doctor.checks.file_runs import does_not_allocate
from edgeq.errors import UsageError

spoiling = pytest.importorskip("spoiling", exc_type=ImportError)
CUSTOM = 32  # BuiltinOperator.CUSTOM


def newer(version):
    def change(model):
        for operator in spoiling.operators(model, "FULLY_CONNECTED"):
            spoiling.with_new_code(model, operator, version=version)

    return change


def custom(name):
    def change(model):
        for operator in spoiling.operators(model, "SOFTMAX"):
            spoiling.with_new_code(
                model, operator, builtinCode=CUSTOM, deprecatedBuiltinCode=CUSTOM, customCode=name, version=1
            )

    return change


def test_the_demo_has_operators_that_every_runtime_has(demo_case):
    assert list(op_version_too_new(demo_case)) == []
    assert list(flex_or_custom(demo_case)) == []


def test_an_operator_that_is_newer_than_the_runtime_here_is_found_once(spoil, lone):
    case = lone(spoil("float32", newer(99)))
    (finding,) = op_version_too_new(case)
    assert "FULLY_CONNECTED version 99" in finding.message
    assert list(does_not_allocate(case)) == []


@pytest.mark.parametrize(
    ("target", "is_found"),
    [
        (None, False),
        ("tflite-runtime", True),
        ("tflite-runtime 2.14", True),
        ("tflite-runtime==2.14.0", True),
        ("TensorFlow Lite for Android 2.16", True),
        ("android 2.16.1", True),
        ("litert", False),
        ("LiteRT 2.3.0", False),
        ("LiteRT 1.0", False),
    ],
)
def test_what_an_older_runtime_refuses_is_a_finding_only_where_it_is_named(spoil, lone, target, is_found):
    # Version 12 came with TensorFlow 2.17, and LiteRT has it since 1.0.1.
    case = lone(
        spoil("float32", newer(12)),
    )
    case.target_runtime = target
    findings = list(op_version_too_new(case))
    assert bool(findings) == is_found
    assert all("FULLY_CONNECTED" in finding.message and target in finding.message for finding in findings)


def test_a_version_below_the_needed_one_is_refused_and_the_needed_one_taken(spoil, lone):
    case = lone(spoil("float32", newer(14)))
    case.target_runtime = "LiteRT 2.0"
    assert len(list(op_version_too_new(case))) == 1
    case.target_runtime = "LiteRT 2.1"
    assert list(op_version_too_new(case)) == []


def test_a_runtime_that_nobody_knows_is_an_error_that_lists_them(demo_case):
    demo_case.target_runtime = "onnxruntime 1.2"
    with pytest.raises(UsageError, match=r"unknown runtime 'onnxruntime 1\.2': expected one of LiteRT"):
        list(op_version_too_new(demo_case))


@pytest.mark.parametrize("name", ["FlexErf", "MyOwnSoftmax"])
def test_operators_that_no_runtime_has_are_found_once(spoil, lone, name):
    case = lone(spoil("float32", custom(name)))
    (finding,) = flex_or_custom(case)
    assert finding.details["operators"] == {name: 1}
    assert name in finding.message
    assert list(does_not_allocate(case)) == []


def test_a_custom_operator_that_runtimes_bring_along_is_fine(spoil, lone):
    assert list(flex_or_custom(lone(spoil("float32", custom("TFLite_Detection_PostProcess"))))) == []
