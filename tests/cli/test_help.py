"""What a user reads before anything runs: help, version, completion; and how little that loads."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys

import click
import numpy as np
import pytest

import edgeq as package
from edgeq.cli import group

COMMANDS = tuple(group.list_commands(click.Context(group)))
HEAVY = ("numpy", "tensorflow", "keras", "PIL", "rich", "plotly", "jinja2", "ai_edge_litert")


def command_of(name: str) -> click.Command:
    command: click.Command = importlib.import_module(f"edgeq.cli.{name}").command
    return command


def test_version(edgeq):
    assert edgeq("--version").out == f"edgeq, version {package.__version__}\n"


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_groups_help_lists_every_command_in_one_line_each(edgeq, option):
    run = edgeq(option)
    assert run.code == 0
    listed = re.findall(r"^  ([a-z]+)  ", run.out, re.MULTILINE)
    assert tuple(listed) == COMMANDS
    for code in ("0 fine", "1 a gate failed", "2 wrong usage or bad input", "3 a part could not be made"):
        assert code in " ".join(run.out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_describes_every_option_and_has_an_example(edgeq, name):
    run = edgeq(name, "--help")
    assert run.code == 0
    assert run.err == ""
    assert f"edgeq {name} " in run.out.partition("Example")[2]
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert all(option in run.out for option in parameter.opts)


def examples() -> list[str]:
    """Every command line in an epilog."""
    epilogs = [group.epilog or "", *(command_of(name).epilog or "" for name in COMMANDS)]
    lines = [line.strip().removeprefix("Example: ") for text in epilogs for line in text.splitlines()]
    return [part.strip() for line in lines if line.startswith("edgeq ") for part in line.split("&&")]


@pytest.mark.parametrize("example", examples())
def test_the_options_of_an_example_exist(example):
    program, name, *arguments = shlex.split(example)
    assert program == "edgeq"
    with command_of(name).make_context(name, arguments) as context:
        assert context.params


def test_there_is_an_example_of_every_command():
    assert {shlex.split(example)[1] for example in examples()} == set(COMMANDS)


def test_without_a_command_the_help_is_shown(edgeq):
    run = edgeq()
    assert "Commands:" in run.out + run.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["nosuch"], ["No such command 'nosuch'", "(see edgeq --help)"]),
        (["convert"], ["Missing argument 'MODEL'", "(see edgeq convert --help)"]),
        (["report", "a.jsonl", "--nosuch"], ["No such option", "--nosuch", "(see edgeq report --help)"]),
        (
            ["benchmark", "b", "--threads", "0"],
            ["Invalid value for '--threads'", "0 is not in the range x>=1"],
        ),
        (
            ["convert", "m.keras", "--size", "0x3"],
            ["'--size'", "expected sizes such as 224x224, found '0x3'"],
        ),
        (["convert", "m.keras", "--seed", "x"], ["Invalid value for '--seed'", "(see edgeq convert --help)"]),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_help(edgeq, arguments, parts):
    run = edgeq(*arguments)
    assert run.code == 2
    assert all(part in run.complaint for part in parts), run.complaint


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(edgeq, shell):
    run = edgeq.shell(f"_EDGEQ_COMPLETE={shell}_source $EDGEQ")
    assert run.code == 0
    assert "_EDGEQ_COMPLETE" in run.out


def test_completion_completes_commands(edgeq):
    run = edgeq.shell("_EDGEQ_COMPLETE=bash_complete COMP_WORDS='edgeq be' COMP_CWORD=1 $EDGEQ")
    assert run.out.split(",")[-1].strip() == "benchmark"


def loaded_by(code: str) -> set[str]:
    """The heavy packages that are loaded after the code ran."""
    report = f"import atexit, sys; atexit.register(lambda: print([m for m in {HEAVY} if m in sys.modules]))"
    run = subprocess.run(
        [sys.executable, "-c", f"{report}\n{code}"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"'(\w+)'", run.stdout.splitlines()[-1]))


def test_importing_edgeq_loads_nothing_heavy():
    assert loaded_by("import edgeq") == set()


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_loads_nothing_heavy(arguments):
    assert loaded_by(f"from edgeq.cli import main; main({arguments!r})") == set()


def test_a_device_command_never_loads_tensorflow(demo, tmp_path):
    np.save(tmp_path / "item.npy", demo.images[0])
    arguments = ["run", str(demo.bundle), str(tmp_path / "item.npy"), "--variant", "int8"]
    assert loaded_by(f"from edgeq.cli import main; main({arguments!r})") & {
        "numpy",
        "tensorflow",
        "keras",
    } == {"numpy"}
