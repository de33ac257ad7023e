"""``edgeq init``: a converter script to fill in."""

from __future__ import annotations

import importlib.util

import pytest


def test_the_script_is_python_that_defines_a_model(edgeq, work):
    run = edgeq("init", "my net.py")
    assert run.code == 0
    assert run.out == "my net.py written: fill it in, then edgeq convert 'my net.py'\n"
    spec = importlib.util.spec_from_file_location("my_net", work / "my net.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert callable(script.model)


def test_what_is_commented_out_is_python_too(edgeq, work):
    edgeq("init", "net.py")
    source = (work / "net.py").read_text()
    examples = [
        line.removeprefix("# ")
        for line in source.splitlines()
        if line.startswith(("# def", "#     ", "# labels"))
    ]
    code = compile("\n".join(examples), "net.py", "exec")
    assert {"data", "calibration", "labels"} <= set(code.co_names)


def test_an_existing_file_is_not_touched(edgeq, work):
    (work / "net.py").write_text("mine")
    run = edgeq("init", "net.py")
    assert run.code == 2
    assert run.complaint == "net.py exists: choose another name"
    assert (work / "net.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("net.txt", "net.txt must end in .py"),
        ("nowhere/net.py", "nowhere/net.py cannot be written: No such file"),
    ],
)
def test_a_bad_name_is_one_line(edgeq, work, name, complaint):
    run = edgeq("init", name)
    assert run.code == 2
    assert run.complaint.startswith(complaint)
    assert list(work.iterdir()) == []
