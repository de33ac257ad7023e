"""What the cells of the table across devices say, the same on the console, in plain text, in Markdown and in HTML."""

from __future__ import annotations

from dataclasses import dataclass

from edgeq.benchmark.latency_statistics import FASTER, SLOWER
from edgeq.report import metric_wording, parity_wording, wording
from edgeq.report.columns import NOT_SIGNIFICANT, speed_cell
from edgeq.report.side_by_side import Entry, Line, SideBySide

FASTEST = "★"


@dataclass(frozen=True)
class EntryText:
    """One cell.

    Attributes:
        latency: ``27.9 ms``, ``61.4 ms emulated`` or ``not measured``.
        speed: ``2.20× faster`` than the device's own baseline; may be empty.
        tone: ``good``, ``bad`` or empty, of the speed.
        is_fastest: as in `Entry`.
        quality: ``drop 0.40 pp``, ``agreement 98.2 %`` or ``accuracy not measured``; empty for the baseline.
        parity: as in the device's own table; may be empty.
    """

    latency: str
    speed: str
    tone: str
    is_fastest: bool
    quality: str
    parity: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The cell as one or two lines: times, and quality."""
        times = ", ".join(part for part in (self.latency, self.speed) if part)
        quality = ", ".join(part for part in (self.quality, self.parity) if part)
        return tuple(filter(None, (f"{FASTEST} {times}" if self.is_fastest else times, quality)))


def side_title(side: SideBySide) -> str:
    """``mobilenet_v2 on 3 devices``."""
    return f"{side.model} on {len(side.devices)} devices"


def side_footnotes(side: SideBySide, *, fastest: str = FASTEST) -> tuple[str, ...]:
    """What a reader needs to read the cells.

    Args:
        side: the table.
        fastest: how the fastest variants are marked.
    """
    entries = [entry for line in side.lines for entry in line.entries if entry is not None]
    notes = ["speed is against the baseline on the same device; two devices are not compared"]
    if any(entry.is_fastest for entry in entries):
        meaning = "none is faster there" if fastest != FASTEST else "fastest there"
        notes.append(f"{fastest}: {meaning}, several where they are as fast")
    if any(speed_cell(entry.row).endswith(NOT_SIGNIFICANT) for entry in entries):
        notes.append(f"{NOT_SIGNIFICANT}: no significant difference")
    return (*notes, *side.notes)


def has_several_counts(side: SideBySide) -> bool:
    """Whether the lines differ in threads, so that a column for them is needed."""
    return len({line.threads for line in side.lines}) > 1


def line_label(side: SideBySide, line: Line) -> str:
    """The variant, with its threads where the table has several counts."""
    if line.threads is None or not has_several_counts(side):
        return line.variant
    return f"{line.variant}, {wording.threads(line.threads)}"


def entry_text(entry: Entry | None) -> EntryText | None:
    """A cell's parts; None where the variant was not measured on the device."""
    if entry is None:
        return None
    row = entry.row
    latency = "latency not measured"
    if row.marked_latency is not None:
        latency = f"{wording.duration(row.marked_latency.value)} {row.mark}"
    elif row.latency is not None:
        latency = wording.duration(row.latency.value)
    return EntryText(
        latency=latency,
        speed=speed_cell(row),
        tone={FASTER: "good", SLOWER: "bad"}.get(row.verdict or "", ""),
        is_fastest=entry.is_fastest,
        quality=_quality(entry),
        parity="" if row.parity is None else parity_wording.parity_cell(row.parity),
    )


def _quality(entry: Entry) -> str:
    row = entry.row
    if row.accuracy is None:
        return "accuracy not measured"
    if row.primary is not None and row.drop is not None:
        drop = f"{metric_wording.drop_number(row.drop)} {row.drop_unit}"
        return f"drop {drop}" if metric_wording.drops(row.primary) else f"{row.primary.label} {drop} worse"
    if row.agreement is not None:
        return f"agreement {wording.decimal(100 * row.agreement.value, 1)} %"
    if row.primary is not None:
        return f"{row.primary.label} {metric_wording.value_text(row.primary)}"
    return "" if row.sqnr_db is None else f"SQNR {wording.decimal(row.sqnr_db, 1)} dB"
