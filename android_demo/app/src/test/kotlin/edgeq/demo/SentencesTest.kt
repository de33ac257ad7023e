package edgeq.demo

import org.junit.Assert.assertEquals
import org.junit.Test

/** How messages begin on a screen. */
class SentencesTest {
    @Test
    fun `a message that begins with a word gets a capital`() {
        assertEquals("The runtime gives no reason", sentence("the runtime gives no reason"))
        assertEquals("Memory", sentence("memory"))
    }

    @Test
    fun `names and numbers stay as they are`() {
        for (message in listOf("bundle.json is damaged", "int8 was left out", "16 threads", "The end", "")) {
            assertEquals(message, sentence(message))
        }
    }
}
