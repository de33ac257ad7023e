package edgeq.core.bundle

import edgeq.core.image.Pixels

/**
 * A photo in the bundle.
 *
 * @property name that a person knows it by: folder and file on the desktop.
 * @property content of its file, as a camera or a program wrote it.
 * @property isLossless whether every decoder gives the same pixels.
 * @property orientation by EXIF, 1 to 8, as the desktop read it; 1 where the preprocessing does not turn photos.
 * @property pixels as the desktop prepared them for the model.
 */
class RecordedPhoto(
    val name: String,
    val content: ByteArray,
    val isLossless: Boolean,
    val orientation: Int,
    val pixels: Pixels,
)

/**
 * What a variant answered on the desktop.
 *
 * @property kernelPath that computed it.
 * @property outputs by name, as the file stores them, `[photos, shape]`.
 */
class RecordedAnswers(val kernelPath: String, val outputs: Map<String, NpyArray>)

/**
 * Photos with what the desktop made of them, as `photos.zip` has them.
 *
 * @property input of the model that takes the picture.
 * @property photos in their order, of pixels of one size.
 * @property reference answers of the float file, by output, `[photos, shape]`.
 * @property answers by variant.
 */
class RecordedPhotos(
    val input: String,
    val photos: List<RecordedPhoto>,
    val reference: Map<String, NpyArray>,
    val answers: Map<String, RecordedAnswers>,
)
