package edgeq.core.measure

/**
 * Looks at the phone while it measures, and judges afterwards whether the times can be trusted.
 *
 * @param host the phone.
 */
internal class PhoneWatch(private val host: Host) {
    private val begun = System.nanoTime()

    /** The phone when the session began. */
    val first: HostState = look(BEFORE)

    /** Seconds since the session began. */
    val elapsedSeconds: Double get() = (System.nanoTime() - begun) / NANOS_PER_MS / MS_PER_S

    /** The phone, now. */
    fun look(moment: String): HostState = HostState(moment, elapsedSeconds, host.observe())

    /** Why times must not be compared that were measured meanwhile; null where they may. */
    fun throttling(states: List<HostState>): String? {
        val before = first.observation.thermalStatus ?: return null
        val highest = states.mapNotNull { it.observation.thermalStatus }.maxOrNull() ?: return null
        if (highest <= before || highest < SEVERE) return null
        return "the phone began to throttle for heat (thermal status $before before, $highest meanwhile): " +
            "let it cool and measure again"
    }

    companion object {
        const val BEFORE = "before"
        const val DURING = "during"
        const val AFTER = "after"

        /** `PowerManager.THERMAL_STATUS_SEVERE`: throttling that its user notices. */
        const val SEVERE = 3
        private const val MS_PER_S = 1e3
    }
}
