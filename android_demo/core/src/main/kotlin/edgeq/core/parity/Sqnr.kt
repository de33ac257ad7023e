package edgeq.core.parity

import edgeq.core.tensor.DataException
import edgeq.core.tensor.RealValues
import edgeq.core.tensor.pairwiseSum
import kotlin.math.abs
import kotlin.math.log10

/** Stands for an infinite ratio, which JSON cannot hold; float32 itself ends at about 145 dB. */
const val SQNR_LIMIT_DB = 200.0

/**
 * Signal to quantization noise ratio: 10 log10(Σ reference² / Σ (reference − value)²) in decibels, as
 * `edgeq.benchmark.accuracy_statistics.sqnr_db` computes it.
 *
 * The definition of signal processing: Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd edition, 2010,
 * section 4.8.3.
 *
 * @param reference outputs of the float model.
 * @param value outputs of the variant, as many.
 * @return decibels between −[SQNR_LIMIT_DB] and [SQNR_LIMIT_DB]: the upper limit where the two are equal, the lower one
 * where the variant has NaN or infinity and the reference a number. Places where the reference itself is not finite
 * are left out.
 * @throws DataException their numbers differ, or the reference has no finite value.
 */
fun sqnrDb(reference: DoubleArray, value: DoubleArray): Double {
    if (reference.size != value.size) {
        throw DataException(
            "expected outputs of one shape, found ${reference.size} (reference) and ${value.size} values",
        )
    }
    return sqnrDb(reference::get, value::get, reference.size)
}

/** As for arrays, of [count] numbers each. */
internal fun sqnrDb(reference: RealValues, value: RealValues, count: Int): Double {
    val finite = finiteOnly(reference, count)
    if (finite.count == 0) {
        throw DataException(
            "the reference has no finite output: check the float model and its preprocessing before comparing",
        )
    }
    // Scaled first: squares of very small or very large numbers would leave the range of float64.
    var largest = 0.0
    for (place in 0 until finite.count) {
        val index = finite[place]
        if (!value[index].isFinite()) return -SQNR_LIMIT_DB
        largest = maxOf(largest, abs(reference[index]), abs(value[index]))
    }
    if (largest == 0.0) return SQNR_LIMIT_DB
    val signal = pairwiseSum({ squared(reference[finite[it]] / largest) }, 0, finite.count)
    val noise = pairwiseSum(
        { squared(reference[finite[it]] / largest - value[finite[it]] / largest) },
        0,
        finite.count,
    )
    if (noise == 0.0) return SQNR_LIMIT_DB
    if (signal == 0.0) return -SQNR_LIMIT_DB
    return (10 * (log10(signal) - log10(noise))).coerceIn(-SQNR_LIMIT_DB, SQNR_LIMIT_DB)
}

/** Places of finite numbers; [indices] is null where all are. */
private class Places(private val indices: IntArray?, val count: Int) {
    operator fun get(place: Int): Int = indices?.get(place) ?: place
}

private fun finiteOnly(values: RealValues, count: Int): Places {
    val finite = (0 until count).count { values[it].isFinite() }
    if (finite == count) return Places(null, count)
    val indices = IntArray(finite)
    var next = 0
    for (index in 0 until count) if (values[index].isFinite()) indices[next++] = index
    return Places(indices, finite)
}

private fun squared(number: Double) = number * number
