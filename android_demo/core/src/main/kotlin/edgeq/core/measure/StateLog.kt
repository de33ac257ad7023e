package edgeq.core.measure

/** States around and between the rounds of one thread count; the first is taken at once. */
internal class StateLog(private val watch: PhoneWatch) {
    private val before = watch.look(PhoneWatch.BEFORE)
    private var during = emptyList<HostState>()
    private var hottest = before
    private var lookedAt = before.elapsedSeconds
    private var intervalSeconds = LEAST_INTERVAL_S

    /** Looks at the phone; what is seen is kept if it is time to, or if the thermal status rose. */
    fun betweenRounds() {
        val now = watch.look(PhoneWatch.DURING)
        if (now.heat > hottest.heat) hottest = now
        if (now.elapsedSeconds - lookedAt < intervalSeconds) return
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
