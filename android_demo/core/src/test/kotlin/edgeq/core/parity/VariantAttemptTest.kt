package edgeq.core.parity

import edgeq.core.bundle.BundleException
import edgeq.core.model.ModelException
import edgeq.core.tensor.DataException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class VariantAttemptTest {
    private fun reason(action: () -> String): String = attemptVariant(action) { "failed: $it" }

    @Test
    fun `what goes wrong with a variant is its reason`() {
        val errors = listOf(ModelException("refused"), BundleException("altered"), DataException("has NaN"))
        for (error in errors) assertEquals("failed: ${error.message}", reason { throw error })
        assertTrue("memory" in reason { throw OutOfMemoryError("Failed to allocate") })
    }

    @Test
    fun `what went well is given, and a mistake of the program is no reason`() {
        assertEquals("fine", reason { "fine" })
        assertThrows(IllegalStateException::class.java) { reason { error("a mistake") } }
    }
}
