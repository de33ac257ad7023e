"""A file with any bytes changed is shown in every form, or refused with a clear error."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.demo import assets
from edgeq.errors import EdgeqError
from edgeq.inspection.constant_digests import constant_digests
from edgeq.inspection.difference import compare_files
from edgeq.inspection.inspecting import inspect_file
from edgeq.report.inspection.document import Document, FileView
from edgeq.report.inspection.gathering import with_weights
from edgeq.report.inspection.render import FORMATS, render

INT8 = assets.bundle_path() / "fashion_mnist.int8.tflite"
CONTENT = INT8.read_bytes()
PLACES = st.one_of(st.integers(0, 2_000), st.integers(len(CONTENT) - 30_000, len(CONTENT) - 4))
VALUES = st.one_of(st.sampled_from([0, 1, 2**16, 2**31 - 1, 2**32 - 1]), st.integers(0, 2**32 - 1))


@settings(deadline=None, max_examples=8)
@given(st.lists(st.tuples(PLACES, VALUES), min_size=1, max_size=6))
def test_a_mutated_file_is_shown_or_refused(tmp_path_factory, changes):
    content = bytearray(CONTENT)
    for place, value in changes:
        content[place : place + 4] = value.to_bytes(4, "little")
    path = tmp_path_factory.mktemp("mutated") / "mutated.int8.tflite"
    path.write_bytes(content)
    try:
        view = with_weights(FileView("mutated", inspect_file(path, run=False)), path)
    except EdgeqError:
        return
    original = inspect_file(INT8, run=False)
    difference = compare_files(
        original, view.inspection, old_contents=constant_digests(INT8), new_contents=constant_digests(path)
    )
    for shown in (Document((view,)), Document((view, view), "b"), Document((view,), difference=difference)):
        for name in FORMATS:
            text = render(shown, name)
            assert "\x1b" not in text
            if name == "json":
                json.loads(text)
