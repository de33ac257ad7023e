package edgeq.core.measure

import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class LatencyStatisticsTest {
    private val cases = goldenCases("statistics")

    @Test
    fun `quantiles, fastest and mean are Python's to the last bit`() {
        for (case in cases) {
            val latency = case.latency()
            assertEquals(case.getDouble("p90"), latency.p90Ms, 0.0, case.getString("name"))
            assertEquals(case.getDouble("p95"), latency.p95Ms, 0.0, case.getString("name"))
            assertEquals(case.getDouble("min"), latency.minMs, 0.0, case.getString("name"))
            assertEquals(case.getDouble("mean"), latency.meanMs, 0.0, case.getString("name"))
        }
    }

    @Test
    fun `median and ratio with their intervals are Python's, from the same random numbers`() {
        for (case in cases) {
            val latency = case.latency()
            assertSame(case.getJSONObject("median"), latency.median, case.getString("name"))
            case.optJSONObject("ratio")?.let { assertSame(it, checkNotNull(latency.ratio), case.getString("name")) }
            assertEquals(case.textOrNull("verdict"), latency.verdict?.text, case.getString("name"))
        }
    }

    @Test
    fun `the cases hold every verdict`() {
        assertEquals(Verdict.entries.map { it.text }.toSet(), cases.mapNotNull { it.textOrNull("verdict") }.toSet())
    }

    @Test
    fun `a difference below one percent is none, however narrow its interval`() {
        assertEquals(Verdict.NO_DIFFERENCE, verdictOf(Estimate(1.0099, 1.0098, 1.01, 20)))
        assertEquals(Verdict.SLOWER, verdictOf(Estimate(1.01, 1.0001, 1.02, 20)))
        assertEquals(Verdict.FASTER, verdictOf(Estimate(1 / 1.01, 0.9, 0.9999, 20)))
        assertEquals(Verdict.NO_DIFFERENCE, verdictOf(Estimate(0.5, 0.4, 1.0, 20)))
        assertEquals(Verdict.NO_DIFFERENCE, verdictOf(Estimate(2.0, 0.0, UNBOUNDED, 1)))
    }

    @Test
    fun `the order of the rounds does not move the ratio's interval`() {
        val case = cases.first { it.getString("name") == "the default plan, 0.8" }
        val (chunks, baseline) = Pair(checkNotNull(case.chunks("chunks")), checkNotNull(case.chunks("baseline")))
        assertEquals(pairedRatio(chunks, baseline), pairedRatio(chunks.reversed(), baseline.reversed()))
    }

    @Test
    fun `what is no latency is refused`() {
        val fine = List(2) { doubleArrayOf(1.0) }
        for (bad in listOf(0.0, -1.0, Double.NaN, Double.POSITIVE_INFINITY)) {
            refuses { medianLatency(listOf(doubleArrayOf(1.0, bad))) }
            refuses { pairedRatio(fine, listOf(doubleArrayOf(1.0), doubleArrayOf(bad))) }
        }
        refuses { medianLatency(emptyList()) }
        refuses { medianLatency(listOf(doubleArrayOf(1.0), doubleArrayOf())) }
        refuses { pairedRatio(fine, fine.take(1)) }
    }

    @Test
    fun `equal samples in any number, and more than the positions that are kept, have their median inside`() {
        val blocks = List(300) { block -> DoubleArray(50) { 1.0 + (block + it) % 3 } }
        val estimate = medianLatency(blocks)
        assertEquals(Estimate(2.0, 2.0, 2.0, 15_000), estimate)
    }

    private fun refuses(action: () -> Unit) {
        assertThrows(IllegalArgumentException::class.java) { action() }
    }

    private companion object {
        /** Logarithms and powers of the two libraries differ in the last bit, and some hundred of them add up. */
        const val ROUNDING = 1e-11

        fun JSONObject.latency() = latencyOf(1.0, 2.0, checkNotNull(chunks("chunks")), chunks("baseline"))

        fun assertSame(expected: JSONObject, found: Estimate, case: String) {
            for ((key, value) in listOf("value" to found.value, "low" to found.low, "high" to found.high)) {
                assertEquals(expected.getDouble(key), value, ROUNDING * expected.getDouble(key), "$case: $key")
            }
            assertEquals(expected.getInt("n"), found.n, case)
        }
    }
}
