"""The documentation against what it documents: links, commands, examples, tables and keys."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import click
import pytest

import edgeq
from edgeq import bundle, schemes
from edgeq.benchmark import measurement
from edgeq.cli import group
from edgeq.data.preprocessing import PREPROCESSINGS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "converters/*.md", "benchmarks/*.md", "edgeq/demo/*.md")
    for path in ROOT.glob(pattern)
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(page, *languages):
    return [content for language, content in FENCE.findall(page.read_text()) if language in languages]


def prose(page):
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def slug(heading):
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(page):
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def links(page):
    return [
        target
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))
        if not target.startswith(("http://", "https://"))
    ]


def command_lines(page):
    """Every ``edgeq …`` in a fenced or an indented block, continued lines joined, split at ``&&`` and ``|``."""
    blocks = fences(page, "sh", "yaml") + re.findall(r"^ {4}edgeq .+$", prose(page), re.MULTILINE)
    for content in fences(page, "console"):
        blocks += re.findall(r"^\$ (.+(?:\\\n.+)*)$", content, re.MULTILINE)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r"&&|\|(?![^']*'$)", line):
                found = re.search(r"(?:^|[\s/])edgeq (\w.*)", command.strip())
                if found and "#" not in command[: found.start() + 1]:
                    yield re.sub(r"\s>\s?\S+|\s#.*", "", found.group(1))


def mentioned_commands(page):
    """Every ``edgeq …`` between backticks in a sentence."""
    return re.findall(r"`(?:~/\S+/)?edgeq (\w[^`]*)`", prose(page))


def subcommand(name):
    command = group.get_command(click.Context(group), name)
    assert command is not None, f"there is no command edgeq {name}"
    return command


def options_of(name):
    return {
        option
        for parameter in subcommand(name).params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def keys(name):
    """What stands between backticks in the first cells of a page's table rows."""
    text = (ROOT / "docs" / name).read_text()
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return {key.split()[0] for cell in cells for key in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    for target in links(page):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{target} does not exist"
        if anchor:
            assert anchor in anchors(linked), f"{target}: {linked.name} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_line_parses(page):
    for line in command_lines(page):
        name, *arguments = shlex.split(line)
        try:
            subcommand(name).make_context(name, arguments)
        except click.exceptions.Exit:
            pass  # --help
        except click.UsageError as error:
            pytest.fail(f"edgeq {line}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_in_a_sentence_has_the_options_it_names(page):
    for line in mentioned_commands(page):
        name, *arguments = shlex.split(line)
        known = options_of(name)
        given = {argument.partition("=")[0] for argument in arguments if re.match(r"--?[a-z]", argument)}
        assert given <= known, f"edgeq {line}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_python_example_compiles_and_uses_public_names(page):
    for source in fences(page, "python"):
        compile(source, str(page), "exec")
        assert set(re.findall(r"\bedgeq\.(\w+)\(", source)) <= set(edgeq.__all__)


def test_the_readme_shows_commands_that_parse():
    names = {line.split()[0] for line in command_lines(ROOT / "README.md")}
    assert {"demo", "convert", "benchmark", "run"} <= names


def test_the_tables_of_schemes_are_those_of_the_code():
    for name in ("README.md", "docs/convert.md"):
        text = (ROOT / name).read_text()
        table = re.search(r"<!-- schemes: begin -->\n(.*?)\n<!-- schemes: end -->", text, re.DOTALL)
        assert table is not None, name
        assert table.group(1) == schemes.markdown_table(), f"{name}: see CONTRIBUTING.md, how to add a scheme"


@pytest.mark.parametrize(
    "described",
    [
        measurement.Measurement,
        measurement.VariantInfo,
        measurement.RuntimeInfo,
        measurement.Environment,
        measurement.Latency,
        measurement.Accuracy,
        bundle.Manifest,
        bundle.Variant,
    ],
    ids=lambda described: described.__name__,
)
def test_every_key_of_a_format_is_described(described):
    known = keys("formats.md")
    assert {field.name for field in dataclasses.fields(described)} <= known


def test_every_preprocessing_is_described():
    assert {preprocessing.name for preprocessing in PREPROCESSINGS} <= keys("formats.md")


@pytest.mark.parametrize(("name", "page"), [("convert", "convert.md"), ("benchmark", "benchmark.md")])
def test_every_option_of_a_command_is_described(name, page):
    assert options_of(name) - {"-h", "--help"} <= keys(page)


def test_every_page_of_the_guide_is_in_its_index():
    listed = {target.partition("#")[0] for target in links(ROOT / "docs" / "index.md")}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= listed


def test_formats_name_the_versions_that_the_code_writes():
    text = (ROOT / "docs" / "formats.md").read_text()
    assert f"Format history (`version`): {bundle.VERSION}" in text
    assert f"Schema history (`schema` in every line): {measurement.SCHEMA}" in text
