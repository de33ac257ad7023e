package edgeq.core.image

import kotlin.math.abs

/**
 * Bilinear with antialiasing: a triangle that widens where the image shrinks.
 *
 * As Pillow computes it, which edgeq uses for this one: across the rows first, then down the columns, both in fixed
 * point and rounded to 8 bits.
 */
internal fun View.triangleResized(height: Int, width: Int): Pixels {
    val narrow = resizedAcross(triangleTaps(this.width, width))
    return View.of(narrow, View.UPRIGHT).resizedDown(triangleTaps(this.height, height))
}

/**
 * Which source positions make up each position of a result, in fixed point.
 *
 * @property first source position of each position.
 * @property weight of the first one and those behind it, in units of 2^-22.
 */
private class TriangleTaps(val first: IntArray, val weight: Array<IntArray>)

private fun triangleTaps(size: Int, result: Int): TriangleTaps {
    val scale = size.toDouble() / result
    val radius = maxOf(scale, 1.0)
    val inverse = 1.0 / radius
    val first = IntArray(result)
    val weight = Array(result) { position ->
        val centre = (position + 0.5) * scale
        val start = maxOf(0, (centre - radius + 0.5).toInt())
        val stop = minOf(size, (centre + radius + 0.5).toInt())
        first[position] = start
        normalised(DoubleArray(stop - start) { maxOf(0.0, 1.0 - abs((it + start - centre + 0.5) * inverse)) })
    }
    return TriangleTaps(first, weight)
}

private fun normalised(weights: DoubleArray): IntArray {
    var sum = 0.0
    for (weight in weights) {
        sum += weight
    }
    return IntArray(weights.size) { (0.5 + weights[it] / sum * ONE).toInt() }
}

private fun View.resizedAcross(taps: TriangleTaps): Pixels {
    val width = taps.first.size
    val result = ByteArray(height * width * channels)
    var position = 0
    for (y in 0 until height) {
        for (x in 0 until width) {
            val start = at(y, taps.first[x])
            for (channel in 0 until channels) {
                result[position++] = sumAcross(start + channel, taps.weight[x])
            }
        }
    }
    return Pixels(width, height, channels, result)
}

private fun View.sumAcross(start: Int, weights: IntArray): Byte {
    var sum = HALF
    var source = start
    for (weight in weights) {
        sum += (bytes[source].toInt() and Pixels.BYTE) * weight
        source += columnStep
    }
    return level(sum)
}

private fun View.resizedDown(taps: TriangleTaps): Pixels {
    val row = width * channels
    val result = ByteArray(taps.first.size * row)
    val sums = IntArray(row)
    for (y in taps.first.indices) {
        sums.fill(HALF)
        for ((tap, weight) in taps.weight[y].withIndex()) {
            addRow(taps.first[y] + tap, weight, sums)
        }
        for (index in sums.indices) {
            result[y * row + index] = level(sums[index])
        }
    }
    return Pixels(width, taps.first.size, channels, result)
}

/** Adds a weighted row of pixels to a row of sums. */
private fun View.addRow(row: Int, weight: Int, sums: IntArray) {
    val start = at(row, 0)
    for (channel in 0 until channels) {
        var source = start + channel
        for (index in channel until sums.size step channels) {
            sums[index] += (bytes[source].toInt() and Pixels.BYTE) * weight
            source += columnStep
        }
    }
}

/** A sum of weighted levels, which are none below 0 and together no more than one, as a level. */
private fun level(sum: Int): Byte = (sum shr FRACTION_BITS).coerceAtMost(Pixels.BYTE).toByte()

private const val FRACTION_BITS = 22
private const val ONE = 1 shl FRACTION_BITS
private const val HALF = 1 shl (FRACTION_BITS - 1)
