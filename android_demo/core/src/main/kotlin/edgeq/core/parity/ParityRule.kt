package edgeq.core.parity

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.NpyType
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.model.TensorInfo
import edgeq.core.tensor.RealValues
import edgeq.core.tensor.realValues

/**
 * How much nearer the recorded outputs may be to the float model than this device's: twice the noise. Quantization
 * made the noise that was recorded; rounding otherwise must not add more than there was.
 */
const val MORE_NOISE_DB = 3.0

/**
 * An SQNR from which on a device need not be as near as the recorded outputs: float kernels that sum in another order,
 * or in half precision, are far above.
 */
const val ENOUGH_DB = 50.0

/**
 * Inputs whose top-1 may be another than the float model's beside those where it was so when recorded: kernel paths
 * agree on 99 % of inputs, and a few recorded ones may lie on a border.
 */
const val MORE_DISAGREEING = 1

/**
 * Compares what a device computed from the recorded inputs with what was recorded, by the rule and the limits of
 * `edgeq.benchmark.parity`.
 *
 * Within one kernel path (runtime, version, delegate and CPU family) integers must be equal, and floats as good as
 * equal. Elsewhere kernels round otherwise, so that no tolerance of single values tells right from wrong: there a
 * variant must be as near to the float model as it was when it was recorded, within the limits.
 *
 * @param bundle that recorded it.
 * @param recorded its inputs and outputs.
 * @param variant that ran.
 * @param outputs of the file, as the device's runtime sees them.
 * @param stored what the device computed, as the file stores it, `[n, shape]` by output name.
 * @param kernelPath that computed it.
 * @return the comparison; null where the bundle recorded nothing that can be compared.
 * @throws edgeq.core.tensor.DataException the float model's outputs are no numbers.
 */
fun compareParity(
    bundle: Bundle,
    recorded: ParityData,
    variant: Variant,
    outputs: List<TensorInfo>,
    stored: Map<String, NpyArray>,
    kernelPath: String,
): ParityResult? {
    val before = recorded.stored[variant.name] ?: return null
    val made = bundle.variants.firstOrNull { it.name == variant.name } ?: return null
    val infos = outputs.associateBy(TensorInfo::name)
    if (shapes(before) != shapes(stored)) return null
    if (infos.keys != before.keys || before.keys != recorded.reference.keys) return null
    val now = againstFloat(recorded.reference, infos, stored)
    val then = againstFloat(recorded.reference, infos, before)
    val n = before.values.first().shape.first()
    val sameKernels = kernelPath == made.check.kernelPath
    val leastDb = minOf(then.sqnrDb - MORE_NOISE_DB, ENOUGH_DB)
    // Counted in inputs: shares of floats would make 6/9 smaller than 7/9 − 1/9.
    val leastAgreement = then.agreement?.let { maxOf(0.0, Math.rint(it * n) - MORE_DISAGREEING) / n }
    val agrees = now.agreement == null || leastAgreement == null || now.agreement >= leastAgreement
    return ParityResult(
        n = n,
        passed = if (sameKernels) {
            before.all { (name, array) -> sameOutputs(array, stored.getValue(name)) }
        } else {
            now.sqnrDb >= leastDb && agrees
        },
        sameKernels = sameKernels,
        recordedKernelPath = made.check.kernelPath,
        differing = differing(before, stored),
        largestDifference = largestStep(before, stored),
        sqnrDb = now.sqnrDb,
        leastSqnrDb = leastDb,
        agreement = now.agreement,
        leastAgreement = leastAgreement,
        differences = largestDifferences(before, stored),
    )
}

private class Nearness(val sqnrDb: Double, val agreement: Double?)

/** SQNR of all outputs together, and top-1 agreement where the model classifies. */
private fun againstFloat(
    reference: Map<String, NpyArray>,
    infos: Map<String, TensorInfo>,
    stored: Map<String, NpyArray>,
): Nearness {
    val wanted = reference.values.map { RealValues(it::double) }
    val real = reference.keys.map { infos.getValue(it).realValues(stored.getValue(it)) }
    val sizes = reference.values.map(NpyArray::count)
    val noise = sqnrDb(Joined(wanted, sizes), Joined(real, sizes), sizes.sum())
    val shape = reference.values.singleOrNull()?.shape?.drop(1)
    if (shape == null || shape.size != 2 || shape[1] < 2) return Nearness(noise, null)
    val rows = sizes.single() / shape[1]
    val agreeing = (0 until rows).count { top1(wanted.single(), it, shape[1]) == top1(real.single(), it, shape[1]) }
    return Nearness(noise, agreeing.toDouble() / rows)
}

/** Arrays one after the other. */
private class Joined(private val parts: List<RealValues>, private val sizes: List<Int>) : RealValues {
    override fun get(index: Int): Double {
        var part = 0
        var place = index
        while (place >= sizes[part]) place -= sizes[part++]
        return parts[part][place]
    }
}

/** Index of a row's largest score: the first of equals, and NaN before all numbers, as NumPy takes it. */
internal fun top1(scores: RealValues, row: Int, classes: Int): Int {
    var best = 0
    for (index in 1 until classes) {
        val largest = scores[row * classes + best]
        val score = scores[row * classes + index]
        if (!largest.isNaN() && (score > largest || score.isNaN())) best = index
    }
    return best
}

private fun shapes(arrays: Map<String, NpyArray>): Map<String, Pair<NpyType, List<Int>>> =
    arrays.mapValues { (_, array) -> array.type to array.shape }
