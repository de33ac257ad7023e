package edgeq.core.tensor

/**
 * The sum in the order in which NumPy adds, so that both sides get the same bits: one after the other below 8 values,
 * eight sums side by side up to 128 of them, and halves beyond that.
 *
 * Pairwise summation: Higham, "The Accuracy of Floating Point Summation", SIAM Journal on Scientific Computing 14,
 * 1993.
 */
internal fun pairwiseSum(values: RealValues, from: Int, count: Int): Double {
    if (count < LANES) {
        var sum = 0.0
        for (index in from until from + count) sum += values[index]
        return sum
    }
    if (count > BLOCK) {
        val half = count / 2 / LANES * LANES
        return pairwiseSum(values, from, half) + pairwiseSum(values, from + half, count - half)
    }
    val lanes = DoubleArray(LANES) { values[from + it] }
    val whole = count - count % LANES
    for (index in LANES until whole) lanes[index % LANES] += values[from + index]
    var sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    for (index in from + whole until from + count) sum += values[index]
    return sum
}

private const val LANES = 8
private const val BLOCK = 128
