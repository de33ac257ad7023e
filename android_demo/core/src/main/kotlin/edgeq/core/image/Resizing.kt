package edgeq.core.image

import kotlin.math.round

/**
 * Pixels in another size, as `tf.image.resize` has them: half-pixel centres, rounded to 8 bits, and clipped where a
 * cubic or Lanczos kernel overshoots.
 *
 * The arithmetic is that of edgeq on the desktop down to the order of float32 operations, and so are the bytes. One
 * thing depends on the platform: weights of lanczos3 are made of sines, which two mathematical libraries may round
 * differently in the last of 53 bits. Of 3.9 million weights for sizes from 1 to 8191 none differed in float32 between
 * NumPy 2.4 and Java 17; where one does, a pixel that lies within 1e-4 of the middle between two levels may take the
 * other one.
 */
internal fun View.resized(height: Int, width: Int, method: ResizeMethod, antialias: Boolean): Pixels {
    val isShrinking = height <= this.height && width <= this.width
    return when {
        height == this.height && width == this.width -> copied()
        method == ResizeMethod.NEAREST -> picked(nearest(this.height, height), nearest(this.width, width))
        method == ResizeMethod.AREA -> weighted(areaTaps(this.height, height), areaTaps(this.width, width))
        method == ResizeMethod.BILINEAR && antialias -> triangleResized(height, width)
        method == ResizeMethod.BILINEAR && isShrinking -> blended(height, width)
        else -> kernelResized(height, width, method, antialias)
    }
}

private fun View.kernelResized(height: Int, width: Int, method: ResizeMethod, antialias: Boolean): Pixels {
    val down = kernelTaps(this.height, height, method, antialias)
    return weighted(down, kernelTaps(this.width, width, method, antialias))
}

/** The source pixel of each pixel. */
private fun nearest(size: Int, result: Int): IntArray {
    val positions = positions(result, size.toFloat() / result.toFloat())
    return IntArray(result) { minOf(positions[it].toInt(), size - 1) }
}

private fun View.copied(): Pixels = picked(IntArray(height) { it }, IntArray(width) { it })

private fun View.picked(rows: IntArray, columns: IntArray): Pixels {
    val result = ByteArray(rows.size * columns.size * channels)
    var position = 0
    for (row in rows) {
        for (column in columns) {
            val source = at(row, column)
            for (channel in 0 until channels) {
                result[position++] = bytes[source + channel]
            }
        }
    }
    return Pixels(columns.size, rows.size, channels, result)
}

/** Bilinear without antialiasing to a size that is nowhere larger, the most used case: four pixels make one. */
private fun View.blended(height: Int, width: Int): Pixels {
    val down = Neighbours.between(this.height, height)
    val across = Neighbours.between(this.width, width)
    val result = ByteArray(height * width * channels)
    var position = 0
    for (y in 0 until height) {
        val fromTop = down.fraction[y]
        for (x in 0 until width) {
            val fromLeft = across.fraction[x]
            val topLeft = at(down.before[y], across.before[x])
            val topRight = at(down.before[y], across.after[x])
            val bottomLeft = at(down.after[y], across.before[x])
            val bottomRight = at(down.after[y], across.after[x])
            for (channel in 0 until channels) {
                val top = between(level(topLeft + channel), level(topRight + channel), fromLeft)
                val bottom = between(level(bottomLeft + channel), level(bottomRight + channel), fromLeft)
                result[position++] = rounded(between(top, bottom, fromTop))
            }
        }
    }
    return Pixels(width, height, channels, result)
}

private fun View.level(index: Int): Float = (bytes[index].toInt() and Pixels.BYTE).toFloat()

private fun between(start: Float, end: Float, fraction: Float): Float = (end - start) * fraction + start

/** The pixels before and after each position, and how far it lies from the centre of the one before. */
private class Neighbours(val before: IntArray, val after: IntArray, val fraction: FloatArray) {
    companion object {
        fun between(size: Int, result: Int): Neighbours {
            // In integers: in float32 a position close to a pixel's centre could take its neighbour for it.
            val before = IntArray(result) { (((2L * it + 1) * size - result) / (2L * result)).toInt() }
            val positions = positions(result, size.toFloat() / result.toFloat())
            return Neighbours(
                before,
                IntArray(result) { minOf(before[it] + 1, size - 1) },
                FloatArray(result) { (positions[it] - 0.5 - before[it]).toFloat() },
            )
        }
    }
}

/** First down the columns, then across the rows, a row of the result at a time. */
private fun View.weighted(down: Taps, across: Taps): Pixels {
    val height = down.index.size / down.perResult
    val width = across.index.size / across.perResult
    // A photo on its side is read against its rows; where all of it is, turning it first is
    // two to three times as fast.
    val source = if (isSideways && down.index.size >= this.height) View.of(copied(), View.UPRIGHT) else this
    val narrow = FloatArray(this.width * channels)
    val result = ByteArray(height * width * channels)
    for (y in 0 until height) {
        narrow.fill(0f)
        for (tap in y * down.perResult until (y + 1) * down.perResult) {
            if (down.weight[tap] != 0f) {
                source.addRow(down.index[tap], down.weight[tap], narrow)
            }
        }
        addAcross(narrow, across, channels, result, y * width * channels)
    }
    return Pixels(width, height, channels, result)
}

/** Adds a weighted row of pixels to a row of sums. */
private fun View.addRow(row: Int, weight: Float, sums: FloatArray) {
    val start = at(row, 0)
    if (columnStep == channels) {
        for (index in sums.indices) {
            sums[index] += (bytes[start + index].toInt() and Pixels.BYTE) * weight
        }
        return
    }
    for (channel in 0 until channels) {
        var source = start + channel
        for (index in channel until sums.size step channels) {
            sums[index] += (bytes[source].toInt() and Pixels.BYTE) * weight
            source += columnStep
        }
    }
}

/** Weighted sums along a row, rounded into the result from [start] on. */
private fun addAcross(row: FloatArray, taps: Taps, channels: Int, result: ByteArray, start: Int) {
    var position = start
    for (first in taps.index.indices step taps.perResult) {
        for (channel in 0 until channels) {
            var sum = 0f
            for (tap in first until first + taps.perResult) {
                sum += row[taps.index[tap] * channels + channel] * taps.weight[tap]
            }
            result[position++] = rounded(sum)
        }
    }
}

/** Half to even, as NumPy's `rint`, within 0 and 255. */
private fun rounded(value: Float): Byte = round(value).coerceIn(0f, MOST).toInt().toByte()

private const val MOST = 255f
