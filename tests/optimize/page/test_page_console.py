"""A search on terminals of all widths."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from golden_files import check_printed
from rich.console import Console
from sample_results import INT8, VIEWS, fastest, missed, nothing, smallest, unlabelled

from edgeq.optimize.page.console import print_view

GOLDEN = Path(__file__).parent / "golden"


def printed(view, width=120, encoding="utf-8"):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    console = Console(file=stream, width=width, highlight=False, force_terminal=False, color_system=None)
    print_view(view, console)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_search_reads_as_expected(name):
    check_printed(GOLDEN / f"{name}.txt", printed(VIEWS[name]()))


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_shows_what_counts_most(width):
    text = printed(fastest(), width)
    check_printed(GOLDEN / f"fastest-{width}.txt", text)
    assert all(len(line) <= width for line in text.splitlines())


def test_the_last_line_is_the_next_command_on_one_line():
    view = dataclasses.replace(smallest(), bundle=Path("a folder with a name that is long") / ("x" * 60))
    last = printed(view, 80).splitlines()[-1]
    assert last.startswith("next: edgeq benchmark 'a folder")
    assert last.endswith(" --data photos")


def test_what_to_ship_comes_with_its_reasons():
    text = " ".join(printed(smallest()).split())
    assert (
        "Ship int8x4-mixed: 5.7× smaller than float32; drop 0.49 pp, at most 0.80 (95 % interval, 9,800 items)."
        in text
    )


def test_a_latency_is_told_with_its_device():
    assert "Ship int8-best: 1.9× faster and 3.4× smaller than float32 on AMD EPYC, 2 cores" in printed(
        fastest()
    )


def test_with_a_half_held_out_the_drop_on_that_half_is_shown():
    text = printed(fastest())
    assert "0.11 [−0.06, 0.28]" in text
    assert "on the half of the items that nothing was chosen on" in " ".join(text.split())
    assert "0.06 [" not in text


def test_where_nothing_meets_the_budget_the_last_lines_say_how_near_it_came():
    lines = printed(missed()).splitlines()
    assert lines[-2].startswith("Nothing stays within 0.05 pp: nearest is int8-best, 0.01 pp beyond it.")
    assert lines[-1].startswith("next: edgeq layers resnet-optimized --data photos ")
    assert any(line.startswith("The search ended early") for line in lines)


def test_a_search_that_asked_for_latency_and_could_time_nothing_shows_sizes():
    view = smallest()
    goal = dataclasses.replace(view.result.goal, objective="latency")
    text = printed(dataclasses.replace(view, result=dataclasses.replace(view.result, goal=goal)))
    assert "better in size and accuracy" in text


def test_without_labels_a_share_of_answers_takes_the_place_of_a_drop():
    text = printed(unlabelled())
    assert "differs from float32 on at most 5 % of the items" in text
    assert " pp" not in text.replace("cost 10.7 pp", "")


def test_a_search_that_made_nothing_is_printed_all_the_same():
    assert printed(nothing()).splitlines()[-1] == "Nothing could be measured, so there is nothing to ship."


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_terminal_can_show_it(encoding):
    assert "?" not in printed(smallest(), encoding=encoding)


@pytest.mark.parametrize("width", [60, 120])
def test_foreign_names_neither_steer_the_terminal_nor_are_they_markup(width):
    text = printed(VIEWS["hostile"](), width)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "[bold" in text


def test_a_grid_too_large_for_digits_has_an_order_of_magnitude():
    view = smallest()
    large = dataclasses.replace(view.result, grid=4**600)
    text = printed(dataclasses.replace(view, result=large))
    assert "less than 0.1 % of the 10^361 combinations" in " ".join(text.split())


@pytest.mark.parametrize(
    ("drop", "low", "high", "said"),
    [(-0.2, -0.4, 0.0, "drop −0.20 pp, at most 0.00"), (0.0, 0.0, 0.0, "drop 0.00 pp, at most 0.00")],
)
def test_a_gain_is_a_negative_drop(drop, low, high, said):
    view = fastest()
    winner = view.result.outcome(INT8.key)
    better = dataclasses.replace(winner.report, drop_pp=drop, low_pp=low, high_pp=high)
    outcomes = tuple(
        dataclasses.replace(one, report=better) if one is winner else one for one in view.result.outcomes
    )
    assert said in printed(
        dataclasses.replace(view, result=dataclasses.replace(view.result, outcomes=outcomes))
    )


def test_the_next_command_measures_where_and_as_the_search_did():
    options = {"measuring": ("--on=ssh:pi@host", "--python=/a b/python"), "looking": ("--preprocess=-1..1",)}
    last = printed(dataclasses.replace(smallest(), **options)).splitlines()[-1]
    assert last.endswith(" --data photos --on=ssh:pi@host '--python=/a b/python'")
    last = printed(dataclasses.replace(missed(), **options)).splitlines()[-1]
    assert last.endswith(" --data photos --preprocess=-1..1 says which layers lose it")


@pytest.mark.parametrize(
    ("view", "order"), [(missed, ["int8x4-mixed", "int8-best"]), (fastest, ["int8-best"])]
)
def test_the_front_is_in_the_order_of_what_is_wanted(view, order):
    assert [view().name(one) for one in view().front] == order


def test_on_too_few_items_to_tell_nothing_is_said_to_be_worth_shipping():
    view = smallest()
    few = dataclasses.replace(view.result.winner.quality, drop_pp=0.0, low_pp=-43.4, high_pp=43.4, n=5)
    outcomes = tuple(
        dataclasses.replace(one, quality=few) if one is view.result.winner else one
        for one in view.result.outcomes
    )
    text = " ".join(
        printed(dataclasses.replace(view, result=dataclasses.replace(view.result, outcomes=outcomes))).split()
    )
    assert "Ship" not in text
    assert "5 validation items cannot show whether a file stays within 1 pp" in text
