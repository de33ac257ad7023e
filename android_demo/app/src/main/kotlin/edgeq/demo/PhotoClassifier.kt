package edgeq.demo

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.Variant
import edgeq.core.classify.Answer
import edgeq.core.classify.topK
import edgeq.core.image.ChannelOrder
import edgeq.core.image.Pixels
import edgeq.core.image.prepare
import edgeq.core.image.withRedForBlue
import edgeq.core.model.ModelException
import edgeq.core.model.ModelRunner
import edgeq.core.model.RunnerFactory
import edgeq.core.model.TensorInfo
import edgeq.core.tensor.decode
import edgeq.core.tensor.encode
import edgeq.core.tensor.newBuffer
import java.nio.ByteBuffer

/**
 * A photo and what a variant takes it for.
 *
 * @property variant that ran.
 * @property photo as decoded; its pixels are dropped.
 * @property seen the picture as the model sees it, in the order red, green, blue.
 * @property answers the likeliest classes.
 * @property inferenceNanos time of the inference alone, after one that warmed up.
 * @property threads of the interpreter.
 */
class ClassifiedPhoto(
    val variant: String,
    val photo: PhotoFacts,
    val seen: Pixels,
    val answers: List<Answer>,
    val inferenceNanos: Long,
    val threads: Int,
)

/** Size and sampling of a [Photo]. */
data class PhotoFacts(val width: Int, val height: Int, val sampling: Int)

/**
 * From a decoded photo to classes: all that an app needs of preprocessing, quantization and top-k is in these lines.
 *
 * @param bundle that the variant is of.
 * @param factory loads models.
 */
class PhotoClassifier(private val bundle: Bundle, private val factory: RunnerFactory) {
    /**
     * Classifies.
     *
     * @param model content of the variant's file.
     * @throws ModelException the variant takes no picture or gives no scores, or the runtime fails.
     */
    fun classify(photo: Photo, variant: Variant, model: ByteBuffer): ClassifiedPhoto =
        factory.open(model, THREADS).use { runner ->
            val input = imageInput(runner)
            val output = scoreOutput(runner)
            val (_, height, width, channels) = input.shape
            val preprocessing = bundle.preprocessing.of(input.name)

            val seen = prepare(photo.pixels, photo.orientation, preprocessing.image, height, width, channels)
            val given = input.newBuffer().also { input.encode(preprocessing.apply(seen), it) }
            val written = output.newBuffer()
            var nanos = 0L
            repeat(RUNS) { nanos = runner.run(mapOf(input.name to given), mapOf(output.name to written)) }

            ClassifiedPhoto(
                variant = variant.name,
                photo = PhotoFacts(photo.width, photo.height, photo.sampling),
                seen = if (preprocessing.image.channels == ChannelOrder.BGR) seen.withRedForBlue() else seen,
                answers = topK(output.decode(written), bundle.labels),
                inferenceNanos = nanos,
                threads = THREADS,
            )
        }

    private fun imageInput(runner: ModelRunner): TensorInfo {
        val input = runner.inputs.singleOrNull()
        val shape = input?.shape.orEmpty()
        if (input == null || shape.size != IMAGE_AXES || shape[0] != 1 || shape.last() !in CHANNELS) {
            throw ModelException(
                "the model takes no picture: expected one input [1, height, width, 1 or 3], " +
                    "found ${shown(runner.inputs)}",
            )
        }
        return input
    }

    private fun scoreOutput(runner: ModelRunner): TensorInfo {
        val output = runner.outputs.singleOrNull()
        val scores = output?.count?.takeIf { it > 1 && it == output.shape.last() }
        if (output == null || scores == null || bundle.labels.size !in setOf(0, scores)) {
            val expected = if (bundle.labels.isEmpty()) "[1, classes]" else "[1, ${bundle.labels.size}]"
            throw ModelException(
                "the model does not classify: expected one output $expected, found ${shown(runner.outputs)}",
            )
        }
        return output
    }

    private fun shown(tensors: List<TensorInfo>): String = tensors.joinToString { "${it.name} ${it.shape}" }

    private companion object {
        const val THREADS = 1
        const val IMAGE_AXES = 4
        val CHANNELS = setOf(1, 3)

        /** The first run initialises. */
        const val RUNS = 2
    }
}
