package edgeq.core.image

import edgeq.core.tensor.pairwiseSum
import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.round
import kotlin.math.sin

/**
 * Which source positions make up each position of a result.
 *
 * @property perResult number of taps of one position.
 * @property index source positions, [perResult] of them for each position of the result.
 * @property weight of each.
 */
internal class Taps(val perResult: Int, val index: IntArray, val weight: FloatArray)

/**
 * Where the centre of each pixel of the result lies in the source, in TensorFlow's float32.
 *
 * @param result number of pixels.
 * @param scale source pixels for one of them.
 */
internal fun positions(result: Int, scale: Float) = DoubleArray(result) { ((it.toFloat() + 0.5f) * scale).toDouble() }

/** Taps that weigh each source pixel by its share of the area that becomes one pixel. */
internal fun areaTaps(size: Int, result: Int): Taps {
    val scale = size.toFloat() / result.toFloat()
    val taps = ceil(size.toDouble() / result).toInt() + 1
    val index = IntArray(result * taps)
    val weight = FloatArray(result * taps)
    for (position in 0 until result) {
        val start = (position.toFloat() * scale).toDouble()
        val stop = ((position + 1).toFloat() * scale).toDouble()
        val first = floor(start)
        for (tap in 0 until taps) {
            val pixel = first + tap
            val share = maxOf(0.0, minOf(pixel + 1, stop) - maxOf(pixel, start))
            index[position * taps + tap] = pixel.toInt().coerceIn(0, size - 1)
            weight[position * taps + tap] = (share / scale).toFloat()
        }
    }
    return Taps(taps, index, weight)
}

/**
 * Taps of a kernel, normalised over those that lie inside the image, as TensorFlow's `scale_and_translate` does it.
 *
 * In float64 until the weights are finished, and in the order in which NumPy adds them.
 */
internal fun kernelTaps(size: Int, result: Int, method: ResizeMethod, antialias: Boolean): Taps {
    val radius = radius(method)
    val stretch = if (antialias) maxOf(size.toDouble() / result, 1.0) else 1.0
    val centres = centres(size, result, method, antialias)
    val taps = ceil(2 * radius * stretch).toInt()
    val index = IntArray(result * taps)
    val weight = FloatArray(result * taps)
    val raw = DoubleArray(taps)
    for (position in 0 until result) {
        val centre = centres[position]
        val first = floor(centre - radius * stretch) + 1
        for (tap in 0 until taps) {
            val pixel = first + tap
            val isInside = pixel >= 0 && pixel < size
            raw[tap] = if (isInside) kernel(method, (pixel - centre) / stretch) else 0.0
            index[position * taps + tap] = pixel.toInt().coerceIn(0, size - 1)
        }
        val sum = pairwiseSum(raw::get, 0, taps)
        for (tap in 0 until taps) {
            weight[position * taps + tap] = (raw[tap] / sum).toFloat()
        }
    }
    return Taps(taps, index, weight)
}

/** Of each position, measured from the centre of the first source pixel. */
private fun centres(size: Int, result: Int, method: ResizeMethod, antialias: Boolean): DoubleArray {
    val scale = if (antialias || method == ResizeMethod.LANCZOS3) {
        // That operation is given the inverse.
        1 / (result.toFloat() / size.toFloat())
    } else {
        size.toFloat() / result.toFloat()
    }
    val centres = positions(result, scale)
    for (position in centres.indices) {
        val centre = centres[position] - 0.5
        // TensorFlow looks this one's weights up in a table of 1,024 steps.
        val isTabled = method == ResizeMethod.BICUBIC && !antialias
        centres[position] = if (isTabled) round(centre * CUBIC_STEPS) / CUBIC_STEPS else centre
    }
    return centres
}

/** Pixels to each side that a kernel reaches over. */
private fun radius(method: ResizeMethod): Double = when (method) {
    ResizeMethod.BILINEAR -> 1.0
    ResizeMethod.BICUBIC -> 2.0
    ResizeMethod.LANCZOS3 -> 3.0
    ResizeMethod.NEAREST, ResizeMethod.AREA -> throw IllegalArgumentException("$method has no kernel")
}

/**
 * Weight by distance in pixels: a triangle, Keys' cubic with a = −0.5, or Lanczos' window of 3 lobes.
 *
 * Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE ASSP 29, 1981, equation 15;
 * Duchon, "Lanczos Filtering in One and Two Dimensions", Journal of Applied Meteorology 18, 1979, equation 12.
 */
private fun kernel(method: ResizeMethod, distance: Double): Double {
    val x = minOf(abs(distance), radius(method))
    return when (method) {
        ResizeMethod.BILINEAR -> 1 - x
        ResizeMethod.BICUBIC -> if (x < 1) (1.5 * x - 2.5) * x * x + 1 else ((2.5 - 0.5 * x) * x - 4) * x + 2
        else -> sinc(x) * sinc(x / 3)
    }
}

private fun sinc(x: Double): Double {
    val angle = PI * x
    return if (angle == 0.0) 1.0 else sin(angle) / angle
}

private const val CUBIC_STEPS = 1024
