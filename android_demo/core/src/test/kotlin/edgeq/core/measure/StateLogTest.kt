package edgeq.core.measure

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class StateLogTest {
    private val phone = FakePhone("float32")

    @Test
    fun `heat that comes and goes between two rounds is kept, and makes the times invalid`() {
        phone.thermalStatuses = listOf(0, 0) + List(ROUNDS) { if (it == HOT) 4 else 0 } + 0
        val watch = PhoneWatch(phone.host)
        val log = StateLog(watch, intervalSeconds = 0.0)
        repeat(ROUNDS) { log.betweenRounds() }
        val states = log.end()
        assertEquals(1, states.count { it.observation.thermalStatus == 4 })
        assertEquals("before", states.first().moment)
        assertEquals("after", states.last().moment)
        assertNotNull(watch.throttling(states))
    }

    @Test
    fun `the states of a long session are thinned out`() {
        val log = StateLog(PhoneWatch(phone.host), intervalSeconds = 0.0)
        repeat(10 * ROUNDS) { log.betweenRounds() }
        assertTrue(log.end().size in 30..63)
    }

    private companion object {
        const val ROUNDS = 100

        /** A round whose state is thinned out but for its heat. */
        const val HOT = 40
    }
}
