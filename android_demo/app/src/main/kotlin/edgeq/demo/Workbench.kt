package edgeq.demo

import android.net.Uri
import edgeq.core.bundle.Bundle
import edgeq.core.bundle.BundleException
import edgeq.core.bundle.BundleReader
import edgeq.core.bundle.Variant
import edgeq.core.measure.Benchmark
import edgeq.core.measure.Plan
import edgeq.core.measure.Session
import edgeq.core.measure.cpuFamily
import edgeq.core.measure.kernelPath
import edgeq.core.parity.ParityResult
import edgeq.core.parity.PhotoParity
import edgeq.core.parity.PhotoParityResult
import edgeq.core.parity.attemptVariant
import edgeq.core.parity.checkParity
import java.io.IOException
import java.nio.ByteBuffer

/** What the first screen lists. */
class Catalog(val bundle: Bundle)

/** Which variant runs now: number [position] of [count]. */
data class ParityProgress(val variant: String, val position: Int, val count: Int)

/**
 * What came of a parity check.
 *
 * @property kernelPath what computed here; null where the variant does not load.
 * @property result null where nothing can be compared.
 * @property problem why the variant could not be run; null where it was.
 * @property photos null where the bundle has no photos.
 */
data class ParityOutcome(
    val variant: String,
    val kernelPath: String?,
    val result: ParityResult?,
    val problem: String?,
    val photos: PhotoOutcome? = null,
)

/**
 * What came of the bundle's photos.
 *
 * @property labels names of the classes.
 */
data class PhotoOutcome(val result: PhotoParityResult, val labels: List<String>)

/**
 * What came of a benchmark.
 *
 * @property text the measurements as JSON Lines, as `edgeq report` reads them; null where they do not fit into an intent.
 * @property isInFile whether they are in [SharedFiles.RESULTS] too.
 */
class BenchmarkOutcome(val session: Session, val text: String?, val isInFile: Boolean)

/** Does what the screens ask for; all of its functions take long and are called off the main thread. */
class Workbench(private val app: DemoApplication) {
    private var read: Bundle? = null

    /** Forgets the bundle that was read. */
    @Synchronized
    fun reset() {
        read = null
    }

    /**
     * The bundle; read once.
     *
     * @throws BundleException it is missing or damaged.
     */
    @Synchronized
    fun bundle(): Bundle = read ?: reader().read().also { read = it }

    /**
     * The variant of that name, or the recommended one.
     *
     * @throws BundleException the bundle has none of that name.
     */
    fun variant(name: String?): Variant {
        val variants = bundle().variants
        return variants.firstOrNull { name == null || it.name == name }
            ?: throw BundleException("the bundle has no variant $name, but ${variants.joinToString { it.name }}")
    }

    /** The content of a variant's file. */
    fun model(variant: Variant): ByteBuffer = reader().model(variant)

    /**
     * Runs the recorded inputs, and the bundle's photos where it has some.
     *
     * @param name of one variant; null for all.
     * @return null where it was cancelled.
     */
    fun parity(name: String?, control: TaskControl<ParityProgress>): List<ParityOutcome>? {
        val bundle = bundle()
        val recorded = reader().parity(bundle)
        val photos = reader().photos(bundle)?.let { PhotoParity(bundle, it, PhoneSteps(PhotoReader(app))) }
        val host = app.hostSource()
        val family = cpuFamily(host.abi, host.features)
        val variants = if (name == null) bundle.variants else listOf(variant(name))
        val outcomes = variants.mapIndexed { index, variant ->
            if (control.isCancelled) return null
            control.report(ParityProgress(variant.name, index + 1, variants.size))
            attemptVariant({
                app.runnerFactory.open(model(variant), PARITY_THREADS).use { runner ->
                    val path = kernelPath(runner.runtime, family)
                    val result = checkParity(bundle, recorded, variant, runner, path) { control.isCancelled }
                    val photoResult = photos?.check(variant, runner, path) { control.isCancelled }
                    val photoOutcome = photoResult?.let { PhotoOutcome(it, bundle.labels) }
                    ParityOutcome(variant.name, path, result, problem = null, photos = photoOutcome)
                }
            }) { ParityOutcome(variant.name, kernelPath = null, result = null, problem = it) }
        }
        return outcomes.takeUnless { control.isCancelled }
    }

    /** Measures all variants; a cancelled session holds what was finished. */
    fun benchmark(plan: Plan, control: TaskControl<BenchmarkProgress>): BenchmarkOutcome {
        val bundle = bundle()
        val reader = reader()
        val benchmark = Benchmark(
            bundle = bundle,
            recorded = reader.parity(bundle),
            variants = bundle.variants,
            models = reader::model,
            factory = app.runnerFactory,
            host = app.hostSource(),
            plan = plan,
        )
        val session = benchmark.run(BenchmarkProgressReporter(control)::report) { control.isCancelled }
        val files = ResultFiles(app)
        return BenchmarkOutcome(session, files.text(session, MOST_TEXT), isInFile = files.keep(session))
    }

    /**
     * Writes results to a file that the user chose.
     *
     * @param session null for the one before the process ended.
     * @throws IOException it cannot be written, or there are none.
     */
    fun save(session: Session?, uri: Uri): Uri = ResultFiles(app).save(session, uri)

    /** Decodes a photo and classifies it; null where it was cancelled. */
    fun classify(name: String?, uri: Uri, control: TaskControl<Unit>): ClassifiedPhoto? {
        val variant = variant(name)
        val photo = PhotoReader(app).read(uri)
        if (control.isCancelled) return null
        return PhotoClassifier(bundle(), app.runnerFactory).classify(photo, variant, model(variant))
    }

    private fun reader() = BundleReader(app.bundleSource)

    private companion object {
        /** What every phone has. */
        const val PARITY_THREADS = 1

        /** Characters in an intent: Android's transactions hold 1 MB in all, and a chooser holds each character twice. */
        const val MOST_TEXT = 30_000
    }
}
