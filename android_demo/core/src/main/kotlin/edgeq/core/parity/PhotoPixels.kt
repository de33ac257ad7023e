package edgeq.core.parity

import edgeq.core.image.Pixels
import kotlin.math.abs

/**
 * Grey levels by which prepared pixels may differ on average from the desktop's, where the file is a JPEG or another lossy
 * one. Decoders of JPEG differ: the fast transform of TensorFlow's is 0.8 darker on average and up to 5 off, as measured
 * in `edgeq.data.media.images`. Exchanged channels, another turn or another fit are ten times that. Of lossless files
 * every decoder gives the same pixels, and so does `prepare`: there not one may differ.
 */
const val MOST_MEAN_LEVELS = 2.0

/** What photos that come out wrong most often lack. */
enum class PhotoMistake {
    /** Red and blue are exchanged. */
    CHANNELS_SWAPPED,

    /** The photo lies on its side or on its head: its EXIF orientation is not used, or read otherwise. */
    NOT_TURNED,

    /** It is brought to the model's size by another method. */
    OTHER_RESIZING,

    /** It is stretched, cropped or framed where something else is due. */
    OTHER_FIT,
}

/**
 * The pixels of one photo, compared with the desktop's.
 *
 * @property name of the photo.
 * @property differing share of the values that differ, between 0 and 1; 1 where there are none.
 * @property mean absolute difference in grey levels; null where there are none to compare.
 * @property largest absolute difference in grey levels; null likewise.
 * @property passed whether they are as near as they must be.
 * @property mistake that explains why they are not; null where none is needed, or none of the usual ones fits.
 * @property problem why the photo could not be decoded; null where it was.
 */
data class PhotoPixels(
    val name: String,
    val differing: Double,
    val mean: Double?,
    val largest: Int?,
    val passed: Boolean,
    val mistake: PhotoMistake? = null,
    val problem: String? = null,
)

/** How far pixels are from others. */
internal class PixelDistance(val differing: Double, val mean: Double, val largest: Int) {
    /** Whether they are as near as decoders of such a file are to each other. */
    fun isNear(isLossless: Boolean): Boolean = if (isLossless) largest == 0 else mean <= MOST_MEAN_LEVELS

    companion object {
        /** Between pixels of one size; null where the sizes differ. */
        fun between(one: Pixels, other: Pixels): PixelDistance? {
            if (one.width != other.width || one.height != other.height || one.channels != other.channels) return null
            var differing = 0
            var sum = 0L
            var largest = 0
            for (index in one.bytes.indices) {
                val distance = abs(level(one, index) - level(other, index))
                if (distance > 0) differing++
                sum += distance
                largest = maxOf(largest, distance)
            }
            val count = one.bytes.size.toDouble()
            return PixelDistance(differing / count, sum / count, largest)
        }

        private const val BYTE = 0xFF

        private fun level(pixels: Pixels, index: Int): Int = pixels.bytes[index].toInt() and BYTE
    }
}
