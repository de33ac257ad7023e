package edgeq.core.measure

import kotlin.math.ceil

/**
 * What a variant does in one round.
 *
 * @property discard runs whose times are thrown away: they find cold caches.
 * @property runs timed runs.
 * @property seconds of all of them, estimated.
 * @property isCutShort whether [Plan.mostRuns] makes it shorter than was asked for.
 */
internal data class Chunk(val discard: Int, val runs: Int, val seconds: Double, val isCutShort: Boolean)

/** From here on one discarded run is enough: the caches are cold only for a small part of it. */
private const val SLOW_RUN_S = 0.05

private const val LEAST_ROUNDS = 5

/** The chunk of a variant whose run takes so long, as `edgeq/benchmark/latency.py` sizes it, but for the most runs. */
internal fun chunkOf(secondsOfARun: Double, plan: Plan): Chunk {
    val wanted = maxOf(
        ceil(plan.leastSeconds / plan.rounds / secondsOfARun),
        ceil(plan.leastRuns.toDouble() / plan.rounds),
    )
    val affordable = (plan.maxSeconds / plan.rounds / secondsOfARun).toInt() - 1
    val asked = minOf(wanted.toInt(), affordable)
    val most = plan.mostRuns / plan.rounds
    val runs = maxOf(1, minOf(asked, most))
    val discard = if (secondsOfARun > SLOW_RUN_S) 1 else 2
    return Chunk(discard, runs, (discard + runs) * secondsOfARun, isCutShort = asked > runs)
}

/** Rounds of a thread count: fewer where even single runs would take too long. */
internal fun roundsOf(chunks: Collection<Chunk>, plan: Plan): Int {
    val slowest = chunks.maxOfOrNull { it.seconds } ?: return 0
    if (slowest * plan.rounds <= plan.maxSeconds) return plan.rounds
    return maxOf(LEAST_ROUNDS, (plan.maxSeconds / slowest).toInt())
}
