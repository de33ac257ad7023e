package edgeq.core.measure

import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.sqrt

/** A latency ratio closer to 1 than this is no difference, however significant; see `docs/measurement.md` of edgeq. */
const val MINIMAL_DIFFERENCE: Double = 0.01

/** Stands for "no upper bound", which JSON cannot hold: one round says nothing about the spread. */
const val UNBOUNDED: Double = 1e9

/**
 * Median of all samples with an interval that knows that neighbouring samples resemble each other.
 *
 * The same method and random numbers as `median_latency` of `edgeq/benchmark/latency_statistics.py`, which names the
 * sources: the percentile interval of a bootstrap of chunks, widened for their number; Student's t on the logarithms of
 * the chunks' medians below six chunks; a lone chunk is taken apart into its samples.
 *
 * @param chunks latencies in any unit, in the order measured; chunks may differ in length.
 * @param seed of the resampling.
 * @return the median; n counts the samples.
 * @throws IllegalArgumentException there is no sample, or one is not a positive number.
 */
fun medianLatency(chunks: List<DoubleArray>, seed: Int = 0): Estimate {
    val blocks = splitALoneChunk(checked(chunks))
    val samples = joined(blocks)
    val value = median(samples)
    val (low, high) = if (blocks.size < FEWEST_BLOCKS) {
        intervalOfFew(logsOfMedians(blocks))
    } else {
        val logs = BlockResampling(blocks).medians(Pcg64(seed), RESAMPLES)
        for (position in logs.indices) logs[position] = ln(logs[position])
        percentileInterval(value, logs, blocks.size)
    }
    return estimate(value, low, high, samples.size)
}

/**
 * Latency divided by the baseline's where both were measured in the same rounds: the median of the rounds' ratios, as
 * `paired_ratio` of `edgeq/benchmark/latency_statistics.py`.
 *
 * @param chunks latencies of the variant by round.
 * @param baselineChunks latencies of the baseline by round, in the same unit and order.
 * @param seed of the resampling.
 * @return the ratio, below 1 where the variant is faster; n counts the rounds.
 * @throws IllegalArgumentException the numbers of rounds differ, there is no sample, or one is not a positive number.
 */
fun pairedRatio(chunks: List<DoubleArray>, baselineChunks: List<DoubleArray>, seed: Int = 0): Estimate {
    require(chunks.size == baselineChunks.size) {
        "rounds cannot be paired: expected as many as the baseline's ${baselineChunks.size}, found ${chunks.size}"
    }
    val logs = logsOfMedians(checked(chunks))
    val baselineLogs = logsOfMedians(checked(baselineChunks))
    // Sorted, so that the same rounds in another order give the same interval.
    val ratios = DoubleArray(logs.size) { logs[it] - baselineLogs[it] }.apply { sort() }
    val value = exp(medianOfSorted(ratios))
    val (low, high) = if (ratios.size < FEWEST_BLOCKS) {
        intervalOfFew(ratios)
    } else {
        percentileInterval(value, resampledMedians(ratios, Pcg64(seed)), ratios.size)
    }
    return estimate(value, low, high, ratios.size)
}

/**
 * Whether a latency ratio means faster, slower, or neither: a difference counts where the interval excludes 1 and the
 * value is at least [MINIMAL_DIFFERENCE] from 1.
 */
fun verdictOf(ratio: Estimate): Verdict {
    val least = 1.0 + MINIMAL_DIFFERENCE
    return when {
        ratio.high < 1.0 && ratio.value * least <= 1.0 -> Verdict.FASTER
        ratio.low > 1.0 && ratio.value >= least -> Verdict.SLOWER
        else -> Verdict.NO_DIFFERENCE
    }
}

/**
 * All numbers about one variant's times.
 *
 * @param loadMs see [Latency].
 * @param firstMs see [Latency].
 * @param chunksMs see [Latency].
 * @param baseline the baseline's chunks of the same rounds; null for the baseline itself and where there is none.
 * @throws IllegalArgumentException see [medianLatency] and [pairedRatio].
 */
