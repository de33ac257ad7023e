package edgeq.core.measure

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.model.RunnerFactory
import edgeq.core.parity.ParityResult
import edgeq.core.parity.attemptVariant
import edgeq.core.parity.checkParity
import java.nio.ByteBuffer
import java.util.Random

/** Variants of one thread count: their runners are open together and timed against each other. */
internal class Timing(
    private val variants: List<Variant>,
    val threads: Int,
    private val factory: RunnerFactory,
    private val plan: Plan,
    private val progress: (Progress) -> Unit,
    private val isCancelled: () -> Boolean,
    private val countdown: Countdown,
) : AutoCloseable {
    private val open = LinkedHashMap<String, LoadedVariant>()
    private val timed = LinkedHashMap<String, MutableList<DoubleArray>>()

    /** Variants that were timed, and their chunks in milliseconds; equal positions are one round. */
    val chunksMs: Map<String, List<DoubleArray>> get() = timed

    /** What of them was timed less often than was asked for; null where nothing was. */
    var note: String? = null
        private set

    /** A variant that was timed. */
    fun loaded(variant: String): LoadedVariant = open.getValue(variant)

    /** Loads the variants; what fails is added to [failures]. */
    fun load(
        models: (Variant) -> ByteBuffer,
        recorded: ParityData,
        sizes: GzipSizes,
        failures: MutableList<Failure>,
    ) {
        for (variant in variants) {
            tell(Phase.LOADING, variant.name)
            attempt(variant.name, failures) {
                val model = models(variant)
                val sized = sizes.of(variant, model)
                open[variant.name] = LoadedVariant.of(sized, factory.open(model, threads), recorded)
            }
        }
    }

    /** Whether the phone computes what the bundle recorded, by variant; what fails is added to [failures]. */
    fun parities(
        bundle: Bundle,
        recorded: ParityData,
        host: Host,
        failures: MutableList<Failure>,
    ): Map<String, ParityResult> {
        val found = mutableMapOf<String, ParityResult>()
        for ((name, loaded) in open.toList()) {
            tell(Phase.PARITY, name)
            attempt(name, failures) {
                val path = kernelPath(loaded.runner.runtime, cpuFamily(host.abi, host.features))
                checkParity(bundle, recorded, loaded.variant, loaded.runner, path, isCancelled)?.let {
                    found[name] = it
                }
            }
            stopIfCancelled()
        }
        return found
    }

    /** Times the variants against each other; gives what the phone was like, before, during and after. */
    fun run(watch: PhoneWatch, failures: MutableList<Failure>): List<HostState> {
        val log = StateLog(watch)
        val chunks = LinkedHashMap<String, Chunk>()
        for ((name, loaded) in open.toList()) {
            tell(Phase.WARM_UP, name)
            attempt(name, failures) { chunks[name] = chunkOf(warmUp(loaded), plan) }
        }
        for (name in chunks.keys) timed[name] = mutableListOf()
        val rounds = roundsOf(chunks.values, plan)
        val order = Random(plan.seed)
        note = noteOnMostRuns(chunks.filterValues(Chunk::isCutShort).keys)
        countdown.measuringBegins()
        for (done in 0 until rounds) {
            for (name in timed.keys.shuffled(order)) {
                tell(Phase.MEASURING, name)
                attempt(name, failures) { timed.getValue(name) += chunk(loaded(name), chunks.getValue(name)) }
            }
            log.betweenRounds()
            countdown.isDone((done + 1.0) / rounds)
        }
        return log.end()
    }

    override fun close() {
        for (loaded in open.values) loaded.close()
        open.clear()
    }

    /** Runs until both the time and the count are reached; gives the seconds of a run at the end. */
    private fun warmUp(loaded: LoadedVariant): Double {
        val runs = mutableListOf<Long>()
        var elapsed = 0.0
        while (runs.size < plan.warmupRuns || elapsed < plan.warmupSeconds) {
            stopIfCancelled()
            runs += loaded.timed()
            elapsed += runs.last() / NANOS_PER_S
            if (elapsed > plan.maxSeconds / WARM_UP_SHARE) break
        }
        return runs.takeLast((runs.size + 1) / 2).average() / NANOS_PER_S
    }

    private fun chunk(loaded: LoadedVariant, chunk: Chunk): DoubleArray {
        repeat(chunk.discard) {
            stopIfCancelled()
            loaded.timed()
        }
        return DoubleArray(chunk.runs) {
            stopIfCancelled()
            loaded.timed() / NANOS_PER_MS
        }
    }

    private fun noteOnMostRuns(variants: Set<String>): String? {
        if (variants.isEmpty()) return null
        val counted = if (threads == 1) "1 thread" else "$threads threads"
        return "with $counted, ${plan.mostRuns} runs were timed of ${variants.joinToString()}: " +
            "the most that are kept, in less time than was asked for"
    }

    /** Does something with a variant; where it fails the variant is a failure and its runner is closed. */
    private fun attempt(variant: String, failures: MutableList<Failure>, action: () -> Unit) =
        attemptVariant(action) { reason ->
            timed.remove(variant)
            open.remove(variant)?.close()
            failures += Failure(variant, threads, reason)
        }

    private fun tell(phase: Phase, variant: String) {
        stopIfCancelled()
        progress(Progress(phase, variant, threads, countdown.secondsLeft))
    }

    private fun stopIfCancelled() {
        if (isCancelled()) throw CancelledException()
    }

    private companion object {
        const val NANOS_PER_S = 1e9

        /** A slow variant may warm up for a quarter of its time. */
        const val WARM_UP_SHARE = 4
    }
}
