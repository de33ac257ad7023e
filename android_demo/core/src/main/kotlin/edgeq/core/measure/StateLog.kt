package edgeq.core.measure

/**
 * States around and between the rounds of one thread count; the first is taken at once.
 *
 * @param intervalSeconds between two looks, at least: a look reads some dozen files, which takes time of the cores that
 * are measured.
 */
internal class StateLog(private val watch: PhoneWatch, private var intervalSeconds: Double = LEAST_INTERVAL_S) {
    private val before = watch.look(PhoneWatch.BEFORE)
    private var during = emptyList<HostState>()
    private var hottest = before
    private var lookedAt = before.elapsedSeconds

    /** Looks at the phone if it is time to; the first state of the highest thermal status is always kept. */
    fun betweenRounds() {
        if (watch.elapsedSeconds - lookedAt < intervalSeconds) return
        val now = watch.look(PhoneWatch.DURING)
        if (now.heat > hottest.heat) hottest = now
        during = during + now
        lookedAt = now.elapsedSeconds
        if (during.size > MOST_DURING) {
            // Every second one goes, and from now on half as many come: they stay evenly spread.
            during = during.filterIndexed { index, _ -> index % 2 == 1 }
            intervalSeconds *= 2
        }
    }

    /** Takes the last state; gives all in their order. */
    fun end(): List<HostState> {
        val kept = listOf(before) + during + hottest + watch.look(PhoneWatch.AFTER)
        return kept.distinct().sortedBy { it.elapsedSeconds }
    }

    private val HostState.heat: Int get() = observation.thermalStatus ?: 0

    private companion object {
        const val LEAST_INTERVAL_S = 5.0
        const val MOST_DURING = 60
    }
}
