package edgeq.core.parity

import edgeq.core.bundle.DemoBundle
import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.NpyType
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.tensor.Golden
import edgeq.core.tensor.littleEndian
import java.nio.ByteBuffer
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ParityRuleTest {
    private val reader = DemoBundle.reader()
    private val bundle = reader.read()
    private val recorded = reader.parity(bundle)

    @Test
    fun `verdicts and figures are those of Python`() {
        for (case in Golden.cases("parity")) {
            val variant = bundle.variants.first { it.name == case.getString("variant") }
            val found = compare(variant, stored(variant, case.getJSONObject("stored")), case.getString("kernel_path"))
            assertSame(expectedResult(case.getJSONObject("result")), found, "$case")
        }
    }

    @Test
    fun `what differs is shown with the largest first`() {
        val variant = bundle.variants.first { it.name == "int8" }
        val bytes = ByteBuffer.allocate(160)
        val before = recorded.stored.getValue("int8").getValue("class")
        repeat(160) { bytes.put(it, before.long(it).toByte()) }
        bytes.put(37, (before.long(37) xor 0x7F).toByte())
        repeat(12) { bytes.put(50 + it, (before.long(50 + it) xor 1).toByte()) }
        val array = NpyArray(NpyType.INT8, before.shape, bytes)
        val found = checkNotNull(compare(variant, mapOf("class" to array), "other"))
        assertEquals(8, found.differences.size)
        assertEquals(Difference("class", 3, 7, before.double(37), array.double(37)), found.differences.first())
        assertEquals(Difference("class", 5, 0, before.double(50), array.double(50)), found.differences[1])
        assertEquals(13 / 160.0, found.differing)
    }

    @Test
    fun `outputs that the bundle did not record cannot be compared`() {
        val variant = bundle.variants.first { it.name == "int8" }
        val array = recorded.stored.getValue("int8").getValue("class")
        assertNotNull(compare(variant, mapOf("class" to array), "x"))
        assertNull(compare(variant, mapOf("other" to array), "x"))
        assertNull(compare(variant, recorded.reference, "x"), "another type")
        assertNull(compare(variant.copy(name = "later"), mapOf("class" to array), "x"))
        val without = ParityData(recorded.n, recorded.inputs, recorded.reference, emptyMap())
        assertNull(compareParity(bundle, without, variant, variant.outputs, mapOf("class" to array), "x"))
    }

    @Test
    fun `floats of one kernel path may be as good as equal and those of none be alike`() {
        val one = NpyArray(NpyType.FLOAT64, listOf(1, 2), doubles(1.0, Double.NaN))
        assertTrue(sameOutputs(one, NpyArray(NpyType.FLOAT64, listOf(1, 2), doubles(1.0 + 1e-7, 3.0))))
        assertTrue(!sameOutputs(one, NpyArray(NpyType.FLOAT64, listOf(1, 2), doubles(1.0 + 1e-4, 3.0))))
        val none = NpyArray(NpyType.FLOAT64, listOf(1, 2), doubles(Double.NaN, Double.POSITIVE_INFINITY))
        assertTrue(sameOutputs(none, none))
        assertTrue(!sameOutputs(none, NpyArray(NpyType.FLOAT64, listOf(1, 2), doubles(Double.NaN, 1.0))))
    }

    private fun doubles(vararg values: Double): ByteBuffer {
        val buffer = ByteBuffer.allocate(values.size * 8)
        values.forEachIndexed { at, one -> buffer.putDouble(at * 8, one) }
        return buffer
    }

    private fun compare(variant: Variant, stored: Map<String, NpyArray>, path: String) =
        compareParity(bundle, recorded, variant, variant.outputs, stored, path)

    private fun stored(variant: Variant, outputs: JSONObject): Map<String, NpyArray> = variant.outputs.associate {
        val values = littleEndian(outputs.getString(it.name))
        it.name to NpyArray(NpyType.of(it.type), listOf(recorded.n) + it.shape, values)
    }
}
