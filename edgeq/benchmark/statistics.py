"""The statistics behind every number: each function returns a value with its 95 % interval and its n.

Latencies come in chunks: the samples of one chunk were measured one after another and resemble each other,
so it is chunks that are resampled, not samples. Accuracies are shares of one set of items, so two variants
are compared item by item. Everything is deterministic: the same numbers and seed give the same result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.measurement import Estimate
from edgeq.errors import DataError, ResultsError

FASTER = "faster"
SLOWER = "slower"
NO_DIFFERENCE = "no significant difference"

MINIMAL_DIFFERENCE = 0.01
"""A latency ratio closer to 1 than this is no difference, however significant.

Where code and data happen to lie in memory shifts a whole process by about as much, and no number of samples
from that process shows it (Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong!",
ASPLOS 2009; Curtsinger and Berger, "STABILIZER", ASPLOS 2013).
"""

SESSION_SPREAD = 0.01
"""Standard deviation, in logarithms, by which the median of one file moves from session to session.

The samples of two sessions cannot show it. Twenty sessions of one small float32 model in a row on an idle x86
machine gave 0.0014, and without this term 77 % of the intervals of their ratios excluded 1. It is set higher
because sessions that are compared are days, temperatures and system updates apart.
"""

SQNR_LIMIT_DB = 200.0
"""Stands for an infinite ratio, which JSON cannot hold; float32 itself ends at about 145 dB."""

UNBOUNDED = 1e9
"""Stands for "no upper bound", which JSON cannot hold: one round says nothing about the spread."""

_Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution
# The 97.5 % quantiles of Student's t for 1 to 4 degrees of freedom.
_T95 = (12.706204736432095, 4.302652729911275, 3.182446305284263, 2.7764451051977987)
_RESAMPLES = 1000
_FEWEST_BLOCKS = len(_T95) + 2
_MOST_BLOCKS = 256
_MOST_POSITIONS = 2048

_Floats = npt.NDArray[np.float64]


def percentile(chunks: Sequence[Sequence[float]], share: float) -> float:
    """The value below which a share of all samples lies, interpolated between neighbours.

    Args:
        chunks: latencies in any unit.
        share: between 0 and 1, such as 0.95.

    Returns:
        The percentile in the unit of the samples.

    Raises:
        ResultsError: there is no sample, or one is not a positive number.
    """
    return float(np.quantile(np.concatenate(_checked(chunks)), share))


def median_latency(chunks: Sequence[Sequence[float]], seed: int = 0) -> Estimate:
    """Median of all samples with an interval that knows that neighbouring samples resemble each other.

    The interval is the percentile interval (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
    section 13.3) of a bootstrap of non-overlapping blocks, here the chunks (Carlstein, Annals of Statistics
    14, 1986; Lahiri, "Resampling Methods for Dependent Data", 2003, chapter 2). Below six chunks resampling
    cannot reach 95 %, so the interval is Student's t on the logarithms of the chunks' medians; a lone chunk
    is taken apart into its samples, and a lone sample gets 0 to `UNBOUNDED`.

    Args:
        chunks: latencies in any unit, in the order measured; chunks may differ in length.
        seed: of the resampling.

    Returns:
        The median in the unit of the samples; n counts the samples.

    Raises:
        ResultsError: there is no sample, or one is not a positive number.
    """
    blocks = _split_a_lone_chunk(_checked(chunks))
    samples = np.concatenate(blocks)
    value = float(np.median(samples))
    if len(blocks) < _FEWEST_BLOCKS:
        low, high = _interval_of_few(np.log(_medians(blocks)))
    else:
        logs = np.log(_resampled_medians(blocks, np.random.default_rng(seed)))
        low, high = _percentile_interval(value, logs, len(blocks))
    return _estimate(value, low, high, samples.size)


def paired_ratio(
    chunks: Sequence[Sequence[float]], baseline_chunks: Sequence[Sequence[float]], seed: int = 0
) -> Estimate:
    """Latency divided by the baseline's where both were measured in the same rounds.

    What slows a machine down for a while slows both chunks of a round, so it cancels in the round's ratio
    (blocking: Box, Hunter and Hunter, "Statistics for Experimenters", 2005, chapter 4; ratios of times with
    intervals: Kalibera and Jones, "Rigorous Benchmarking in Reasonable Time", ISMM 2013). The value is the
    median of the rounds' ratios, the interval the percentile interval of a bootstrap over rounds. Below six
    rounds it is Student's t on the log ratios; a lone round says nothing, so it gets 0 to `UNBOUNDED`.

    Args:
        chunks: latencies of the variant by round.
        baseline_chunks: latencies of the baseline by round, in the same unit and order.
        seed: of the resampling.

    Returns:
        The ratio, below 1 where the variant is faster; n counts the rounds.

    Raises:
        ResultsError: the numbers of rounds differ, there is no sample, or one is not a positive number.
    """
    if len(chunks) != len(baseline_chunks):
        raise ResultsError(
            f"rounds cannot be paired: expected as many as the baseline's {len(baseline_chunks)}, "
            f"found {len(chunks)}; compare only what one session measured"
        )
    # Sorted, so that the same rounds in another order give the same interval.
    ratios = np.sort(np.log(_medians(_checked(chunks))) - np.log(_medians(_checked(baseline_chunks))))
    value = math.exp(float(np.median(ratios)))
    if ratios.size < _FEWEST_BLOCKS:
        low, high = _interval_of_few(ratios)
    else:
        drawn = np.random.default_rng(seed).integers(ratios.size, size=(_RESAMPLES, ratios.size))
        low, high = _percentile_interval(value, np.median(ratios[drawn], axis=1), ratios.size)
    return _estimate(value, low, high, ratios.size)


def independent_ratio(
    chunks: Sequence[Sequence[float]], baseline_chunks: Sequence[Sequence[float]], seed: int = 0
) -> Estimate:
    """Latency divided by the baseline's where the two were measured in different sessions.

    Both sides are resampled by chunk, each on its own (two-sample bootstrap: Efron and Tibshirani, 1993,
    section 8.3). Below six chunks on a side it is Student's t on the logarithms of the chunks' medians with
    the smaller side's degrees of freedom, which is on the safe side of Welch's. The spread between sessions,
    `SESSION_SPREAD` a side, is added in quadrature (levels of variation: Kalibera and Jones, 2013), so the
    interval never gets narrower than 2.8 % to either side.

    Args:
        chunks: latencies of the variant.
        baseline_chunks: latencies of the baseline, in the same unit.
        seed: of the resampling.

    Returns:
        The ratio of the two medians, below 1 where the variant is faster; n is the smaller number of chunks.

    Raises:
        ResultsError: there is no sample, or one is not a positive number.
    """
    sides = [_split_a_lone_chunk(_checked(side)) for side in (chunks, baseline_chunks)]
    median, baseline_median = (float(np.median(np.concatenate(blocks))) for blocks in sides)
    value = median / baseline_median
    fewest = min(len(blocks) for blocks in sides)
    if fewest < _FEWEST_BLOCKS:
        low, high = _interval_of_few(*(np.log(_medians(blocks)) for blocks in sides))
    else:
        generator = np.random.default_rng(seed)
        logs, baseline_logs = (np.log(_resampled_medians(blocks, generator)) for blocks in sides)
        low, high = _percentile_interval(value, logs - baseline_logs, fewest)
    within = _estimate(value, low, high, min(len(chunks), len(baseline_chunks)))
    return _widened(within, _Z95 * math.sqrt(2) * SESSION_SPREAD)


def verdict(ratio: Estimate) -> str:
    """Whether a latency ratio means faster, slower, or neither.

    A difference counts where the interval excludes 1 and the value is at least `MINIMAL_DIFFERENCE` from 1.

    Args:
        ratio: latency divided by the baseline's.

    Returns:
        `FASTER`, `SLOWER` or `NO_DIFFERENCE`.
    """
    least = 1.0 + MINIMAL_DIFFERENCE
    if ratio.high < 1.0 and ratio.value * least <= 1.0:
        return FASTER
    if ratio.low > 1.0 and ratio.value >= least:
        return SLOWER
    return NO_DIFFERENCE


def proportion(successes: int, n: int) -> Estimate:
    """A share with Wilson's score interval.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927; the form is
    that of Newcombe, Statistics in Medicine 17, 1998, pages 857–872, method 3.

    Args:
        successes: items that count.
        n: all items, at least one.

    Returns:
        The share between 0 and 1.

    Raises:
        ResultsError: there is no item, or successes are not between 0 and n.
    """
    if not 0 <= successes <= n or n < 1:
        raise ResultsError(f"expected a count between 0 and the number of items, found {successes} of {n}")
    share = successes / n
    centre = (successes + _Z95**2 / 2) / (n + _Z95**2)
    half = _Z95 * math.sqrt(n * share * (1 - share) + _Z95**2 / 4) / (n + _Z95**2)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(share, low, high, n)


def paired_difference(correct: npt.NDArray[np.bool_], baseline_correct: npt.NDArray[np.bool_]) -> Estimate:
    """Difference of two shares that were measured on the same items, with Tango's score interval.

    Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17, 1998, pages 891–908, equations 24–26. It stays honest where the two
    never disagree: each side is then as long as Wilson's interval of zero successes.

    Args:
        correct: bool[N], which items the variant got right.
        baseline_correct: bool[N], which of the same items the baseline got right.

    Returns:
        The variant's share minus the baseline's, between -1 and 1.

    Raises:
        ResultsError: there is no item, or the two are not of one length.
    """
    ours = np.asarray(correct, dtype=bool)
    theirs = np.asarray(baseline_correct, dtype=bool)
    if ours.shape != theirs.shape or ours.ndim != 1 or ours.size == 0:
        raise ResultsError(
            f"expected two lists of one length, found {ours.shape} and {theirs.shape}: "
            "only results on the same items can be compared"
        )
    gained = int(np.count_nonzero(ours & ~theirs))
    lost = int(np.count_nonzero(theirs & ~ours))
    low, high = _tango_interval(gained, lost, ours.size)
    return Estimate((gained - lost) / ours.size, low, high, ours.size)


def drop_pp(correct: npt.NDArray[np.bool_], baseline_correct: npt.NDArray[np.bool_]) -> Estimate:
    """The drop: the baseline's share minus the variant's in percentage points, paired by item.

    Args:
        correct: bool[N], which items the variant got right.
        baseline_correct: bool[N], which of the same items the baseline got right.

    Returns:
        `paired_difference` with its sides exchanged, times 100; positive where the variant is worse.

    Raises:
        ResultsError: there is no item, or the two are not of one length.
    """
    difference = paired_difference(baseline_correct, correct)
    return Estimate(100 * difference.value, 100 * difference.low, 100 * difference.high, difference.n)


def mcnemar_exact(b: int, c: int) -> float:
    """The probability of a split at least this uneven if the two variants were equally good.

    McNemar, Psychometrika 12, 1947, in its exact form: the two-sided binomial test of b against c.

    Args:
        b: items that only the one got right.
        c: items that only the other got right.

    Returns:
        The two-sided p-value; 1 where the two never disagree.

    Raises:
        ResultsError: a count is negative.
    """
    if b < 0 or c < 0:
        raise ResultsError(f"expected two counts of items, found {b} and {c}")
    return min(1.0, 2 * _binomial_tail(max(b, c), b + c, 0.5))


def above_chance(correct: int, n: int, classes: int, majority_share: float = 0.0) -> bool:
    """Whether a classifier beats guessing: one-sided exact binomial test at 5 %.

    Guessing is right with the larger of one in ``classes`` and the share of the commonest class, which is
    what a model scores that always answers the same. Binomial test: Conover, "Practical Nonparametric
    Statistics", 3rd edition, 1999, section 3.1.

    Args:
        correct: items whose top-1 is the label.
        n: all items.
        classes: number of classes.
        majority_share: share of the commonest label among the items, between 0 and 1.

    Returns:
        True where so many correct items would come up by guessing in at most 5 % of cases.

    Raises:
        ResultsError: the counts do not fit together.
    """
    if not 0 <= correct <= n or n < 1 or classes < 1 or not 0 <= majority_share <= 1:
        raise ResultsError(
            f"expected counts that fit together, found {correct} of {n} items right, {classes} classes "
            f"and a commonest class of {majority_share:.1%}"
        )
    return _binomial_tail(correct, n, max(1 / classes, majority_share)) <= 0.05


def sqnr_db(reference: npt.NDArray[np.floating], value: npt.NDArray[np.floating]) -> float:
    """Signal to quantization noise ratio: 10 log10(Σ reference² / Σ (reference − value)²) in decibels.

    The definition of signal processing: Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd
    edition, 2010, section 4.8.3.

    Args:
        reference: float[...], outputs of the float model.
        value: float[...] of the same shape, outputs of the variant.

    Returns:
        Decibels between -`SQNR_LIMIT_DB` and `SQNR_LIMIT_DB`: the upper limit where the two are equal, the
        lower one where the variant has NaN or infinity and the reference a number. Places where the reference
        itself is not finite are left out.

    Raises:
        DataError: the shapes differ, or the reference has no finite value.
    """
    ours, theirs = np.asarray(value, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise DataError(f"expected outputs of one shape, found {theirs.shape} (reference) and {ours.shape}")
    finite = np.isfinite(theirs)
    if not finite.any():
        raise DataError(
            "the reference has no finite output: check the float model and its preprocessing before comparing"
        )
    ours, theirs = ours[finite], theirs[finite]
    if not np.isfinite(ours).all():
        return -SQNR_LIMIT_DB
    # Scaled first: squares of very small or very large numbers would leave the range of float64.
    largest = max(float(np.abs(theirs).max()), float(np.abs(ours).max()))
    if largest == 0:
        return SQNR_LIMIT_DB
    ours, theirs = ours / largest, theirs / largest
    signal, noise = float(np.sum(theirs**2)), float(np.sum((theirs - ours) ** 2))
    if noise == 0:
        return SQNR_LIMIT_DB
    if signal == 0:
        return -SQNR_LIMIT_DB
    return max(-SQNR_LIMIT_DB, min(SQNR_LIMIT_DB, 10 * (math.log10(signal) - math.log10(noise))))


def items_needed(drop_budget_pp: float, discordant_share: float) -> int:
    """Roughly how many validation items bring the drop's half interval below a budget.

    Solves half² = z² p / n + (z² / n)² for n. The first term is the normal approximation of Tango's interval
    with a share p of items on which only one variant is right, the second its length where the two never
    disagree.

    Args:
        drop_budget_pp: half width wanted, in percentage points.
        discordant_share: share of items on which exactly one of the two variants is right, between 0 and 1.

    Returns:
        Number of items.

    Raises:
        ResultsError: the budget is not positive, or the share not between 0 and 1.
    """
    if not drop_budget_pp > 0 or not 0 <= discordant_share <= 1:
        raise ResultsError(
            "expected a budget above 0 pp and a share between 0 and 1, "
            f"found {drop_budget_pp} pp and {discordant_share}"
        )
    half, p = drop_budget_pp / 100, discordant_share
    return math.ceil(_Z95**2 * (p + math.sqrt(p * p + 4 * half * half)) / (2 * half * half))


def _checked(chunks: Sequence[Sequence[float]]) -> list[_Floats]:
    """The chunks as arrays, after checking that every sample is a positive number."""
    blocks = [np.asarray(chunk, dtype=np.float64) for chunk in chunks]
    if not blocks or any(block.size == 0 for block in blocks):
        raise ResultsError("expected at least one latency in every round, found none: measure again")
    samples = np.concatenate(blocks)
    bad = ~(np.isfinite(samples) & (samples > 0))
    if bad.any():
        raise ResultsError(f"expected latencies above 0, found {samples[bad][0]}: measure again")
    return blocks


def _split_a_lone_chunk(blocks: list[_Floats]) -> list[_Floats]:
    return blocks if len(blocks) > 1 else list(blocks[0].reshape(-1, 1))


def _medians(blocks: list[_Floats]) -> _Floats:
    if len({block.size for block in blocks}) == 1:
        return np.asarray(np.median(np.stack(blocks), axis=1), dtype=np.float64)
    return np.array([np.median(block) for block in blocks])


def _resampled_medians(blocks: list[_Floats], generator: np.random.Generator) -> _Floats:
    """float64[resamples]: the median of all samples after drawing blocks with replacement.

    The samples are sorted once. A table says how many samples of each block lie at or below each position in
    the sorted list; how often each block was drawn, times that table, gives the rank of each position in each
    resample, and the median is where the rank passes one half.
    """
    samples = np.concatenate(blocks)
    # Neighbouring blocks are joined where there are very many: larger blocks are as valid and cost less.
    count = min(len(blocks), _MOST_BLOCKS)
    joined = np.arange(len(blocks)) * count // len(blocks)
    owner = np.repeat(joined, [block.size for block in blocks])
    order = np.argsort(samples, kind="stable")
    positions = np.unique(np.linspace(0, samples.size - 1, min(samples.size, _MOST_POSITIONS)).round())
    column = np.searchsorted(positions, np.arange(samples.size))
    table = np.bincount(owner[order] * positions.size + column, minlength=count * positions.size)
    below = table.reshape(count, positions.size).cumsum(axis=1)

    drawn = generator.integers(count, size=(_RESAMPLES, count)) + count * np.arange(_RESAMPLES)[:, None]
    times = np.bincount(drawn.ravel(), minlength=_RESAMPLES * count).reshape(_RESAMPLES, count)
    # float64 products of counts are exact integers and, unlike integer ones, use fast matrix routines.
    ranks = times.astype(np.float64) @ below.astype(np.float64)
    half = ranks[:, -1:] / 2
    sorted_samples = samples[order][positions.astype(np.int64)]
    lower = sorted_samples[np.count_nonzero(ranks < half, axis=1)]
    upper = sorted_samples[np.count_nonzero(ranks <= half, axis=1)]
    return np.asarray((lower + upper) / 2, dtype=np.float64)


def _percentile_interval(value: float, logs: _Floats, blocks: int) -> tuple[float, float]:
    """Percentile interval of resampled logarithms around a value, widened for the number of blocks.

    Resampling n blocks understates the spread by sqrt((n - 1) / n) and uses the normal distribution's
    quantile for Student's (Hesterberg, "What Teachers Should Know About the Bootstrap", The American
    Statistician 69, 2015). In simulations of ten chunks the interval holds the truth in 89 % of cases without
    and in 94 % with the widening.
    """
    widening = math.sqrt(blocks / (blocks - 1)) * _student_t95(blocks - 1) / _Z95
    low, high = np.quantile(logs, (0.025, 0.975)) - math.log(value)
    return value * math.exp(widening * float(low)), value * math.exp(widening * float(high))


def _student_t95(degrees: int) -> float:
    """The 97.5 % quantile of Student's t: exact to 4, from 5 on by Abramowitz and Stegun, 26.7.5."""
    if degrees <= len(_T95):
        return _T95[degrees - 1]
    z, d = _Z95, float(degrees)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / d + second / d**2 + third / d**3


