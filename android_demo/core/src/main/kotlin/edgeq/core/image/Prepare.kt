package edgeq.core.image

/**
 * A decoded photo in a model's colours, upright and in its size: the same bytes as edgeq makes of the same pixels on
 * the desktop.
 *
 * @param photo as decoded.
 * @param exifOrientation how it lies, 1 to 8; anything else counts as 1, upright.
 * @param preparation how it is prepared.
 * @param height of the model's input.
 * @param width of the model's input.
 * @param channels of the model's input, 1 or 3.
 * @throws PreprocessingException the model's input is no image.
 */
fun prepare(
    photo: Pixels,
    exifOrientation: Int,
    preparation: ImagePreparation,
    height: Int,
    width: Int,
    channels: Int,
): Pixels {
    checkInput(height, width, channels)
    val coloured = if (channels == Pixels.GREY) photo.toGrey() else photo
    val upright = View.of(coloured, if (preparation.exif) exifOrientation else View.UPRIGHT)
    val (source, place) = windows(Size(upright.height, upright.width), preparation, Size(height, width))
    val resized = upright.part(source).resized(place.height, place.width, preparation.resize, preparation.antialias)
    val isWhole = place == Window(0, 0, height, width)
    val framed = if (isWhole) resized else framed(resized, place, height, width, preparation.pad)
    return when {
        framed.channels < channels -> repeated(framed, channels)
        preparation.channels == ChannelOrder.BGR -> framed.withRedForBlue()
        else -> framed
    }
}

private fun checkInput(height: Int, width: Int, channels: Int) {
    val isImage = height > 0 && width > 0 && (channels == Pixels.GREY || channels == Pixels.COLOUR)
    if (!isImage || height.toLong() * width * channels > Int.MAX_VALUE) {
        throw PreprocessingException(
            "the model's input is [$height, $width, $channels]: expected an image of [height, width, 1 or 3]",
        )
    }
}

private fun framed(pixels: Pixels, place: Window, height: Int, width: Int, pad: Int): Pixels {
    val bytes = ByteArray(height * width * pixels.channels)
    bytes.fill(pad.toByte())
    val row = place.width * pixels.channels
    for (y in 0 until place.height) {
        val start = ((place.top + y) * width + place.left) * pixels.channels
        pixels.bytes.copyInto(bytes, start, y * row, (y + 1) * row)
    }
    return Pixels(width, height, pixels.channels, bytes)
}

private fun repeated(pixels: Pixels, channels: Int): Pixels {
    val bytes = ByteArray(pixels.bytes.size * channels) { pixels.bytes[it / channels] }
    return Pixels(pixels.width, pixels.height, channels, bytes)
}

/** The same picture with red and blue exchanged, in an array of its own; a grey one as it is. */
fun Pixels.withRedForBlue(): Pixels {
    if (channels != Pixels.COLOUR) return this
    val exchanged = ByteArray(bytes.size) { index ->
        val channel = index % Pixels.COLOUR
        bytes[index - channel + (Pixels.COLOUR - 1 - channel)]
    }
    return Pixels(width, height, channels, exchanged)
}
