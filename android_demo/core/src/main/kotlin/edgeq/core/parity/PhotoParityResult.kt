package edgeq.core.parity

/** Photos whose top-1 may be another than the desktop's: one may lie on the border of two classes. */
const val MOST_OTHER_ANSWERS = 1

/**
 * Whether this device makes of encoded photos what the desktop made of them, step by step.
 *
 * @property pixels of each photo, decoded and prepared here.
 * @property inference what comes after, from the desktop's pixels on.
 * @property answers from the photo to the class; null where the model does not classify.
 */
data class PhotoParityResult(val pixels: List<PhotoPixels>, val inference: PhotoInference, val answers: PhotoAnswers?) {
    /** Whether all of it is what it must be. */
    val passed: Boolean get() = pixels.all(PhotoPixels::passed) && inference.passed && answers?.passed != false
}

/**
 * What a variant takes the photos for.
 *
 * @property n photos that could be decoded.
 * @property others of them that are taken for something else than on the desktop.
 */
data class PhotoAnswers(val n: Int, val others: List<OtherAnswer>) {
    /** Photos that are taken for the same. */
    val same: Int get() = n - others.size

    /** Whether enough are: all of them, or all but [MOST_OTHER_ANSWERS] where there are more than that. */
    val passed: Boolean get() = n > 0 && others.size <= if (n > MOST_OTHER_ANSWERS) MOST_OTHER_ANSWERS else 0
}

/**
 * A photo that is taken for something else than on the desktop.
 *
 * @property photo its name.
 * @property recorded index of the class on the desktop.
 * @property found index of the class here.
 */
data class OtherAnswer(val photo: String, val recorded: Int, val found: Int)
