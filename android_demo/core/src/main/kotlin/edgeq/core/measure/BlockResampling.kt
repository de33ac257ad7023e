package edgeq.core.measure

/**
 * The median of all samples after drawing blocks of them with replacement, many times.
 *
 * The samples are sorted once. A table says how many samples of each block lie at or below each position in the sorted
 * list; summed over the drawn blocks it gives the rank of each position, and the median is where the rank passes one
 * half. The same positions and joined blocks as in `edgeq/benchmark/latency_statistics.py`.
 *
 * @param blocks samples; none is empty.
 */
internal class BlockResampling(blocks: List<DoubleArray>) {
    // Neighbouring blocks are joined where there are very many: larger blocks are as valid and cost less.
    private val count = minOf(blocks.size, MOST_BLOCKS)
    private val sorted: DoubleArray
    private val below: Array<IntArray>

    init {
        val samples = joined(blocks).apply { sort() }
        val positions = positions(samples.size)
        sorted = DoubleArray(positions.size) { samples[positions[it]] }
        below = Array(count) { IntArray(positions.size) }
        // Equal samples take their places in the order of the blocks.
        val taken = IntArray(samples.size)
        for ((index, block) in blocks.withIndex()) {
            val row = below[(index.toLong() * count / blocks.size).toInt()]
            for (sample in block) {
                val first = firstWith(samples.size) { samples[it] >= sample }
                val place = first + taken[first]++
                row[firstWith(positions.size) { positions[it] >= place }]++
            }
        }
        for (row in below) for (position in 1 until row.size) row[position] += row[position - 1]
    }

    /** Medians of that many resamples. */
    fun medians(random: Pcg64, resamples: Int): DoubleArray = DoubleArray(resamples) { resampledMedian(random) }

    private fun resampledMedian(random: Pcg64): Double {
        val times = IntArray(count)
        repeat(count) { times[random.below(count)]++ }
        val samples = times.indices.sumOf { times[it] * below[it].last() }
        val lower = sorted[firstWith(sorted.size) { 2 * rank(times, it) >= samples }]
        val upper = sorted[firstWith(sorted.size) { 2 * rank(times, it) > samples }]
        return (lower + upper) / 2
    }

    /** How many of the drawn samples lie at or below a position. */
    private fun rank(times: IntArray, position: Int): Int {
        var sum = 0
        for (block in times.indices) sum += times[block] * below[block][position]
        return sum
    }

    /** The first of [count] positions that satisfies what holds from some position on, and at the last one. */
    private inline fun firstWith(count: Int, holds: (Int) -> Boolean): Int {
        var first = 0
        var last = count - 1
        while (first < last) {
            val middle = (first + last) / 2
            if (holds(middle)) last = middle else first = middle + 1
        }
        return first
    }

    private companion object {
        const val MOST_BLOCKS = 256
        const val MOST_POSITIONS = 2048

        /** Positions in a sorted list of [samples], evenly spread from the first to the last. */
        fun positions(samples: Int): IntArray {
            val used = minOf(samples, MOST_POSITIONS)
            if (used == samples) return IntArray(samples) { it }
            val step = (samples - 1).toDouble() / (used - 1)
            return IntArray(used) { if (it == used - 1) samples - 1 else Math.rint(it * step).toInt() }
        }
    }
}