def _interval_of_few(logs: _Floats, baseline_logs: _Floats | None = None) -> tuple[float, float]:
    """Student's t interval of exp(mean), or of exp(difference of means), for fewer than six blocks."""
    sides = [logs] if baseline_logs is None else [logs, baseline_logs]
    fewest = min(side.size for side in sides)
    if fewest < 2:
        return 0.0, UNBOUNDED
    centre = float(logs.mean()) - (0.0 if baseline_logs is None else float(baseline_logs.mean()))
    half = _student_t95(fewest - 1) * math.sqrt(sum(float(side.var(ddof=1)) / side.size for side in sides))
    # exp overflows above 709; the interval is then as good as unbounded.
    return math.exp(max(centre - half, -700.0)), min(math.exp(min(centre + half, 700.0)), UNBOUNDED)


def _estimate(value: float, low: float, high: float, n: int) -> Estimate:
    """An estimate whose interval contains its value, which resampling does not promise."""
    return Estimate(value, min(low, value), max(high, value), n)


def _widened(ratio: Estimate, half: float) -> Estimate:
    """The ratio with a further half interval of its logarithm added in quadrature."""
    if ratio.high >= UNBOUNDED or ratio.low <= 0:
        return ratio
    below = math.hypot(math.log(ratio.value / ratio.low), half)
    above = math.hypot(math.log(ratio.high / ratio.value), half)
    return Estimate(ratio.value, ratio.value * math.exp(-below), ratio.value * math.exp(above), ratio.n)


