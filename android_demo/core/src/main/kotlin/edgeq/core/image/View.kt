package edgeq.core.image

/**
 * Pixels as they lie once a photo is turned upright and cropped, without copying them: row [y], column [x] begins at
 * `origin + y * rowStep + x * columnStep`.
 */
internal class View private constructor(
    val bytes: ByteArray,
    val channels: Int,
    val height: Int,
    val width: Int,
    private val origin: Int,
    private val rowStep: Int,
    val columnStep: Int,
) {
    /** Whether neighbours in a row are no neighbours in [bytes]. */
    val isSideways: Boolean get() = columnStep != channels && columnStep != -channels

    /** Where a pixel's first channel stands in [bytes]. */
    fun at(y: Int, x: Int): Int = origin + y * rowStep + x * columnStep

    /** A window of it. */
    fun part(window: Window) =
        View(bytes, channels, window.height, window.width, at(window.top, window.left), rowStep, columnStep)

    companion object {
        /** The orientation of what is not to be turned. */
        const val UPRIGHT = 1

        /** A photo turned upright by its EXIF orientation (tag 0x0112); what is none of its eight values is upright. */
        fun of(photo: Pixels, orientation: Int): View {
            // Which edge of the stored image the first row and the first column are, by the tag's definition.
            val isTransposed = orientation in 5..8
            val fromBottom = orientation in listOf(3, 4, 6, 7)
            val fromRight = orientation in listOf(2, 3, 7, 8)
            val across = photo.channels
            val down = photo.channels * photo.width
            val bottom = if (fromBottom) (photo.height - 1) * down else 0
            val right = if (fromRight) (photo.width - 1) * across else 0
            val origin = bottom + right
            val storedRow = if (fromBottom) -down else down
            val storedColumn = if (fromRight) -across else across
            return if (isTransposed) {
                View(photo.bytes, photo.channels, photo.width, photo.height, origin, storedColumn, storedRow)
            } else {
                View(photo.bytes, photo.channels, photo.height, photo.width, origin, storedRow, storedColumn)
            }
        }
    }
}
