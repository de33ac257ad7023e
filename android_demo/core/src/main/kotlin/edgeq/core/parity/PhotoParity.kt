package edgeq.core.parity

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.RecordedAnswers
import edgeq.core.bundle.RecordedPhoto
import edgeq.core.bundle.RecordedPhotos
import edgeq.core.bundle.Variant
import edgeq.core.image.ImagePreparation
import edgeq.core.image.Pixels
import edgeq.core.image.Preprocessing
import edgeq.core.image.prepare
import edgeq.core.model.ModelRunner
import edgeq.core.model.TensorInfo
import edgeq.core.tensor.DataException
import edgeq.core.tensor.encode
import edgeq.core.tensor.newBuffer
import edgeq.core.tensor.realValues
import java.nio.ByteBuffer

/**
 * A photo as a decoder gives it.
 *
 * @property pixels as they lie in the file.
 * @property orientation by EXIF, 1 to 8.
 */
class DecodedPhoto(val pixels: Pixels, val orientation: Int)

/** What an app does with a photo, step by step: the code to be checked. What is not overridden is edgeq's own. */
interface PhotoSteps {
    /**
     * Decodes a photo.
     *
     * @param content of its file.
     * @throws DataException it cannot be decoded here; the message says why.
     */
    fun decode(content: ByteArray): DecodedPhoto

    /**
     * Brings a decoded photo to the model's size.
     *
     * @param preparation that the bundle asks for.
     * @param like pixels of the size and the channels that are wanted.
     */
    fun prepare(photo: DecodedPhoto, preparation: ImagePreparation, like: Pixels): Pixels =
        prepare(photo.pixels, photo.orientation, preparation, like.height, like.width, like.channels)

    /** What the model sees of the pixels, before it is quantized. */
    fun values(pixels: Pixels, preprocessing: Preprocessing): FloatArray = preprocessing.apply(pixels)
}

/**
 * Makes of the bundle's photos what the app makes of a user's: decodes, prepares, scales, runs. Compares with what the
 * desktop made of them, first the pixels and then the answers, so that it shows which step goes wrong: where the pixels
 * are the desktop's and the answers are not, it is the scaling of the values, or what [checkParity] checks.
 *
 * The inputs of `parity.npz` begin behind the preprocessing, and cannot show that channels are exchanged or values are in
 * another range: this can. Photos are decoded and prepared once for all variants. One thread at a time.
 *
 * @param bundle that recorded the photos.
 * @param recorded the photos.
 * @param steps of the app.
 */