def _tango_interval(b: float, c: float, n: int) -> tuple[float, float]:
    """The differences at which Tango's score statistic passes plus and minus z, found by bisection."""
    value = (b - c) / n
    low = -1.0 if value == -1 else _bisect(b, c, n, -1.0, value, _Z95)
    high = 1.0 if value == 1 else _bisect(b, c, n, value, 1.0, -_Z95)
    return low, high


def _bisect(b: float, c: float, n: int, low: float, high: float, target: float) -> float:
    """Where the statistic, which falls from low to high, has the target value."""
    for _ in range(60):  # halves an interval of at most 2 to below the resolution of float64
        middle = (low + high) / 2
        if _tango_statistic(b, c, n, middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tango_statistic(b: float, c: float, n: int, difference: float) -> float:
    """Tango (1998), equation 24, with his Δ = −difference; q is his restricted estimate of c's share."""
    second = -(b + c) + (2 * n - b + c) * difference
    last = -c * difference * (1 - difference)
    q = (math.sqrt(max(0.0, second * second - 8 * n * last)) - second) / (4 * n)
    variance = n * (2 * q + difference * (1 - difference))
    distance = b - c - n * difference
    if variance <= 0:  # only rounding, or no item on which the two disagree, brings it here
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _binomial_tail(k: int, n: int, p: float) -> float:
    """Probability of k or more successes in n trials of probability p, its terms built as logarithms."""
    if k <= 0 or p >= 1:
        return 1.0
    if p <= 0:
        return 0.0
    factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    successes = np.arange(k, n + 1)
    logs = (
        factorials[n]
        - factorials[successes]
        - factorials[n - successes]
        + successes * math.log(p)
        + (n - successes) * math.log1p(-p)
    )
    return min(1.0, float(np.exp(logs).sum()))
