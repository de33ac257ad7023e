"""How a metric, its drop and its budget are written, whatever the task measures.

A rate is shown in percent and dropped in percentage points; an amount is shown as it is and gets worse by percents of
the baseline's. "Drop" in a sentence is kept for rates of which more is better: an error that drops got better. The
metric is named wherever it is not top-1.
"""

from __future__ import annotations

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate, Metric
from edgeq.report import wording

_HINTS = {
    "top1": "Share whose best answer is the label.",
    "top5": "Share whose label is among the five best answers.",
}
_UNITS_IN_WORDS = {"pp": "percentage points", "%": "percent"}


def unit(metric: Metric) -> str:
    """What cells of the metric leave out: ``%`` of rates."""
    return "%" if metric.is_rate else ""


def axis_title(metric: Metric) -> str:
    """``top-1 (%)`` or ``MAE (lower is better)``."""
    notes = [unit(metric), "" if metric.higher_is_better else "lower is better"]
    shown = ", ".join(filter(None, notes))
    return f"{metric.label} ({shown})" if shown else metric.label


def sentence_label(metric: Metric) -> str:
    """The label as the beginning of a sentence: ``Mean IoU``, but ``mAP``."""
    return capitalised(metric.label)


def capitalised(text: str) -> str:
    """With a capital, unless the first word has its own."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first == first.lower() else text


def hint(metric: Metric) -> str:
    """One sentence for a reader who does not know the metric."""
    better = "Higher" if metric.higher_is_better else "Lower"
    return _HINTS.get(metric.key, f"{sentence_label(metric)}. {better} is better.")


def value_cell(metric: Metric) -> str:
    """``81.7 ±0.8`` in percent, or ``0.412 ±0.012``."""
    if metric.is_rate:
        return wording.percent_plus_minus(metric.value)
    return wording.amount_plus_minus(metric.value)


def value_bracketed(metric: Metric) -> str:
    """``81.70 [80.91, 82.47] %``, or ``0.412 [0.400, 0.424]``."""
    if metric.is_rate:
        return f"{wording.bracketed(metric.value, 2, 100)} %"
    return wording.amount_bracketed(metric.value)


def value_text(metric: Metric) -> str:
    """``81.7 %``, or ``0.412``."""
    if metric.is_rate:
        return f"{wording.decimal(100 * metric.value.value, 1)} %"
    return wording.amount(metric.value)


def value_phrase(metric: Metric) -> str:
    """``top-1 82.2 % (±1.2)``, or ``MAE 0.412 (±0.012)``."""
    if metric.is_rate:
        return f"{metric.label} {value_text(metric)} ({wording.interval(metric.value, 1, 100)})"
    return f"{metric.label} {value_text(metric)} ({wording.amount_interval(metric.value)})"


def drop_cell(drop: Estimate) -> str:
    """``0.40 [0.02, 0.80]``."""
    return wording.bracketed(drop, _decimals(drop))


def drop_number(drop: Estimate) -> str:
    """``0.40``."""
    return wording.decimal(drop.value, _decimals(drop))


def drop_phrase(metric: Metric, drop: Estimate) -> str:
    """``drop 0.10 pp (±0.57)``, ``drop 0.10 pp in mean IoU (±0.57)``, or ``MAE 3.10 % worse (1.20 to 5.02)``."""
    if drops(metric):
        return (
            f"drop {drop_number(drop)} {metric.drop_unit}{_in_label(metric)} "
            f"({wording.interval(drop, _decimals(drop))})"
        )
    shown, word = _worse_or_better(drop)
    return (
        f"{metric.label} {drop_number(shown)} {metric.drop_unit} {word} "
        f"({wording.interval(shown, _decimals(shown))})"
    )


def drop_evidence(metric: Metric, drop: Estimate, items: int) -> str:
    """The drop with the end of its interval that counts: ``drop 0.40 pp, at most 0.80 (95 % interval, 400 items)``."""
    most = wording.decimal(drop.high, _decimals(drop))
    behind = f"(95 % interval, {wording.count(items, 'item')})"
    if drops(metric):
        return f"drop {drop_number(drop)} {metric.drop_unit}{_in_label(metric)}, at most {most} {behind}"
    shown, word = _worse_or_better(drop)
    said = f"{metric.label} {drop_number(shown)} {metric.drop_unit} {word}"
    if drop.high < 0:
        return f"{said}, at least {wording.decimal(-drop.high, _decimals(drop))} {behind}"
    return f"{said}, at most {most}{' worse' * (word != 'worse')} {behind}"


def drop_title(metric: Metric, drop: Estimate) -> tuple[str, str]:
    """The drop as a large figure and what it is: ``0.40 pp`` and ``drop in top-1``."""
    if drops(metric):
        return f"{drop_number(drop)} {metric.drop_unit}", f"drop in {metric.label}"
    shown, word = _worse_or_better(drop)
    return f"{drop_number(shown)} {metric.drop_unit}", f"{word} in {metric.label}"


def drop_span(metric: Metric, drop: Estimate) -> str:
    """The drop's interval below the figure of `drop_title`: ``0.02 to 0.80``."""
    shown = drop if drops(metric) else _worse_or_better(drop)[0]
    low, high = sorted((shown.low, shown.high))
    return f"{wording.decimal(low, _decimals(drop))} to {wording.decimal(high, _decimals(drop))}"


def drop_name(metric: Metric) -> str:
    """The drop's name in a list: ``Drop``, ``Drop in mean IoU`` or ``MAE, worse by``."""
    return f"Drop{_in_label(metric)}" if drops(metric) else f"{sentence_label(metric)}, worse by"


def drop_meaning(metric: Metric, baseline: str) -> str:
    """What a drop is, as part of a sentence."""
    in_unit = f"in {_UNITS_IN_WORDS[metric.drop_unit]}"
    if drops(metric):
        return f"lost {metric.label} {in_unit}, paired by item"
    return f"how much worse {metric.label} is than that of {baseline}, {in_unit}, paired by item"


def limit(metric: Metric, budget: float, baseline: str) -> str:
    """A budget: ``1 pp``, or ``1 % of float32's MAE``."""
    if metric.key == "top1":
        return f"{budget:g} {metric.drop_unit}"
    return f"{budget:g} {metric.drop_unit} of {baseline}'s {metric.label}"


def p_value(p: float) -> str:
    """``p = 0.052`` or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {wording.decimal(p, 3 if p < 0.1 else 2)}"


def cosine(value: float) -> str:
    """Four decimals, cut and not rounded: only what is 1 is shown as 1."""
    return wording.decimal(int(round(value * 10_000, 6)) / 10_000, 4)


def drops(metric: Metric) -> bool:
    """Whether "drop" can only mean a loss: it does of a rate of which more is better."""
    return metric.is_rate and metric.higher_is_better


def _in_label(metric: Metric) -> str:
    return "" if metric.key == "top1" else f" in {metric.label}"


def _worse_or_better(drop: Estimate) -> tuple[Estimate, str]:
    if drop.value >= 0:
        return drop, "worse"
    return Estimate(-drop.value, -drop.high, -drop.low, drop.n), "better"


def _decimals(drop: Estimate) -> int:
    """Two, as pp have; an error that multiplied needs none."""
    known = [abs(end) for end in (drop.value, drop.low, drop.high) if abs(end) != UNBOUNDED]
    return 2 if max(known, default=0.0) < 1000 else 0
