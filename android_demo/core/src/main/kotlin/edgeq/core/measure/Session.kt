package edgeq.core.measure

/**
 * What came of a session.
 *
 * @property measurements one a variant and thread count.
 * @property failures variants that could not be measured.
 * @property notes what was left out, one sentence each.
 * @property isCancelled whether it ended early: thread counts that were not finished are missing.
 */
data class Session(
    val measurements: List<Measurement>,
    val failures: List<Failure>,
    val notes: List<String>,
    val isCancelled: Boolean,
)

/** A variant that could not be measured, from that thread count on; [reason] is one line. */
data class Failure(val variant: String, val threads: Int, val reason: String)

/**
 * How far a session is.
 *
 * @property phase what is done now.
 * @property variant that runs now.
 * @property threads of it.
 * @property secondsLeft of the session, estimated; null while nothing is known.
 */
data class Progress(val phase: Phase, val variant: String, val threads: Int, val secondsLeft: Double?)

/** What a session does, in this order for each thread count; parity for the first alone. */
enum class Phase { LOADING, PARITY, WARM_UP, MEASURING }
