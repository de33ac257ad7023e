"""``edgeq demo`` where TensorFlow is not installed: the bundle that ships is measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import edgeq.cli
import edgeq.convert.pipeline
from edgeq.benchmark import latency, session
from edgeq.cli import main
from edgeq.data.dataset import ArrayDataset
from edgeq.demo import assets
from edgeq.errors import MissingExtraError
from edgeq.report import html


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, demo):
    """Runs the demo on 200 images for a moment, in this process; returns the exit code and what it printed."""

    def missing(*_: object, **__: object) -> None:
        raise MissingExtraError("Conversion needs TensorFlow, which", "convert")

    monkeypatch.chdir(tmp_path)
    # Signals are this process's own.
    monkeypatch.setattr(edgeq.cli, "prepare_process", lambda: None)
    monkeypatch.setattr(edgeq.convert.pipeline, "convert", missing)
    monkeypatch.setattr(session, "default_threads", lambda cpus: (1,))
    monkeypatch.setattr(
        latency, "DEFAULT", latency.Plan(rounds=2, least_runs=2, least_seconds=0, warmup_seconds=0)
    )
    monkeypatch.setattr(
        assets, "test_data", lambda: ArrayDataset({"image": demo.images[:200]}, demo.labels[:200])
    )

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["demo", *arguments])
        return (ended.value.code, *capsys.readouterr())

    return run


def test_it_measures_every_variant_and_says_what_to_open(run):
    code, out, err = run("-o", "my demo")
    assert code == 0
    assert 'pip install "edgeq[convert]"; measuring the bundle that ships with edgeq instead' in err
    for variant in ("float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"):
        assert variant in out
    assert f"open {Path('my demo', 'report.html')}" in out
    assert sorted(entry.name for entry in Path("my demo").iterdir()) == ["report.html", "results.jsonl"]
    lines = Path("my demo", "results.jsonl").read_text().splitlines()
    assert {json.loads(line)["variant"]["name"] for line in lines} >= {"float32", "int8"}


def test_without_the_packages_for_html_the_report_is_markdown(run, monkeypatch):
    monkeypatch.setattr(html, "find_spec", lambda name: None)
    code, out, err = run()
    assert code == 0
    assert (
        'no HTML report: The HTML report\'s plotting library is not installed: pip install "edgeq[report]"'
        in err
    )
    assert f"open {Path('edgeq-demo', 'report.md')}" in out
    assert Path("edgeq-demo", "report.md").read_text().startswith("**")


def test_an_earlier_demo_is_replaced_by_force_only(run):
    shutil.copytree(assets.bundle_path(), Path("edgeq-demo", "bundle"))
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err == f"edgeq: {Path('edgeq-demo', 'bundle')} exists: add --force to replace it\n"


def test_a_file_in_the_way_is_one_line(run):
    Path("edgeq-demo").write_text("mine")
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "edgeq-demo is a file and no folder; write elsewhere with -o" in err
    assert Path("edgeq-demo").read_text() == "mine"
