from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hand_made import Graph, tflite

from edgeq.runtime.available import find_runtime
from edgeq.tflite.model import OperatorCode
from edgeq.tflite.op_versions import (
    _LITERT,
    _TENSORFLOW,
    LITERT_MEASURED,
    least_litert,
    least_tensorflow,
    litert_requirement,
    tensorflow_requirement,
    version_key,
)


@pytest.mark.parametrize(
    ("operator", "version", "tensorflow", "litert"),
    [
        ("CONV_2D", 1, "1.5.0", "1.0.1"),
        ("FULLY_CONNECTED", 12, "2.17.0", "1.0.1"),
        ("TRANSPOSE", 7, "2.14.4", "1.2.0"),
        ("BROADCAST_TO", 1, None, None),
        ("DEQUANTIZE", 9, None, "2.2.0"),
        ("STABLEHLO_CBRT", 1, "2.17.0", None),
        ("CONV_2D", 0, None, None),
        ("CONV_2D", -3, None, None),
        ("OP_999", 1, None, None),
    ],
)
def test_the_first_release_with_an_operator(operator, version, tensorflow, litert):
    assert least_tensorflow(operator, version) == tensorflow
    assert least_litert(operator, version) == litert


def test_a_file_needs_what_its_newest_operator_needs():
    codes = [OperatorCode("CONV_2D", 1, None), OperatorCode("FULLY_CONNECTED", 12, None)]
    requirement = tensorflow_requirement([*codes, OperatorCode("Mine", 1, "Mine")])
    assert (requirement.version, requirement.because) == ("2.17.0", "FULLY_CONNECTED version 12")
    unknown = litert_requirement([*codes, OperatorCode("CONV_2D", 99, None)])
    assert (unknown.version, unknown.unknown) == (None, ("CONV_2D version 99",))
    assert tensorflow_requirement([]).version is None


def _is_registered(module, operator: str, version: int) -> bool:
    """Whether a runtime has it: it looks up every kind of operator that a file lists, used or not."""
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
    try:
        module.Interpreter(model_content=tflite(Graph(), operatorCodes=[code]))
    except (ValueError, RuntimeError):
        return False
    return True


def test_the_installed_litert_has_what_the_table_says():
    installed = find_runtime("litert")
    if version_key(installed.version) < version_key(LITERT_MEASURED):
        pytest.skip(f"LiteRT {installed.version} is older than what was measured")
    module = installed.module()
    listed = [
        (name, version + 1) for name, versions in _TENSORFLOW.items() for version in range(len(versions))
    ]
    wrong = [
        (name, version)
        for name, version in {*listed, *_LITERT}
        if hasattr(schema.BuiltinOperator, name)
        and _is_registered(module, name, version) != (least_litert(name, version) is not None)
    ]
    assert wrong == []
