package edgeq.core.parity

import edgeq.core.bundle.NpyArray
import kotlin.math.abs

/** Float outputs of one kernel path are the same bits; float32 itself ends at 140 dB. */
private const val SAME_FLOATS_DB = 100.0

/** Differences that are kept for display: a small screen shows about as many. */
private const val MOST_SHOWN = 8

/**
 * Whether outputs are those that one kernel path gives: equal integers, and floats that are as good as equal.
 *
 * @param recorded as stored.
 * @param found of the same type and shape.
 */
internal fun sameOutputs(recorded: NpyArray, found: NpyArray): Boolean {
    val all = 0 until recorded.count
    if (!recorded.type.isReal) return all.all { recorded.long(it) == found.long(it) }
    if (all.none { recorded.double(it).isFinite() }) return all.all { isSame(recorded.double(it), found.double(it)) }
    return sqnrDb(recorded::double, found::double, recorded.count) >= SAME_FLOATS_DB
}

/** Share of values that differ; NaN differs from everything, and −0 is 0. */
internal fun differing(before: Map<String, NpyArray>, now: Map<String, NpyArray>): Double {
    val different = before.entries.sumOf { (name, array) ->
        val found = now.getValue(name)
        (0 until array.count).count { differs(array, found, it) }
    }
    return different.toDouble() / maxOf(before.values.sumOf { it.count.toLong() }, 1L)
}

/** The largest difference of integers; null where all outputs are float. */
internal fun largestStep(before: Map<String, NpyArray>, now: Map<String, NpyArray>): Int? =
    before.filterValues { it.type.isInteger }.maxOfOrNull { (name, array) ->
        val found = now.getValue(name)
        val largest = (0 until array.count).maxOfOrNull { abs(array.long(it) - found.long(it)) } ?: 0L
        largest.coerceAtMost(Int.MAX_VALUE.toLong()).toInt()
    }

/** The values that differ most, the largest difference first. */
internal fun largestDifferences(before: Map<String, NpyArray>, now: Map<String, NpyArray>): List<Difference> {
    val kept = ArrayList<Difference>()
    for ((name, array) in before) {
        val found = now.getValue(name)
        val size = array.count / array.shape.first()
        for (index in 0 until array.count) {
            if (!differs(array, found, index)) continue
            kept += Difference(name, index / size, index % size, array.double(index), found.double(index))
            if (kept.size >= MOST_SHOWN * 2) keepLargest(kept)
        }
    }
    keepLargest(kept)
    return kept
}

private fun keepLargest(differences: MutableList<Difference>) {
    // NaN is the largest of all for Double.compareTo, and the sort keeps the order of equals.
    differences.sortByDescending { abs(it.found - it.recorded) }
    while (differences.size > MOST_SHOWN) differences.removeAt(differences.lastIndex)
}

private fun differs(recorded: NpyArray, found: NpyArray, index: Int): Boolean =
    if (recorded.type.isReal) {
        recorded.double(index) != found.double(index)
    } else {
        recorded.long(index) != found.long(index)
    }

private fun isSame(one: Double, other: Double) = one == other || (one.isNaN() && other.isNaN())
