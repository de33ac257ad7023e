"""What is said of a search in words: what to ship and why, how near the budget, what was tried, what to do next."""

from __future__ import annotations

import shlex
from pathlib import Path

from edgeq.benchmark.accuracy_statistics import items_needed
from edgeq.optimize.findings import AGREEMENT, Quality
from edgeq.optimize.page.columns import drop_estimate, is_agreement
from edgeq.optimize.page.view import View, reported
from edgeq.optimize.result import LATENCY, Outcome
from edgeq.report import wording
from edgeq.report.inspection.wording import visible_sentence


def title(view: View) -> str:
    """What was searched for."""
    return f"{wording.visible(view.model)}: {goal(view)}"


def goal(view: View) -> str:
    """The goal in a few words."""
    wanted = view.result.goal
    best = "fastest" if wanted.objective == LATENCY else "smallest"
    sure = ", at the upper end of its interval" if wanted.confident else ""
    loss = f"differs from float32 on at most {_number(wanted.max_drop_pp)} % of the items"
    if not is_agreement(view):
        loss = f"loses at most {_number(wanted.max_drop_pp)} pp"
    return f"the {best} file that {loss}{sure}"


def effort(view: View) -> str:
    """How much was tried, against the grid of all combinations."""
    result = view.result
    said = f"{wording.count(result.recipes_built, 'recipe')} built"
    if result.variants_built:
        said += f", and the converter's {wording.count(result.variants_built, 'variant')}"
    said += f"; {result.measured:,} measured on the validation set"
    if result.grid:
        share = 100 * result.evaluations / result.grid
        # A grid of a network's layers has more combinations than atoms: its share has no digits.
        shown = "less than 0.1" if share < 0.1 else wording.decimal(share, 1)
        said += f"; built: {shown} % of the {_grid(result.grid)} combinations of the same choices"
    return said


def _grid(count: int) -> str:
    if count <= wording.LARGEST_PLAIN:
        return f"{count:,}"
    # Too long for a float, perhaps.
    return f"10^{len(str(count)) - 1}"


def decisions(view: View) -> tuple[str, ...]:
    """A sentence for each decision, with a full stop."""
    return tuple(_sentence(text) for text in view.result.sentences)


def headline(view: View) -> str:
    """What to ship in a few words."""
    winner = view.result.winner
    if winner is None:
        return "Nothing could be measured"
    if is_untold(view):
        return f"Too few items to tell: {view.name(winner)}, perhaps"
    if view.result.meets:
        return f"Ship {view.name(winner)}"
    return f"Nothing within {budget(view)}"


def budget(view: View) -> str:
    """The accuracy budget as it is written."""
    return f"{_number(view.result.goal.max_drop_pp)} {'%' if is_agreement(view) else 'pp'}"


def conclusion(view: View) -> str:
    """What to ship and why, as one line; where nothing meets the budget, how near it came."""
    winner = view.result.winner
    if winner is None:
        return "Nothing could be measured, so there is nothing to ship."
    if is_untold(view):
        quality = winner.quality
        few = "" if quality is None else f"{wording.count(quality.n, 'validation item')} "
        return (
            f"{few}cannot show whether a file stays within {budget(view)}; nearest to the goal by what they show is "
            f"{view.name(winner)}: {'; '.join(reasons(view, winner))}."
        )
    if view.result.meets:
        return f"Ship {view.name(winner)}: {'; '.join(reasons(view, winner))}."
    return f"Nothing stays within {budget(view)}: nearest is {view.name(winner)}, {_nearness(view, winner)}."


def is_untold(view: View) -> bool:
    """Whether a file seems to be within the budget on items so few that they could not have told.

    On them even a file that answers all like float32 has an interval which ends above the budget; and the chosen
    file's is wider still.
    """
    winner, most = view.result.winner, view.result.goal.max_drop_pp
    if winner is None or winner.quality is None or not view.result.meets or most <= 0:
        return False
    quality = winner.quality
    return quality.half_width_pp > most and quality.n < items_needed(most, 0.0)


def reasons(view: View, outcome: Outcome) -> list[str]:
    """What speaks for a candidate: size, time and loss against float32."""
    gains = " and ".join(filter(None, [_speed(outcome), _size(view, outcome)]))
    if gains:
        gains += " than float32"
    if gains and outcome.speed is not None:
        gains += f" on {wording.visible(outcome.speed.device)}"
    return list(filter(None, [gains, _loss(reported(outcome))]))


def _size(view: View, outcome: Outcome) -> str:
    if outcome.built is None or not outcome.built.size_bytes or not view.float32_bytes:
        return ""
    phrase = wording.size_phrase(view.float32_bytes / outcome.built.size_bytes)
    return phrase if phrase != "same size" else "no smaller"


def _speed(outcome: Outcome) -> str:
    speed = outcome.speed
    if speed is None or speed.ratio <= 0 or speed.low <= 1 <= speed.high:
        return "" if speed is None else "no faster"
    faster = speed.high < 1
    factor = wording.times(1 / speed.ratio if faster else speed.ratio)
    return f"{factor} {'faster' if faster else 'slower'}"


def _loss(quality: Quality | None) -> str:
    if quality is None:
        return ""
    drop = drop_estimate(quality)
    most = wording.decimal(drop.high, 2)
    behind = f"95 % interval, {wording.count(drop.n, 'item')}"
    if quality.metric == AGREEMENT:
        return f"differs on {wording.decimal(drop.value, 2)} % of the items, at most {most} ({behind})"
    return f"drop {wording.decimal(drop.value, 2)} pp, at most {most} ({behind})"


def _nearness(view: View, outcome: Outcome) -> str:
    quality = outcome.quality
    if quality is None:
        return "which was not measured"
    wanted = view.result.goal
    measured = quality.high_pp if wanted.confident else quality.drop_pp
    unit = "%" if is_agreement(view) else "pp"
    return f"{wording.decimal(measured - wanted.max_drop_pp, 2)} {unit} beyond it"


def next_step(view: View) -> str:
    """What to do next, as a line that can be typed; empty where nothing was written."""
    if view.bundle is None:
        return ""
    data = "…" if view.data is None else _argument(view.data)
    what, options = ("benchmark", view.measuring) if view.result.meets else ("layers", view.looking)
    typed = "".join(f" {shlex.quote(option)}" for option in options)
    command = f"next: edgeq {what} {_argument(view.bundle)} --data {data}{typed}"
    return command if view.result.meets else f"{command} says which layers lose it"


def rebuild(view: View) -> str:
    """How the chosen file is made again; empty where the converter makes it as it is."""
    winner = view.result.winner
    if winner is None or winner.candidate.recipe is None or view.bundle is None:
        return ""
    return f"edgeq convert MODEL --data DATA --recipe {_argument(view.bundle / 'optimize.json')}"


def _argument(path: Path) -> str:
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _sentence(text: str) -> str:
    said = visible_sentence(text).strip()
    return said if said.endswith((".", "!", "?", ":")) else f"{said}."
