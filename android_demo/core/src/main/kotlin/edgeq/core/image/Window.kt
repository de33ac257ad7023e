package edgeq.core.image

import kotlin.math.floor

/**
 * A part of an image, in pixels.
 *
 * @property top first row.
 * @property left first column.
 * @property height rows.
 * @property width columns.
 */
internal data class Window(val top: Int, val left: Int, val height: Int, val width: Int)

/** The size of an image in pixels. */
internal data class Size(val height: Int, val width: Int) {
    /** All of an image of this size. */
    fun whole() = Window(0, 0, height, width)
}

/**
 * The part of an upright image that is resized, and the part of the result that it fills.
 *
 * @param size of the image.
 * @param target size of the result.
 */
internal fun windows(size: Size, preparation: ImagePreparation, target: Size): Pair<Window, Window> =
    when (preparation.fit) {
        Fit.STRETCH -> Pair(size.whole(), target.whole())
        Fit.CROP -> Pair(cropWindow(size, target, preparation.cropFraction), target.whole())
        Fit.LETTERBOX -> Pair(size.whole(), letterboxWindow(size, target))
    }

/**
 * The central part of an image that has the target's aspect: all of the shorter side as Keras' `smart_resize` takes
 * it, a fraction of it as EfficientNet's evaluation does, which rounds an odd margin up and not down.
 *
 * @param fraction share of the window that is kept.
 */
internal fun cropWindow(size: Size, target: Size, fraction: Double): Window {
    var height = minOf(size.height.toLong(), size.width.toLong() * target.height / target.width).toInt()
    var width = minOf(size.width.toLong(), size.height.toLong() * target.width / target.height).toInt()
    height = maxOf(1, height)
    width = maxOf(1, width)
    var odd = 0
    if (fraction < 1) {
        height = maxOf(1, (fraction.toFloat() * height.toFloat()).toInt())
        width = maxOf(1, (fraction.toFloat() * width.toFloat()).toInt())
        odd = 1
    }
    return Window((size.height - height + odd) / 2, (size.width - width + odd) / 2, height, width)
}

/**
 * Where a whole image lies in a target of another aspect, as `tf.image.resize_with_pad` does it: in float32 like
 * there, so that a side that should fit exactly may come out a pixel short.
 */
internal fun letterboxWindow(size: Size, target: Size): Window {
    val ratio = maxOf(size.height.toFloat() / target.height, size.width.toFloat() / target.width)
    val height = size.height / ratio
    val width = size.width / ratio
    return Window(
        top = maxOf(0, floor((target.height - height) / 2).toInt()),
        left = maxOf(0, floor((target.width - width) / 2).toInt()),
        height = maxOf(1, floor(height).toInt()),
        width = maxOf(1, floor(width).toInt()),
    )
}
