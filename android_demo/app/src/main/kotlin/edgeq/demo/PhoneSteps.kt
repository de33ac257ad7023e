package edgeq.demo

import edgeq.core.parity.DecodedPhoto
import edgeq.core.parity.PhotoSteps
import edgeq.core.tensor.DataException

/** What the app does with every photo, to be checked with those of the bundle. */
class PhoneSteps(private val reader: PhotoReader) : PhotoSteps {
    override fun decode(content: ByteArray): DecodedPhoto = try {
        reader.read(content).let { DecodedPhoto(it.pixels, it.orientation) }
    } catch (error: PhotoException) {
        throw DataException(error.message.orEmpty(), error)
    }
}
