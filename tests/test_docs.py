"""The documentation against what it documents: links, commands, examples, tables and keys."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest

import edgeq
from edgeq import bundle, schemes
from edgeq.benchmark import measurement
from edgeq.benchmark.tasks import choosing
from edgeq.benchmark.tasks.detection_format import (
    POSTPROCESSED,
    ROWS,
    SSD,
    YOLO,
    YOLO_OBJECTNESS,
    DetectionFormat,
)
from edgeq.cli import group
from edgeq.data.media.audio import AudioPreparation
from edgeq.data.media.image_preparation import ImagePreparation
from edgeq.data.preprocessing import PREPROCESSINGS, Preprocessing
from edgeq.data.truth import Boxes, ClassLabels, Masks, MultiLabels, ObjectBoxes, Targets
from edgeq.doctor.rules import RULES

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
        measurement.Metric,
        measurement.Fidelity,
        measurement.ClassScore,
        bundle.Manifest,
        bundle.Variant,
    ],
    ids=lambda described: described.__name__,
)
def test_every_key_of_a_format_is_described(described):
    known = keys("formats.md")
    assert {field.name for field in dataclasses.fields(described)} <= known


def test_the_example_of_a_bundle_has_the_keys_of_the_demos():
    (example,) = [
        json.loads(source)
        for source in fences(ROOT / "docs" / "formats.md", "json")
        if '"edgeq-bundle"' in source
    ]
    manifest = json.loads((ROOT / "edgeq" / "demo" / "bundle" / "bundle.json").read_text())
    assert example.keys() == manifest.keys()
    assert example["variants"][0].keys() == manifest["variants"][0].keys()
    assert example["provenance"].keys() == manifest["provenance"].keys()
    assert example["provenance"]["options"].keys() == manifest["provenance"]["options"].keys()
    assert example["preprocessing"] == manifest["preprocessing"]


def test_every_preprocessing_is_described():
    assert {preprocessing.name for preprocessing in PREPROCESSINGS} <= keys("data.md")


@pytest.mark.parametrize("described", [ImagePreparation, AudioPreparation, DetectionFormat])
def test_every_key_that_a_user_may_write_is_described(described):
    page = "tasks.md" if described is DetectionFormat else "data.md"
    assert {field.name for field in dataclasses.fields(described)} <= keys(page)


@pytest.mark.parametrize("preparation", [ImagePreparation(), AudioPreparation()])
def test_defaults_are_those_of_the_code(preparation):
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", (ROOT / "docs" / "data.md").read_text(), re.MULTILINE))
    for field in dataclasses.fields(preparation):
        default = getattr(preparation, field.name)
        shown = rows[field.name].strip("`")
        if isinstance(default, float | int) and not isinstance(default, bool):
            assert float(shown) == default, field.name
        else:
            assert shown == str(default).lower(), field.name


def test_every_example_of_a_preprocessing_is_one():
    for source in fences(ROOT / "docs" / "data.md", "json"):
        value = json.loads(source)
        assert Preprocessing.from_json({"version": 2, "name": "example", **value}).name == "example"


def test_every_example_of_a_detection_format_is_one():
    (source,) = fences(ROOT / "docs" / "tasks.md", "json")
    assert DetectionFormat.from_json({"boxes": "detections", **json.loads(source)}).overlap == 0.5


def test_every_layout_of_detections_is_described():
    assert {POSTPROCESSED, ROWS, SSD, YOLO, YOLO_OBJECTNESS} <= keys("tasks.md")


def test_every_task_is_described():
    assert set(choosing.TASKS) <= keys("tasks.md")


def one_box(kind):
    return ObjectBoxes(
        np.array([[0, 0, 4, 4]]), np.array([kind]), np.array([False]), np.array([16.0]), (8, 8)
    )


CLASSES = np.arange(12) % 6
SHAPES_OF_TASKS = {
    "classification": (ClassLabels(CLASSES), (6,)),
    "multi-label": (MultiLabels(np.eye(6, dtype=bool)[CLASSES]), (6,)),
    "regression": (Targets(CLASSES.astype(np.float32)), (1,)),
    "segmentation": (Masks(values=np.repeat(CLASSES % 2, 64).reshape(12, 8, 8).astype(np.uint8)), (8, 8, 2)),
    "detection": (Boxes(tuple(one_box(0) for _ in CLASSES), ("thing",)), (9, 5)),
    "anomaly": (ClassLabels(CLASSES % 2), (1,)),
    "embedding": (ClassLabels(CLASSES), (4,)),
}
"""Labels and the shape of an output, by task."""


@pytest.mark.parametrize("name", sorted(set(choosing.TASKS) - {choosing.CUSTOM, choosing.COMPARISON}))
def test_every_metric_of_a_task_is_described(name):
    truth, shape = SHAPES_OF_TASKS[name]
    task = choosing.choose_task(
        name, truth, {"output": shape}, {"image": (8, 8, 3)}, preparation=ImagePreparation()
    )
    outputs = np.random.default_rng(0).random((len(truth), *shape), dtype=np.float32)
    score = task.score(task.observe({"output": outputs}, truth, dict), truth, None)
    described = {key for row in score.classes for key in row.metrics}
    described |= {metric.key for metric in score.metrics}
    assert score.metrics
    for page in ("tasks.md", "measurement.md"):
        assert {metric.key for metric in score.metrics} <= keys(page), page
    assert described <= set(re.findall(r"`(\w+)`", (ROOT / "docs" / "tasks.md").read_text()))


@pytest.mark.parametrize("name", ["convert", "optimize", "benchmark", "inspect", "layers"])
def test_every_option_of_a_command_is_described(name):
    assert options_of(name) - {"-h", "--help"} <= keys(f"{name}.md")


def test_every_option_of_the_android_command_is_described():
    assert options_of("android") - {"-h", "--help"} <= keys("android-app.md")


def test_conversions_are_shown_with_the_number_of_rules_that_there_are():
    shown = {
        found
        for page in PAGES
        for found in re.findall(r"(\d+) of edgeq doctor's (\d+) rules", page.read_text())
    }
    assert shown == {(str(sum(rule.is_cheap for rule in RULES)), str(len(RULES)))}


def test_every_page_of_the_guide_is_in_its_index():
    listed = {target.partition("#")[0] for target in links(ROOT / "docs" / "index.md")}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"} <= listed


def test_formats_name_the_versions_that_the_code_writes():
    text = (ROOT / "docs" / "formats.md").read_text()
    assert f"Format history (`version`): {bundle.VERSION}" in text
    assert f"Schema history (`schema` in every line): {measurement.SCHEMA}" in text
