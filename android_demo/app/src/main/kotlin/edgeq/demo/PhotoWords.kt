package edgeq.demo

import android.content.res.Resources
import edgeq.core.parity.OtherAnswer
import edgeq.core.parity.PhotoMistake
import edgeq.core.parity.PhotoParityResult
import edgeq.core.parity.PhotoPixels

/** What the screen says of the bundle's photos. */
internal class PhotoWords(private val resources: Resources) {
    /** How many have the desktop's pixels, and how many its answers. */
    fun summary(outcome: PhotoOutcome): String = listOfNotNull(
        pixels(outcome.result),
        resources.getString(
            if (outcome.result.inference.passed) R.string.photos_inferred else R.string.photos_not_inferred,
        ),
        outcome.result.answers?.let { resources.getQuantityString(R.plurals.photos_answers, it.n, it.same, it.n) },
    ).joinToString("\n")

    /** The photos that come out otherwise, a line each; null where none does. */
    fun details(outcome: PhotoOutcome): String? {
        val pixels = outcome.result.pixels.filterNot(PhotoPixels::passed).map(::pixels)
        val answers = outcome.result.answers?.others.orEmpty().map { answer(it, outcome.labels) }
        return (pixels + answers).joinToString("\n").ifEmpty { null }
    }

    private fun pixels(result: PhotoParityResult): String {
        val passed = result.pixels.count(PhotoPixels::passed)
        return resources.getQuantityString(R.plurals.photos_pixels, result.pixels.size, passed, result.pixels.size)
    }

    private fun pixels(photo: PhotoPixels): String {
        val mean = photo.mean
        val why = when (photo.mistake) {
            PhotoMistake.CHANNELS_SWAPPED -> resources.getString(R.string.photo_swapped)
            PhotoMistake.NOT_TURNED -> resources.getString(R.string.photo_not_turned)
            PhotoMistake.OTHER_RESIZING -> resources.getString(R.string.photo_other_resizing)
            PhotoMistake.OTHER_FIT -> resources.getString(R.string.photo_other_fit)
            null -> photo.problem ?: resources.getString(
                R.string.photo_levels,
                Numbers.decimals(mean ?: 0.0, 1),
                photo.largest ?: 0,
            )
        }
        return resources.getString(R.string.photo_line, photo.name, why)
    }

    private fun answer(other: OtherAnswer, labels: List<String>): String = resources.getString(
        R.string.photo_other_answer,
        other.photo,
        label(other.recorded, labels),
        label(other.found, labels),
    )

    private fun label(index: Int, labels: List<String>) = labels.getOrElse(index) { index.toString() }
}
