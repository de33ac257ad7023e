package edgeq.core.measure

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.model.RunnerFactory
import edgeq.core.parity.ParityResult
import java.nio.ByteBuffer
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone
import java.util.UUID

/**
 * Times variants of a bundle against each other, as `edgeq benchmark` does on other machines.
 *
 * Phones drift (temperature, other apps), so variants are not measured one after the other. In each round every
 * variant runs one chunk, in an order drawn anew; chunks of one round are pairs, and a drift that hits the round hits
 * both. A variant that has just waited finds cold caches, so each chunk begins with runs that are thrown away.
 *
 * @param bundle whose variants are measured.
 * @param recorded its parity data: their first item is what is timed, and parity is checked on all.
 * @param variants to measure; the bundle's baseline should be among them, since ratios refer to it.
 * @param models reads the file of a variant.
 * @param factory loads models.
 * @param host the phone.
 * @param plan how long.
 */
class Benchmark(
    private val bundle: Bundle,
    private val recorded: ParityData,
    private val variants: List<Variant>,
    private val models: (Variant) -> ByteBuffer,
    private val factory: RunnerFactory,
    private val host: Host,
    private val plan: Plan = Plan(),
) {
    /**
     * Measures. Blocks for a long time: call it off the main thread.
     *
     * A variant that the runtime refuses, or that takes more memory than there is, is a [Failure]; the others are
     * measured. Where the memory ends in between, the session ends early with a note, and what was finished stands.
     *
     * @param progress called on the calling thread, before each thing that is done.
     * @param isCancelled asked between runs; all runners are closed before this returns.
     */
    fun run(progress: (Progress) -> Unit, isCancelled: () -> Boolean): Session {
        val watch = PhoneWatch(host)
        val about = SessionFacts(bundle, host, baseline(), newSession(), now())
        val (counts, tooMany) = plan.threads.distinct().partition { it == 1 || it <= host.cores }
        val notes = tooMany.map { "$it threads were left out: this phone has ${host.cores} cores" }.toMutableList()
        val measurements = mutableListOf<Measurement>()
        val failures = mutableListOf<Failure>()
        val sizes = GzipSizes()
        val clock = Countdown(counts.size)
        var parities = emptyMap<String, ParityResult>()
        var isComplete = false
        try {
            for ((position, threads) in counts.withIndex()) {
                val alive = variants.filter { variant -> failures.none { it.variant == variant.name } }
                Timing(alive, threads, factory, plan, progress, isCancelled, clock).use { timing ->
                    timing.load(models, recorded, sizes, failures)
                    if (position == 0) {
                        parities = timing.parities(bundle, recorded, host, failures)
                    }
                    val states = timing.run(watch, failures)
                    measurements += about.measurements(timing, states, watch, parities)
                    notes += listOfNotNull(timing.note)
                }
                clock.threadCountEnds()
            }
            isComplete = true
        } catch (_: CancelledException) {
            // What was finished stands.
        } catch (_: OutOfMemoryError) {
            notes += "the app's memory ended while it measured: choose fewer seconds or thread counts"
        }
        return Session(measurements, failures, notes, isCancelled = !isComplete)
    }

    private fun baseline(): String? = (bundle.baseline?.takeIf { it in variants } ?: variants.firstOrNull())?.name
}

/** Cancelled between two runs. */
internal class CancelledException : Exception()

private const val SESSION_LENGTH = 12

private fun newSession(): String = UUID.randomUUID().toString().replace("-", "").take(SESSION_LENGTH)

/** UTC, as Python's `datetime.isoformat`; `java.time` is missing before Android 8. */
private fun now(): String =
    SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'+00:00'", Locale.ROOT)
        .apply { timeZone = TimeZone.getTimeZone("UTC") }
        .format(Date())
