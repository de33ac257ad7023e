package edgeq.core.measure

/**
 * When it was measured, and what the phone was like.
 *
 * @property host the phone.
 * @property startedAt UTC time, ISO 8601, of the session's start.
 * @property states before, during and after the measuring.
 * @property warnings what makes the times less trustworthy, one sentence each with what helps.
 */
data class Environment(val host: Host, val startedAt: String, val states: List<HostState>, val warnings: List<String>)

/**
 * The phone at one moment of a session.
 *
 * @property moment `before`, `during` or `after` the measuring.
 * @property elapsedSeconds since the session began.
 * @property observation what was seen.
 */
data class HostState(val moment: String, val elapsedSeconds: Double, val observation: Observation)
