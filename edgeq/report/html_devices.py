"""The HTML report's table and plot across devices."""

from __future__ import annotations

from typing import Any

from edgeq.benchmark.latency_statistics import UNBOUNDED
from edgeq.benchmark.measurement import Estimate
from edgeq.report.side_by_side import Entry, SideBySide
from edgeq.report.side_by_side_text import entry_text, line_label, side_footnotes, side_title


def device_table(side: SideBySide, number: int) -> dict[str, Any]:
    """What the template shows of one model on several devices.

    Args:
        side: the model.
        number: of its plot in the page's data.
    """
    return {
        "number": number,
        "title": side_title(side),
        "devices": side.devices,
        "rows": [
            {
                "label": line_label(side, line),
                "starts_group": previous is not None and previous.threads != line.threads,
                "cells": [entry_text(entry) for entry in line.entries],
            }
            for previous, line in zip((None, *side.lines), side.lines, strict=False)
        ],
        "footnotes": side_footnotes(side, fastest="fastest"),
        "has_plot": any(device["speeds"] for device in speed_bars(side)["series"]),
    }


def speed_bars(side: SideBySide) -> dict[str, Any]:
    """How many times as fast as the device's own baseline each variant is, by device.

    Returns:
        ``series`` with name, labels, ``speeds`` and the distances to the ends of their intervals, one a device, and
        ``labels`` of all variants that any device has a speed of.
    """
    series = []
    for place, name in enumerate(side.devices):
        found = [
            (line_label(side, line), entry.row.ratio)
            for line in side.lines
            if (entry := line.entries[place]) is not None and _has_speed(entry)
        ]
        speeds = [_inverse(ratio) for _, ratio in found if ratio is not None]
        series.append(
            {
                "name": name,
                "labels": [label for label, _ in found],
                "speeds": [speed for speed, _, _ in speeds],
                "above": [above for _, above, _ in speeds],
                "below": [below for _, _, below in speeds],
            }
        )
    shown = {label for one in series for label in one["labels"]}
    labels = [line_label(side, line) for line in side.lines]
    return {"series": series, "labels": [label for label in dict.fromkeys(labels) if label in shown]}


def _has_speed(entry: Entry) -> bool:
    ratio = entry.row.ratio
    return ratio is not None and 1 / UNBOUNDED < ratio.value < UNBOUNDED


def _inverse(ratio: Estimate) -> tuple[float, float, float]:
    """The speed, and how far its interval reaches above and below; nothing where it has no end."""
    speed = 1 / ratio.value
    if not 1 / UNBOUNDED < ratio.low <= ratio.value <= ratio.high < UNBOUNDED:
        return speed, 0.0, 0.0
    return speed, 1 / ratio.low - speed, speed - 1 / ratio.high
