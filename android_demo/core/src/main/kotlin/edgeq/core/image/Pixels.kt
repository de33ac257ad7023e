package edgeq.core.image

/**
 * An image of 8 bits a channel.
 *
 * @property width columns.
 * @property height rows.
 * @property channels 1 for grey, 3 for colours.
 * @property bytes interleaved and row by row: `height * width * channels` unsigned values, not copied.
 */
class Pixels(val width: Int, val height: Int, val channels: Int, val bytes: ByteArray) {
    init {
        require(width > 0 && height > 0) { "an image of $width x $height pixels: expected at least one" }
        require(channels == GREY || channels == COLOUR) { "an image of $channels channels: expected 1 or 3" }
        val size = width.toLong() * height * channels
        require(bytes.size.toLong() == size) {
            "${bytes.size} bytes for an image of $width x $height x $channels: expected $size"
        }
    }

    /** Grey by the weights of ITU-R BT.601 in 16-bit fixed point, as Pillow's `convert("L")`; grey stays as it is. */
    fun toGrey(): Pixels {
        if (channels == GREY) {
            return this
        }
        val grey = ByteArray(width * height)
        var position = 0
        for (index in grey.indices) {
            val red = bytes[position].toInt() and BYTE
            val green = bytes[position + 1].toInt() and BYTE
            val blue = bytes[position + 2].toInt() and BYTE
            grey[index] = ((red * RED_WEIGHT + green * GREEN_WEIGHT + blue * BLUE_WEIGHT + HALF) shr 16).toByte()
            position += COLOUR
        }
        return Pixels(width, height, GREY, grey)
    }

    companion object {
        /**
         * The pixels of an Android `Bitmap`; transparency is dropped, as edgeq does it on the desktop.
         *
         * @param pixels `0xAARRGGBB` row by row, as `Bitmap.getPixels` writes them.
         */
        fun fromArgb(pixels: IntArray, width: Int, height: Int): Pixels {
            require(pixels.size.toLong() == width.toLong() * height) {
                "${pixels.size} pixels for an image of $width x $height"
            }
            return fromArgbRows(width, height) { row, into ->
                pixels.copyInto(into, 0, row * width, (row + 1) * width)
            }
        }

        /**
         * As [fromArgb], row by row: a photo's pixels never stand in memory as four-byte integers.
         *
         * @param read writes the pixels of a row: `bitmap.getPixels(into, 0, width, 0, row, width, 1)`.
         */
        fun fromArgbRows(width: Int, height: Int, read: (row: Int, into: IntArray) -> Unit): Pixels {
            require(width > 0 && height > 0 && width.toLong() * height * COLOUR <= Int.MAX_VALUE) {
                "an image of $width x $height pixels: expected at least one, and less than 2 GB"
            }
            val bytes = ByteArray(width * height * COLOUR)
            val line = IntArray(width)
            var position = 0
            for (row in 0 until height) {
                read(row, line)
                for (pixel in line) {
                    bytes[position] = (pixel shr 16).toByte()
                    bytes[position + 1] = (pixel shr 8).toByte()
                    bytes[position + 2] = pixel.toByte()
                    position += COLOUR
                }
            }
            return Pixels(width, height, COLOUR, bytes)
        }

        internal const val GREY = 1
        internal const val COLOUR = 3

        /** Of a signed byte, what it means unsigned. */
        internal const val BYTE = 0xFF

        // 0.299, 0.587 and 0.114 (ITU-R BT.601) times 65,536; they sum to that.
        private const val RED_WEIGHT = 19595
        private const val GREEN_WEIGHT = 38470
        private const val BLUE_WEIGHT = 7471
        private const val HALF = 0x8000
    }
}
