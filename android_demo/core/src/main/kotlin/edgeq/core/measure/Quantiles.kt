package edgeq.core.measure

import edgeq.core.tensor.pairwiseSum
import kotlin.math.floor

/** Median of numbers: the middle one, or the mean of the two in the middle. */
internal fun median(values: DoubleArray): Double = medianOfSorted(values.sortedArray())

internal fun medianOfSorted(sorted: DoubleArray): Double {
    val middle = sorted.size / 2
    return if (sorted.size % 2 == 1) sorted[middle] else (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The value below which a share of the numbers lies, interpolated between neighbours as `numpy.quantile` does by
 * default (definition 7 of Hyndman and Fan, The American Statistician 50, 1996).
 */
internal fun quantile(values: DoubleArray, share: Double): Double {
    val sorted = values.sortedArray()
    val position = (sorted.size - 1) * share
    val below = floor(position).toInt()
    val above = minOf(below + 1, sorted.size - 1)
    val part = position - below
    val step = sorted[above] - sorted[below]
    // From the nearer neighbour, as NumPy does, so that the last bit is the same.
    return if (part < 0.5) sorted[below] + step * part else sorted[above] - step * (1 - part)
}

/** Mean of numbers, summed in NumPy's order so that the last bit is the same. */
internal fun mean(values: DoubleArray): Double = pairwiseSum(values::get, 0, values.size) / values.size
