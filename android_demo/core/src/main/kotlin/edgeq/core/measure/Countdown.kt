package edgeq.core.measure

/**
 * Estimates how long a session still takes.
 *
 * @param threadCounts that are measured one after the other.
 */
internal class Countdown(private var threadCounts: Int) {
    private var begun = System.nanoTime()
    private var lastSeconds: Double? = null
    private var measuringBegun: Long? = null
    private var share = 0.0

    /** What is left in seconds; null while nothing is known. */
    val secondsLeft: Double?
        get() {
            val whole = wholeThreadCount() ?: return null
            val done = seconds(begun)
            return maxOf(0.0, whole - done) + (threadCounts - 1) * whole
        }

    /** The rounds of a thread count begin. */
    fun measuringBegins() {
        measuringBegun = System.nanoTime()
        share = 0.0
    }

    /** That share of the rounds is done, between 0 and 1. */
    fun isDone(share: Double) {
        this.share = share
    }

    /** A thread count is measured, and the next one begins. */
    fun threadCountEnds() {
        lastSeconds = seconds(begun)
        threadCounts--
        measuringBegun = null
        share = 0.0
        begun = System.nanoTime()
    }

    /** Seconds of the thread count that is measured now: from its rounds, else as the one before. */
    private fun wholeThreadCount(): Double? {
        val from = measuringBegun
        if (from == null || share == 0.0) return lastSeconds
        return (from - begun) / NANOS + seconds(from) / share
    }

    private fun seconds(from: Long) = (System.nanoTime() - from) / NANOS

    private companion object {
        const val NANOS = 1e9
    }
}
