"""What the converter says, in one line with a subject and a next step."""

from __future__ import annotations

import pytest

from edgeq.convert.refusals import explain


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "Some ops in the model are custom ops\nCustom ops: Digamma\nDetails:\n\ttf.Digamma(...)",
            "the model has operators that TensorFlow Lite does not know: Digamma: rebuild that part of it from other "
            "layers",
        ),
        (
            "TF Select ops: MatrixInverse\nDetails:",
            "the model needs TensorFlow's own operators (MatrixInverse): ",
        ),
    ],
)
def test_a_refusal_has_a_subject_and_a_next_step(said: str, line: str) -> None:
    assert explain(said).startswith(line)
    assert "\n" not in explain(said)
