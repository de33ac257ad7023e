package edgeq.core.parity

import edgeq.core.bundle.RecordedPhoto
import edgeq.core.image.Fit
import edgeq.core.image.ImagePreparation
import edgeq.core.image.Pixels
import edgeq.core.image.ResizeMethod
import edgeq.core.image.prepare

private val ORIENTATIONS = 1..8

/**
 * The usual mistake that makes wrong pixels of a photo; null where none of them explains these.
 *
 * A mistake of the code that decodes is found where undoing it gives the desktop's pixels, and one of the code that
 * prepares where [prepare] gives the same wrong pixels with it.
 *
 * @param found the wrong pixels.
 * @param recorded of the photo.
 * @param decoded the photo as this device decodes it.
 * @param preparation that the bundle asks for.
 */
internal fun likelyMistake(
    found: Pixels,
    recorded: RecordedPhoto,
    decoded: DecodedPhoto,
    preparation: ImagePreparation,
): PhotoMistake? {
    fun near(one: Pixels, other: Pixels) = PixelDistance.between(one, other)?.isNear(recorded.isLossless) == true

    fun prepared(orientation: Int, how: ImagePreparation) = recorded.pixels.let {
        prepare(decoded.pixels, orientation, how, it.height, it.width, it.channels)
    }

    fun gives(changed: List<ImagePreparation>) = changed.any { near(prepared(recorded.orientation, it), found) }

    return when {
        near(swapped(found), recorded.pixels) -> PhotoMistake.CHANNELS_SWAPPED
        // They are prepared as they should be: the decoder gave other pixels.
        near(prepared(recorded.orientation, preparation), found) -> null
        ORIENTATIONS.any { it != recorded.orientation && near(prepared(it, preparation), found) } ->
            PhotoMistake.NOT_TURNED
        gives(otherResizing(preparation)) -> PhotoMistake.OTHER_RESIZING
        gives(otherFits(preparation)) -> PhotoMistake.OTHER_FIT
        else -> null
    }
}

private fun swapped(pixels: Pixels): Pixels {
    val channels = pixels.channels
    val bytes = ByteArray(pixels.bytes.size) { pixels.bytes[it - it % channels + (channels - 1 - it % channels)] }
    return Pixels(pixels.width, pixels.height, channels, bytes)
}

private fun otherResizing(preparation: ImagePreparation): List<ImagePreparation> =
    ResizeMethod.entries.flatMap { method ->
        listOf(true, false).map { preparation.copy(resize = method, antialias = it) }
    } - preparation

private fun otherFits(preparation: ImagePreparation): List<ImagePreparation> {
    val plain = preparation.copy(fit = Fit.STRETCH, cropFraction = 1.0, pad = 0)
    // A frame is black where nobody chose its grey.
    return listOf(plain, plain.copy(fit = Fit.CROP), plain.copy(fit = Fit.LETTERBOX)) - preparation
}
