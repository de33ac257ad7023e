package edgeq.core.measure

/**
 * How long to measure; the defaults are those of `edgeq benchmark`.
 *
 * @property threads counts, each measured on its own.
 * @property rounds chunks of each variant.
 * @property leastRuns timed runs of each variant, at least.
 * @property leastSeconds of timed runs of each variant, at least.
 * @property maxSeconds for a variant in all; a slow one gets fewer runs.
 * @property warmupSeconds before the first chunk.
 * @property warmupRuns before the first chunk, at least.
 * @property seed of the order of measuring.
 * @property mostRuns timed runs of each variant, at most: a phone gives an app little memory, and every time is kept. As
 *   many as the default plan makes of a model of 50 µs; the desktop has no such limit.
 */
data class Plan(
    val threads: List<Int> = listOf(1, 2, 4),
    val rounds: Int = 20,
    val leastRuns: Int = 50,
    val leastSeconds: Double = 1.0,
    val maxSeconds: Double = 60.0,
    val warmupSeconds: Double = 0.3,
    val warmupRuns: Int = 5,
    val seed: Long = 0,
    val mostRuns: Int = 20_000,
) {
    init {
        require(threads.all { it > 0 }) { "expected thread counts above 0, found $threads" }
        require(rounds > 0) { "expected rounds above 0, found $rounds" }
        require(mostRuns > 0) { "expected most runs above 0, found $mostRuns" }
        require(maxSeconds > 0) { "expected seconds above 0, found $maxSeconds" }
    }

    companion object {
        /** A look: a second or two a variant. */
        val QUICK: Plan =
            Plan(rounds = 10, leastRuns = 20, leastSeconds = 0.2, maxSeconds = 10.0, warmupSeconds = 0.1)
    }
}
