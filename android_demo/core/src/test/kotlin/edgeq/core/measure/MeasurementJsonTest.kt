package edgeq.core.measure

import edgeq.core.parity.ParityResult
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class MeasurementJsonTest {
    private val phone = FakePhone("float32", "int8")
    private val plan = Plan(listOf(1), 6, leastRuns = 6, leastSeconds = 0.0, warmupSeconds = 0.0)
    private val measurement = phone.benchmark(plan).run(progress = {}, isCancelled = { false }).measurements.last()

    @Test
    fun `a line has the keys of the schema and says what it does not know with null`() {
        val line = JSONObject(measurement.toJsonLine())
        val keys = "session variant baseline threads inputs runtime environment latency accuracy peak_memory_bytes " +
            "provenance parity invalid schema"
        assertEquals(keys.split(' ').toSet(), line.keySet())
        assertEquals(3, line.getInt("schema"))
        for (key in listOf("accuracy", "peak_memory_bytes", "parity", "invalid")) assertTrue(line.isNull(key), key)
        assertEquals("float32[1, 2]", line.getJSONObject("inputs").getString("x"))
        val path = line.getJSONObject("runtime").getString("kernel_path")
        assertEquals("tensorflow-lite 2.16.1, XNNPACK, aarch64+asimddp", path)
        assertEquals("app:1a2b3c4d", line.getJSONObject("environment").getString("reached_by"))
        assertEquals("up", line.getJSONObject("provenance").getString("made"))
    }

    @Test
    fun `a size after gzip that the bundle does not say is computed`() {
        // What Python's gzip.compress(bytes([1]), 9) has; a byte compresses to three.
        assertEquals(21, JSONObject(measurement.toJsonLine()).getJSONObject("variant").getInt("gzip_bytes"))
    }

    @Test
    fun `texts of any kind stay on one line`() {
        val odd = "a\n\"b\"\\ \u2028 \u0000 größe </x>"
        val line = measurement.copy(invalid = odd).toJsonLine()
        assertFalse('\n' in line)
        assertEquals(odd, JSONObject(line).getString("invalid"))
    }

    @Test
    fun `a number that is not finite is refused, which JSON cannot hold`() {
        val parity = ParityResult(1, true, false, "", 0.0, null, Double.NaN, 1.0, null, null)
        assertThrows(IllegalArgumentException::class.java) { measurement.copy(parity = parity).toJsonLine() }
    }

    @Test
    fun `a maker that is in the name is not said twice`() {
        assertEquals("Google Pixel 7", phoneModel("Google", "Pixel 7"))
        assertEquals("OnePlus 12", phoneModel("oneplus", "OnePlus 12"))
        assertEquals("samsung", phoneModel("samsung", ""))
        assertEquals("X", phoneModel("", "X"))
    }
}