class PhotoParity(
    private val bundle: Bundle,
    private val recorded: RecordedPhotos,
    private val steps: PhotoSteps,
) {
    private val preprocessing = bundle.preprocessing.of(recorded.input)
    private val done = ArrayList<Prepared>()

    private class Prepared(val pixels: PhotoPixels, val found: Pixels?, val isExact: Boolean)

    /**
     * Runs a variant on the photos.
     *
     * @param variant that the runner runs.
     * @param runner of the variant's file.
     * @param kernelPath that computes, as the bundle writes such paths.
     * @param isCancelled asked before every photo.
     * @return the comparison; null where the bundle recorded nothing that can be compared, or where it was cancelled.
     * @throws edgeq.core.model.ModelException the runtime fails.
     * @throws edgeq.core.image.PreprocessingException the bundle's preprocessing does not fit its pictures.
     */
    fun check(
        variant: Variant,
        runner: ModelRunner,
        kernelPath: String,
        isCancelled: () -> Boolean,
    ): PhotoParityResult? {
        val made = bundle.variants.firstOrNull { it.name == variant.name } ?: return null
        val answers = recorded.answers[made.name] ?: return null
        val names = namesOf(runner.outputs, made.outputs) ?: return null
        val infos = runner.outputs.zip(names) { info, name -> info.copy(name = name) }
        val fits = takesPhotos(runner.inputs) && isShapedLike(infos, answers.outputs) && isReference(infos)
        if (!fits || !prepareAll(isCancelled)) return null
        val ran = run(runner, infos, isCancelled) ?: return null
        val inference = comparePhotoInference(
            recorded,
            answers.outputs,
            ran.fromRecorded,
            infos,
            sameKernels = kernelPath == answers.kernelPath,
        )
        return PhotoParityResult(done.map(Prepared::pixels), inference, answers(infos, answers, ran.fromFound))
    }

    private fun takesPhotos(inputs: List<TensorInfo>): Boolean {
        val pixels = recorded.photos.first().pixels
        return inputs.singleOrNull()?.shape == listOf(1, pixels.height, pixels.width, pixels.channels)
    }

    /** Whether the float file's answers have the shapes of these. */
    private fun isReference(infos: List<TensorInfo>): Boolean = infos.all { info ->
        recorded.reference[info.name]?.let { it.type.isReal && it.shape.drop(1) == info.shape } == true
    }

    /** False where it was cancelled; what was done until then is not done again. */
    private fun prepareAll(isCancelled: () -> Boolean): Boolean {
        while (done.size < recorded.photos.size) {
            if (isCancelled()) return false
            done += prepared(recorded.photos[done.size])
        }
        return true
    }

    private fun prepared(photo: RecordedPhoto): Prepared = try {
        val decoded = steps.decode(photo.content)
        val found = steps.prepare(decoded, preprocessing.image, photo.pixels)
        val distance = PixelDistance.between(found, photo.pixels)
            ?: throw DataException("its pixels are ${found.width} × ${found.height} × ${found.channels}")
        val passed = distance.isNear(photo.isLossless)
        val mistake = if (passed) null else likelyMistake(found, photo, decoded, preprocessing.image)
        val compared =
            PhotoPixels(photo.name, distance.differing, distance.mean, distance.largest, passed, mistake)
        Prepared(compared, found, isExact = distance.largest == 0)
    } catch (error: DataException) {
        val nothing = PhotoPixels(photo.name, 1.0, mean = null, largest = null, passed = false, problem = error.message)
        Prepared(nothing, found = null, isExact = false)
    }

    /** Outputs from the desktop's pixels, and from this device's where there are any. */
    private class Ran(val fromRecorded: Map<String, NpyArray>, val fromFound: Map<String, NpyArray>)

    private fun run(runner: ModelRunner, infos: List<TensorInfo>, isCancelled: () -> Boolean): Ran? {
        val input = runner.inputs.single()
        val given = input.newBuffer()
        val written = runner.outputs.associate { it.name to it.newBuffer() }
        val fromRecorded = StoredRows(infos, done.size)
        val fromFound = StoredRows(infos, done.count { it.found != null })
        fun answer(pixels: Pixels): List<ByteBuffer> {
            input.encode(steps.values(pixels, preprocessing), given)
            runner.run(mapOf(input.name to given), written)
            return runner.outputs.map { written.getValue(it.name) }
        }
        for ((photo, prepared) in recorded.photos.zip(done)) {
            if (isCancelled()) return null
            val found = prepared.found
            if (found != null && !prepared.isExact) fromFound.add(answer(found))
            val answered = answer(photo.pixels)
            fromRecorded.add(answered)
            if (found != null && prepared.isExact) fromFound.add(answered)
        }
        return Ran(fromRecorded.arrays(), fromFound.arrays())
    }

    /** Compares top-1 with the desktop's; null where the model does not classify. */
    private fun answers(
        infos: List<TensorInfo>,
        recordedAnswers: RecordedAnswers,
        found: Map<String, NpyArray>,
    ): PhotoAnswers? {
        val info = infos.singleOrNull()?.takeIf { it.shape.size == 2 && it.shape[0] == 1 && it.shape[1] > 1 }
        if (info == null) return null
        val here = info.realValues(found.getValue(info.name))
        val desktop = info.realValues(recordedAnswers.outputs.getValue(info.name))
        val decoded = done.indices.filter { done[it].found != null }
        val answers = decoded.mapIndexed { row, photo ->
            val name = recorded.photos[photo].name
            OtherAnswer(name, top1(desktop, photo, info.count), top1(here, row, info.count))
        }
        return PhotoAnswers(answers.size, answers.filter { it.recorded != it.found })
    }
}
