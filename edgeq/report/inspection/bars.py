"""Heights of the bars of a histogram, for the console and the page alike."""

from __future__ import annotations

import math
from collections.abc import Sequence


def bar_heights(counts: Sequence[int], bars: int, *, logarithmic: bool = False) -> list[float]:
    """Heights between 0 and 1, the highest bar being 1.

    Args:
        counts: of each bin.
        bars: how many at most; neighbouring bins are added up where there are more.
        logarithmic: whether the height is the logarithm of one more than the count.

    Returns:
        As many heights as bars; 0 for nothing, more for anything.
    """
    bars = min(bars, len(counts))
    sums = [sum(counts[i * len(counts) // bars : (i + 1) * len(counts) // bars]) for i in range(bars)]
    scaled = [math.log1p(max(0, one)) if logarithmic else float(max(0, one)) for one in sums]
    most = max(scaled, default=0.0)
    return [one / most if most > 0 else 0.0 for one in scaled]
