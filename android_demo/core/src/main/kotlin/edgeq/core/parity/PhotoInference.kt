package edgeq.core.parity

import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.RecordedPhotos
import edgeq.core.model.TensorInfo
import edgeq.core.tensor.realValues
import kotlin.math.log10

/**
 * An SQNR against the desktop's answers to the same pixels, the worst photo left out, from which on answers are as good as
 * equal. Of 1,000 draws of 8 photos of CIFAR-10 with a full-integer ResNet, photo parity refuses 0.9 % on other kernels of
 * one machine, and 96.8 % where values are from 0 to 1 instead of −1 to 1 (`benchmarks/app_mistakes.py`).
 */
const val ENOUGH_PHOTOS_DB = 18.0

/**
 * How much nearer the desktop's answers may be to the float file than this device's are to the desktop's: a file of much
 * noise is not asked for [ENOUGH_PHOTOS_DB]. Two kernel paths that round each in their own way are apart by the noise of
 * both, 3 dB, and 8 photos tell that no better than within as much again.
 */
const val MORE_PHOTOS_NOISE_DB = 6.0

/**
 * What comes of the desktop's pixels: values, quantization, file and runtime.
 *
 * @property passed whether the answers are what they must be.
 * @property sameKernels whether the kernel path is the recorded one, so that the bits must be equal.
 * @property differing share of the output values that differ from the recorded ones, between 0 and 1.
 * @property sqnrDb against the desktop's answers in decibels, without the photo that differs most: an answer on the border
 * of two classes, of which kernels that round otherwise make another one, would hide all others.
 * @property leastSqnrDb that is asked for where the kernels are others.
 */
data class PhotoInference(
    val passed: Boolean,
    val sameKernels: Boolean,
    val differing: Double,
    val sqnrDb: Double,
    val leastSqnrDb: Double,
)

/**
 * Compares answers to the desktop's pixels with the desktop's answers.
 *
 * @param recorded the photos with the answers of the float file.
 * @param desktop the variant's answers there, as stored, `[photos, shape]` by output.
 * @param found the same outputs here.
 * @param infos of the outputs, under the names that were recorded.
 */
internal fun comparePhotoInference(
    recorded: RecordedPhotos,
    desktop: Map<String, NpyArray>,
    found: Map<String, NpyArray>,
    infos: List<TensorInfo>,
    sameKernels: Boolean,
): PhotoInference {
    val n = recorded.photos.size
    val here = trimmedSqnrDb(n, infos.map { it.distances(desktop.getValue(it.name), found.getValue(it.name)) })
    val there = trimmedSqnrDb(
        n,
        infos.map { info ->
            val exact = recorded.reference.getValue(info.name)
            val stored = info.realValues(desktop.getValue(info.name))
            Distances(info.count, exact::double, stored::get)
        },
    )
    val least = minOf(ENOUGH_PHOTOS_DB, there - MORE_PHOTOS_NOISE_DB)
    return PhotoInference(
        passed = if (sameKernels) {
            infos.all { sameOutputs(desktop.getValue(it.name), found.getValue(it.name)) }
        } else {
            here >= least
        },
        sameKernels = sameKernels,
        differing = differing(desktop, found),
        sqnrDb = here,
        leastSqnrDb = least,
    )
}

/** An output and its reference, and how many values there are for each photo. */
private class Distances(val count: Int, val reference: (Int) -> Double, val value: (Int) -> Double)

private fun TensorInfo.distances(reference: NpyArray, found: NpyArray): Distances {
    val before = realValues(reference)
    val now = realValues(found)
    return Distances(count, before::get, now::get)
}

/** SQNR of all outputs together, without the photo of the largest noise where there are several photos. */
private fun trimmedSqnrDb(photos: Int, outputs: List<Distances>): Double {
    val sums = (0 until photos).map { photo ->
        var signal = 0.0
        var noise = 0.0
        for (output in outputs) {
            for (index in photo * output.count until (photo + 1) * output.count) {
                val expected = output.reference(index)
                // What is no number on the desktop either says nothing.
                if (!expected.isFinite()) continue
                val off = output.value(index) - expected
                signal += expected * expected
                noise += if (off.isFinite()) off * off else Double.POSITIVE_INFINITY
            }
        }
        Pair(signal, noise)
    }
    val kept = if (photos > 1) sums.sortedBy { it.second }.dropLast(1) else sums
    val signal = kept.sumOf { it.first }
    val noise = kept.sumOf { it.second }
    return when {
        noise == 0.0 -> SQNR_LIMIT_DB
        signal == 0.0 || noise.isInfinite() -> -SQNR_LIMIT_DB
        else -> (10 * (log10(signal) - log10(noise))).coerceIn(-SQNR_LIMIT_DB, SQNR_LIMIT_DB)
    }
}