fun latencyOf(loadMs: Double, firstMs: Double, chunksMs: List<DoubleArray>, baseline: List<DoubleArray>?): Latency {
    val samples = joined(checked(chunksMs))
    val ratio = baseline?.let { pairedRatio(chunksMs, it) }
    return Latency(
        loadMs = loadMs,
        firstMs = firstMs,
        median = medianLatency(chunksMs),
        p90Ms = quantile(samples, 0.90),
        p95Ms = quantile(samples, 0.95),
        minMs = samples.min(),
        meanMs = mean(samples),
        chunksMs = chunksMs,
        ratio = ratio,
        verdict = ratio?.let(::verdictOf),
    )
}

private const val RESAMPLES = 1000

/** The 97.5 % quantile of the normal distribution. */
private const val Z95 = 1.959963984540054

/** The 97.5 % quantiles of Student's t for 1 to 4 degrees of freedom. */
private val T95 = doubleArrayOf(12.706204736432095, 4.302652729911275, 3.182446305284263, 2.7764451051977987)

private val FEWEST_BLOCKS = T95.size + 2

/** exp overflows above 709; an interval is then as good as unbounded. */
private const val LARGEST_LOG = 700.0

private fun checked(chunks: List<DoubleArray>): List<DoubleArray> {
    require(chunks.isNotEmpty() && chunks.none { it.isEmpty() }) {
        "expected at least one latency in every round, found none: measure again"
    }
    for (chunk in chunks) {
        for (sample in chunk) {
            require(sample.isFinite() && sample > 0) { "expected latencies above 0, found $sample: measure again" }
        }
    }
    return chunks
}

internal fun joined(blocks: List<DoubleArray>): DoubleArray {
    val samples = DoubleArray(blocks.sumOf { it.size })
    var end = 0
    for (block in blocks) {
        block.copyInto(samples, end)
        end += block.size
    }
    return samples
}

private fun splitALoneChunk(blocks: List<DoubleArray>): List<DoubleArray> =
    if (blocks.size > 1) blocks else blocks.single().map { doubleArrayOf(it) }

private fun logsOfMedians(blocks: List<DoubleArray>) = DoubleArray(blocks.size) { ln(median(blocks[it])) }

private fun resampledMedians(values: DoubleArray, random: Pcg64) =
    DoubleArray(RESAMPLES) { median(DoubleArray(values.size) { values[random.below(values.size)] }) }

/** Percentile interval of resampled logarithms around a value, widened for the number of blocks (Hesterberg, 2015). */
private fun percentileInterval(value: Double, logs: DoubleArray, blocks: Int): Pair<Double, Double> {
    val widening = sqrt(blocks.toDouble() / (blocks - 1)) * studentT95(blocks - 1) / Z95
    val low = quantile(logs, 0.025) - ln(value)
    val high = quantile(logs, 0.975) - ln(value)
    return Pair(value * exp(widening * low), value * exp(widening * high))
}

/** The 97.5 % quantile of Student's t: exact to 4, from 5 on by Abramowitz and Stegun, 26.7.5. */
internal fun studentT95(degrees: Int): Double {
    if (degrees <= T95.size) return T95[degrees - 1]
    val d = degrees.toDouble()
    val z3 = Z95 * Z95 * Z95
    val z5 = z3 * Z95 * Z95
    val z7 = z5 * Z95 * Z95
    val first = (z3 + Z95) / 4
    val second = (5 * z5 + 16 * z3 + 3 * Z95) / 96
    val third = (3 * z7 + 19 * z5 + 17 * z3 - 15 * Z95) / 384
    return Z95 + first / d + second / (d * d) + third / (d * d * d)
}

/** Student's t interval of exp(mean) for fewer than six blocks. */
private fun intervalOfFew(logs: DoubleArray): Pair<Double, Double> {
    if (logs.size < 2) return Pair(0.0, UNBOUNDED)
    val centre = mean(logs)
    val variance = logs.sumOf { (it - centre) * (it - centre) } / (logs.size - 1)
    val half = studentT95(logs.size - 1) * sqrt(variance / logs.size)
    val low = exp(maxOf(centre - half, -LARGEST_LOG))
    return Pair(low, minOf(exp(minOf(centre + half, LARGEST_LOG)), UNBOUNDED))
}

/** An estimate whose interval contains its value, which resampling does not promise. */
private fun estimate(value: Double, low: Double, high: Double, n: Int) =
    Estimate(value, minOf(low, value), maxOf(high, value), n)
