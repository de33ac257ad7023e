package edgeq.demo

import edgeq.core.measure.Progress

/**
 * How far a benchmark is.
 *
 * @property now what is done.
 * @property share of the session that is over, between 0 and 1; null while nothing is known.
 */
data class BenchmarkProgress(val now: Progress, val share: Double?)

/**
 * Tells the screen how far a benchmark is, once a second: drawing takes time from what is measured.
 *
 * @param control of the benchmark.
 */
internal class BenchmarkProgressReporter(private val control: TaskControl<BenchmarkProgress>) {
    private val began = System.nanoTime()
    private var told: Long? = null

    /** Called before each thing that is done. */
    fun report(now: Progress) {
        val time = System.nanoTime()
        val last = told
        if (last != null && time - last < INTERVAL_NANOS) return
        told = time
        control.report(BenchmarkProgress(now, now.secondsLeft?.let { share((time - began) / NANOS_PER_SECOND, it) }))
    }

    private fun share(elapsed: Double, left: Double): Double? {
        val whole = elapsed + left
        return if (whole > 0) elapsed / whole else null
    }

    private companion object {
        const val INTERVAL_NANOS = 1_000_000_000L
        const val NANOS_PER_SECOND = 1e9
    }
}
